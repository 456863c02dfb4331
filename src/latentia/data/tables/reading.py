"""CSV and Parquet files through pyarrow, data frames through narwhals: all become a :class:`Frame`."""

from __future__ import annotations

import builtins
import csv
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from latentia.data.labels import is_number
from latentia.data.tables.frame import Frame, Series
from latentia.data.tables.overrides import Said
from latentia.data.tables.text import series_of_text
from latentia.errors import BadData

__all__ = ["TABLES", "frame_of_file", "frame_of_object", "frames_of_file", "is_frame", "needs"]

TABLES = (".csv", ".tsv", ".parquet", ".pq")
TEXTS = ("str", "string", "object")
INDEX = r"__index_level_\d+__"
BUFFER = 2**20  # bytes of a column of a Parquet file that are read at once
DTYPES = {"float": "float32", "double": "float64", "halffloat": "float32"}


def needs(*modules: str) -> None:
    """Refuse where the extra that reads tables is not installed.

    Raises:
        BadData: with the line that installs it.
    """
    import importlib.util

    if missing := [name for name in modules if importlib.util.find_spec(name) is None]:
        raise BadData(f"tables need {missing[0]}, which is an extra: pip install 'latentia[tables]'")


def is_frame(what: Any) -> bool:
    """Whether ``what`` is a data frame of any library, or an arrow table."""
    return hasattr(what, "columns") and len(getattr(what, "shape", ())) == 2


def frame_of_file(path: Path, said: Said) -> Frame:
    """A CSV or Parquet file as a whole.

    Raises:
        BadData: it cannot be read; the message names the line of a CSV file.
    """
    import pyarrow as arrow

    tables = list(_tables(path, said, None))
    if not sum(len(table) for table in tables):
        raise BadData(f"{path} has {'a header and ' if path.stat().st_size else ''}no rows")
    return _frame(arrow.concat_tables(tables), str(path), said, first=_first(path))


def frames_of_file(path: Path, said: Said, rows: int) -> Iterator[Frame]:
    """The same in parts of ``rows`` rows, of which one is in memory at a time.

    Raises:
        BadData: as :func:`frame_of_file`.
    """
    first = _first(path)
    for table in _even(_tables(path, said, rows), rows):
        yield _frame(table, str(path), said, first)
        first += len(table)


def frame_of_object(what: Any, said: Said, name: str = "the table") -> Frame:
    """A data frame: pandas, polars, arrow, or any other that narwhals knows.

    Raises:
        BadData: none of these, or two columns of one name.
    """
    needs("narwhals", "pyarrow")
    import narwhals

    _distinct([str(each) for each in getattr(what, "column_names", what.columns)], name)
    try:
        frame = narwhals.from_native(what, eager_only=True)
    except TypeError:
        raise BadData(
            f"{name} is a {type(what).__name__}, which is no data frame in memory; collect it first"
        ) from None
    if not len(frame):
        raise BadData(f"{name} has no rows")
    columns = [_of_frame(frame.get_column(each), str(each), name, said) for each in frame.columns]
    return Frame(name, tuple(columns)).refuse_infinite()


def _of_frame(series: Any, column: str, where: str, said: Said) -> Series:
    """A column of a data frame; its objects are read as text."""
    import narwhals
    import pyarrow as arrow

    if series.dtype == narwhals.Object:
        texts = arrow.array([_cell(each) for each in series.to_list()], arrow.string())
        return series_of_text(column, texts, where, 0, said.reading(column))
    found = _series(column, arrow.chunked_array([series.to_arrow()]), where, said, 0)
    if not type(series.to_native()).__module__.startswith("pandas"):
        return found
    native = str(series.to_native().dtype)
    parsed = found.kind not in ("text", "empty") and native in TEXTS  # text that means numbers, times or truths
    return found if parsed else replace(found, dtype=native)


def _cell(value: Any) -> str | None:
    """An object of a data frame as text; pandas has a word of its own for what is missing."""
    return None if value is None or type(value).__name__ == "NAType" else str(value)


