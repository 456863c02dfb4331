"""Numbers that change while training: pure functions of the images seen, on the device, without a host read."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from latentia.fields import Schedule

_parse = lru_cache(maxsize=256)(Schedule.parse)


def at(value: float | str, seen: Tensor) -> Tensor:
    """The number that ``value`` has when ``seen`` images have been seen.

    Args:
        value: a number, or a schedule such as ``"0:1@2M"`` or ``"1e-3:0@20M~cosine"``.
        seen: int64 scalar on any device.

    Returns:
        A float32 scalar on the device of ``seen``; exactly the start at 0 and exactly the end from the last image on.

    Raises:
        BadField: ``value`` is no number and no schedule.
    """
    schedule = _parse(value)
    end = torch.full((), schedule.end, device=seen.device)
    if schedule.start == schedule.end or schedule.images < 1:
        return end
    progress = (seen / schedule.images).clamp(0, 1)
    if schedule.shape == "cosine":
        progress = 0.5 - 0.5 * torch.cos(math.pi * progress)
    return torch.lerp(torch.full((), schedule.start, device=seen.device), end, progress)
