"""How far a reconstruction is from its item: one number per item, summed over its entries."""

from __future__ import annotations

from torch import Tensor


def squared_error(x: Tensor, reconstruction: Tensor) -> Tensor:
    """The sum of squared differences of each item, ``(N, *shape)`` twice to ``(N,)``."""
    return (x - reconstruction).square().flatten(1).sum(1)


def absolute_error(x: Tensor, reconstruction: Tensor) -> Tensor:
    """The sum of absolute differences of each item, ``(N, *shape)`` twice to ``(N,)``."""
    return (x - reconstruction).abs().flatten(1).sum(1)