def _frame(table: Any, where: str, said: Said, first: int) -> Frame:
    columns = [_series(name, table.column(name), where, said, first) for name in table.column_names]
    return Frame(where, tuple(columns), "frame", first).refuse_infinite()


def _series(name: str, column: Any, where: str, said: Said, first: int) -> Series:
    """A column of an arrow table as what it is."""
    import pyarrow as arrow

    kind = column.type
    category, came = arrow.types.is_dictionary(kind), {}
    if category:
        came = {"dtype": "category", "levels": _levels(column), "ordered": kind.ordered}
        column = column.cast(kind.value_type)
    wanted = said.reading(name) or ("text" if category else None)
    if arrow.types.is_string(column.type) or arrow.types.is_large_string(column.type):
        found = series_of_text(name, column.cast(arrow.string()), where, first, wanted)
        return replace(found, **came)
    known = np.asarray(column.is_valid())
    if not known.any():
        return Series(name, "empty", np.zeros(len(known)), known, dtype="object")
    found = _typed(name, column, known)
    if wanted == "text" and found.kind != "other":
        return replace(found.as_text(), **came)
    return found


def _levels(column: Any) -> tuple[str | float, ...]:
    """The categories of a column in their order; none where they are neither words nor numbers."""
    chunks = column.unify_dictionaries().chunks
    levels = chunks[0].dictionary.to_pylist() if chunks else []
    return tuple(levels) if all(isinstance(each, str | int | float) for each in levels) else ()


def _typed(name: str, column: Any, known: Any) -> Series:
    """Numbers, truths and times by their arrow type."""
    import pyarrow as arrow

    types, kind = arrow.types, column.type
    if types.is_boolean(kind):
        values = np.asarray(column.cast(arrow.int8()).fill_null(0), dtype=np.float64)
        return Series(name, "truth", values, known, dtype="bool" if known.all() else "boolean")
    if types.is_timestamp(kind) or types.is_date(kind):
        zone = getattr(kind, "tz", None)
        values = column.cast(arrow.timestamp("us", tz=zone), safe=False).cast(arrow.int64()).fill_null(0)
        unit = kind.unit if types.is_timestamp(kind) else "us"
        dtype = f"datetime64[{unit}, {zone}]" if zone else f"datetime64[{unit}]"
        return Series(name, "time", np.asarray(values) / 1e6, known, dtype=dtype)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        values = np.asarray(column.cast(arrow.float64(), safe=False).fill_null(math.nan))
        known = known & ~np.isnan(values)
        dtype = DTYPES.get(str(kind), str(kind) if types.is_integer(kind) else "float64")
        if types.is_integer(kind) and not known.all():
            dtype = dtype.replace("i", "I").replace("u", "U")
        return Series(name, "number" if known.any() else "empty", values, known, dtype=dtype)
    return Series(name, "other", np.zeros(len(known)), known, dtype="object")


# --- files -----------------------------------------------------------------------------------------------------------


def _tables(path: Path, said: Said, rows: int | None) -> Iterator[Any]:
    """Arrow tables of the file: one, or several where ``rows`` says how many rows to hold at a time."""
    needs("pyarrow")
    import pyarrow as arrow

    try:
        yield from _parquet(path, said, rows) if path.suffix.lower() in (".parquet", ".pq") else _csv(path, said, rows)
    except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError, UnicodeDecodeError) as error:
        raise BadData(_reason(path, error)) from None


def _parquet(path: Path, said: Said, rows: int | None) -> Iterator[Any]:
    import pyarrow as arrow
    from pyarrow import parquet

    # without these, Arrow keeps whole row groups that it has read already: memory would grow with the file
    sparing: dict[str, Any] = {"pre_buffer": False, "buffer_size": BUFFER} if rows is not None else {}
    with parquet.ParquetFile(path, **sparing) as file:
        _distinct(file.schema_arrow.names, str(path))
        # the row numbers of a data frame that pandas wrote are no column of it, as they are none for pandas
        known = {*said.kinds, *said.read_as}
        names = [name for name in file.schema_arrow.names if name in known or not re.fullmatch(INDEX, name)]
        if rows is None:
            yield file.read(columns=names)
            return
        for batch in file.iter_batches(batch_size=rows, columns=names):
            yield arrow.Table.from_batches([batch])


