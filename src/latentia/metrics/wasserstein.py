"""Sliced Wasserstein distance between patches of Laplacian pyramids: one figure per size of detail, no weights.

Karras et al. 2018, "Progressive Growing of GANs", https://arxiv.org/abs/1710.10196, section 5; the pyramid is Burt &
Adelson 1983's with their 5 x 5 binomial kernel.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from latentia.core import key
from latentia.errors import BadData

__all__ = ["Level", "laplacian", "levels_of", "sliced_wasserstein"]

PATCH = 7  # side of a patch
SMALLEST = 14  # side below which no level is made: 28 px have two levels, 64 px three
BATCH = 512  # pictures whose pyramid is made at once

Floats = NDArray[np.float32]


class Level(NamedTuple):
    """The distance at one size of the pyramid: the finest details first, what is left of the picture last."""

    height: int
    width: int
    distance: float  # x 1e3, as published


def levels_of(height: int, width: int) -> list[tuple[int, int]]:
    """The sizes of the pyramid: halved, rounded up, as long as the shorter side keeps 14 pixels."""
    sizes = [(height, width)]
    while (min(sizes[-1]) + 1) // 2 >= SMALLEST:
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes


def laplacian(images: Tensor) -> list[Tensor]:
    """Laplacian pyramid of ``(N, C, H, W)``: each level is what the next cannot show; the last is a small picture."""
    levels = [images]
    for _ in levels_of(images.shape[2], images.shape[3])[1:]:
        smaller = _blurred(levels[-1])[:, :, ::2, ::2]
        spread = torch.zeros_like(levels[-1])
        spread[:, :, ::2, ::2] = smaller
        levels[-1] = levels[-1] - 4 * _blurred(spread)
        levels.append(smaller)
    return levels


def _blurred(images: Tensor) -> Tensor:
    row = torch.tensor([1.0, 4, 6, 4, 1]).to(images) / 16
    channels = images.shape[1]
    kernel = (row[:, None] * row).expand(channels, 1, 5, 5)
    return functional.conv2d(functional.pad(images, (2, 2, 2, 2), mode="reflect"), kernel, groups=channels)


def sliced_wasserstein(
    a: Tensor,
    b: Tensor,
    patches: int = 128,
    projections: int = 512,
    descriptors: int = 2**16,
    seed: int = 0,
) -> list[Level]:
    """The sliced 1-Wasserstein distance between the 7 x 7 patches of two sets of pictures, level by level.

    Patches are brought to mean 0 and deviation 1 per channel within each set, as published: the figure speaks of
    texture and shape and is blind to overall brightness and contrast.

    Args:
        a: pictures ``(N, C, H, W)``; any channels and sizes (patches are smaller where pictures have not 7 pixels).
        b: pictures ``(M, C, H, W)``; as many as the smaller set has are drawn from the larger.
        patches: of each picture and level; fewer where ``descriptors`` would be exceeded.
        projections: random directions that patches are sorted along.
        descriptors: at most this many patches of a set and level, which bounds memory and time.
        seed: of pictures, places and directions.

    Raises:
        BadData: not two sets of pictures of one shape.
    """
    if a.ndim != 4 or a.shape[1:] != b.shape[1:] or min(a.shape[2:]) < 3 or not len(a) or not len(b):
        raise BadData(
            f"patches need two sets of pictures of one shape (N, C, H, W) from 3 pixels; these are {tuple(a.shape)} "
            f"and {tuple(b.shape)}"
        )
    generator = np.random.default_rng(key(seed, "sliced wasserstein"))
    count = min(len(a), len(b))
    each = max(1, min(patches, descriptors // count))
    first, second = (_patches(_some(images, count, generator), each, generator) for images in (a, b))
    sizes = levels_of(*a.shape[2:])
    return [
        Level(*size, 1e3 * _distance(_normal(x), _normal(y), projections, generator))
        for size, x, y in zip(sizes, first, second, strict=True)
    ]


def _some(images: Tensor, count: int, generator: np.random.Generator) -> Tensor:
    """``count`` of the pictures; all of them in their order if there are no more."""
    if count == len(images):
        return images
    return images[torch.from_numpy(generator.permutation(len(images))[:count])]


def _patches(images: Tensor, each: int, generator: np.random.Generator) -> list[Floats]:
    """Random patches of every level, ``(N * each, C, side, side)``."""
    found: list[list[Floats]] = []
    for part in torch.split(images, BATCH):
        levels = [_cut(level, each, generator) for level in laplacian(part.float().cpu())]
        found.append(levels)
    return [np.concatenate(level) for level in zip(*found, strict=True)]


def _cut(images: Tensor, each: int, generator: np.random.Generator) -> Floats:
    count, channels, height, width = images.shape
    side = min(PATCH, height, width)
    top = torch.from_numpy(generator.integers(0, height - side + 1, (count, each, 1, 1, 1)))
    left = torch.from_numpy(generator.integers(0, width - side + 1, (count, each, 1, 1, 1)))
    steps = torch.arange(side)
    picture = torch.arange(count).view(-1, 1, 1, 1, 1)
    channel = torch.arange(channels).view(-1, 1, 1)
    cut = images[picture, channel, top + steps[:, None], left + steps]
    patches: Floats = cut.flatten(0, 1).numpy()
    return patches


def _normal(patches: Floats) -> Floats:
    mean, deviation = patches.mean((0, 2, 3), keepdims=True, dtype=np.float64), patches.std((0, 2, 3), keepdims=True)
    normal: Floats = ((patches - mean) / np.maximum(deviation, 1e-6)).reshape(len(patches), -1).astype(np.float32)
    return normal


def _distance(x: Floats, y: Floats, projections: int, generator: np.random.Generator) -> float:
    """The mean over directions of the 1-Wasserstein distance: sorted numbers, one by one."""
    directions = generator.normal(size=(x.shape[1], projections))
    directions /= np.linalg.norm(directions, axis=0)
    total = 0.0
    for some in np.array_split(directions.astype(np.float32), max(1, projections // 32), axis=1):
        first, second = (np.sort((some.T @ each.T), axis=1) for each in (x, y))
        total += float(np.abs(first - second).mean(1, dtype=np.float64).sum())
    return total / projections
