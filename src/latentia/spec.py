"""What data looks like: all that a recipe may know of it when it builds its net."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["OTHER", "Aside", "Column", "Spec"]

CODED = ("binary", "categorical")
OTHER = "(other)"


@dataclass(frozen=True)
class Column:
    """One column of a table, and how its values lie in ``x``.

    The entry of a numeric, integer or datetime column is ``(value - center) / scale``; that of a binary or categorical
    one is the place of its value among the categories. A missing entry is 0.

    Attributes:
        name: what the column is called.
        kind: ``"numeric"``, ``"integer"``, ``"datetime"`` (seconds since 1970, UTC), ``"binary"`` or
            ``"categorical"``.
        categories: the values of a binary or categorical column, as text. The last is :data:`OTHER`, save for truths:
            rare values, and at use those that training rows do not have; it may hold no training row.
        center, scale: of the values of the others, in the data's units.
        low, high: the range of those values in the training rows.
        step: what those values are multiples of: 1 for integers, 0.01 for two decimals; 0 where nothing shows.
        missing: whether training rows lack it: then ``x`` has a flag for it, 1 where it is known and 0 where not.
        atoms: values of a numeric, integer or datetime column that come back so often that they have a probability of
            their own, in the data's units.
        dtype: the type in which its values come out again, as pandas calls it.
        levels, ordered: of the dtype ``"category"``: its categories in their order, and whether that means anything.
        merged, merged_rows: the rare values that :data:`OTHER` stands for, and how many training rows each has.
    """

    name: str
    kind: str
    categories: tuple[str, ...] = ()
    center: float = 0.0
    scale: float = 1.0
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    missing: bool = False
    atoms: tuple[float, ...] = ()
    dtype: str = "float64"
    levels: tuple[str | float, ...] = ()
    ordered: bool = False
    merged: tuple[str, ...] = ()
    merged_rows: tuple[int, ...] = ()

    @property
    def coded(self) -> bool:
        """Whether its entry is the place of a category, not a number."""
        return self.kind in CODED


@dataclass(frozen=True)
class Aside:
    """A column of a table that is not in ``x``, and what stands there when a table is made.

    Attributes:
        name: what the column is called.
        place: where it stands among all columns of the table.
        kind: ``"identifier"``, ``"text"`` (each row has its own), ``"constant"``, ``"empty"``, ``"ignored"`` or
            ``"label"``.
        value: of a constant, as text; the number after the highest identifier, where identifiers are numbers.
        dtype: as that of a :class:`Column`.
    """

    name: str
    place: int
    kind: str
    value: str = ""
    dtype: str = "float64"


@dataclass(frozen=True)
class Spec:
    """What the data looks like: all that a recipe may know when it builds its net.

    Attributes:
        kind: ``"image"``, ``"table"`` or ``"video"``.
        shape: the shape of one ``x``: ``(channels, height, width)`` for images; for tables ``(entries,)``, the columns
            in their order and after them the flags of those that may be missing.
        levels: how many values an entry can take, spread evenly from ``low`` to ``high`` (2 for binary data, 256 for
            8-bit pictures); ``None`` for real numbers.
        low, high: the range of ``x``; images lie in [0, 1].
        classes: the names of the values of ``label``; empty without labels.
        y: what the slot ``y`` looks like, if there is one; its channels may be others than those of ``x``.
        pairing: ``"pairs"``: ``x`` is the picture to make and ``y`` the one it is made from, row by row;
            ``"domains"``: ``x`` is drawn from one domain and ``y`` from another, and their rows have nothing to do with
            each other; ``""`` without ``y``.
        sides: what ``x`` and ``y`` are called, in this order; empty without ``y``.
        columns: those of a table whose columns have types; empty for a plain array of numbers.
        asides: the columns of the table that are left out of ``x``.
        form: ``"frame"`` for a table that comes out as a data frame, ``"array"`` for one of plain numbers.
    """

    kind: str
    shape: tuple[int, ...]
    levels: int | None = None
    low: float = 0.0
    high: float = 1.0
    classes: tuple[str, ...] = ()
    y: Spec | None = None
    pairing: str = ""
    sides: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()
    asides: tuple[Aside, ...] = ()
    form: str = "array"

    @property
    def size(self) -> int:
        """How many numbers one ``x`` has."""
        return int(torch.Size(self.shape).numel())

    @property
    def flags(self) -> dict[int, int]:
        """Where in ``x`` the flag of each column that may be missing stands, by the column's place."""
        flagged = [place for place, column in enumerate(self.columns) if column.missing]
        return {place: len(self.columns) + number for number, place in enumerate(flagged)}

    def to_json(self) -> dict[str, Any]:
        """The spec as plain JSON values."""
        plain = {**self.__dict__, **{name: list(getattr(self, name)) for name in ("shape", "classes", "sides")}}
        plain |= {"y": None if self.y is None else self.y.to_json()}
        plain |= {name: [_listed(vars(each)) for each in getattr(self, name)] for name in ("columns", "asides")}
        return plain

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Spec:
        """The spec that :meth:`to_json` wrote."""
        tuples: dict[str, Any] = {name: tuple(values.get(name, ())) for name in ("shape", "classes", "sides")}
        tuples["columns"] = tuple(Column(**_tupled(each)) for each in values.get("columns", ()))
        tuples["asides"] = tuple(Aside(**each) for each in values.get("asides", ()))
        return cls(**{**values, **tuples, "y": None if values["y"] is None else cls.from_json(values["y"])})


def _listed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _tupled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
