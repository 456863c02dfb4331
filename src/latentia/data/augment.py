"""What is drawn anew each time a training picture is seen; pictures that belong together share their draws."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

__all__ = ["jittered", "mirrored", "quantized"]


def mirrored(x: Tensor, flips: Tensor) -> Tensor:
    """Pictures ``(N, C, H, W)`` with those mirrored left to right whose entry in ``flips`` (N booleans) is true."""
    return torch.where(flips[:, None, None, None], x.flip(-1), x)


def jittered(x: Tensor, places: Tensor, share: float, levels: int | None) -> Tensor:
    """Pictures enlarged by ``share`` and cut back to their size, each at its own place.

    Args:
        x: ``(N, C, H, W)`` in [0, 1].
        places: ``(N, 2)`` in [0, 1): where the cut lies between top and bottom, left and right.
        share: 0.12 makes 286 pixels of 256.
        levels: the result is rounded to so many levels, as the pictures are; ``None`` for real numbers.
    """
    height, width = x.shape[2:]
    larger = (round(height * (1 + share)), round(width * (1 + share)))
    spare = torch.tensor([larger[0] - height + 1, larger[1] - width + 1])
    wide = interpolate(x, larger, mode="bilinear", align_corners=False)
    corners = (places * spare).long().tolist()
    cut = [each[:, top : top + height, left : left + width] for each, (top, left) in zip(wide, corners, strict=True)]
    return quantized(torch.stack(cut), levels) if cut else x


def quantized(x: Tensor, levels: int | None) -> Tensor:
    """``x`` in [0, 1] rounded to the nearest of so many levels; as it is for real numbers."""
    return x if levels is None else (x * (levels - 1)).round() / (levels - 1)
