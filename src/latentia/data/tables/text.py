"""Columns of text, as CSV files and data frames bring them: what is a number, a time, a truth, or missing in them."""

from __future__ import annotations

from typing import Any

import numpy as np

from latentia.data.files import Array
from latentia.data.tables.frame import Series
from latentia.errors import BadData

__all__ = ["MISSING", "series_of_text"]

MISSING = ("", "?", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>", "nat")  # in any case, spaces around
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(inf|Inf|INF|infinity|Infinity)$"
WHOLE = r"^[+-]?\d+$"
PADDED = r"^[+-]?0\d"  # 007 is a name, not a number
TIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?(Z|[+-]\d{2}:?\d{2})?$"
ZONED = r"(Z|:\d{2}[+-]\d{2}:?\d{2})$"
TRUTH = r"^(true|false|True|False|TRUE|FALSE)$"
MOST = 0.9  # of the values: then the others are mistakes


def series_of_text(name: str, column: Any, where: str, first: int, wanted: str | None = None) -> Series:
    """A column of text as what it means.

    Args:
        name: what it is called.
        column: an arrow array of strings.
        where: what the table is called in messages.
        first: the number of its first row there.
        wanted: ``"number"``, ``"time"``, ``"truth"`` or ``"text"``; by default what nearly all values are.

    Raises:
        BadData: a value that is none of what is wanted, or of what nearly all others are, named by row and column.
    """
    import pyarrow.compute as compute

    trimmed = compute.utf8_trim_whitespace(column)
    missing = np.asarray(compute.is_in(compute.utf8_lower(trimmed), value_set=_set(MISSING)).fill_null(True))
    known = ~missing & np.asarray(compute.is_valid(trimmed))
    if not known.any():
        return Series(name, "empty", np.zeros(len(known)), known, dtype="object")
    values = trimmed.filter(_mask(known))
    for kind, pattern in (("truth", TRUTH), ("number", NUMBER), ("time", TIME)):
        if wanted not in (None, kind, "text"):
            continue
        fits = np.asarray(compute.match_substring_regex(values, pattern))
        if (
            wanted in (None, "text")
            and kind == "number"
            and compute.any(compute.match_substring_regex(values, PADDED)).as_py()
        ):
            continue
        if not fits.all() and (wanted == kind or (wanted is None and fits.mean() > MOST)):
            place = int(np.flatnonzero(~fits)[0])
            row = first + int(np.flatnonzero(known)[place])
            _refuse(where, values[place].as_py(), row, name, kind, wanted is not None)
        if fits.all() and (wanted != "text" or kind != "time"):
            found = {"truth": _truth, "number": _number, "time": _time}[kind](name, values, known)
            return found.as_text() if wanted == "text" else found
    return _text(name, values, known)


def _refuse(where: str, value: str, row: int, name: str, kind: str, trained: bool) -> None:
    what = {"number": "numbers", "time": "times", "truth": "true and false"}[kind]
    among = f"which holds {what}" if trained else f"among {what}"
    raise BadData(
        f"{where} has {value!r} in row {row}, column {name!r}, {among}; correct it, or leave it empty"
        + ("" if trained else f'; --columns F.toml with [{name}] kind = "categorical" takes it as it is')
    )


def _truth(name: str, values: Any, known: Array) -> Series:
    import pyarrow.compute as compute

    found = np.asarray(compute.equal(compute.utf8_lower(values), "true"))
    return Series(name, "truth", _spread(found, known), known, dtype="bool" if known.all() else "boolean")


def _number(name: str, values: Any, known: Array) -> Series:
    import pyarrow as arrow
    import pyarrow.compute as compute

    whole = compute.all(compute.match_substring_regex(values, WHOLE)).as_py()
    dtype = ("int64" if known.all() else "Int64") if whole else "float64"
    found = np.asarray(compute.cast(values, arrow.float64()))
    return Series(name, "number", _spread(found, known), known, dtype=dtype)


def _time(name: str, values: Any, known: Array) -> Series:
    import pyarrow as arrow
    import pyarrow.compute as compute

    zoned = np.asarray(compute.match_substring_regex(values, ZONED))
    if not (zoned.all() or not zoned.any()):
        return _text(name, values, known)
    zone = "UTC" if zoned.all() else None
    try:
        found = compute.cast(values, arrow.timestamp("us", tz=zone))
    except arrow.ArrowInvalid:  # the 31st of February
        return _text(name, values, known)
    seconds = np.asarray(compute.cast(found, arrow.int64())) / 1e6
    dtype = "datetime64[us, UTC]" if zone else "datetime64[us]"
    return Series(name, "time", _spread(seconds, known), known, dtype=dtype)


def _text(name: str, values: Any, known: Array) -> Series:
    import pyarrow as arrow

    values = values.combine_chunks() if isinstance(values, arrow.ChunkedArray) else values
    coded = values.dictionary_encode()
    codes = np.full(len(known), -1, np.int64)
    codes[known] = np.asarray(coded.indices)
    return Series(name, "text", codes, known, tuple(coded.dictionary.to_pylist()), "str")


def _spread(found: Array, known: Array) -> Array:
    """Values at the places where they are known, 0 elsewhere."""
    spread = np.zeros(len(known))
    spread[known] = found
    return spread


def _set(values: Any) -> Any:
    import pyarrow as arrow

    return arrow.array(values, arrow.string())


def _mask(known: Array) -> Any:
    import pyarrow as arrow

    return arrow.array(known)
