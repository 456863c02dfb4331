"""The types of a table's columns, inferred from its training rows or as a person says them."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from latentia.core import Column
from latentia.data.files import Array
from latentia.data.tables.coding import numeric
from latentia.data.tables.frame import Frame, Series, plain
from latentia.data.tables.overrides import Said
from latentia.data.tables.shown import DAY, DECIMALS, value_text
from latentia.errors import BadData
from latentia.spec import OTHER, Aside

__all__ = ["Judged", "judged", "sentences"]

OWN = 0.95  # of the rows have a value of their own: then it is a name, not a category
RARE = 5  # training rows that a category needs
CATEGORIES = 256  # that are kept apart
MANY = 20  # different values, above which one that comes back often is an atom
OFTEN, TIMES = 0.05, 3.0  # an atom's share of the rows, and how many times the mean share of a value that is
ENDS, BESIDE = 20, 5.0  # rows at one end of the range, and how many times those of the value beside it: clipped
TIMESTEPS = (DAY, 3_600.0, 60.0, 1.0, 0.001)
PLAIN = re.compile(r"[+-]?\d+(\.\d+)?")
COMMAS = re.compile(r"[+-]?((\d+|\d{1,3}(\.\d{3})+),\d+|\d{1,3}(,\d{3})+(\.\d+)?)")  # 1,5 and 1.234,5; 1,234.5
IDENTIFIERS = ("id", "key", "uuid", "guid", "index", "rowid", "unnamed0")


@dataclass(frozen=True)
class Judged:
    """What a column of the table is, from its training rows.

    Attributes:
        of: the column, or why it is left out.
        distinct: how many different values it has.
        missing: in how many rows it is missing.
        note: a few words for the person.
    """

    of: Column | Aside
    distinct: int
    missing: int
    note: str = ""


def judged(frame: Frame, rows: Array, said: Said) -> list[Judged]:
    """Every column of ``frame``, judged by its training ``rows``.

    Raises:
        BadData: a kind that a column cannot have, or no column that can be learnt.
    """
    said.check(frame.name, [column.name for column in frame.columns])
    found = [_judge(place, column, rows, said, frame) for place, column in enumerate(frame.columns)]
    if not any(isinstance(each.of, Column) for each in found):
        told = "; ".join(f"{each.of.name!r}: {each.note}" for each in found[:3])
        raise BadData(f"{frame.name} has no column to learn from ({told})")
    return found


def sentences(found: Sequence[Judged]) -> list[str]:
    """What the person should know of the columns."""
    counts = Counter(each.of.kind for each in found if isinstance(each.of, Column))
    told = [f"{sum(counts.values())} columns: " + ", ".join(f"{count} {kind}" for kind, count in counts.items())]
    for word in dict.fromkeys(each.note for each in found if isinstance(each.of, Aside) and each.of.kind != "label"):
        names = [repr(each.of.name) for each in found if isinstance(each.of, Aside) and each.note == word]
        told.append(f"left out, {word}: {_listed(names)}")
    merged = [each.of for each in found if isinstance(each.of, Column) and each.of.merged]
    if merged:
        names = [f"{column.name!r} ({len(column.merged)} values, {sum(column.merged_rows)} rows)" for column in merged]
        told.append(f"values with fewer than {RARE} training rows are one category, {OTHER}: {_listed(names)}")
    return told


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _judge(place: int, series: Series, rows: Array, said: Said, frame: Frame) -> Judged:
    known = series.known[rows]
    missing = int((~known).sum())
    wanted = said.kinds.get(series.name)
    values = series.values[rows][known]
    distinct = len(np.unique(values))
    if wanted is None and series.kind == "text":
        _refuse_commas(series, frame)
    if (aside := _aside(place, series, values, missing, distinct, wanted, frame)) is not None:
        return Judged(aside[0], distinct, missing, aside[1])
    kind = wanted or _kind(series, distinct, missing, frame.form)
    if kind in ("binary", "categorical"):
        return _categories(place, series, rows, kind, missing, frame.name)
    if series.kind != ("time" if kind == "datetime" else "number") and (series.kind, kind) != ("truth", "integer"):
        raise BadData(f"{frame.name}: column {series.name!r} holds {series.kind}s, and --columns calls it {kind}")
    return _numbers(series, values, kind, missing, distinct, frame)


def _refuse_commas(series: Series, frame: Frame) -> None:
    """Refuse a column of numbers with commas: as text each would be a name of its own.

    Raises:
        BadData: naming the first row of one.
    """
    if not all(COMMAS.fullmatch(text) or PLAIN.fullmatch(text) for text in series.texts):
        return
    commas = [place for place, text in enumerate(series.texts) if "," in text]
    for row in np.flatnonzero(np.isin(series.values, commas) & series.known)[:1].tolist():
        raise BadData(
            f"{frame.name} has {series.texts[int(series.values[row])]!r} in row {frame.first + row}, column "
            f"{series.name!r}: numbers with commas; write 1234.5, with a point before the decimals and nothing else, "
            f'or --columns F.toml with [{series.name}] kind = "categorical" or "ignore"'
        )


# --- what is left out ------------------------------------------------------------------------------------------------


def _aside(
    place: int, series: Series, values: Array, missing: int, distinct: int, wanted: str | None, frame: Frame
) -> tuple[Aside, str] | None:
    """The column as one that is left out, and why; ``None`` for one that is learnt."""
    aside = Aside(series.name, place, "", dtype=series.dtype)
    if wanted == "ignore":
        return replace(aside, kind="ignored"), "as --columns says"
    if not len(values):
        return replace(aside, kind="empty"), "missing in every training row"
    if series.kind == "other":
        return replace(aside, kind="ignored"), "neither numbers nor text nor times"
    if distinct == 1 and not missing:
        value = series.texts[int(values[0])] if series.kind == "text" else repr(float(values[0]))
        return replace(aside, kind="constant", value=value), "the same in every training row"
    if wanted is not None or frame.form == "array" or distinct <= max(2.0, OWN * len(values)):
        return None
    if series.kind == "text":
        spaced = np.mean([" " in series.texts[int(code)] for code in values[:1000]])
        kind = "text" if spaced > 0.5 else "identifier"
        return replace(aside, kind=kind), "free text" if kind == "text" else "an identifier, another in each row"
    if series.kind == "number" and (values == np.floor(values)).all() and _counts(series.name, values):
        return replace(
            aside, kind="identifier", value=plain(series.values[series.known].max() + 1)
        ), "an identifier, another in each row"
    return None


def _counts(name: str, values: Array) -> bool:
    """Whether whole numbers, all different, name rows: by what they are called, or because they count them."""
    word = name.lower()
    named = word in IDENTIFIERS or word.endswith(("_id", "-id", " id")) or name.endswith(("Id", "ID"))
    return named or (len(values) >= MANY and float(values.max() - values.min()) < 2 * len(values))


# --- what is learnt --------------------------------------------------------------------------------------------------


def _kind(series: Series, distinct: int, missing: int, form: str) -> str:
    if series.kind == "time":
        return "datetime"
    if distinct <= 2:
        return "binary" if distinct == 2 else "categorical"
    if series.kind == "text":
        return "categorical"
    whole = series.dtype.lower().startswith(("int", "uint"))
    if not whole and form == "frame" and missing and series.dtype == "float64":  # as pandas keeps integers with gaps
        known = series.values[series.known]
        whole = bool((known == np.floor(known)).all())
    return "integer" if whole else "numeric"


def _categories(place: int, series: Series, rows: Array, kind: str, missing: int, where: str) -> Judged:
    """A column of categories; the rare ones are merged."""
    text = series.as_text()
    codes = text.values[rows][text.known[rows]].astype(np.int64)
    counts = {text.texts[code]: count for code, count in enumerate(np.bincount(codes).tolist()) if count}
    numbers = numeric(series.dtype)
    if kind == "binary":
        if len(counts) != 2:
            raise BadData(f"{where}: column {series.name!r} has {len(counts)} different values, and a binary one has 2")
        others = () if series.kind == "truth" else (OTHER,)  # what is no truth is refused when it is read
        return Judged(_column(series, kind, missing, categories=(*_ordered(counts, numbers), *others)), 2, missing)
    often = sorted((name for name in counts if counts[name] >= RARE), key=lambda name: -counts[name])[:CATEGORIES]
    often = often or list(counts)[:2] * (len(counts) <= 2)
    if not often:
        aside = Aside(series.name, place, "text", dtype=series.dtype)
        return Judged(aside, len(counts), missing, "no value comes back often enough to be learnt")
    rest = {name: count for name, count in counts.items() if name not in set(often)}
    merged = {"merged": tuple(rest), "merged_rows": tuple(rest.values())}
    column = _column(series, kind, missing, categories=(*_ordered(often, numbers), OTHER), **merged)
    note = f"{len(rest)} rare value{'s are' if len(rest) > 1 else ' is'} {OTHER}" if rest else ""
    return Judged(column, len(counts), missing, note)


def _numbers(series: Series, values: Array, kind: str, missing: int, distinct: int, frame: Frame) -> Judged:
    """A column of numbers or times: its atoms, its scale without them, its range and its step.

    Plain arrays have no atoms: a clipped measurement with a probability of its own would be odd to no one.
    """
    if kind == "integer" and not (values == np.floor(values)).all():
        raise BadData(f"{frame.name}: column {series.name!r} has fractions, and --columns calls it integer")
    atoms = _atoms(values) if frame.form == "frame" else []
    rest = values[~np.isin(values, atoms)]
    scale = float(rest.std())
    column = _column(
        series,
        kind,
        missing,
        center=float(rest.mean()),
        scale=scale if scale > 0 else 1.0,
        low=float(values.min()),
        high=float(values.max()),
        step=_step(values, kind, series.dtype),
        atoms=tuple(atoms),
    )
    note = f"often {', '.join(value_text(column, atom) for atom in atoms)}" if atoms else ""
    return Judged(column, distinct, missing, note)


def _column(series: Series, kind: str, missing: int, **more: object) -> Column:
    column = Column(series.name, kind, missing=missing > 0, dtype=series.dtype)
    return dataclasses.replace(column, levels=series.levels, ordered=series.ordered, **more)  # type: ignore[arg-type]


def _atoms(values: Array) -> list[float]:
    """Values that have a probability of their own.

    One of more than :data:`MANY` different values that more than :data:`OFTEN` of the rows have, and :data:`TIMES` as
    many as a value has on average; and the lowest or highest value, where at least :data:`ENDS` rows have it, and
    :data:`BESIDE` times as many as the value beside it: there a scale was clipped.
    """
    found, counts = np.unique(values, return_counts=True)
    if len(found) <= MANY:
        return []
    often = (counts > OFTEN * len(values)) & (counts * len(found) > TIMES * len(values))
    for end, beside in ((0, 1), (-1, -2)):
        often[end] |= counts[end] >= ENDS and counts[end] >= BESIDE * counts[beside]
    return [float(value) for value in found[often]]


def _step(values: Array, kind: str, dtype: str) -> float:
    """What the values are multiples of: 1, 0.1, ... ; for times days, hours, ... milliseconds; 0 where none shows."""
    if kind == "integer":
        return 1.0
    if kind == "datetime":
        micro = np.round(values * 1e6)  # exact, where the remainder of a division by 0.001 is not
        return next((step for step in TIMESTEPS if (micro % round(step * 1e6) == 0).all()), 0.0)
    exact = np.float32 if dtype == "float32" else np.float64
    for decimals in range(DECIMALS + 1):
        if (np.round(values, decimals).astype(exact) == values.astype(exact)).all():
            return float(10.0**-decimals)
    return 0.0


def _ordered(names: Sequence[str] | dict[str, int], numbers: bool) -> tuple[str, ...]:
    return tuple(sorted(names, key=(lambda name: float(name)) if numbers else str))
