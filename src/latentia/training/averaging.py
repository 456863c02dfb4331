"""Averaged weights: smoother than the last ones, and the ones that are used."""

from __future__ import annotations

import copy

import torch
from torch import nn

WARM_UP = 0.05  # the half-life is never longer than this share of the images seen (Karras et al. 2022, EDM)


class AveragedNet:
    """An exponential moving average of a net's weights with a half-life counted in images.

    ``average <- average + r (weights - average)`` with ``r = 1 - 2^(-images / half-life)``. Buffers are statistics, not
    weights: they are copied by :meth:`take_buffers` and then re-estimated by the recipe's ``settle``.
    """

    def __init__(self, net: nn.Module, half_life: float) -> None:
        self.half_life = half_life
        self.net = copy.deepcopy(net).eval().requires_grad_(False)
        self._from = [weight.detach() for weight in net.parameters()]
        self._to = [weight.detach() for weight in self.net.parameters()]

    def update(self, seen: int, images: int) -> None:
        """Move towards the weights after a step of ``images`` that ended at ``seen``."""
        half_life = min(self.half_life, WARM_UP * seen)
        rate = 1.0 if half_life <= 0 else 1.0 - 0.5 ** (images / half_life)
        with torch.no_grad():
            torch._foreach_lerp_(self._to, self._from, rate)

    def take_buffers(self, net: nn.Module) -> None:
        """Copy the statistics of ``net``."""
        with torch.no_grad():
            for to, each in zip(self.net.buffers(), net.buffers(), strict=True):
                to.copy_(each)
