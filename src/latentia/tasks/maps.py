"""Maps: where in a picture its score comes from, as warmth on the picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import conv1d, pad

__all__ = ["FINE", "WIDTH", "heat", "overlaid", "smoothed"]

WIDTH = 1 / 24  # of the blur, as a share of the shorter side
FINE = 1 / 64  # and of maps of patches, which are smooth already
LEAST = 0.1  # deviations of single pixels are at least this share of the typical one: a border that never varies is 0
COLD, HOT = 1.0, 6.0  # standard deviations at which warmth begins, and is full
WARM = (0.86, 0.08, 0.1)


def heat(contributions: NDArray[Any], spread: NDArray[Any], shape: Sequence[int], width: float = WIDTH) -> Tensor:
    """Contributions of pixels in standard deviations of calibration data, smoothed: ``(N, H, W)``.

    Args:
        contributions: of each pixel, less its mean over calibration data, ``(N, H * W)``.
        spread: its standard deviation there, ``(H * W,)``.
        shape: of the pictures, ``(N, C, H, W)``.
        width: of the blur, as a share of the shorter side.
    """
    deviation = torch.from_numpy(spread)
    typical = deviation.square().mean().sqrt()
    scaled = torch.from_numpy(contributions) / deviation.clamp(min=max(float(LEAST * typical), 1e-12))
    sides = shape[-2:]
    return smoothed(scaled.reshape(-1, *sides), max(0.5, width * min(sides)))


def smoothed(maps: Tensor, width: float) -> Tensor:
    """Maps ``(N, H, W)`` blurred by a normal distribution of this width in pixels; what is constant stays."""
    reach = min(int(3 * width) + 1, *(side - 1 for side in maps.shape[1:]))
    steps = torch.arange(-reach, reach + 1, dtype=maps.dtype)
    kernel = (-0.5 * (steps / width).square()).exp()
    kernel = (kernel / kernel.sum())[None, None]
    for _ in range(2):  # along the rows, then along the columns
        height, across = maps.shape[1:]
        rows = pad(maps, (reach, reach), mode="reflect").reshape(-1, 1, across + 2 * reach)
        maps = conv1d(rows, kernel).reshape(-1, height, across).transpose(1, 2)
    return maps


def overlaid(x: Tensor, maps: Tensor) -> Tensor:
    """Each picture beside itself with its map on it, ``(N, 3, H, 2 W)`` in [0, 1]."""
    grey = x[:, :3] if x.shape[1] >= 3 else x[:, :1].expand(-1, 3, -1, -1)
    warmth = ((maps.to(grey) - COLD) / (HOT - COLD)).clamp(0, 0.85)[:, None]
    warm = grey.new_tensor(WARM)[:, None, None]
    return torch.cat([grey, grey.mean(1, keepdim=True) * (1 - warmth) + warm * warmth], dim=-1)
