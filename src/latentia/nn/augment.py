"""What a critic may be shown in place of pictures: each moved, turned, cut or coloured by draws of its own.

Pure functions of pictures ``(N, channels, height, width)`` and of one number per picture: any channel count, sides of
any length, nothing read on the host, nothing done in place. Gradients reach the pictures, second ones too (by indexing:
torch's own sampler of grids has no second derivative). Colours are on the scale of the nets, where a picture's range is
[-1, 1] and 0 is the grey in the middle.

References:
    Differentiable Augmentation for Data-Efficient GAN Training (Zhao et al., 2020), https://arxiv.org/abs/2006.10738
    Training Generative Adversarial Networks with Limited Data (Karras et al., 2020), https://arxiv.org/abs/2006.06676
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from latentia.core import Noise

FAR = 0.125  # of a side: how far a picture is moved
HOLE = 0.5  # of a side: the box that is cut out


def moved(x: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Pictures moved by whole pixels ``(N,)``, which may be negative; what comes in is 0."""
    height, width = x.shape[-2:]
    rows = (torch.arange(height, device=x.device) - down[:, None])[:, :, None]
    columns = (torch.arange(width, device=x.device) - right[:, None])[:, None, :]
    inside = (rows == rows.clamp(0, height - 1)) & (columns == columns.clamp(0, width - 1))
    return _picked(x, rows.clamp(0, height - 1) * width + columns.clamp(0, width - 1)) * inside[:, None]


