"""Kernel distance (KID): the unbiased squared MMD between two clouds of features, with a cubic kernel.

Binkowski et al. 2018, "Demystifying MMD GANs", https://arxiv.org/abs/1801.01401, section 4.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentia.core import Estimate, key
from latentia.errors import BadData
from latentia.metrics.fractions import WIDTH
from latentia.metrics.rows import Array, as_two, chunks

__all__ = ["kernel_distance"]

Places = NDArray[np.intp]


def kernel_distance(a: Any, b: Any, subsets: int = 50, size: int | None = None, seed: int = 0) -> Estimate:
    """The mean over random subsets of the unbiased squared MMD with the kernel ``(x.y / D + 1)^3``.

    Unbiased at every N, so clouds of different N can be compared; near 0 it may be negative. The interval is that of
    the delete-d jackknife: subsets of n out of N rows vary by ``sqrt((N - n) / n)`` times the error of all N rows.

    Args:
        a: features ``(N, D)``, N at least 4.
        b: features ``(M, D)``, M at least 4.
        subsets: how many subsets are drawn.
        size: rows of each subset, from each cloud; half of the smaller cloud, at most 1000, if it is not given.
        seed: of the subsets.

    Raises:
        BadData: too few rows, or different columns.
    """
    a, b = as_two(a, b)
    few = min(len(a), len(b))
    rows = min(1000, few // 2) if size is None else size
    if not 2 <= rows < few or subsets < 2:
        raise BadData(
            f"{subsets} subsets of {rows} rows cannot be drawn from {len(a)} and {len(b)}: KID needs 2 subsets of at "
            f"least 2 rows, and fewer than the smaller cloud has"
        )
    generator = np.random.default_rng(key(seed, "kernel distance"))
    first, second = (np.stack([generator.permutation(len(each))[:rows] for _ in range(subsets)]) for each in (a, b))
    inner = _sums(a, a, first, first) - _diagonals(a, first) + _sums(b, b, second, second) - _diagonals(b, second)
    values = inner / (rows * (rows - 1)) - 2 * _sums(a, b, first, second) / rows**2
    value, spread = float(values.mean()), float(values.std(ddof=1))
    width = WIDTH * spread * math.hypot(math.sqrt(rows / (few - rows)), 1 / math.sqrt(subsets))
    note = f"mean of {subsets} subsets of {rows}; standard deviation {spread:.2g}"
    return Estimate(value, value - width, value + width, note=note)


def _kernel(x: Array, y: Array) -> Array:
    near = x @ y.T
    near /= x.shape[1]
    near += 1
    cubed: Array = near * near * near
    return cubed


def _diagonals(x: Array, places: Places) -> Array:
    own = (np.einsum("nd,nd->n", x, x) / x.shape[1] + 1) ** 3
    total: Array = own[places].sum(1)
    return total


def _sums(x: Array, y: Array, first: Places, second: Places) -> Array:
    """For each subset the sum of the kernel over its pairs: one product of all rows, or one per subset if cheaper."""
    if first.size * second.shape[1] < len(x) * len(y):
        pairs = zip(first, second, strict=True)
        return np.array([sum(_kernel(x[i][part], y[j]).sum() for part in chunks(len(i), len(j))) for i, j in pairs])
    inside, beside = _indicator(first, len(x)), _indicator(second, len(y))
    total = np.zeros(len(first))
    for part in chunks(len(x), len(y)):
        total += ((inside[:, part] @ _kernel(x[part], y)) * beside).sum(1)
    return total


def _indicator(places: Places, count: int) -> Array:
    """1 where a row is in a subset, ``(subsets, count)``."""
    inside = np.zeros((len(places), count))
    np.put_along_axis(inside, places, 1.0, axis=1)
    return inside
