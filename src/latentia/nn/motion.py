"""Motions by chance: flows that are known exactly, smooth over the picture, and the same at any resolution.

A film that a model translates is steady if a thing that moves is translated to the same thing, moved. A flow that is
made up is known exactly, needs one picture, and no net that estimates it (Wang, Akash and Misu 2022, "Learning
Temporally and Semantically Consistent Unpaired Video-to-video Translation Through Pseudo-Supervision From Synthetic
Optical Flow", https://arxiv.org/abs/2201.05723; theirs has no scale and no turn, and bends in pixels).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from latentia.core import Noise

SHIFT, BEND = 0.04, 0.03  # of the shorter side: how far all of a picture, and parts of it, are moved at most
SCALE, TURN = 0.06, 0.06  # log of a factor; radians
POINTS = 4  # a side, by which parts are moved


class Motion(NamedTuple):
    """A motion for each picture of a batch.

    Attributes:
        places: where each pixel is read from, ``(N, H, W, 2)`` as (right, down), from -1 to 1 between outer edges.
        inside: whether that lies in the picture, ``(N, 1, H, W)``, 1 or 0.
    """

    places: Tensor
    inside: Tensor

    def of(self, x: Tensor) -> Tensor:
        """Pictures ``(N, C, H, W)``, moved; beyond an edge they go on as their mirror image."""
        return grid_sample(x, self.places.to(x), padding_mode="reflection", align_corners=False)

    def error(self, one: Tensor, two: Tensor) -> Tensor:
        """The mean absolute difference of moved pictures where they show what was inside, ``(N,)``."""
        seen = self.inside.to(one)
        off = (seen * (one - two).abs()).flatten(1).sum(1)
        return off / (one.shape[1] * seen.flatten(1).sum(1)).clamp(min=1)


def motion(noise: Noise, x: Tensor) -> Motion:
    """A shift, a scale, a turn and a smooth bend, drawn for each picture of ``x`` ``(N, C, H, W)``.

    All lengths are shares of the shorter side, so that a picture of twice the resolution moves by twice as many pixels.
    """
    height, width = x.shape[2:]
    drawn = 2 * noise.uniform(4 + 2 * POINTS**2).to(x) - 1
    right, down, scale, turn = (number[:, None, None] for number in drawn[:, :4].unbind(1))
    short = min(height, width)
    across = ((torch.arange(width, device=x.device, dtype=x.dtype) + 0.5 - width / 2) / short).view(1, 1, -1)
    along = ((torch.arange(height, device=x.device, dtype=x.dtype) + 0.5 - height / 2) / short).view(1, -1, 1)
    bend = interpolate(
        drawn[:, 4:].reshape(-1, 2, POINTS, POINTS), (height, width), mode="bicubic", align_corners=False
    )
    factor, angle = (SCALE * scale).exp(), TURN * turn
    cosine, sine = factor * angle.cos(), factor * angle.sin()
    columns = cosine * across - sine * along + SHIFT * right + BEND * bend[:, 0]
    rows = sine * across + cosine * along + SHIFT * down + BEND * bend[:, 1]
    places = torch.stack([columns * (2 * short / width), rows * (2 * short / height)], -1)
    return Motion(places, (places.abs() <= 1).all(-1)[:, None].to(x))