def holed(x: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """Pictures with a box of half their sides set to 0: around ``row`` and ``column``, shares of the sides ``(N,)``."""
    outside = [
        ((torch.arange(side, device=x.device) + 0.5) / side - middle[:, None]).abs() > 0.5 * HOLE
        for side, middle in zip(x.shape[-2:], (row, column), strict=True)
    ]
    return x * (outside[0][:, None, :, None] | outside[1][:, None, None, :])


def brightened(x: Tensor, by: Tensor) -> Tensor:
    """Pictures with ``by`` ``(N,)`` added to all that they hold."""
    return x + _each(by)


def contrasted(x: Tensor, times: Tensor) -> Tensor:
    """Pictures ``times`` ``(N,)`` as far from their own mean."""
    return _stretched(x, x.mean((1, 2, 3), keepdim=True), times)


def saturated(x: Tensor, times: Tensor) -> Tensor:
    """Pictures of 3 channels ``times`` ``(N,)`` as far from their grey; others, which have no colour, as they are."""
    return _stretched(x, x.mean(1, keepdim=True), times) if x.shape[1] == 3 else x


def mirrored(x: Tensor, which: Tensor) -> Tensor:
    """Pictures with left and right exchanged where ``which`` ``(N,)`` is true."""
    return torch.where(_each(which), x.flip(-1), x)


def turned(x: Tensor, quarters: Tensor) -> Tensor:
    """Pictures turned by ``quarters`` ``(N,)`` of a circle, 0 to 3; only halves, 0 and 2, where they are not square."""
    if x.shape[-1] == x.shape[-2]:
        x = torch.where(_each(quarters % 2 == 1), x.rot90(1, (-2, -1)), x)
    return torch.where(_each(quarters >= 2), x.flip(-2, -1), x)


def warped(x: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """Pictures read, by linear interpolation, at ``matrix`` times the place, as seen from the middle, plus ``offset``.

    Beyond an edge a picture goes on as its mirror image.

    Args:
        x: ``(N, channels, height, width)``.
        matrix: ``(N, 2, 2)``, of (down, right) in pixels; a factor of 2 on its diagonal halves what is seen.
        offset: ``(N, 2)`` in pixels.
    """
    height, width = x.shape[-2:]
    down = (torch.arange(height, device=x.device, dtype=x.dtype) - 0.5 * (height - 1))[None, :, None]
    right = (torch.arange(width, device=x.device, dtype=x.dtype) - 0.5 * (width - 1))[None, None, :]
    # written out: a matrix product might be computed in few bits
    rows, columns = (
        _inside(_grid(matrix[:, i, 0]) * down + _grid(matrix[:, i, 1]) * right + _grid(offset[:, i]), side)
        for i, side in enumerate((height, width))
    )
    above, left = rows.floor(), columns.floor()
    low, far = (rows - above)[:, None], (columns - left)[:, None]
    right_of, below = (left + 1).clamp(max=width - 1), (above + 1).clamp(max=height - 1)
    top, bottom = (
        torch.lerp(_picked(x, row * width + left), _picked(x, row * width + right_of), far) for row in (above, below)
    )
    return torch.lerp(top, bottom, low)


def differentiable(x: Tensor, noise: Noise) -> Tensor:
    """Every picture with other colours, moved, and with a hole: DiffAugment's three kinds, all of them always.

    Brightness changes by up to half the distance from grey to white, saturation up to twofold, contrast by a factor of
    0.5 to 1.5; it is moved by up to an eighth of its sides, and a box of half its sides is cut out.
    """
    brightness, saturation, contrast, down, right, row, column = noise.uniform(7).to(x).unbind(1)
    x = brightened(x, brightness - 0.5)
    x = saturated(x, 2 * saturation)
    x = contrasted(x, contrast + 0.5)
    x = moved(x, _pixels(down, x.shape[-2]), _pixels(right, x.shape[-1]))
    return holed(x, row, column)


def adaptive(x: Tensor, noise: Noise, p: Tensor) -> Tensor:
    """Each change made to each picture with probability ``p``, on its own; ``p`` of 0 changes nothing, exactly.

    The groups that Karras et al. 2020 found best (their figure 4), with their distributions: pixels keep theirs
    (mirror, quarter turns, whole pixels), they are resampled (size, one side's share, angle, parts of pixels), colours
    (brightness, contrast, saturation). Left out: their second rotation, hue, luma flip, and the filter that they
    sharpen the resampling with.

    Below a ``p`` of 1 some pictures are left as they are, and a generator that makes changed ones can be told by them:
    changes do not leak into samples (their section 2.2; in practice up to 0.8).
    """
    chances, uniform, normal = noise.uniform(10), noise.uniform(5).to(x), noise.normal(7).to(x)
    on = chances.to(x) < p.to(x)
    x = mirrored(x, on[:, 0] & (uniform[:, 0] < 0.5))
    x = turned(x, (on[:, 1] * (4 * uniform[:, 1]).floor()).long())
    angle = torch.where(on[:, 2], 2 * math.pi * uniform[:, 2], 0.0)
    larger, longer = torch.where(on[:, 3:5], 0.2 * normal[:, :2], 0.0).exp2().unbind(1)
    whole = torch.stack([_pixels(uniform[:, 3 + i], x.shape[-2 + i]) for i in range(2)], 1)
    part = torch.stack([FAR * x.shape[-2 + i] * normal[:, 2 + i] for i in range(2)], 1)
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).unflatten(1, (2, 2))
    scale = torch.stack([larger * longer, larger / longer], 1)
    x = warped(x, turn * scale[:, None], torch.where(on[:, 5:6], whole, 0.0) + torch.where(on[:, 6:7], part, 0.0))
    x = brightened(x, torch.where(on[:, 7], 0.2 * normal[:, 4], 0.0))
    x = contrasted(x, torch.where(on[:, 8], 0.5 * normal[:, 5], 0.0).exp2())
    return saturated(x, torch.where(on[:, 9], normal[:, 6], 0.0).exp2())


def _each(numbers: Tensor) -> Tensor:
    """One number per picture, for all that it holds."""
    return numbers[:, None, None, None]


def _grid(numbers: Tensor) -> Tensor:
    """One number per picture, for all places of its grid."""
    return numbers[:, None, None]


def _stretched(x: Tensor, middle: Tensor, times: Tensor) -> Tensor:
    """``x`` at ``times`` its distance from ``middle``; at once that distance it is ``x`` exactly."""
    return x + (_each(times) - 1) * (x - middle)


def _pixels(uniform: Tensor, side: int) -> Tensor:
    """Whole pixels up to an eighth of a side (rounded) either way, each as likely, from numbers in [0, 1)."""
    most = int(FAR * side + 0.5)
    return (uniform * (2 * most + 1)).floor() - most


def _inside(place: Tensor, side: int) -> Tensor:
    """Places seen from the middle as places from 0 to ``side - 1``, mirrored at the edges."""
    once = max(2 * (side - 1), 1)
    there = (place + 0.5 * (side - 1)).abs() % once
    return torch.minimum(there, once - there).clamp(0, side - 1)


def _picked(x: Tensor, places: Tensor) -> Tensor:
    """The pixels at ``places`` ``(N, height, width)``, whole numbers that count them row by row."""
    each = places.long().flatten(1)[:, None].expand(-1, x.shape[1], -1)
    return x.flatten(2).gather(2, each).view_as(x)
