"""Two pictures at a time: pairs, whose rows belong together, and domains, which have nothing in common but a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from latentia.core import Batch, Spec, key
from latentia.data.source import Split

__all__ = ["Domains", "Pairs"]


class Pairs(Split):
    """Pairs: a :class:`latentia.core.TwoSided` whose rows of ``x`` and ``y`` belong together.

    What is drawn for a training picture, mirroring and jitter, is the same for both.

    Args:
        spec: that of ``x``, with that of ``y`` in it.
        of_x, of_y: both sides, equally long; row i of one belongs to row i of the other.
    """

    def __init__(self, spec: Spec, of_x: Split, of_y: Split) -> None:
        super().__init__(
            of_x.name, spec, of_x.values, of_x.rows, names=of_x._names, mirror=of_x.mirror, jitter=of_x.jitter
        )
        self.of_x, self.of_y = of_x, of_y

    def _batch(self, places: Tensor) -> Batch:
        return Batch(self.of_x._batch(places).x, self.of_y._batch(places).x)


class Domains(Split):
    """Two domains: a :class:`latentia.core.TwoSided` whose rows of ``x`` and ``y`` have nothing to do with each other.

    It is as long as the longer of the two; :meth:`read` begins the shorter one again.

    Args:
        spec: that of ``x``, with that of ``y`` in it.
        of_x, of_y: the domains.
    """

    def __init__(self, spec: Spec, of_x: Split, of_y: Split) -> None:
        super().__init__(of_x.name, spec, of_x.values, of_x.rows, names=of_x._names)
        self.of_x, self.of_y = of_x, of_y

    def __len__(self) -> int:
        return max(len(self.of_x), len(self.of_y))

    def take(self, seed: int, start: int, count: int, rows: slice = slice(None)) -> Batch:
        """``rows`` of the ``count`` examples at position ``start`` of two endless streams, one for each domain.

        The streams are seeded apart: domains of one length, with true pairs in them perhaps, are not drawn in step.
        """
        y = self.of_y.take(key(seed, "other domain"), start, count, rows)
        return Batch(self.of_x.take(seed, start, count, rows).x, y.x)

    def read(self, indices: Sequence[int] | Tensor | slice) -> Batch:
        """The items at these places of both domains, always the same for the same place."""
        places = self._places(indices)
        return Batch(self.of_x.read(places % len(self.of_x)).x, self.of_y.read(places % len(self.of_y)).x)

    def names(self, indices: Sequence[int] | Tensor | slice = slice(None)) -> list[str]:
        """What the items of ``x`` are called."""
        return self.of_x.names(torch.arange(len(self))[indices] % len(self.of_x))
