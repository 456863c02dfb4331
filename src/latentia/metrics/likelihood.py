"""What importance weights say about a likelihood.

``log_weights[..., k] = log p(x|z_k) + log p(z_k) - log q(z_k|x)`` for draws ``z_k`` from ``q(z|x)``; the last axis
holds the draws. Everything is computed in float64, and no weight is ever exponentiated before its maximum is taken off.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["bits_per_dim", "effective_sample_size", "iwae", "logsumexp", "standard_error"]

Array = NDArray[np.float64]


def logsumexp(values: ArrayLike, axis: int = -1) -> Array:
    """``log sum exp`` over ``axis``; ``-inf`` where every entry is ``-inf``."""
    array = np.asarray(values, dtype=np.float64)
    top = array.max(axis=axis, keepdims=True)
    shift = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        summed: Array = np.log(np.exp(array - shift).sum(axis=axis)) + shift.squeeze(axis)
    return summed


def iwae(log_weights: ArrayLike) -> Array:
    """``log (1/K sum_k w_k)``, the importance-weighted bound on ``log p(x)`` (Burda et al. 2016, equation 8).

    A lower bound in expectation for every K; K = 1 is the ELBO with one draw.
    """
    array = np.asarray(log_weights, dtype=np.float64)
    bound: Array = logsumexp(array) - math.log(array.shape[-1])
    return bound


def effective_sample_size(log_weights: ArrayLike) -> Array:
    """``(sum w)^2 / sum w^2``, between 1 and K: how many draws from the true posterior these are worth."""
    array = np.asarray(log_weights, dtype=np.float64)
    size: Array = np.exp(2 * logsumexp(array) - logsumexp(2 * array))
    return size


def standard_error(log_weights: ArrayLike) -> Array:
    """The Monte-Carlo standard error of :func:`iwae`, by the delta method: sd(w) / (mean(w) sqrt(K)).

    Infinite for a single draw, which says nothing about its own error.
    """
    draws = np.asarray(log_weights, dtype=np.float64).shape[-1]
    return error_from_size(effective_sample_size(log_weights), draws)


def error_from_size(size: ArrayLike, draws: int) -> Array:
    """The standard error of ``log mean w`` from the effective sample ``size`` of ``draws`` weights."""
    sizes = np.asarray(size, dtype=np.float64)
    if draws < 2:
        return np.full_like(sizes, math.inf)
    error: Array = np.sqrt(np.maximum(1 / sizes - 1 / draws, 0.0) * draws / (draws - 1))
    return error


def bits_per_dim(log_likelihood: ArrayLike, size: int) -> Array:
    """``-log p(x) / (size ln 2)``: bits that a lossless code needs for each of the ``size`` numbers of an item.

    Only for quantised data, whose log-likelihood (in nats) is of a probability, not of a density.
    """
    bits: Array = -np.asarray(log_likelihood, dtype=np.float64) / (size * math.log(2))
    return bits
