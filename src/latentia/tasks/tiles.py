"""Tiles: a picture that is too large for memory, worked on part by part as if it were whole.

Three things make seams where a net works on parts. Norms that take each part's own mean and deviation change its
colours: here all parts are normalised by the statistics of the whole picture. Convolutions see another border: parts
overlap, and what lies near a cut is thrown away. What a net sees farther than that is blended from part to part.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from latentia.core import Moments, moments_of
from latentia.errors import BadField

__all__ = ["Shared", "Window", "side_of", "tiled", "windows"]

MARGIN = 128  # pixels of a tile that lie around its core, at most
STILL = 1e-3  # statistics that move by less, in deviations of their channel, are those of the whole picture
EPSILON = 1e-5

Work = Callable[[Tensor, Moments], Tensor]


@dataclass(frozen=True)
class Window:
    """One tile along one axis: it reads ``start`` to ``stop``, and what it alone stands for is ``first`` to ``last``.

    ``weight`` blends what was made of it with its neighbours: over all windows they sum to 1.
    """

    start: int
    stop: int
    first: int
    last: int
    weight: Tensor

    def core(self, length: int) -> slice:
        """Where its core lies in features of this length."""
        scale = length / (self.stop - self.start)
        return slice(round((self.first - self.start) * scale), round((self.last - self.start) * scale))


def windows(side: int, tile: int, margin: int) -> list[Window]:
    """Tiles of one length that cover an axis; cores of neighbours meet, and the tiles reach ``margin`` beyond them."""
    if side <= tile:
        return [Window(0, side, 0, side, torch.ones(side))]
    found = []
    for first in range(0, side, tile - 2 * margin):
        last = min(first + tile - 2 * margin, side)
        start = min(max(first - margin, 0), side - tile)
        places = torch.arange(start, start + tile) + 0.5
        weight = _rise(places, first, margin) if first else torch.ones(tile)
        if last < side:
            weight = weight * (1 - _rise(places, last, margin))
        found.append(Window(start, start + tile, first, last, weight))
    return found


def _rise(places: Tensor, middle: int, width: int) -> Tensor:
    """From 0 to 1 over ``width`` pixels around a border of cores: the outer half of a margin is thrown away."""
    return ((places - middle) / width + 0.5).clamp(0, 1)


class Shared:
    """Normalisation statistics that all tiles share (:data:`latentia.core.Moments`), found by passing over them.

    In the first pass each tile has its own. After pass k the first k norms have those of the whole picture: what enters
    the next one no longer depends on how the picture was cut.
    """

    def __init__(self) -> None:
        self.known: list[tuple[Tensor, Tensor]] = []
        self.sums: list[tuple[Tensor, Tensor]] = []
        self.norm, self.share = 0, 1.0
        self.cores: tuple[Window, Window] | None = None

    def begin(self, down: Window, across: Window, share: float) -> None:
        """A tile follows, whose core is this share of the picture."""
        self.norm, self.share, self.cores = 0, share, (down, across)

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.cores is not None:  # what lies around the core is another tile's
            down, across = self.cores
            x = x[..., down.core(x.shape[-2]), across.core(x.shape[-1])]
        mean, square = moments_of(x)
        wide = self.share * mean.double(), self.share * square.double()
        if self.norm == len(self.sums):
            self.sums.append(wide)
        else:
            before = self.sums[self.norm]
            self.sums[self.norm] = before[0] + wide[0], before[1] + wide[1]
        used = self.known[self.norm] if self.known else (mean, square)
        self.norm += 1
        return used[0].to(mean), used[1].to(square)

    def finish(self) -> bool:
        """All tiles were seen: take what they say; whether the tiles had that already."""
        found, self.sums = self.sums, []
        before, self.known = self.known, found
        if not before:
            return not found
        return max(_moved(one, two) for one, two in zip(before, found, strict=True)) < STILL


def _moved(one: tuple[Tensor, Tensor], two: tuple[Tensor, Tensor]) -> float:
    """How far mean and deviation of a channel moved, in deviations, at most."""
    (mean, deviation), (was, before) = ((m, (s - m.square()).clamp_min(0).add(EPSILON).sqrt()) for m, s in (two, one))
    return float(torch.maximum((mean - was).abs() / deviation, (deviation / before - 1).abs()).max())


def tiled(x: Tensor, work: Work, tile: int, multiple: int) -> Tensor:
    """What ``work`` makes of one picture ``(1, C, H, W)``, tile by tile.

    Args:
        x: a picture whose sides are multiples of ``multiple``.
        work: from a part of it and the statistics to normalise by to as large a picture, on the CPU.
        tile: pixels of a tile's side; it is brought down to a multiple.
        multiple: that of the net.

    Raises:
        BadField: the tile is too small for the net.
    """
    tile = side_of(tile, multiple)
    margin = max(multiple, min(tile // 4, MARGIN) // multiple * multiple)
    height, width = x.shape[2:]
    grid = list(itertools.product(windows(height, tile, margin), windows(width, tile, margin)))
    shared, done = Shared(), False
    made = torch.empty(0)
    while not done:  # ends: each pass settles one more norm
        made = _passed(x, grid, shared, work)
        done = len(grid) == 1 or shared.finish()
    return made


def _passed(x: Tensor, grid: list[tuple[Window, Window]], shared: Shared, work: Work) -> Tensor:
    """What was made of all tiles, blended."""
    height, width = x.shape[2:]
    made = torch.empty(0)
    for down, across in grid:
        shared.begin(down, across, (down.last - down.first) * (across.last - across.first) / (height * width))
        part = work(x[:, :, down.start : down.stop, across.start : across.stop], shared)
        if not made.numel():
            made = part.new_zeros(*part.shape[:2], height, width)
        weight = down.weight[:, None] * across.weight
        made[:, :, down.start : down.stop, across.start : across.stop] += weight * part
    return made


def side_of(tile: int, multiple: int) -> int:
    """A tile's side as a net of this multiple takes it.

    Raises:
        BadField: it is too small.
    """
    least = max(4 * multiple, 32)
    if tile < least:
        raise BadField(f"--tile is {tile}; tiles for this net have at least {least} pixels a side")
    return tile // multiple * multiple
