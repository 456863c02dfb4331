"""Sample: seeds in, new items out. Item ``i`` of seed ``s`` is the item of seed ``s + i``, always, to the last bit.

Matrix products round differently for different numbers of rows, and for different places of a row. So seeds are worked
on in whole blocks: seed 17 is always row 17 of the block 0 to 31, decoded beside the same 31 neighbours, whoever asks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from latentia.core import HasDensity, Samples, Spec
from latentia.errors import BadData, BadField
from latentia.tasks.working import ItemNoise, Net, check_labels, given, place, require, still, whole

__all__ = ["BLOCK", "TruncatedNoise", "draw", "sample"]

BLOCK = 32


def sample(
    net: Net,
    spec: Spec,
    count: int,
    seed: int = 0,
    label: int | None = None,
    truncation: float | None = None,
    shares: Tensor | None = None,
) -> Tensor:
    """New items: ``(count, *spec.shape)``, float32 on the CPU, in the spec's range; item i is that of ``seed + i``.

    Pictures are the means of p(x|z); rows of typed columns are draws from it, where the net has a density.

    Args:
        net: samples.
        spec: of the items.
        count: how many.
        seed: of the first.
        label: the class that all are given, for a net that takes labels.
        truncation: how far from 0 a number of the noise may lie: see :class:`TruncatedNoise`.
        shares: how often each class comes, for a net that takes labels and is given none: see :func:`classes_of`.
            Without them such items are of no class in particular.

    Raises:
        CannotDo: the net cannot sample, or takes no labels.
        BadData: a count or a seed below 0.
        BadField: a count or a seed that is no whole number, or a truncation that is not above 0.
    """
    if label is not None:
        check_labels(net)

    drawn = bool(spec.columns) and isinstance(net, HasDensity)

    def items_of(z: Tensor, seeds: range) -> Tensor:
        own = None if shares is None else classes_of(seeds, shares)
        told = given(own if label is None else torch.full((len(z),), label), z)
        made: Tensor = (
            net.likelihood(z, *told).sample(ItemNoise(seeds, z, "entries")) if drawn else net.decode(z, *told)
        )
        return made

    first = whole(seed, "seed")
    items = _of_seeds(net, range(first, first + whole(count, "count")), items_of, truncation)
    return items.reshape(-1, *spec.shape).clamp_(spec.low, spec.high) if spec.kind == "image" else items


def classes_of(seeds: Sequence[int], shares: Tensor) -> Tensor:
    """The class of each seed's item ``(len(seeds),)``, int64, drawn as often as ``shares`` ``(classes,)`` say.

    It depends on the seed alone, and not on its latents: item 17 has one class, whichever items are beside it.
    """
    edges = shares.double().cumsum(0) / shares.double().sum()
    drawn = ItemNoise(seeds, edges, "label").uniform()
    return torch.searchsorted(edges, drawn, right=True).clamp_max(len(shares) - 1)


def draw(net: Net, seeds: Sequence[int], truncation: float | None = None) -> Tensor:
    """The latents that :func:`sample` decodes for ``seeds``: ``(len(seeds), latent)``, on the CPU."""
    return _of_seeds(net, seeds, lambda z, _: z, truncation)


class TruncatedNoise(ItemNoise):
    """Noise of items whose normal numbers lie within ``truncation`` of 0; those beyond are drawn again.

    The truncation trick of Brock et al. 2018, "Large Scale GAN Training for High Fidelity Natural Image Synthesis"
    (https://arxiv.org/abs/1809.11096), section 3.1: items come closer to the middle of what was learnt, and to each
    other. Noise that short was never learnt from: a generator may answer it with paler items (as some did there).
    Numbers within stay the item's own, so a wide truncation changes few items; those beyond are drawn anew from the
    truncated distribution at once, by its quantile function, which takes the same time however narrow it is. Where a
    prior is a mixture, which component an item is of stays as it was, and its place within it is cut.

    Raises:
        BadField: the truncation is not above 0.
    """

    def __init__(self, seeds: Sequence[int], like: Tensor, truncation: float) -> None:
        if not 0 < truncation < math.inf:
            raise BadField(f"truncation is {truncation:g}; it must be more than 0, for example 0.7; 3 cuts hardly any")
        super().__init__(seeds, like)
        self.truncation = truncation

    def normal(self, *shape: int) -> Tensor:
        own, again = super().normal(*shape), super().uniform(*shape)
        below = torch.special.ndtr(torch.tensor(-self.truncation, dtype=torch.float64))
        redrawn = torch.special.ndtri(torch.lerp(below, 1 - below, again.cpu().double())).to(own)
        within = redrawn.clamp(-self.truncation, self.truncation)  # rounding may put one just beyond
        return torch.where(own.abs() <= self.truncation, own, within)


def _of_seeds(
    net: Net, seeds: Sequence[int], work: Callable[[Tensor, range], Tensor], truncation: float | None = None
) -> Tensor:
    """One row of ``work(latents, their seeds)`` per seed, computed in whole blocks of :data:`BLOCK` seeds."""
    require(net, Samples, "sample")
    if min(seeds, default=0) < 0 or len(seeds) == 0:
        raise BadData(f"seeds {list(seeds)[:3]}: ask for at least one item, and for seeds of 0 or more")
    wanted: dict[int, list[int]] = {}
    for i, seed in enumerate(seeds):
        wanted.setdefault(seed // BLOCK, []).append(i)
    done = [
        _block(net, block, work, truncation)[[seeds[i] % BLOCK for i in places]] for block, places in wanted.items()
    ]
    order = torch.tensor([i for places in wanted.values() for i in places])
    return torch.cat(done)[order.argsort()]


def _block(net: Net, block: int, work: Callable[[Tensor, range], Tensor], truncation: float | None) -> Tensor:
    seeds, like = range(block * BLOCK, (block + 1) * BLOCK), place(net)
    noise = ItemNoise(seeds, like) if truncation is None else TruncatedNoise(seeds, like, truncation)
    with still(net):
        latents: Tensor = net.draw(noise)
        return work(latents, seeds).to("cpu", torch.float32)
