"""How well scores tell bad items from good ones: area under the ROC curve, and average precision."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentia.errors import BadData

__all__ = ["area_error", "area_under_roc", "average_precision"]

Array = NDArray[np.float64]


def area_under_roc(good: ArrayLike, bad: ArrayLike) -> float:
    """The probability that a bad item scores above a good one, ties counted half (Mann & Whitney 1947).

    Raises:
        BadData: no good or no bad items.
    """
    return float(_placements(*_both(good, bad))[1].mean())


def area_error(good: ArrayLike, bad: ArrayLike) -> float:
    """The standard error of :func:`area_under_roc` (DeLong, DeLong & Clarke-Pearson 1988); infinite for one item."""
    of_good, of_bad = _placements(*_both(good, bad))
    if min(len(of_good), len(of_bad)) < 2:
        return math.inf
    return math.sqrt(of_good.var(ddof=1) / len(of_good) + of_bad.var(ddof=1) / len(of_bad))


def average_precision(good: ArrayLike, bad: ArrayLike) -> float:
    """The mean, over bad items, of the share of bad ones among all that score at least as high.

    Raises:
        BadData: no good or no bad items.
    """
    low, high = _both(good, bad)
    above_bad = len(high) - np.searchsorted(high, high, side="left")
    above_good = len(low) - np.searchsorted(low, high, side="left")
    return float((above_bad / (above_bad + above_good)).mean())


def _both(good: ArrayLike, bad: ArrayLike) -> tuple[Array, Array]:
    """Both sorted."""
    found = tuple(np.sort(np.asarray(each, dtype=np.float64).ravel()) for each in (good, bad))
    if not all(len(each) for each in found):
        raise BadData(f"{len(found[0])} good and {len(found[1])} bad items; at least one of each is needed")
    return found[0], found[1]


def _placements(low: Array, high: Array) -> tuple[Array, Array]:
    """Of each good item the share of bad ones above it, of each bad item the share of good ones below it."""
    above = 1 - _share_below(high, low)
    return above, _share_below(low, high)


def _share_below(among: Array, values: Array) -> Array:
    both = np.searchsorted(among, values, side="left") + np.searchsorted(among, values, side="right")
    return np.asarray(both / (2.0 * len(among)), dtype=np.float64)
