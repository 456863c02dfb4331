"""Interpolate: a walk through latent space from item to item."""

from __future__ import annotations

import torch
from torch import Tensor

from latentia.errors import BadField, near
from latentia.tasks.encode import decode
from latentia.tasks.working import Net

__all__ = ["interpolate", "lerp", "path", "slerp"]


def interpolate(net: Net, ends: Tensor, steps: int = 9, how: str = "slerp", loop: bool = False) -> Tensor:
    """What lies on the way between latents: ``(frames, *shape)``, float32 on the CPU.

    Args:
        net: has a decoder.
        ends: latents, ``(at least 2, latent)``; the walk meets each of them exactly.
        steps: frames from one end to the next, both ends counted.
        how: ``"slerp"`` turns at an even pace and so stays where the prior has its mass; ``"lerp"`` walks straight.
        loop: go back to the first end; its frame is not repeated.

    Raises:
        BadField: fewer than 2 steps or ends, or an unknown ``how``.
    """
    return decode(net, path(ends, steps, how, loop))


def path(ends: Tensor, steps: int = 9, how: str = "slerp", loop: bool = False) -> Tensor:
    """The latents on the way: ``((len(ends) - 1) * (steps - 1) + 1, latent)``, or with ``loop`` a closed round."""
    ways = {"slerp": slerp, "lerp": lerp}
    if how not in ways:
        raise BadField(f"how is {how!r}; {near(how, ways)}")
    if steps < 2 or len(ends) < 2:
        raise BadField(f"{steps} steps between {len(ends)} items; it takes at least 2 of each")
    stops = torch.cat([ends, ends[:1]]) if loop else ends
    fractions = torch.linspace(0, 1, steps, dtype=torch.float64)[:-1, None]
    legs = [ways[how](a, b, fractions) for a, b in zip(stops[:-1].double(), stops[1:].double(), strict=True)]
    for leg, start in zip(legs, stops, strict=False):
        leg[0] = start
    return torch.cat(legs if loop else [*legs, stops[-1:].double()]).to(ends.dtype)


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
