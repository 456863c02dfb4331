"""How far made rows of a table are from real ones: column by column, pair by pair, as a whole, and as copies.

A table is a sequence of columns, arrays of one length each. A *discrete* column holds names or codes, among which a
missing value is one more; another holds numbers, NaN where one is missing. The errors of columns and pairs are one
minus the scores of SDMetrics (https://docs.sdv.dev/sdmetrics): KSComplement, TVComplement, CorrelationSimilarity and
ContingencySimilarity, whose means are its column shapes and column pair trends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentia.core import Estimate
from latentia.errors import BadData
from latentia.metrics.fractions import average_of
from latentia.metrics.rows import Array, as_two, chunks

__all__ = ["closest", "nearer", "shapes", "told_apart", "trends"]

BINS = 10  # of numbers beside a discrete column
Column = NDArray[Any]


def shapes(real: Sequence[Column], made: Sequence[Column], discrete: Sequence[bool]) -> Array:
    """The error of each column's distribution ``(C,)``, in [0, 1]; 0 where they are the same.

    The largest distance of the distribution functions (Kolmogorov and Smirnov) for numbers, missing ones left out;
    half the sum of the distances of the shares for discrete columns.

    Raises:
        BadData: tables of different columns, or without rows.
    """
    _check(real, made, discrete)
    parts = zip(real, made, discrete, strict=True)
    return np.array([_apart(one, other) if named else _kolmogorov(one, other) for one, other, named in parts])


def trends(real: Sequence[Column], made: Sequence[Column], discrete: Sequence[bool]) -> Array:
    """The error of each pair of columns ``(C, C)``, symmetric, in [0, 1]; NaN on the diagonal and where there is none.

    Half the distance of the correlations for two columns of numbers; for other pairs half the sum of the distances of
    the shares of all combinations, numbers cut into 10 bins of equal width over the real range.

    Raises:
        BadData: tables of different columns, or without rows.
    """
    _check(real, made, discrete)
    count = len(real)
    found = np.full((count, count), np.nan)
    cut = [
        (one, other) if named else _binned(one, other) for one, other, named in zip(real, made, discrete, strict=True)
    ]
    for i in range(count):
        for j in range(i):
            if discrete[i] or discrete[j]:
                first, second = (_joined(cut[i][side], cut[j][side]) for side in (0, 1))
                found[i, j] = found[j, i] = _apart(first, second)
            else:
                error = abs(_correlation(real[i], real[j]) - _correlation(made[i], made[j])) / 2
                found[i, j] = found[j, i] = error
    return found


def told_apart(real: Any, made: Any, folds: int = 5, seed: int = 0) -> Estimate:
    """How well a classifier tells made rows from real ones: AUROC on rows that it did not see; 0.5 is not at all.

    A classifier two-sample test (Lopez-Paz & Oquab 2017) with gradient-boosted trees: one estimate from each fold, and
    the interval of their mean. As many rows of either side are taken, the first.

    Args:
        real: features ``(N, D)``, categories as numbers.
        made: the same of made rows.
        folds: parts that take turns as those that are not seen.
        seed: of the folds and the trees.

    Raises:
        BadData: other columns on one side, or fewer rows than folds.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    truth, drawn = as_two(real, made)
    count = min(len(truth), len(drawn))
    if count < folds:
        raise BadData(f"{folds} folds need as many rows on both sides; there are {count}")
    rows, sides = np.concatenate([truth[:count], drawn[:count]]), np.repeat([1, 0], count)
    cut = StratifiedKFold(folds, shuffle=True, random_state=seed)
    trees = HistGradientBoostingClassifier(random_state=seed)
    return average_of(cross_val_score(trees, rows, sides, scoring="roc_auc", cv=cut))


