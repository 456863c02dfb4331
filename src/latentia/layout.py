"""Where the numbers of each column of a table lie: in ``x``, and in the features that nets read and make.

An entry of ``x`` is a number or the place of a category; nets want a number per category. Features and the parameters
of p(x|z) share one order, so that a decoder that is linear in a code is a principal component analysis of the features:

    values of the numeric and datetime columns | of the integer columns | categories of the coded ones | atoms | flags
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from latentia.spec import Spec

__all__ = ["CLOSE", "Groups", "Layout"]

CLOSE = 1e-6  # an entry within this of an atom, relative to 1 + its size, is the atom: float32 rounds at 1e-7


@dataclass(frozen=True)
class Groups:
    """Columns that have alternatives, their categories or their atoms, and where these lie among the features.

    Attributes:
        columns: int64 ``(G,)``, the places of the columns in ``x``.
        counts: how many alternatives each has.
        start: the place of the first alternative; the others follow.
    """

    columns: Tensor
    counts: tuple[int, ...]
    start: int

    @property
    def stop(self) -> int:
        return self.start + sum(self.counts)

    @property
    def there(self) -> Tensor:
        """Which alternatives there are, where every column has as many places as the largest: bool ``(G, most)``."""
        return torch.arange(max(self.counts, default=0)) < torch.tensor(self.counts, dtype=torch.int64).reshape(-1, 1)

    @property
    def places(self) -> Tensor:
        """The place among the features of each alternative, ``(G, most)``; 0 where there is none."""
        first = torch.tensor([0, *self.counts], dtype=torch.int64).cumsum(0)[:-1].reshape(-1, 1)
        there = self.there
        return torch.where(there, self.start + first + torch.arange(there.shape[1]), 0)


class Layout:
    """The order of features.

    Attributes:
        size: how many there are.
        values: int64, the places in ``x`` of the columns whose value is a number; the first ``real`` are no integers.
        coded: the binary and categorical columns.
        atoms: the columns with atoms.
        points: the atoms in units of ``x``, float64 ``(G, most)``; 0 where there is none.
        flagged: int64, the columns that may be missing; ``flags`` are the places of their flags in ``x``.
    """

    def __init__(self, spec: Spec) -> None:
        columns = list(enumerate(spec.columns))
        real = [place for place, column in columns if not column.coded and column.kind != "integer"]
        whole = [place for place, column in columns if column.kind == "integer"]
        self.real, self.values = len(real), _places([*real, *whole])
        coded = [place for place, column in columns if column.coded]
        self.coded = Groups(_places(coded), tuple(len(spec.columns[at].categories) for at in coded), len(self.values))
        atomic = [place for place, column in columns if column.atoms]
        self.atoms = Groups(_places(atomic), tuple(len(spec.columns[at].atoms) for at in atomic), self.coded.stop)
        self.points = torch.zeros(self.atoms.there.shape, dtype=torch.float64)
        for row, column in enumerate(spec.columns[at] for at in atomic):
            points = (torch.tensor(column.atoms, dtype=torch.float64) - column.center) / column.scale
            self.points[row, : len(points)] = points
        self.flagged, self.flags = _places(spec.flags), _places(spec.flags.values())
        self.size = self.atoms.stop + len(self.flags)


def _places(places: Iterable[int]) -> Tensor:
    return torch.tensor(list(places), dtype=torch.int64)
