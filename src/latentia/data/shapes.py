"""Shapes with known factors: square, ellipse and heart, rendered here, 737,280 pictures without holding them.

The factors are those of the dSprites data set of Matthey, Higgins, Hassabis and Lerchner (2017): one colour (white), 3
shapes, 6 scales linear in [0.5, 1], 40 orientations in [0, 2 pi] (the first and the last look the same, as there),
32 x 32 positions in [0, 1]. The pictures are our own: implicit functions on 64 x 64 pixels, without antialiasing, one
pixel from position to position, and no shape leaves the frame. The order is dSprites' too: the index counts through
the factors with the vertical position fastest.

>>> shapes = Shapes()
>>> len(shapes), shapes.factors(torch.tensor([33])).tolist()
(737280, [[0, 0, 0, 0, 1, 1]])
>>> shapes.gather(torch.tensor([0, 737279])).shape
torch.Size([2, 1, 64, 64])
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["FACTORS", "NAMES", "SIDE", "SIZES", "Shapes"]

SIDE = 64
NAMES = ("square", "ellipse", "heart")
FACTORS: dict[str, tuple[float, ...]] = {
    "color": (1.0,),
    "shape": (1.0, 2.0, 3.0),
    "scale": tuple(float(value) for value in np.linspace(0.5, 1, 6)),
    "orientation": tuple(float(value) for value in np.linspace(0, 2 * math.pi, 40)),
    "x": tuple(float(value) for value in np.linspace(0, 1, 32)),
    "y": tuple(float(value) for value in np.linspace(0, 1, 32)),
}
SIZES = tuple(len(values) for values in FACTORS.values())
REACH = 16  # pixels from the centre that a sprite may need; the largest shape reaches 12.6


class Shapes:
    """All pictures of the set, made when they are gathered (it fulfils :class:`latentia.data.source.Values`).

    A picture is a window onto one of 720 sprites (shape, scale, orientation) on a wide black ground: moving the window
    moves the shape, so a batch is a copy of windows and the sprites take 6.5 MB.
    """

    def __init__(self) -> None:
        wide = SIDE + SIZES[5] - 1
        canvas = torch.zeros(math.prod(SIZES[:4]), wide, wide)
        middle = slice(wide // 2 - REACH, wide // 2 + REACH)
        canvas[:, middle, middle] = sprites()
        self.windows = canvas.unfold(1, SIDE, 1).unfold(2, SIDE, 1)  # (sprite, y, x, 64, 64), a view

    def __len__(self) -> int:
        return math.prod(SIZES)

    def gather(self, rows: Tensor) -> Tensor:
        """The pictures at these indices, ``(N, 1, 64, 64)`` of 0 and 1."""
        last = SIZES[5] - 1
        sprite, x, y = rows // (SIZES[4] * SIZES[5]), rows // SIZES[5] % SIZES[4], rows % SIZES[5]
        return self.windows[sprite, last - y, last - x].unsqueeze(1)

    @staticmethod
    def factors(rows: Tensor) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The place of each factor among its values, ``(N, 6)`` in the order of :data:`FACTORS`."""
        return np.stack(np.unravel_index(rows.numpy(), SIZES), axis=1).astype(np.int64)

    @staticmethod
    def index(factors: np.ndarray[Any, Any]) -> Tensor:
        """The indices of the pictures with these factors: the inverse of :meth:`factors`."""
        return torch.from_numpy(np.ravel_multi_index(tuple(np.asarray(factors).T), SIZES))


def sprites() -> Tensor:
    """Every shape at every scale and orientation around its centre, ``(720, 32, 32)`` of 0 and 1."""
    ticks = torch.arange(2 * REACH, dtype=torch.float64) - REACH + 0.5
    down, right = torch.meshgrid(ticks, ticks, indexing="ij")
    drawn = []
    for inside in (_square, _ellipse, _heart):
        for scale in FACTORS["scale"]:
            for angle in FACTORS["orientation"]:
                u = (math.cos(angle) * right + math.sin(angle) * down) / scale
                v = (math.cos(angle) * down - math.sin(angle) * right) / scale
                drawn.append(inside(u, v))
    return torch.stack(drawn).to(torch.float32)


def _square(u: Tensor, v: Tensor) -> Tensor:
    return torch.maximum(u.abs(), v.abs()) <= 8.5


def _ellipse(u: Tensor, v: Tensor) -> Tensor:
    return (u / 12) ** 2 + (v / 7.5) ** 2 <= 1


def _heart(u: Tensor, v: Tensor) -> Tensor:
    """The sextic (a^2 + b^2 - 1)^3 = a^2 b^3, upright, centred on the middle of its height."""
    a, b = u / 8.8, -v / 8.8 + 0.118
    return (a**2 + b**2 - 1) ** 3 <= a**2 * b**3
