"""Values of tables as people write them: numbers in full, dates without a time of day, text by its own name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latentia.core import Column
from latentia.data.files import Array
from latentia.data.tables.frame import Series

__all__ = ["DAY", "DECIMALS", "Cells", "cell", "number_text", "time_text", "value_text"]

DAY = 86_400.0  # seconds
LATEST = 9e12  # what 64 bits of microseconds hold
DECIMALS = 6  # with more of them a number is one that was computed, not written


def number_text(value: float) -> str:
    """A number in full, or seven digits of one that has more than :data:`DECIMALS` decimals.

    >>> [number_text(value) for value in (49245.8, 1e12 + 1, 2 / 3)]
    ['49245.8', '1000000000001', '0.6666667']
    """
    return _full(value) if round(value, DECIMALS) == value else f"{value:.7g}"


def time_text(value: float, days: bool = False) -> str:
    """Seconds since 1970 as a time in UTC; midnight is a date alone in a column of ``days``.

    >>> time_text(86400.0), time_text(86400.0, days=True), time_text(0.25)
    ('1970-01-02T00:00:00', '1970-01-02', '1970-01-01T00:00:00.25')
    """
    value = min(max(value, -LATEST), LATEST)
    if days and value % DAY == 0:
        return str(np.datetime64(round(value / DAY), "D"))
    whole, _, rest = str(np.datetime64(round(value * 1e6), "us")).partition(".")
    return f"{whole}.{rest}".rstrip("0").removesuffix(".")


def value_text(column: Column, value: float) -> str:
    """A value of a column of numbers or times, in the units of the data."""
    return time_text(value, column.step == DAY) if column.kind == "datetime" else number_text(value)


def cell(series: Series, row: int, days: bool = False) -> str:
    """What stands in one row of a column as it was read, ``"missing"`` where nothing does."""
    if not series.known[row]:
        return "missing"
    value = series.values[row]
    if series.kind == "text":
        return series.texts[int(value)]
    if series.kind == "truth":
        return str(bool(value))
    if series.kind == "time":
        return time_text(float(value), days)
    if series.dtype.lower() == "float32":  # its shortest name: 1.72, where float64 tells 1.72000002861023
        value = float(str(np.float32(value)))
    return _full(float(value))


@dataclass(frozen=True)
class Cells:
    """Rows of a table as they were read, which entries of ``x`` are only near to: for who shows them to a person.

    Attributes:
        columns: those of the model, as it knows them.
        series: the same columns of the table.
        rows: the places in the table of the rows that are shown.
    """

    columns: Sequence[Column]
    series: Sequence[Series]
    rows: Array

    def __call__(self, row: int, place: int) -> str:
        """The cell of a row in the column at a place of the spec."""
        return cell(self.series[place], int(self.rows[row]), self.columns[place].step == DAY)


def _full(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else f"{value:.15g}"
