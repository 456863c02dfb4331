"""Precision, recall, density and coverage: fidelity and diversity told apart by nearest neighbours.

Kynkaanniemi et al. 2019, "Improved Precision and Recall Metric for Assessing Generative Models",
https://arxiv.org/abs/1904.06991; Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models",
https://arxiv.org/abs/2002.09797.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from latentia.core import Estimate
from latentia.errors import BadData
from latentia.metrics.fractions import average_of, fraction
from latentia.metrics.rows import Array, as_two, chunks

__all__ = ["Neighbours", "neighbours", "radii", "squared"]


class Neighbours(NamedTuple):
    """Each a mean over items, with the interval of a mean over that many items."""

    precision: Estimate  # samples that lie in the neighbourhood of some real item
    recall: Estimate  # real items that lie in the neighbourhood of some sample
    density: Estimate  # in how many real neighbourhoods a sample lies, over k; may exceed 1
    coverage: Estimate  # real items with a sample in their own neighbourhood


def neighbours(real: Any, samples: Any, k: int = 5) -> Neighbours:
    """The four figures of ``samples`` ``(M, D)`` against ``real`` ``(N, D)``; distances are made block by block.

    The neighbourhood of an item is the closed ball that reaches its k-th neighbour in its own cloud.

    Raises:
        BadData: a cloud has not more than ``k`` rows, or the columns differ.
    """
    truth, drawn = as_two(real, samples)
    if k < 1 or min(len(truth), len(drawn)) <= k:
        raise BadData(f"{k} neighbours need more than {k} items on both sides; there are {len(truth)} and {len(drawn)}")
    middle = truth.mean(0)  # products of numbers far from 0 lose the distance between them
    truth, drawn = truth - middle, drawn - middle
    reach, grasp = radii(truth, k), radii(drawn, k)
    inside, met, covered = np.zeros(len(drawn)), np.zeros(len(truth), bool), np.zeros(len(truth), bool)
    for part in chunks(len(drawn), len(truth)):
        apart = squared(drawn[part], truth)
        near = apart <= reach
        inside[part] = near.sum(1)
        covered |= near.any(0)
        met |= (apart <= grasp[part, None]).any(0)
    return Neighbours(fraction(inside > 0), fraction(met), average_of(inside / k), fraction(covered))


def squared(x: Array, y: Array) -> Array:
    """The squared distances of rows ``(N, D)`` and ``(M, D)``, ``(N, M)``."""
    apart = x @ y.T
    apart *= -2
    apart += np.einsum("nd,nd->n", x, x)[:, None]
    apart += np.einsum("nd,nd->n", y, y)
    return np.maximum(apart, 0, out=apart)


def radii(x: Array, k: int) -> Array:
    """The squared distance from each row to its k-th neighbour; the row itself does not count."""
    found = np.empty(len(x))
    for part in chunks(len(x), len(x)):
        apart = squared(x[part], x)
        apart[np.arange(len(apart)), np.arange(part.start, part.stop)] = np.inf
        found[part] = np.partition(apart, k - 1, axis=1)[:, k - 1]
    return found
