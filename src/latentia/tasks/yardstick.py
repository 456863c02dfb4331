"""Yardsticks: what the scores of items are measured by, and what of good items they have to know first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from latentia.core import Batch, Spec
from latentia.tasks.score import Kind, Scores, scores
from latentia.tasks.working import Net

__all__ = ["Array", "Plain", "Reference", "Yardstick"]

Array = NDArray[np.float64]
Reference = Mapping[str, NDArray[Any]]  # what is known of good items, by name


class Yardstick(Protocol):
    """A way to score items by a net.

    Attributes:
        kind: what a score is.
        name: what scores are kept under: those of another name are not comparable.
        reads: the split whose items it has to know first, ``""`` for none.
        trained: whether the net has a part in the scores.
    """

    reads: ClassVar[str]
    trained: ClassVar[bool]

    @property
    def kind(self) -> Kind: ...

    @property
    def name(self) -> str: ...

    def reference(self, net: Net, batches: Iterable[Batch]) -> Reference:
        """What scores need to know of good items, a few at a time."""
        ...

    def fits(self, reference: Reference) -> bool:
        """Whether a reference that was kept is one of this yardstick."""
        ...

    def scores(self, net: Net, batch: Batch, reference: Reference) -> Scores:
        """The scores of items."""
        ...


@dataclass(frozen=True)
class Plain:
    """By what the net gives: -log p(x), what is lost on the way through the code, or what it cannot show."""

    spec: Spec
    draws: int
    seed: int
    kind: Kind
    reads: ClassVar[str] = ""
    trained: ClassVar[bool] = True

    @property
    def name(self) -> str:
        return self.kind.name

    def reference(self, net: Net, batches: Iterable[Batch]) -> Reference:
        return {}

    def fits(self, reference: Reference) -> bool:
        return True

    def scores(self, net: Net, batch: Batch, reference: Reference) -> Scores:
        return scores(net, batch, self.spec, self.draws, self.seed)
