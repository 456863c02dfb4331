"""From numbers back to a table: values in their units, decimals, range and type, categories as text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from latentia.core import Column, Spec, key
from latentia.data.files import Array
from latentia.data.tables.frame import Frame, Series, plain
from latentia.data.tables.reading import needs
from latentia.data.tables.shown import DAY, number_text, time_text
from latentia.spec import OTHER, Aside

__all__ = ["array_of_table", "in_units", "made", "names_of", "pandas_of", "table", "table_texts"]


def table(
    x: Tensor,
    spec: Spec,
    seeds: Sequence[int] | None = None,
    extrapolate: bool = False,
    label: Any = None,
    given: Mapping[int, float | str | None] | None = None,
) -> Any:
    """Rows ``x`` as the kind of table that the model was trained on: a pandas data frame, or a float64 array.

    Args:
        x: ``(..., *spec.shape)``; all but the last axis are rows.
        spec: with columns.
        seeds: of each row, for fresh identifiers and for which rare value stands for :data:`~latentia.spec.OTHER`.
        extrapolate: whether values may lie outside the range of the training rows.
        label: that of all rows or of each, where the table has a column of labels.
        given: what columns hold in every row, by their places, as :func:`~latentia.data.tables.given.given_values`
            tells it: it is kept to the last digit, in whatever range.
    """
    frame = made(x, spec, seeds, extrapolate, label, given)
    return pandas_of(frame) if spec.form == "frame" else array_of_table(frame)


def made(
    x: Tensor,
    spec: Spec,
    seeds: Sequence[int] | None = None,
    extrapolate: bool = False,
    label: Any = None,
    given: Mapping[int, float | str | None] | None = None,
) -> Frame:
    """Rows as a :class:`Frame`, with what was left out at its place. Arguments as :func:`table`."""
    entries = x.detach().cpu().double().numpy().reshape(-1, spec.size)
    flags = spec.flags
    columns = []
    for place, column in enumerate(spec.columns):
        known = entries[:, flags[place]] > 0.5 if place in flags else np.ones(len(entries), bool)
        drawn = _series(column, entries[:, place], known, seeds, extrapolate)
        columns.append(_held(drawn, (given or {}).get(place)))
    for aside in sorted(spec.asides, key=lambda each: each.place):
        columns.insert(aside.place, _set_aside(aside, len(entries), seeds, label))
    return Frame("the table", tuple(columns), spec.form)


def names_of(spec: Spec) -> list[str]:
    """The names of all columns of the table, in their order."""
    names = [column.name for column in spec.columns]
    for aside in sorted(spec.asides, key=lambda each: each.place):
        names.insert(aside.place, aside.name)
    return names


def table_texts(x: Tensor, spec: Spec) -> tuple[list[str], list[list[str]]]:
    """Rows as a person reads them: the names of the columns (none of plain numbers), and the cells of each row."""
    if not spec.columns:
        return [], [[f"{value:.3g}" for value in row] for row in x.tolist()]
    cells = [_texts(column) for column in made(x, spec, range(len(x))).columns]
    return names_of(spec), [list(row) for row in zip(*cells, strict=True)]


def _texts(series: Series) -> list[str]:
    days = bool((series.values[series.known] % DAY == 0).all()) if series.kind == "time" else False

    def shown(value: float) -> str:
        if series.kind == "text":
            return series.texts[int(value)]
        return time_text(value, days) if series.kind == "time" else number_text(value)

    pairs = zip(series.values.tolist(), series.known.tolist(), strict=True)
    return [shown(value) if known else "" for value, known in pairs]


def pandas_of(frame: Frame) -> Any:
    """A pandas data frame with the types in which the columns came."""
    needs("pandas")
    import pandas

    return pandas.DataFrame({column.name: _pandas(column) for column in frame.columns})


def array_of_table(frame: Frame) -> Array:
    """A float64 array ``(rows, columns)``; what is missing is NaN."""
    columns = [_numbers(column) for column in frame.columns]
    return np.stack(columns, 1) if columns else np.empty((0, 0))


def _series(column: Column, entries: Array, known: Array, seeds: Sequence[int] | None, extrapolate: bool) -> Series:
    if column.coded:
        return _category(column, entries, known, seeds)
    values = in_units(column, entries)
    if not extrapolate:
        values = values.clip(column.low, column.high)
    kind = "time" if column.kind == "datetime" else "number"
    return Series(column.name, kind, np.where(known, values, 0), known, dtype=column.dtype)


def _held(series: Series, value: float | str | None) -> Series:
    """The column with what it is given to hold where it is known."""
    if value is None or value == OTHER:
        return series
    if isinstance(value, str):
        return replace(series, values=np.zeros(len(series.known), np.int64), texts=(value,))
    return replace(series, values=np.where(series.known, value, 0.0))


def in_units(column: Column, entries: Array) -> Array:
    """Entries of a column of numbers or times in the units of the data, with its decimals."""
    values = entries * column.scale + column.center
    if column.step:
        decimals = round(-math.log10(column.step)) if column.kind == "numeric" else None
        values = np.round(values / column.step) * column.step if decimals is None else np.round(values, decimals)
    for atom in column.atoms:  # the entry is a float32: here it is the atom again, to the last digit
        entry = (atom - column.center) / column.scale
        values = np.where(np.abs(entries - entry) < 1e-6 * max(1.0, abs(entry)), atom, values)
    return values


def _category(column: Column, entries: Array, known: Array, seeds: Sequence[int] | None) -> Series:
    """Places as text; where a row has a rare value, one of those that were merged, by their frequency."""
    places = np.round(entries).clip(0, len(column.categories) - 1).astype(np.int64)
    texts = (*column.categories, *column.merged)
    if column.categories[-1] == OTHER:
        other = len(column.categories) - 1
        rows = np.flatnonzero(places == other).tolist()
        shares = np.cumsum(column.merged_rows) / max(1, sum(column.merged_rows))
        for row in rows:
            drawn = 0.0 if seeds is None else key(seeds[row], OTHER, column.name) / 2**63
            places[row] = other + 1 + int(np.searchsorted(shares, drawn, "right")) if column.merged else 0
    return Series(column.name, "text", places, known, texts, column.dtype, column.levels, column.ordered)


def _set_aside(aside: Aside, count: int, seeds: Sequence[int] | None, label: Any) -> Series:
    """What stands in a column that is left out: fresh numbers for identifiers, the constant, the label, or nothing."""
    none, every = np.zeros(count, bool), np.ones(count, bool)
    empty = Series(aside.name, "text", np.full(count, -1), none, (), aside.dtype)
    if aside.kind == "identifier" and seeds is not None:
        if not aside.value:
            return replace(empty, values=np.arange(count), known=every, texts=tuple(f"seed:{seed}" for seed in seeds))
        return Series(aside.name, "number", float(aside.value) + np.asarray(seeds, float), every, dtype=aside.dtype)
    if aside.kind == "label" and label is not None:
        texts, places = np.unique([str(label)] * count if isinstance(label, str) else label, return_inverse=True)
        return replace(empty, values=places, known=every, texts=tuple(texts.tolist()))
    if aside.kind != "constant":
        return empty
    if aside.dtype.lower().startswith(("int", "uint", "float", "bool", "datetime")):
        kind = "time" if aside.dtype.startswith("datetime") else "truth" if aside.dtype[:4] == "bool" else "number"
        return Series(aside.name, kind, np.full(count, float(aside.value)), every, dtype=aside.dtype)
    return replace(empty, values=np.zeros(count, np.int64), known=every, texts=(aside.value,))


def _numbers(series: Series) -> Array:
    """A column as float64, NaN where it is missing."""
    values = series.values
    if series.kind == "text":
        table = np.array([_number(text) for text in series.texts] or [math.nan])
        values = table[np.where(series.known, series.values, 0)]
    return np.where(series.known, values, math.nan).astype(np.float64)


def _number(text: str) -> float:
    if text in ("False", "True"):
        return float(text == "True")
    try:
        return float(text)
    except ValueError:
        return math.nan


def _pandas(series: Series) -> Any:
    import pandas

    kind, known = series.dtype.lower(), series.known
    if kind.startswith("datetime"):
        zone = series.dtype.partition(", ")[2].rstrip("]") or None
        micro = np.where(known, np.round(_numbers(series) * 1e6), 0).astype(np.int64)
        found = pandas.Series(pandas.to_datetime(micro, unit="us", utc=True)).where(known)
        return (found.dt.tz_convert(zone) if zone else found.dt.tz_localize(None)).astype(series.dtype)
    if kind.startswith("bool"):
        truths = pandas.Series(np.where(known, _numbers(series), 0).astype(bool))
        return truths if known.all() and series.dtype == kind else truths.astype("boolean").mask(~known)
    if kind.startswith(("int", "uint")):
        values = np.where(known, _numbers(series), 0)
        kind = _holding(kind, values)
        if known.all() and series.dtype.islower():
            return pandas.Series(values).astype(kind)
        return pandas.Series(values).astype(_nullable(kind)).mask(~known)
    if kind.startswith("float"):
        return pandas.Series(_numbers(series)).astype(series.dtype)
    texts = np.array([*series.texts, None], dtype=object)
    chosen = texts[np.where(known, series.values, len(series.texts)).astype(np.int64)]
    if series.dtype == "category":
        levels = {str(each) if isinstance(each, str | bool) else plain(each): each for each in series.levels}
        own = [levels.get(text, text) for text in chosen]
        return pandas.Series(pandas.Categorical(own, list(series.levels) or None, ordered=series.ordered))
    text = "str" if int(pandas.__version__.split(".")[0]) > 2 else object
    return pandas.Series(chosen, dtype={"string": "string", "object": object}.get(series.dtype, text))


def _holding(kind: str, values: Array) -> str:
    """The type of whole numbers, or a wider one where they lie outside its range: types of fewer bits would wrap."""
    wide = (
        name for name in (kind, "int64") if np.iinfo(name).min <= values.min() and values.max() <= np.iinfo(name).max
    )
    return next(wide, "float64") if len(values) else kind


def _nullable(kind: str) -> str:
    return {"f": "Float64", "i": kind.replace("i", "I"), "u": kind.replace("ui", "UI")}[kind[0]]
