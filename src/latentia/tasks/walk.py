"""Walk: an interpolation whose steps are measured in the pictures, and made even there if asked.

Equal steps in latent space are not equal steps in the pictures: a decoder stretches some places and squeezes others.
The distance between neighbouring frames in a perceptual feature says how much; their sum is the perceptual length of
the walk, their coefficient of variation its evenness. An even walk takes the same way at another pace: by arc length.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from latentia.errors import BadField
from latentia.metrics.features import Extractor
from latentia.tasks.encode import decode
from latentia.tasks.interpolate import along, legs_of, regular
from latentia.tasks.working import Net, parts

__all__ = ["Features", "Walk", "blurred", "distances", "walk"]

Array = NDArray[np.float64]
Features = Extractor  # pictures or rows of a table (N, *shape) to (N, D)

FINE = 8  # places of the first measurement, for each step
ROUNDS = 10  # of re-spacing, at most
EVEN = 0.01  # steps that vary less than this are even


@dataclass(frozen=True)
class Walk:
    """A walk through latent space and what it looks like.

    Attributes:
        z: its latents, ``(frames, latent)``.
        x: its frames, ``(frames, *shape)``, float32 on the CPU.
        steps: the distance from each frame to the next in the feature, in a loop also that from the last to the
            first; float64 ``(frames - 1)`` or ``(frames)``.
        stops: the frame that each end is met at; exactly.
        label: shares of the classes at each frame, ``(frames, classes)``, of a walk between labels.
    """

    z: Tensor
    x: Tensor
    steps: Array
    stops: tuple[int, ...]
    label: Tensor | None = None

    @property
    def length(self) -> float:
        """The perceptual length of the walk: the sum of its steps.

        Not the "perceptual path length" of StyleGAN (Karras et al., 2019), which is a mean of squared speeds over
        random walks; this is the length of one.
        """
        return float(self.steps.sum())

    @property
    def unevenness(self) -> float:
        """The coefficient of variation of the steps, their deviation over their mean: 0 is perfectly even."""
        return variation(self.steps)


def walk(
    net: Net,
    ends: Tensor,
    steps: int = 9,
    how: str = "slerp",
    loop: bool = False,
    even: bool = False,
    frames: int | None = None,
    features: Features | None = None,
    batch: int = 256,
    labels: Tensor | None = None,
) -> Walk:
    """Walk from latent to latent, and measure the steps in the pictures.

    Args:
        net: has a decoder.
        ends: latents, ``(at least 2, latent)``; the walk meets each of them exactly.
        steps: frames from one end to the next, both ends counted.
        how: ``"slerp"`` or ``"lerp"``, as in :func:`latentia.tasks.interpolate.interpolate`.
        loop: go back to the first end; its frame is not repeated.
        even: the same way, re-spaced so that neighbouring frames are equally far apart in the feature: legs get
            frames by their length, and the frames of a leg lie evenly (to 1 % where the decoder is smooth).
        frames: how many in all, instead of ``steps``.
        features: what distances are measured in, Euclidean; :func:`blurred` when it is not given.
        batch: latents that are decoded at once.
        labels: shares of the classes at each end, ``(len(ends), classes)``: between two they are mixed in step with
            the walk, and so are the features that the net has of them.

    Raises:
        BadField: fewer than 2 steps or ends, fewer frames than the ends need, or an unknown ``how``.
        CannotDo: the net has no decoder.
    """
    legs = legs_of(ends, loop)
    if steps < 2 or len(ends) < 2:
        raise BadField(f"steps is {steps}, between {len(ends)} items; a walk takes at least 2 of each")
    total = legs * (steps - 1) if frames is None else frames - (not loop)
    if total < legs:
        raise BadField(f"{frames} frames are too few to meet {len(ends)} items; ask for at least {legs + (not loop)}")

    def at(times: Tensor) -> tuple[Tensor, Tensor | None]:
        return along(ends, times, how, loop), None if labels is None else along(labels, times, "lerp", loop)

    def measured(times: Tensor) -> Array:
        z, label = at(times)
        return distances(net, z, loop, features or blurred, batch, label)

    counts = shared(total, np.ones(legs))
    times = regular(counts, loop)
    if even:
        counts, times = _evenly(measured, legs, total, loop)
    z, label = at(times)
    stops = np.cumsum([0, *counts])[: len(ends)]
    return Walk(z, decode(net, z, batch, label), measured(times), tuple(int(stop) for stop in stops), label)


def distances(
    net: Net,
    z: Tensor,
    loop: bool = False,
    features: Features | None = None,
    batch: int = 256,
    label: Tensor | None = None,
) -> Array:
    """How far apart the pictures of neighbouring latents are in the feature: ``(len(z) - 1)``, or ``(len(z))`` around.

    The pictures are made and forgotten a batch at a time; ``label`` is that of each latent.
    """
    way = torch.arange(len(z) + loop) % len(z)
    found, last = [], None
    for rows in parts(len(way), batch):
        made = decode(net, z[way[rows]], batch, None if label is None else label[way[rows]])
        told = torch.as_tensor((features or blurred)(made)).double().flatten(1)
        found.append((torch.cat([told[:0] if last is None else last, told])).diff(dim=0).norm(dim=1))
        last = told[-1:]
    return np.asarray(torch.cat(found).numpy())


def blurred(x: Tensor) -> Tensor:
    """Items seen sharply and from ever farther: pictures ``(N, C, H, W)`` to ``(N, D)``, rows of a table as they are.

    A picture is halved by averaging until a side is below 4. Each level is scaled by the root of its size, so a squared
    distance is the sum over levels of the mean squared difference: a shift by a pixel is a small step, and stays one.
    """
    if x.dim() != 4:
        return x.flatten(1)
    levels = [x]
    while min(levels[-1].shape[-2:]) >= 4:
        levels.append(functional.avg_pool2d(levels[-1], 2, ceil_mode=True))
    return torch.cat([level.flatten(1) / level[0].numel() ** 0.5 for level in levels], 1)


def variation(steps: Array) -> float:
    """The coefficient of variation; 0 where nothing moves."""
    return float(steps.std() / steps.mean()) if steps.sum() > 0 else 0.0


def shared(total: int, lengths: Array) -> list[int]:
    """``total`` steps given to legs by their ``lengths``, to the largest remainder, each leg at least one."""
    weights = lengths if lengths.sum() > 0 else np.ones_like(lengths)
    wanted = weights / weights.sum() * total
    counts = np.maximum(1, np.floor(wanted).astype(int))
    while (missing := total - counts.sum()) != 0:
        gap = np.where((counts > 1) | (missing > 0), wanted - counts, np.inf)
        counts[gap.argmax() if missing > 0 else gap.argmin()] += np.sign(missing)
    return [int(count) for count in counts]


def _evenly(measured: Callable[[Tensor], Array], legs: int, total: int, loop: bool) -> tuple[list[int], Tensor]:
    """Steps of each leg, and times at which the frames of a leg are equally far apart.

    A fine measurement gives the arc length; chords of coarse steps are shorter where the way bends, so the frames
    themselves are measured and re-spaced until they are even. The best spacing that was measured is kept.
    """
    fine = regular([max(16, FINE * -(-total // legs))] * legs, loop)
    speed = measured(fine)
    counts = shared(total, np.array([part.sum() for _, part in _legs(fine, speed, legs)]))
    times = _respaced(fine, speed, counts, loop)
    best, least = times, np.inf
    for _ in range(ROUNDS):
        chords = measured(times)
        worst = max(variation(part) for _, part in _legs(times, chords, legs))
        if worst < least:
            best, least = times, worst
        if worst < EVEN:
            break
        times = _respaced(times, chords, counts, loop)
    return counts, best


def _legs(times: Tensor, steps: Array, legs: int) -> list[tuple[Array, Array]]:
    """Of each leg its times, from 0 to 1, and the steps between them."""
    places = times.numpy()
    found = []
    for leg in range(legs):
        rows = np.flatnonzero((places >= leg) & (places < leg + 1))
        found.append((np.append(places[rows] - leg, 1.0), steps[rows]))
    return found


def _respaced(times: Tensor, steps: Array, counts: Sequence[int], loop: bool) -> Tensor:
    """Times at equal distances along the length that ``steps`` between ``times`` add up to, leg by leg."""
    made = []
    for leg, (places, part) in enumerate(_legs(times, steps, len(counts))):
        so_far = np.append(0.0, part.cumsum())
        if so_far[-1] <= 0:  # nothing moves on this leg
            so_far = places
        made.append(leg + np.interp(np.arange(counts[leg]) / counts[leg] * so_far[-1], so_far, places))
    end = [] if loop else [np.array([float(len(counts))])]
    return torch.as_tensor(np.concatenate([*made, *end]))
