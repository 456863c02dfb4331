"""Sample: seeds in, new items out. Item ``i`` of seed ``s`` is the item of seed ``s + i``, always, to the last bit.

Matrix products round differently for different numbers of rows, and for different places of a row. So seeds are worked
on in whole blocks: seed 17 is always row 17 of the block 0 to 31, decoded beside the same 31 neighbours, whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from latentia.core import Samples, Spec
from latentia.errors import BadData, CannotDo
from latentia.tasks.working import ItemNoise, Net, place, require, still

__all__ = ["BLOCK", "draw", "sample"]

BLOCK = 32


def sample(net: Net, spec: Spec, count: int, seed: int = 0, label: int | None = None) -> Tensor:
    """New items: ``(count, *spec.shape)``, float32 on the CPU, in the spec's range; item i is that of ``seed + i``.

    Args:
        net: samples.
        spec: of the items.
        count: how many.
        seed: of the first.
        label: the class that all are given, for a net that takes labels.

    Raises:
        CannotDo: the net cannot sample, or takes no labels.
        BadData: a count or a seed below 0.
    """
    if label is not None and not getattr(net, "classes", 0):
        raise CannotDo("this model was not trained with labels; `latentia train gan DATA --labels` learns from them")

    def items_of(z: Tensor) -> Tensor:
        given = () if label is None else (torch.full((len(z),), label, device=z.device),)
        made: Tensor = net.decode(z, *given)
        return made

    items = _of_seeds(net, range(seed, seed + count), items_of)
    return items.reshape(-1, *spec.shape).clamp_(spec.low, spec.high) if spec.kind == "image" else items


def draw(net: Net, seeds: Sequence[int]) -> Tensor:
    """The latents that :func:`sample` decodes for ``seeds``: ``(len(seeds), latent)``, on the CPU."""
    return _of_seeds(net, seeds, lambda z: z)


def _of_seeds(net: Net, seeds: Sequence[int], work: Callable[[Tensor], Tensor]) -> Tensor:
    """One row of ``work(latents)`` per seed, computed in whole blocks of :data:`BLOCK` seeds."""
    require(net, Samples, "sample")
    if min(seeds, default=0) < 0 or len(seeds) == 0:
        raise BadData(f"seeds {list(seeds)[:3]}: ask for at least one item, and for seeds of 0 or more")
    wanted: dict[int, list[int]] = {}
    for i, seed in enumerate(seeds):
        wanted.setdefault(seed // BLOCK, []).append(i)
    done = [_block(net, block, work)[[seeds[i] % BLOCK for i in places]] for block, places in wanted.items()]
    order = torch.tensor([i for places in wanted.values() for i in places])
    return torch.cat(done)[order.argsort()]


def _block(net: Net, block: int, work: Callable[[Tensor], Tensor]) -> Tensor:
    seeds = range(block * BLOCK, (block + 1) * BLOCK)
    with still(net):
        latents: Tensor = net.draw(ItemNoise(seeds, place(net)))
        return work(latents).to("cpu", torch.float32)
