"""Means over items with the interval that belongs to them."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from latentia.core import Estimate
from latentia.errors import BadData

__all__ = ["WIDTH", "average_of", "fraction"]

WIDTH = 1.96  # a normal interval of 95 %


def fraction(hits: ArrayLike) -> Estimate:
    """How many of ``hits`` ``(N,)`` are true, with Wilson's 95 % interval, which is right at 0 and 1 as well.

    Raises:
        BadData: there are none.
    """
    found = np.asarray(hits, dtype=np.float64)
    if found.size == 0:
        raise BadData("there are no items to take a fraction of")
    count, value = found.size, float(found.mean())
    centre = (value + WIDTH**2 / (2 * count)) / (1 + WIDTH**2 / count)
    half = WIDTH / (1 + WIDTH**2 / count) * math.sqrt(value * (1 - value) / count + WIDTH**2 / (4 * count**2))
    return Estimate(value, min(max(centre - half, 0.0), value), max(min(centre + half, 1.0), value))


def average_of(values: ArrayLike) -> Estimate:
    """The mean of ``values`` ``(N,)`` with its normal 95 % interval; infinite for a single value.

    Raises:
        BadData: there are none.
    """
    found = np.asarray(values, dtype=np.float64)
    if found.size == 0:
        raise BadData("there are no items to take a mean of")
    error = found.std(ddof=1) / math.sqrt(found.size) if found.size > 1 else math.inf
    value, half = float(found.mean()), float(WIDTH * error)
    return Estimate(value, value - half, value + half)
