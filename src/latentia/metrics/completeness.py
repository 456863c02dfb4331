"""Whether two clouds of latents lie in the same places: the aggregated posterior and the prior.

Distances are Euclidean, so latents are whitened first. All of it works on draws alone, of a posterior or of codes that
have no density.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from latentia.core import Estimate, key
from latentia.errors import BadData
from latentia.metrics.fractions import WIDTH, average_of, fraction
from latentia.metrics.neighbours import radii, squared
from latentia.metrics.rows import Array, as_rows, as_two, chunks

__all__ = ["Whitening", "discrepancy", "holes", "neighbour_divergence", "whitening"]

HALVES = 5
RIDGE = 1e-6  # of the mean variance: a direction in which nothing moves is not blown up
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
RARE = 0.05  # of a cloud's own held-out draws lie farther from it than this share allows


class Whitening(NamedTuple):
    """The affine map that gives a cloud mean 0 and covariance 1, ``(z - mean) @ inward``, and back by ``outward``."""

    mean: Array
    inward: Array
    outward: Array

    def whiten(self, z: Array) -> Array:
        """Latents ``(N, D)`` in deviations of the cloud."""
        return (z - self.mean) @ self.inward

    def back(self, w: Array) -> Array:
        """Where whitened latents ``(N, D)`` lie."""
        return self.mean + w @ self.outward


def whitening(cloud: Any) -> Whitening:
    """The whitening of a cloud ``(N, D)``, along its principal axes.

    Raises:
        BadData: fewer than 2 rows, or rows that do not differ.
    """
    rows = as_rows(cloud, "latents")
    if len(rows) < 2:
        raise BadData(f"{len(rows)} row has no covariance; latents are whitened by 2 or more")
    mean = rows.mean(0)
    values, axes = np.linalg.eigh(np.cov(rows.T).reshape(rows.shape[1], -1))
    if values.max() <= 0:
        raise BadData("all latents are the same: this model's code says nothing about its items")
    spread = np.sqrt(np.maximum(values, RIDGE * values.mean()))
    return Whitening(mean, axes / spread, (axes * spread).T)


def discrepancy(a: Any, b: Any, seed: int = 0) -> Estimate:
    """The unbiased squared MMD of clouds ``(N, D)`` and ``(M, D)``, with a sum of inverse multiquadric kernels.

    k(x, y) = mean over s of 2 s D / (2 s D + |x - y|^2): sees all moments, at several scales (Tolstikhin et al. 2018,
    "Wasserstein Auto-Encoders", https://arxiv.org/abs/1711.01558, section 4, for whitened latents). Near 0 it may be
    negative. The interval is that of random halves.

    Raises:
        BadData: fewer than 8 rows, or other columns.
    """
    first, second = as_two(a, b)
    if min(len(first), len(second)) < 8:
        raise BadData(f"{len(first)} and {len(second)} latents are too few to compare; it takes 8 of each")
    generator = np.random.default_rng(key(seed, "discrepancy"))
    parts = [
        _discrepancy(*(each[generator.permutation(len(each))[: len(each) // 2]] for each in (first, second)))
        for _ in range(HALVES)
    ]
    value, half = _discrepancy(first, second), WIDTH * float(np.std(parts, ddof=1))
    return Estimate(value, value - half, value + half)


def _discrepancy(a: Array, b: Array) -> float:
    n, m = len(a), len(b)
    inside = (_kernels(a, a) - n) / (n * (n - 1)) + (_kernels(b, b) - m) / (m * (m - 1))
    return inside - 2 * _kernels(a, b) / (n * m)


def _kernels(a: Array, b: Array) -> float:
    total = 0.0
    for part in chunks(len(a), len(b)):
        apart = squared(a[part], b)
        total += sum(float((1 / (1 + apart / (2 * scale * a.shape[1]))).sum()) for scale in SCALES) / len(SCALES)
    return total


def neighbour_divergence(a: Any, b: Any, k: int = 5) -> Estimate:
    """KL(a || b) in nats from draws alone: D mean(log(nu / rho)) + log(M / (N - 1)).

    rho is how far a row of ``a`` ``(N, D)`` is from its k-th neighbour in ``a``, nu from that in ``b`` ``(M, D)``
    (Wang, Kulkarni & Verdu 2009, "Divergence Estimation for Multidimensional Densities Via k-Nearest-Neighbor
    Distances", equation 5). In many dimensions it is too low by far; clouds of one size and width can be compared.

    Raises:
        BadData: not more than ``k`` rows, or other columns.
    """
    first, second = as_two(a, b)
    if k < 1 or min(len(first) - 1, len(second)) < k:
        raise BadData(f"{k} neighbours need more than {k} latents of each; there are {len(first)} and {len(second)}")
    own, other = np.maximum(radii(first, k), 1e-300), np.maximum(_to(first, second, k), 1e-300)
    terms = 0.5 * first.shape[1] * np.log(other / own) + math.log(len(second) / (len(first) - 1))
    return average_of(terms)


def _to(a: Array, b: Array, k: int) -> Array:
    """The squared distance of each row of ``a`` to its k-th neighbour in ``b``."""
    found = np.empty(len(a))
    for part in chunks(len(a), len(b)):
        found[part] = np.partition(squared(a[part], b), k - 1, 1)[:, k - 1]
    return found


def holes(draws: Any, cloud: Any, held_out: Any) -> Estimate:
    """The share of ``draws`` ``(N, D)`` that lie farther from every row of ``cloud`` than 95 % of ``held_out`` do.

    Where draws and cloud are alike it is 5 %.

    Raises:
        BadData: no rows, or other columns.
    """
    first, second = as_two(draws, cloud)
    third, _ = as_two(held_out, cloud)
    edge = np.quantile(_to(third, second, 1), 1 - RARE)
    return fraction(_to(first, second, 1) > edge)
