"""The shape of the tail of importance weights: whether an importance-weighted estimate can be trusted.

A generalised Pareto distribution is fitted to the largest weights (Vehtari, Simpson, Gelman, Yao & Gabry 2024, "Pareto
smoothed importance sampling"). Its shape k counts the moments of the weights: 1/k of them exist. Below 0.7 the estimate
is useful and its error is known; above, more draws help little and the error that is told is too small; above 1 the
weights have no mean.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["GOOD", "pareto_shape", "shape_of_excesses", "tail_length"]

Array = NDArray[np.float64]
GOOD = 0.7  # up to this shape an estimate is reliable
FEWEST = 5  # weights that a tail has at least
DIVISIONS = 30  # points of the grid of Zhang & Stephens, beside the root of the tail's length
PRIOR_WEIGHT, PRIOR_SHAPE = 10, 0.5  # what a short tail is drawn towards (Vehtari et al. 2024, appendix G)


def tail_length(draws: int) -> int:
    """How many of ``draws`` weights are their tail, ``min(draws / 5, 3 sqrt(draws))``; 0 where they are too few."""
    length = math.ceil(min(0.2 * draws, 3 * math.sqrt(draws)))
    return length if length >= FEWEST else 0


def pareto_shape(log_weights: ArrayLike) -> Array:
    """k-hat of importance weights ``(..., K)``, ``(...)``.

    0 where the weights of the tail are all alike, so that nothing can go wrong; NaN where K is less than 21, too few to
    tell.
    """
    values = np.asarray(log_weights, dtype=np.float64)
    length = tail_length(values.shape[-1])
    if not length:
        return np.full(values.shape[:-1], math.nan)
    largest = -np.partition(-values, length, axis=-1)[..., : length + 1]
    return shape_of_excesses(np.sort(largest, axis=-1))


def shape_of_excesses(largest: ArrayLike) -> Array:
    """k-hat from the ``largest`` log weights ``(..., tail + 1)`` in rising order: the first is the tail's cutoff."""
    values = np.asarray(largest, dtype=np.float64)
    top = values[..., -1:]
    with np.errstate(invalid="ignore"):
        weights = np.exp(values - np.where(np.isfinite(top), top, 0.0))
    excess = weights[..., 1:] - weights[..., :1]
    varied = excess[..., -1] > 1e-12
    shape = np.zeros(values.shape[:-1])
    if varied.any():
        shape[varied] = _fitted(np.maximum(excess[varied], 1e-300))
    return shape


def _fitted(x: Array) -> Array:
    """The shape of generalised Pareto distributions, of each row of sorted excesses ``(N, M)``.

    The estimate of Zhang & Stephens 2009 ("A new and efficient estimation method for the generalized Pareto
    distribution"): the distribution is written with ``theta = -k / sigma``, for which k has a closed form, and theta is
    averaged over a grid by its profile likelihood times a prior that follows from the data.
    """
    count = x.shape[1]
    points = DIVISIONS + math.isqrt(count)
    quartile = x[:, [math.floor(count / 4 + 0.5) - 1]]
    spread = 1 - np.sqrt(points / (np.arange(1, points + 1) - 0.5))
    theta = 1 / x[:, -1:] + spread / (3 * quartile)  # (N, points)
    shape = np.stack([_shape(x, theta[:, [point]]) for point in range(points)], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        profile = count * (np.log(-theta / shape) - shape - 1)
    profile = np.where(np.isfinite(profile), profile, -np.inf)
    share = np.exp(profile - profile.max(1, keepdims=True))
    mean = (theta * share).sum(1, keepdims=True) / share.sum(1, keepdims=True)
    own = _shape(x, mean)
    drawn: Array = (count * own + PRIOR_WEIGHT * PRIOR_SHAPE) / (count + PRIOR_WEIGHT)
    return drawn


def _shape(x: Array, theta: Array) -> Array:
    """The most likely k for each row's theta, ``(N, 1)`` to ``(N,)``."""
    found: Array = np.log1p(-theta * x).mean(1)
    return found