def nearer(training: Any, held_out: Any, made: Any) -> Estimate:
    """The share of made rows that lie nearer to a training row than to any held-out one: 0.5 where nothing is copied.

    The distance to the closest record, against rows that were not learnt from: distances in the sum of the absolute
    differences. Among T training and H held-out rows that are alike to the model the nearest is a training row in a
    share T / (T + H) of the cases, a tie counts as that; the share that is found is weighed as if there were as many of
    either. Few of many training rows would hardly show copies of the others: give all.

    Args:
        training: features ``(N, D)`` in comparable units: numbers in deviations, categories as 0 and 1.
        held_out: those of real rows that were not learnt from.
        made: those of made rows.

    Raises:
        BadData: other columns on one side.
    """
    known, unseen = as_two(training, held_out)
    _, drawn = as_two(training, made)
    even = len(known) / (len(known) + len(unseen))
    to_known, to_unseen = (closest(drawn, side) for side in (known, unseen))
    found = average_of((to_known < to_unseen) + even * (to_known == to_unseen))
    value, low, high = (_weighed(min(max(each, 0.0), 1.0), even) for each in (found.value, found.low, found.high))
    return Estimate(value, low, high)


def _weighed(share: float, even: float) -> float:
    """A share of which ``even`` was to be expected as one of which a half was."""
    odds = share / even, (1 - share) / (1 - even)
    return odds[0] / sum(odds)


def closest(rows: Array, others: Array) -> Array:
    """The distance from each row ``(N, D)`` to the nearest of ``others``, ``(N,)``: the sum of absolute differences."""
    found, there = np.empty(len(rows)), torch.from_numpy(np.ascontiguousarray(others))
    for part in chunks(len(rows), len(others)):
        apart = torch.cdist(torch.from_numpy(np.ascontiguousarray(rows[part])), there, p=1)
        found[part] = apart.amin(1).numpy()
    return found


def _check(real: Sequence[Column], made: Sequence[Column], discrete: Sequence[bool]) -> None:
    if not len(real) == len(made) == len(discrete):
        raise BadData(
            f"the tables have {len(real)} and {len(made)} columns, and {len(discrete)} are said; give as many"
        )
    if any(not len(column) for column in (*real, *made)):
        raise BadData("a table without rows has no distribution; give rows on both sides")


def _kolmogorov(one: Column, other: Column) -> float:
    """The largest distance of the distribution functions; 1 where only one side has numbers at all."""
    first, second = (np.sort(column[~np.isnan(column)]) for column in (one, other))
    if not len(first) or not len(second):
        return float(len(first) != len(second))
    both = np.concatenate([first, second])
    steps = [np.searchsorted(side, both, side="right") / len(side) for side in (first, second)]
    return float(np.abs(steps[0] - steps[1]).max())


def _apart(one: Column, other: Column) -> float:
    """Half the sum of the distances of the shares: the total variation distance."""
    names, codes = np.unique(np.concatenate([_named(one), _named(other)]), return_inverse=True)
    shares = [np.bincount(part, minlength=len(names)) / len(part) for part in (codes[: len(one)], codes[len(one) :])]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _named(column: Column) -> Column:
    """The values as text: missing ones are all alike."""
    return np.array([str(value) for value in column.tolist()])


def _binned(real: Column, made: Column) -> tuple[Column, Column]:
    """Numbers as the bins of the real range; those beyond it are in the bins at its ends, missing ones in none."""
    known = real[~np.isnan(real)]
    edges = np.linspace(known.min(), known.max(), BINS + 1)[1:-1] if len(known) else np.zeros(0)
    first, second = (
        np.where(np.isnan(column), -1, np.searchsorted(edges, column, side="right")) for column in (real, made)
    )
    return first, second


def _joined(one: Column, other: Column) -> Column:
    return np.char.add(np.char.add(_named(one), "\0"), _named(other))


def _correlation(one: Column, other: Column) -> float:
    """Pearson's, over rows that have both; NaN where a side does not vary."""
    known = ~(np.isnan(one) | np.isnan(other))
    first, second = one[known] - one[known].mean(), other[known] - other[known].mean()
    size = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float((first * second).sum()) / size if size > 0 else float("nan")
