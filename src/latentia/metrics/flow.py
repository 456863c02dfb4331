"""Steadiness of films: do the pictures that were made move as the film they were made from moves?

The flow is always that of the film that went in: Lucas and Kanade's least squares in a window (1981), from coarse to
fine (Bouguet 2000), at every pixel. The warping error is Lai et al.'s 2018, https://arxiv.org/abs/1808.00449, tOF that
of Chu et al. 2020, https://arxiv.org/abs/1811.09393; both took another flow, so figures compare within this library.

A constant picture has no warping error: read either beside a measure of quality, and beside those of the film that
went in and of a translation frame by frame.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, grid_sample, interpolate, pad

from latentia.errors import BadData

__all__ = ["flow", "flow_difference", "seen_again", "warped", "warping_error"]

LUMA = (0.299, 0.587, 0.114)
SMALLEST = 12  # pixels of a side of the coarsest pictures
STEPS = 5  # corrections at each scale
WINDOW = 3.0  # the deviation of the window, in pixels
LEAST, SHARE = 1e-6, 0.01  # and this share of their mean, are added to squared slopes: where all is flat nothing moves


def flow(first: Tensor, second: Tensor) -> Tensor:
    """Where each pixel of ``first`` lies in ``second``: ``(N, 2, H, W)``, pixels to the right and down.

    Args:
        first: pictures ``(N, C, H, W)`` in [0, 1] with C of 1 or 3.
        second: those that follow them.

    Raises:
        BadData: shapes that differ, or are no pictures.
    """
    if first.shape != second.shape or first.dim() != 4 or first.shape[1] not in (1, 3):
        raise BadData(
            f"flow is from (N, 1 or 3, H, W) to as many; these are {tuple(first.shape)}, {tuple(second.shape)}"
        )
    scales = [(_grey(first), _grey(second))]
    while min(scales[-1][0].shape[-2:]) >= 2 * SMALLEST:
        scales.append((avg_pool2d(_blurred(scales[-1][0], 1.0), 2), avg_pool2d(_blurred(scales[-1][1], 1.0), 2)))
    found = scales[-1][0].new_zeros(len(first), 2, *scales[-1][0].shape[-2:])
    for one, two in reversed(scales):
        if found.shape[-2:] != one.shape[-2:]:
            found = 2 * interpolate(found, one.shape[-2:], mode="bilinear", align_corners=False)
        found = _corrected(found, one, two)
    return found


def warped(x: Tensor, moved: Tensor) -> Tensor:
    """Pictures seen at the places that a flow ``(N, 2, H, W)`` points to; outside, what is at the border."""
    height, width = x.shape[-2:]
    down = torch.arange(height, dtype=x.dtype, device=x.device)[:, None] + moved[:, 1]
    across = torch.arange(width, dtype=x.dtype, device=x.device) + moved[:, 0]
    places = torch.stack([(2 * across + 1) / width - 1, (2 * down + 1) / height - 1], -1)
    return grid_sample(x, places, padding_mode="border", align_corners=False)


def seen_again(forward: Tensor, back: Tensor) -> Tensor:
    """Whether pixels are seen in both pictures, ``(N, 1, H, W)``: there and back they are where they were.

    The bound is Sundaram et al.'s 2010; what leaves the picture is not seen again.
    """
    height, width = forward.shape[-2:]
    returned = warped(back, forward)
    gap = (forward + returned).square().sum(1, keepdim=True)
    bound = 0.01 * (forward.square() + returned.square()).sum(1, keepdim=True) + 0.5
    down = torch.arange(height, device=forward.device)[:, None] + forward[:, 1:]
    across = torch.arange(width, device=forward.device) + forward[:, :1]
    inside = (down > -0.5) & (down < height - 0.5) & (across > -0.5) & (across < width - 0.5)
    return (gap < bound) & inside


def warping_error(made: Tensor, source: Tensor) -> Tensor:
    """How much each frame of a film differs from the next, brought back by the flow of ``source``: ``(T - 1,)``.

    Args:
        made: frames ``(T, C, H, W)`` in [0, 1], in the order of time.
        source: the frames they were made from, ``(T, 1 or 3, H, W)``.

    Returns:
        The mean squared difference per value, over pixels that are seen in both frames; 0 where none is.

    Raises:
        BadData: other numbers of frames or sizes, or fewer than two frames.
    """
    if len(made) != len(source) or made.shape[2:] != source.shape[2:] or len(made) < 2:
        raise BadData(f"frames {tuple(made.shape)} of frames {tuple(source.shape)}: as many, as large, two or more")
    forward, back = flow(source[:-1], source[1:]), flow(source[1:], source[:-1])
    seen = seen_again(forward, back).to(made)
    error = (made[:-1] - warped(made[1:], forward)).square().mean(1, keepdim=True)
    return (seen * error).sum((1, 2, 3)) / seen.sum((1, 2, 3)).clamp(min=1)


def flow_difference(made: Tensor, truth: Tensor) -> Tensor:
    """tOF: how far the flow of a film is from that of the true one, in pixels on the mean, ``(T - 1,)``.

    Without a truth the film that went in takes its place.

    Raises:
        BadData: other numbers of frames or sizes, or fewer than two frames.
    """
    if len(made) != len(truth) or made.shape[2:] != truth.shape[2:] or len(made) < 2:
        raise BadData(f"frames {tuple(made.shape)} of frames {tuple(truth.shape)}: as many, as large, two or more")
    gap = flow(made[:-1], made[1:]) - flow(truth[:-1], truth[1:])
    return gap.square().sum(1).sqrt().mean((1, 2))


def _corrected(found: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """The flow after a few steps of least squares: the slopes of ``first`` times the step explain what is left.

    After each step places where little is to be seen take over from those around them where more is.
    """
    across, down = _slopes(first)
    xx, xy, yy = (_blurred(each, WINDOW) for each in (across * across, across * down, down * down))
    least = LEAST + SHARE * (xx + yy).mean((1, 2, 3), keepdim=True)
    xx, yy = xx + least, yy + least
    determinant = xx * yy - xy * xy
    trust = determinant / (xx + yy)
    around = _blurred(trust, WINDOW)
    for _ in range(STEPS):
        rest = first - warped(second, found)
        x, y = _blurred(across * rest, WINDOW), _blurred(down * rest, WINDOW)
        step = torch.cat([yy * x - xy * y, xx * y - xy * x], 1) / determinant
        found = found + step.clamp(-1, 1)
        found = torch.cat([_blurred(trust * part, WINDOW) / around for part in (found[:, :1], found[:, 1:])], 1)
    return found


def _grey(x: Tensor) -> Tensor:
    if x.shape[1] == 1:
        return x
    return (x * x.new_tensor(LUMA).reshape(1, 3, 1, 1)).sum(1, keepdim=True)


def _slopes(x: Tensor) -> tuple[Tensor, Tensor]:
    wide = pad(x, (1, 1, 1, 1), mode="replicate")
    return (wide[..., 1:-1, 2:] - wide[..., 1:-1, :-2]) / 2, (wide[..., 2:, 1:-1] - wide[..., :-2, 1:-1]) / 2


def _blurred(x: Tensor, deviation: float) -> Tensor:
    """A Gaussian blur of one channel, borders repeated."""
    reach = int(3 * deviation)
    places = torch.arange(-reach, reach + 1, dtype=x.dtype, device=x.device)
    weights = torch.exp(-0.5 * (places / deviation).square())
    weights = weights / weights.sum()
    x = conv2d(pad(x, (reach, reach, 0, 0), mode="replicate"), weights.reshape(1, 1, 1, -1))
    return conv2d(pad(x, (0, 0, reach, reach), mode="replicate"), weights.reshape(1, 1, -1, 1))
