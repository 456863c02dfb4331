"""How evenly a decoder stretches its latents, from the speeds at which its items change."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from latentia.core import Estimate, key
from latentia.errors import BadData
from latentia.metrics.fractions import WIDTH
from latentia.metrics.rows import Array

__all__ = ["WORST", "median", "worst_over_median"]

WORST = 0.99
DRAWS = 400  # bootstrap samples


def median(values: ArrayLike) -> Estimate:
    """The median of ``values`` ``(N,)`` with the 95 % interval of its order statistics.

    Raises:
        BadData: there are none.
    """
    ordered = np.sort(_some(values))
    half = 0.5 * WIDTH * np.sqrt(len(ordered))
    low, high = (
        int(np.clip(place, 0, len(ordered) - 1)) for place in (len(ordered) / 2 - half, len(ordered) / 2 + half)
    )
    return Estimate(float(np.median(ordered)), float(ordered[low]), float(ordered[high]))


def worst_over_median(values: ArrayLike, seed: int = 0) -> Estimate:
    """The 99 % quantile of ``values`` ``(N,)`` over their median, with its bootstrap interval: 1 where all are alike.

    Raises:
        BadData: there are none, or half of them are 0.
    """
    found = _some(values)
    if np.median(found) <= 0:
        raise BadData("half of the places have no stretch at all: the decoder does not follow its latents")
    generator = np.random.default_rng(key(seed, "worst over median"))
    drawn = [_ratio(found[generator.integers(len(found), size=len(found))]) for _ in range(DRAWS)]
    value = _ratio(found)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(value, min(value, float(low)), max(value, float(high)))


def _ratio(values: Array) -> float:
    worst, middle = np.quantile(values, [WORST, 0.5])
    return float(worst / max(middle, 1e-300))


def _some(values: ArrayLike) -> Array:
    found = np.asarray(values, dtype=np.float64).reshape(-1)
    if found.size == 0:
        raise BadData("there are no places to take a stretch of")
    return found
