"""Interpolate: a walk through latent space from item to item."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from latentia.errors import BadField, near
from latentia.tasks.encode import decode
from latentia.tasks.working import Net

__all__ = ["WAYS", "along", "interpolate", "legs_of", "lerp", "path", "regular", "slerp"]


def interpolate(
    net: Net, ends: Tensor, steps: int = 9, how: str = "slerp", loop: bool = False, labels: Tensor | None = None
) -> Tensor:
    """What lies on the way between latents: ``(frames, *shape)``, float32 on the CPU.

    Args:
        net: has a decoder.
        ends: latents, ``(at least 2, latent)``; the walk meets each of them exactly.
        steps: frames from one end to the next, both ends counted.
        how: ``"slerp"`` turns at an even pace and so stays where the prior has its mass; ``"lerp"`` walks straight.
        loop: go back to the first end; its frame is not repeated.
        labels: shares of the classes at each end, ``(len(ends), classes)``, which are mixed on the way.

    Raises:
        BadField: fewer than 2 steps or ends, or an unknown ``how``.
    """
    shares = None if labels is None else path(labels, steps, "lerp", loop)
    return decode(net, path(ends, steps, how, loop), label=shares)


def path(ends: Tensor, steps: int = 9, how: str = "slerp", loop: bool = False) -> Tensor:
    """The latents on the way: ``((len(ends) - 1) * (steps - 1) + 1, latent)``, or with ``loop`` a closed round."""
    if steps < 2 or len(ends) < 2:
        raise BadField(f"steps is {steps}, between {len(ends)} items; a walk takes at least 2 of each")
    return along(ends, regular([steps - 1] * legs_of(ends, loop), loop), how, loop)


def along(ends: Tensor, times: Tensor, how: str = "slerp", loop: bool = False) -> Tensor:
    """The latents at ``times``, ``(len(times), latent)``: time i is end i itself, i + 1/2 the middle of leg i.

    Raises:
        BadField: an unknown ``how``.
    """
    if how not in WAYS:
        raise BadField(f"how is {how!r}; {near(how, WAYS)}")
    stops = torch.cat([ends, ends[:1]]) if loop else ends
    whole = times.floor().long()
    places = stops[whole.clamp(max=len(stops) - 1)].double()
    for leg in range(len(stops) - 1):
        between = (whole == leg) & (times > whole)
        a, b = stops[leg].double(), stops[leg + 1].double()
        places[between] = WAYS[how](a, b, times[between, None].double() - leg)
    return places.to(ends.dtype)


def legs_of(ends: Tensor, loop: bool) -> int:
    """How many legs a walk has: one between neighbours, and with ``loop`` one home."""
    return len(ends) if loop else len(ends) - 1


def regular(counts: Sequence[int], loop: bool = False) -> Tensor:
    """Times with ``counts[i]`` equal steps on leg i, float64; the last end is left out of a ``loop``."""
    legs = [leg + torch.arange(count, dtype=torch.float64) / count for leg, count in enumerate(counts)]
    return torch.cat(legs if loop else [*legs, torch.tensor([float(len(counts))], dtype=torch.float64)])


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The straight way: ``(1 - t) a + t b``."""
    return (1 - t) * a + t * b


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The way around: directions turn at an even pace (Shoemake 1985), lengths change evenly.

    Directions that are parallel, opposite or not there (a zero vector) have no one arc between them: then it is
    :func:`lerp`.
    """
    lengths = a.norm(), b.norm()
    if min(lengths) == 0:
        return lerp(a, b, t)
    first, second = a / lengths[0], b / lengths[1]
    # atan2 keeps its precision where arccos loses it: near 0 and near pi
    angle = 2 * torch.atan2((first - second).norm(), (first + second).norm())
    if torch.sin(angle) < 1e-6:
        return lerp(a, b, t)
    turned: Tensor = (torch.sin((1 - t) * angle) * first + torch.sin(t * angle) * second) / torch.sin(angle)
    return lerp(lengths[0], lengths[1], t) * turned


WAYS = {"slerp": slerp, "lerp": lerp}
