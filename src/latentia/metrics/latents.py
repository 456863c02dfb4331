"""What a cloud of codes says about the latents that are in use."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentia.metrics.likelihood import logsumexp

__all__ = ["active_units", "gaussian_divergence", "mutual_information"]

Array = NDArray[np.float64]


def active_units(means: ArrayLike, threshold: float = 0.01) -> int:
    """How many latents j have ``Var_x E[z_j|x]`` above ``threshold`` (Burda et al. 2016, section 4.2).

    Args:
        means: posterior means of many items, ``(N, latent)``.
        threshold: in squared units of the prior's standard deviation.
    """
    return int((np.asarray(means, dtype=np.float64).var(axis=0) > threshold).sum())


def gaussian_divergence(mean: ArrayLike, deviation: ArrayLike, base: ArrayLike = 0.0, spread: ArrayLike = 1.0) -> Array:
    """``KL(N(mean, deviation^2) || N(base, spread^2))`` entry by entry, in nats (Kingma & Welling 2014, appendix B)."""
    scale = np.asarray(deviation, dtype=np.float64) / np.asarray(spread, dtype=np.float64)
    shift = (np.asarray(mean, dtype=np.float64) - np.asarray(base, dtype=np.float64)) / np.asarray(spread)
    divergence: Array = 0.5 * (shift**2 + scale**2 - 1) - np.log(scale)
    return divergence


def mutual_information(log_density: ArrayLike) -> float:
    """``I(x; z)`` in nats under q, from ``log_density[i, j] = log q(z_i|x_j)`` with ``z_i`` drawn from ``q(z|x_i)``.

    The aggregate ``q(z)`` is the mean over the N items, so the estimate cannot exceed ``log N``: read it as "at least"
    (Hoffman & Johnson 2016).
    """
    density = np.asarray(log_density, dtype=np.float64)
    aggregate = logsumexp(density) - math.log(density.shape[1])
    return float((np.diagonal(density) - aggregate).mean())
