"""What a classifier says of samples: whether they are what was asked for, and how many classes they cover.

Modes covered and their KL are the stacked-MNIST figures of Srivastava et al. 2017, "VEEGAN",
https://arxiv.org/abs/1705.07761, section 4.1, and Lin et al. 2018, "PacGAN", https://arxiv.org/abs/1712.04086.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentia.core import Estimate
from latentia.errors import BadData
from latentia.metrics.fractions import fraction

__all__ = ["Modes", "accuracy", "modes", "recall_by_class"]

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


class Modes(NamedTuple):
    """Which classes samples fall into."""

    covered: int  # classes with at least ``least`` samples
    classes: int
    divergence: float  # KL(samples' classes || reference), nats; log(classes) when all fall into one
    counts: tuple[int, ...]


def _labels(values: ArrayLike, classes: int | None, what: str) -> Labels:
    found = np.asarray(values)
    labels = found.astype(np.int64)
    outside = labels.size and (labels.min() < 0 or (classes is not None and labels.max() >= classes))
    if labels.ndim != 1 or not labels.size or outside or (labels != found).any():
        raise BadData(
            f"{what} must be one class per item, whole numbers from 0" + (f" to {classes - 1}" if classes else "")
        )
    return labels


def _two(predicted: ArrayLike, wanted: ArrayLike, classes: int | None = None) -> tuple[Labels, Labels]:
    first, second = _labels(predicted, classes, "predicted labels"), _labels(wanted, classes, "wanted labels")
    if len(first) != len(second):
        raise BadData(f"there are {len(first)} predicted labels and {len(second)} wanted ones")
    return first, second


def accuracy(predicted: ArrayLike, wanted: ArrayLike) -> Estimate:
    """How many samples the classifier takes for the class that was asked for, with Wilson's interval.

    Raises:
        BadData: not two equally long lists of classes.
    """
    first, second = _two(predicted, wanted)
    return fraction(first == second)


def recall_by_class(predicted: ArrayLike, wanted: ArrayLike, classes: int) -> Array:
    """For each class, how many of the samples asked of it the classifier takes for it; NaN where none was asked.

    Raises:
        BadData: not two equally long lists of classes below ``classes``.
    """
    first, second = _two(predicted, wanted, classes)
    asked = np.bincount(second, minlength=classes).astype(np.float64)
    right = np.bincount(second[first == second], minlength=classes)
    recall: Array = np.divide(right, asked, out=np.full(classes, np.nan), where=asked > 0)
    return recall


def modes(predicted: ArrayLike, classes: int, reference: ArrayLike | None = None, least: int = 1) -> Modes:
    """The classes that samples cover, and how far their shares are from the reference's.

    Args:
        predicted: the class of each sample, ``(N,)``.
        classes: how many there are.
        reference: the share of each class in the data; uniform if it is not given.
        least: samples that a class needs to count as covered.

    Raises:
        BadData: a label outside, or a class that samples reach and the reference has not.
    """
    counts = np.bincount(_labels(predicted, classes, "predicted labels"), minlength=classes)
    share = counts / counts.sum()
    expected = np.full(classes, 1 / classes) if reference is None else np.asarray(reference, dtype=np.float64)
    if expected.shape != (classes,) or expected.min() < 0 or (expected[counts > 0] == 0).any():
        raise BadData(f"the reference must give each of the {classes} classes that samples reach a share above 0")
    seen = share > 0
    divergence = float((share[seen] * np.log(share[seen] / (expected[seen] / expected.sum()))).sum())
    return Modes(int((counts >= least).sum()), classes, max(divergence, 0.0), tuple(int(each) for each in counts))
