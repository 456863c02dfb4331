"""The noise of draws from posteriors: a stream for each item, or fixed quasi-random points that all items share."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from latentia.core import Noise, key

__all__ = ["AHEAD", "DrawNoise", "FixedNoise", "replicates"]

AHEAD = 64  # draws of an item made at once; part of what a seed means, so it never changes
REPLICATES = 16  # independent scramblings of the points: their spread is the error of an estimate
WIDEST = torch.quasirandom.SobolEngine.MAXDIM  # numbers of a draw; beyond it, points are pseudo-random


def replicates(draws: int) -> int:
    """How many independent sets of quasi-random points so many draws are made of."""
    return min(REPLICATES, draws)


class DrawNoise(Noise):
    """Noise for passes over draws: row ``i * each + j`` of pass t is draw ``t * each + j`` of item i's own stream.

    Streams are read :data:`AHEAD` draws at a time, however the passes are cut: one call for many numbers is far cheaper
    than many calls, and draw k of an item is the same whatever the rows of a pass.
    """

    def __init__(self, seeds: Sequence[int], each: int, like: Tensor) -> None:
        self.each, self.like = each, like
        self.rows, self.total, self.device, self.dtype = slice(None), len(seeds) * each, str(like.device), like.dtype
        self.seeds = [key(seed, "likelihood") for seed in seeds]
        self.streams: dict[Any, list[torch.Generator]] = {}
        self.stock: dict[Any, Tensor] = {}

    def at(self, first: int) -> DrawNoise:
        """The noise of the pass that begins with draw ``first``: streams are read in order anyway."""
        return self

    def _draw(self, draw: Any, shape: tuple[int, ...]) -> Tensor:
        kind = (draw.__name__, shape)
        if kind not in self.streams:
            self.streams[kind] = [torch.Generator().manual_seed(key(seed, kind)) for seed in self.seeds]
            self.stock[kind] = torch.empty(0, len(self.seeds), *shape)
        while len(self.stock[kind]) < self.each:
            fresh = [draw(AHEAD, *shape, generator=stream) for stream in self.streams[kind]]
            self.stock[kind] = torch.cat([self.stock[kind], torch.stack(fresh, dim=1)])
        taken, self.stock[kind] = self.stock[kind][: self.each], self.stock[kind][self.each :]
        return taken.transpose(0, 1).reshape(self.total, *shape).to(self.like)


class FixedNoise(Noise):
    """The same draws for every item: row ``i * each + j`` of the pass at ``first`` is draw ``first + j``, whatever i.

    So an item's estimate is a function of the item alone. Draw k is point ``k // R`` of scrambling ``k % R``, with R of
    :func:`replicates`; numbers that one draw asks for in several calls come from scramblings of their own.
    """

    def __init__(self, items: int, each: int, like: Tensor, draws: int, seed: int) -> None:
        self.items, self.each, self.like, self.draws, self.seed = items, each, like, draws, seed
        self.rows, self.total, self.device, self.dtype = slice(None), items * each, str(like.device), like.dtype
        self.first = self.calls = 0

    def at(self, first: int) -> FixedNoise:
        """The noise of the pass that begins with draw ``first``."""
        self.first, self.calls = first, 0
        return self

    def _draw(self, draw: Any, shape: tuple[int, ...]) -> Tensor:
        points = _points(self.draws, math.prod(shape), self.seed, self.calls)
        self.calls += 1
        places = torch.arange(self.first, self.first + self.each) % self.draws  # beyond the last, nobody looks
        taken = points[places]
        taken = torch.special.ndtri(taken) if draw is torch.randn else taken
        return taken.to(self.like).reshape(self.each, *shape).repeat(self.items, *(1 for _ in shape))


@functools.lru_cache(maxsize=16)
def _points(draws: int, width: int, seed: int, call: int) -> Tensor:
    """``draws`` points in (0, 1)^width, float64: scrambled Sobol sequences side by side (Owen 1997)."""
    count = replicates(draws)
    length = -(-draws // count)
    own = [_scrambled(length, width, key(seed, "quasi-random", call, number)) for number in range(count)]
    return torch.stack(own, dim=1).reshape(length * count, width)[:draws]


def _scrambled(length: int, width: int, seed: int) -> Tensor:
    if not 0 < width <= WIDEST:
        return torch.rand(length, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    engine = torch.quasirandom.SobolEngine(width, scramble=True, seed=seed)  # type: ignore[no-untyped-call]
    drawn: Tensor = engine.draw(length, dtype=torch.float64) + 2.0**-31  # the middle of its cell, never 0
    return drawn.clamp(max=1 - 2.0**-31)
