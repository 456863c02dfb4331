"""Rows of a table with some columns given: latents are drawn from the prior and chosen by how well they explain those.

Sampling-importance-resampling (Rubin 1988, "Using the SIR algorithm to simulate posterior distributions", Bayesian
Statistics 3): of many latents z from p(z) one is taken with a probability in proportion to p(given | z), and the other
columns are drawn from p(x | z). Each row has proposals of its own, so it depends on its own seed alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from latentia.core import HasDensity, Noise, Spec
from latentia.errors import CannotDo
from latentia.tasks.sample import BLOCK
from latentia.tasks.working import ItemNoise, Net, check_labels, given, place, require, still, whole

__all__ = ["PROPOSALS", "Conditional", "effective", "sample_given"]

PROPOSALS = 1024  # latents of which each row is one
FEW = 10.0


class Conditional(NamedTuple):
    """Rows with some columns given, and how many of a row's proposals count, on average."""

    x: Tensor
    ess: float


def effective(ess: float) -> str:
    """A sentence on how many proposals of a row count."""
    told = f"of the {PROPOSALS:,} proposals of a row {ess:.1f} count (effective sample size)"
    few = "; what is given is rare, and rows are only roughly what the model makes of it" if ess < FEW else ""
    return told + few


class PoolNoise(Noise):
    """Noise of the proposals of one row, drawn on the CPU and then moved."""

    def __init__(self, seed: int, like: Tensor) -> None:
        super().__init__(seed, 0, slice(None), PROPOSALS, purpose="given")
        self.like = like

    def _draw(self, draw: object, shape: tuple[int, ...]) -> Tensor:
        return super()._draw(draw, shape).to(self.like)


def sample_given(
    net: Net, spec: Spec, count: int, entries: Mapping[int, float | None], seed: int = 0, label: int | None = None
) -> Conditional:
    """Rows ``(count, *spec.shape)`` whose given columns hold what is said; row i is that of ``seed + i`` alone.

    Args:
        net: has a density that is a sum of terms, one of each column.
        spec: of the rows.
        count: how many.
        entries: what is given, by the place of its column: the entry of ``x``, or ``None`` where it is missing.
        seed: of the first row.
        label: the class that all are given, for a net that takes labels.

    Raises:
        CannotDo: the net has no density with terms, or takes no labels.
        BadField: a count or a seed that is no whole number of 0 or more.
    """
    require(net, HasDensity, "sample with given columns")
    if label is not None:
        check_labels(net)
    first = whole(seed, "seed")
    seeds = range(first, first + whole(count, "count"))
    with still(net):
        parts = [_block(net, spec, seeds[start : start + BLOCK], entries, label) for start in range(0, count, BLOCK)]
    return Conditional(torch.cat([part.x for part in parts]), sum(part.ess * len(part.x) for part in parts) / count)


def _block(net: Net, spec: Spec, seeds: range, entries: Mapping[int, float | None], label: int | None) -> Conditional:
    like = place(net)
    z = torch.stack([net.draw(PoolNoise(seed, like)) for seed in seeds])
    told = _known(spec, entries).to(like)
    weights = torch.stack([_weights(net, pool, told, list(entries), label) for pool in z])
    shares = weights.double().softmax(1)
    drawn = ItemNoise(seeds, like, "choose").uniform().double().to(shares)
    chosen = (shares.cumsum(1) < drawn[:, None]).sum(1).clamp(max=PROPOSALS - 1)
    picked = z[torch.arange(len(z)), chosen]
    x = (
        net.likelihood(picked, *_label(label, picked))
        .sample(ItemNoise(seeds, like, "entries"))
        .to("cpu", torch.float32)
    )
    places = [*entries, *(spec.flags[each] for each in entries if each in spec.flags)]
    x[:, places] = told.cpu().float()[places]
    return Conditional(x, float((1 / shares.square().sum(1)).mean()))


def _weights(net: Net, z: Tensor, told: Tensor, places: list[int], label: int | None) -> Tensor:
    """How likely the given columns are under each of the latents ``(proposals, latent)``, in nats."""
    found = net.likelihood(z, *_label(label, z))
    if not hasattr(found, "terms"):
        raise CannotDo("given columns need a likelihood that is a sum over columns; this model's is none")
    terms: Tensor = found.terms(told.expand(len(z), -1))
    return terms[:, places].sum(1)


def _label(label: int | None, z: Tensor) -> tuple[Tensor, ...]:
    return given(None if label is None else torch.full((len(z),), label), z)


def _known(spec: Spec, entries: Mapping[int, float | None]) -> Tensor:
    """A row with what is given, and 0 elsewhere."""
    row = torch.zeros(spec.size, dtype=torch.float64)
    for where, entry in entries.items():
        row[where] = 0.0 if entry is None else entry
        if where in spec.flags:
            row[spec.flags[where]] = float(entry is not None)
    return row
