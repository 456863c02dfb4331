"""From a table to the numbers of its rows, by the columns of a spec."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from latentia.core import Column, Spec
from latentia.data.files import Array
from latentia.data.tables.frame import Frame, Series, plain
from latentia.errors import BadData
from latentia.spec import OTHER

__all__ = ["Coded", "canonical", "coded", "matched", "numeric"]

FEW = 3  # examples in a sentence


@dataclass(frozen=True)
class Coded:
    """The rows of a table as a model takes them.

    Attributes:
        x: float32 ``(rows, *spec.shape)``.
        known: whether the model can use an entry, bool ``(rows, columns)``: false where a column that training rows
            never lack is missing.
        notes: sentences for the person.
    """

    x: Array
    known: Array
    notes: tuple[str, ...] = ()


def coded(frame: Frame, spec: Spec) -> Coded:
    """The rows of ``frame`` as numbers: its columns are matched by name, plain arrays by place.

    Raises:
        BadData: a column that is not there, or that holds what it cannot hold.
    """
    columns = matched(frame, spec)
    flags, count = spec.flags, len(frame)
    x = np.zeros((count, spec.size), np.float32)
    known = np.ones((count, len(spec.columns)), bool)
    notes: list[str] = []
    for place, (column, series) in enumerate(zip(spec.columns, columns, strict=True)):
        entries, there = _entries(column, series, frame, notes)
        with np.errstate(over="ignore"):  # beyond float32 an entry is infinite: it has density 0, which is said
            x[:, place] = np.where(there, entries, 0)
        if place in flags:
            x[:, flags[place]] = there
        else:
            known[:, place] = there
    return Coded(x, known, (*notes, *_lacking(known, spec)))


def matched(frame: Frame, spec: Spec) -> list[Series]:
    """The columns of ``frame`` in the order of the spec.

    Raises:
        BadData: columns that the model needs are not there; the message has those with names near theirs.
    """
    wanted = [column.name for column in spec.columns]
    there = frame.by_name()
    if frame.form == "array" and not all(name in there for name in wanted):
        return _by_place(frame, spec)
    if lacking := [name for name in wanted if name not in there]:
        asides = {aside.name for aside in spec.asides}
        others = [name for name in there if name not in wanted and name not in asides]
        near = {name: difflib.get_close_matches(name, others, 1, 0.6) for name in lacking}
        told = [f"{name!r}" + (f" (there is {near[name][0]!r})" if near[name] else "") for name in lacking[:FEW]]
        more = f" and {len(lacking) - FEW} more" if len(lacking) > FEW else ""
        raise BadData(
            f"{frame.name} has no column {', '.join(told)}{more}; the model was trained on {', '.join(wanted[:12])}"
            + (", ..." if len(wanted) > 12 else "")
        )
    return [there[name] for name in wanted]


def _by_place(frame: Frame, spec: Spec) -> list[Series]:
    """The columns of an array without names: as many as the table had, or as the model has learnt."""
    count, aside = len(spec.columns), {each.place for each in spec.asides}
    if len(frame.columns) == count:
        return list(frame.columns)
    if len(frame.columns) == count + len(aside):
        return [column for place, column in enumerate(frame.columns) if place not in aside]
    raise BadData(f"{frame.name} has {len(frame.columns)} columns; the model was trained on {count + len(aside)}")


def _entries(column: Column, series: Series, frame: Frame, notes: list[str]) -> tuple[Array, Array]:
    """The entries of one column, and where they are known."""
    if series.kind == "empty":
        return np.zeros(len(frame)), np.zeros(len(frame), bool)
    if column.coded:
        return _places(column, series, frame, notes)
    wanted = "time" if column.kind == "datetime" else "number"
    if series.kind not in (wanted, "truth" if wanted == "number" else wanted):
        found = "text" if series.kind == "text" else f"{series.kind}s"
        raise BadData(f"{frame.name}: column {column.name!r} holds {found}, and the model was trained on {wanted}s")
    if column.kind == "integer":
        _whole(column, series, frame)
    return (series.values - column.center) / column.scale, series.known


def _whole(column: Column, series: Series, frame: Frame) -> None:
    strange = np.flatnonzero(series.known & (series.values != np.floor(series.values)))
    if len(strange):
        row = int(strange[0])
        raise BadData(
            f"{frame.name} has {plain(series.values[row])} in row {frame.first + row}, column {column.name!r}, which "
            "holds whole numbers"
        )


def _places(column: Column, series: Series, frame: Frame, notes: list[str]) -> tuple[Array, Array]:
    """The places of values among the categories; values that are none of them stand at the last, ``(other)``."""
    text = series.as_text()
    if numeric(column.dtype):
        text = replace(text, texts=tuple(canonical(value) for value in text.texts))
    where = {name: place for place, name in enumerate(column.categories)}
    where.pop(OTHER, None)
    table = np.array([where.get(value, -1) for value in text.texts] or [-1], np.int64)
    codes = np.where(text.known, text.values, 0).astype(np.int64)
    places = table[codes]
    strange = text.known & (places < 0)
    if column.categories[-1] != OTHER and strange.any():
        row = int(np.flatnonzero(strange)[0])
        raise BadData(
            f"{frame.name} has {text.texts[codes[row]]!r} in row {frame.first + row}, column {column.name!r}, which is "
            f"{' or '.join(column.categories)}"
        )
    if strange.any():
        _tell_new(column, [text.texts[code] for code in np.unique(codes[strange]).tolist()], int(strange.sum()), notes)
    return np.where(places < 0, len(column.categories) - 1, places), text.known


def _tell_new(column: Column, values: Sequence[str], rows: int, notes: list[str]) -> None:
    merged = set(column.merged)
    if new := [value for value in values if value not in merged]:
        shown = ", ".join(repr(value) for value in new[:FEW]) + (", ..." if len(new) > FEW else "")
        notes.append(f"column {column.name!r} has values that training rows do not have ({shown}): taken as {OTHER}")


def _lacking(known: Array, spec: Spec) -> list[str]:
    rows = (~known).sum(0)
    names = [f"{spec.columns[place].name!r} ({rows[place]:,})" for place in np.flatnonzero(rows).tolist()]
    if not names:
        return []
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
    return [f"missing in some rows, and in no training row: {shown}; these rows are judged by their other columns"]


def numeric(dtype: str) -> bool:
    """Whether a type is one of numbers."""
    return dtype.lower().startswith(("int", "uint", "float"))


def canonical(text: str) -> str:
    """The text of a number as :func:`plain` writes it; any other as it is."""
    try:
        return plain(float(text))
    except ValueError:
        return text
