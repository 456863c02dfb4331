"""A table in memory, column by column: numbers, times and truths as float64, text as places among its values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from latentia.data.files import Array
from latentia.errors import BadData

__all__ = ["Frame", "RawTable", "Series", "frame_of_array", "plain"]

BLOCK = 1 << 20  # rows hashed in one go


@dataclass(frozen=True)
class Series:
    """One column as it was read.

    Attributes:
        name: what it is called.
        kind: ``"number"``, ``"truth"``, ``"time"`` (seconds since 1970, UTC), ``"text"``, ``"empty"`` where every value
            is missing, or ``"other"`` for what is none of these.
        values: float64 ``(rows,)``; of text int64 places among ``texts``. Any number where a value is missing.
        known: whether the value is there, ``(rows,)``.
        texts: the different values of text.
        dtype: the type in which it came, as pandas calls it.
        levels, ordered: of the dtype ``"category"``: as those of a :class:`~latentia.core.Column`.
    """

    name: str
    kind: str
    values: Array
    known: Array
    texts: tuple[str, ...] = ()
    dtype: str = "float64"
    levels: tuple[str | float, ...] = ()
    ordered: bool = False

    def as_text(self) -> Series:
        """The column as text: numbers as people write them, so that 5 and 5.0 are one value."""
        if self.kind in ("text", "empty"):
            return self
        found, places = np.unique(self.values[self.known], return_inverse=True)
        texts = ("False", "True") if self.kind == "truth" else tuple(plain(value) for value in found.tolist())
        codes = np.full(len(self.values), -1, np.int64)
        codes[self.known] = self.values[self.known] if self.kind == "truth" else places
        return replace(self, kind="text", values=codes, texts=texts)


@dataclass(frozen=True)
class Frame:
    """A table as it was read.

    Attributes:
        name: what it is called in messages: a path, or ``"array"``.
        columns: in their order, all of one length.
        form: ``"frame"`` if its columns have names, ``"array"`` if they are plain numbers by place.
        first: the number of its first row in messages: lines of a CSV file are counted from 1.
    """

    name: str
    columns: tuple[Series, ...]
    form: str = "frame"
    first: int = 0

    def __len__(self) -> int:
        return len(self.columns[0].known) if self.columns else 0

    def by_name(self) -> Mapping[str, Series]:
        """The columns by their names."""
        return {column.name: column for column in self.columns}

    def without(self, names: Sequence[str]) -> Frame:
        """The table without some columns."""
        return replace(self, columns=tuple(column for column in self.columns if column.name not in names))

    def digest(self) -> str:
        """A hash of names, types and values."""
        found = hashlib.blake2b(digest_size=16)
        for column in self.columns:
            found.update(f"{column.name}\0{column.kind}\0{column.dtype}\0{len(column.values)}\0".encode())
            found.update("\0".join(column.texts).encode("utf-8", "surrogatepass"))
            for start in range(0, len(column.values), BLOCK):
                rows = slice(start, start + BLOCK)
                found.update(np.packbits(column.known[rows]).tobytes())
                found.update(np.where(column.known[rows], column.values[rows], 0).tobytes())
        return found.hexdigest()

    def refuse_infinite(self) -> Frame:
        """The table itself.

        Raises:
            BadData: an infinite number, named by row and column.
        """
        for column, row in self._infinite():
            raise BadData(
                f"{self.name} has {column.values[row]} in row {self.first + row}, column {column.name!r}; "
                "numbers are finite, or missing"
            )
        return self

    def _infinite(self) -> Iterator[tuple[Series, int]]:
        for column in self.columns:
            if column.kind == "number" and len(strange := np.flatnonzero(np.isinf(column.values) & column.known)):
                yield column, int(strange[0])


class RawTable:
    """The rows of a table that is not turned into numbers yet: that needs the training rows."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    def __len__(self) -> int:
        return len(self.frame)

    def gather(self, rows: Tensor) -> Tensor:
        """The rows as they are, float32.

        Raises:
            BadData: a column that is not made of numbers alone.
        """
        for column in self.frame.columns:
            if column.kind not in ("number", "truth") or not column.known.all():
                raise BadData(
                    f"{self.frame.name}: column {column.name!r} is not made of numbers alone, and this model was "
                    "trained on plain numbers"
                )
        picked = np.stack([column.values[rows.numpy()] for column in self.frame.columns], 1)
        return torch.from_numpy(picked.astype(np.float32))


def frame_of_array(array: Array, name: str) -> Frame:
    """The columns ``x0``, ``x1``, ... of an array ``(rows, columns)``; NaN is missing.

    Raises:
        BadData: no numbers, none at all, or infinite ones.
    """
    if array.dtype.kind not in "fiub":
        raise BadData(f"{name} has the dtype {array.dtype}; a table is made of real numbers")
    if not array.size:
        raise BadData(f"{name} has the shape {array.shape}: no items")
    kind = "truth" if array.dtype.kind == "b" else "number"
    columns = []
    for place in range(array.shape[1]):
        values = np.ascontiguousarray(array[:, place], dtype=np.float64)
        known = ~np.isnan(values)
        columns.append(Series(f"x{place}", kind if known.any() else "empty", values, known, dtype=str(array.dtype)))
    return Frame(name, tuple(columns), "array").refuse_infinite()


def plain(value: float) -> str:
    """A number as people write it: ``5``, ``0.1``."""
    return f"{value:.15g}"
