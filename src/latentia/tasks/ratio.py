"""Likelihood ratio: what a picture is likelier to be by a background model than by the model of what is good.

Ren et al. 2019, "Likelihood ratios for out-of-distribution detection", equation 5: what both models know - grounds,
smoothness, brightness - cancels, and what only the good pictures have is left. A background model is any other run of a
model with a density over pictures of the same shape: one that learnt from perturbed copies of the training pictures, as
published, or from many kinds of pictures.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from latentia.core import Batch, HasDensity, Spec
from latentia.tasks.score import Kind, Scores, scores
from latentia.tasks.working import Net, label_of, require
from latentia.tasks.yardstick import Reference

__all__ = ["RATIO", "Ratio"]

RATIO = Kind(
    "likelihood ratio",
    "nats",
    "log p(x) by the background model less log p(x) by this one",
    "the code is further out here than in the background model",
)


@dataclass(frozen=True)
class Ratio:
    """By log p(x) of a background model less that of the net, ``told`` naming the former in what is kept."""

    spec: Spec
    draws: int
    seed: int
    background: Net
    told: str
    kind: ClassVar[Kind] = RATIO
    reads: ClassVar[str] = ""
    trained: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.background, HasDensity, "a background model")

    @property
    def name(self) -> str:
        return f"{RATIO.name} to {self.told}"

    def reference(self, net: Net, batches: Iterable[Batch]) -> Reference:
        return {}

    def fits(self, reference: Reference) -> bool:
        return True

    def scores(self, net: Net, batch: Batch, reference: Reference) -> Scores:
        require(net, HasDensity, "a likelihood ratio")
        one = scores(net, batch, self.spec, self.draws, self.seed)
        plain = batch._replace(label=label_of(self.background, batch))
        other = scores(self.background, plain, self.spec, self.draws, self.seed)
        return Scores(one.value - other.value, RATIO, one.terms - other.terms, one.latent - other.latent)