def _csv(path: Path, said: Said, rows: int | None) -> Iterator[Any]:
    """The columns of a CSV file, all as text."""
    import pyarrow as arrow
    from pyarrow import csv as arrow_csv

    names, separator, skipped = _header(path, said)
    reading = arrow_csv.ReadOptions(column_names=names, skip_rows=skipped)
    parsing = arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    text = arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, arrow.string()), strings_can_be_null=False)
    if rows is None:
        yield arrow_csv.read_csv(path, reading, parsing, text)
        return
    with arrow_csv.open_csv(path, reading, parsing, text) as reader:
        for batch in reader:
            yield arrow.Table.from_batches([batch])


def _header(path: Path, said: Said) -> tuple[list[str], str, int]:
    """The names of the columns, what separates them, and how many lines come before the rows."""
    with builtins.open(path, newline="", encoding="utf-8-sig") as file:
        before, first = next(((at, line) for at, line in enumerate(file) if line.strip()), (0, ""))
        if not first:
            raise BadData(f"{path} is empty")
    separator = max(",;\t", key=first.count)
    cells = [cell.strip() for cell in next(csv.reader([first], delimiter=separator))]
    if said.names:
        if len(said.names) != len(cells):
            raise BadData(f"{path} has {len(cells)} columns, and --columns gives names to {len(said.names)}")
        return list(said.names), separator, before
    if all(is_number(cell) for cell in cells):
        return [f"x{place}" for place in range(len(cells))], separator, before
    names = [cell or f"unnamed{place}" for place, cell in enumerate(cells)]
    _distinct(names, str(path))
    return names, separator, before + 1


def _first(path: Path) -> int:
    return 0 if path.suffix.lower() in (".parquet", ".pq") else 1


def _reason(path: Path, error: Exception) -> str:
    """Why a file cannot be read, with the line of a CSV file that is broken."""
    text = str(error).splitlines()[0]
    if path.suffix.lower() in (".parquet", ".pq"):
        return f"{path} cannot be read as a Parquet file: {text}"
    if "UTF8" in text or isinstance(error, UnicodeDecodeError):
        return f"{path} is not text in UTF-8 (line {_badly_coded(path)}); save it as UTF-8, for example with iconv"
    if "Empty" in text:
        return f"{path} is empty"
    return _uneven(path) or f"{path} cannot be read as a CSV file: {text}"


def _badly_coded(path: Path) -> int:
    with builtins.open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def _uneven(path: Path) -> str | None:
    """The first line with another number of columns than the first one."""
    with builtins.open(path, newline="", encoding="utf-8-sig") as file:
        first = file.readline()
        separator = max(",;\t", key=first.count)
        wanted = len(next(csv.reader([first], delimiter=separator)))
        reader = csv.reader(file, delimiter=separator)
        for cells in reader:
            if cells and len(cells) != wanted:
                line = reader.line_num + 1
                count = len(cells)
                return f"{path} has {count} column{'s' * (count != 1)} in line {line} and {wanted} in the first"
    return None


def _even(tables: Iterator[Any], rows: int) -> Iterator[Any]:
    """The same rows in tables of ``rows`` rows; the last may be shorter."""
    import pyarrow as arrow

    held, count = [], 0
    for table in tables:
        held.append(table)
        count += len(table)
        while count >= rows:
            whole = arrow.concat_tables(held)
            yield whole.slice(0, rows)
            held, count = [whole.slice(rows)], count - rows
    if count:
        yield arrow.concat_tables(held)


def _distinct(names: Sequence[str], where: str) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise BadData(f"{where} has two columns called {twice[0]!r}; each needs a name of its own")
