"""DCI: disentanglement, completeness and informativeness, from what a classifier of each factor leans on.

Eastwood & Williams 2018, "A Framework for the Quantitative Evaluation of Disentangled Representations", section 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from latentia.core import Estimate, key
from latentia.metrics.factors import Coded, Places, estimate, jackknife
from latentia.metrics.rows import Array

__all__ = ["DCI", "completeness", "dci", "disentangled", "importances"]

TREES, DEPTH, RATE = 100, 3, 0.1  # of the boosting: the defaults of the implementations that figures are published for


class DCI(NamedTuple):
    """Each with its interval."""

    disentanglement: Estimate  # a latent that is of use is of use for one factor
    completeness: Estimate  # a factor is told by one latent
    informativeness: Estimate  # share of test items whose factor is named rightly, the mean over factors


def dci(items: Coded, train: int = 10_000, test: int = 5_000, seed: int = 0, halves: int = 3) -> DCI:
    """Gradient-boosted trees learn each factor from the codes of ``train`` items; ``test`` others say how well.

    With fewer items than both together, a third of them test.
    """
    if train + test > len(items):
        train, test = len(items) - len(items) // 3, len(items) // 3
    drawn = items.drawn(train + test, seed, "dci")
    held_out = drawn.some(slice(train, None))

    def figures(learnt: Coded) -> Array:
        importance, accuracy = importances(learnt, held_out, seed)
        return np.array([disentangled(importance), completeness(importance), accuracy.mean()])

    values, errors = jackknife(figures, drawn.some(slice(0, train)), seed, halves)
    # the third is of few test items, too
    errors[2] = np.hypot(errors[2], np.sqrt(values[2] * (1 - values[2]) / (test * len(items.sizes))))
    note = (
        f"{TREES} boosted trees of depth {DEPTH} a class, {train:,} items to learn, {test:,} to test, {halves} halves"
    )
    return DCI(*(estimate(value, error, note) for value, error in zip(values, errors, strict=True)))


def importances(learnt: Coded, held_out: Coded, seed: int = 0) -> tuple[Array, Array]:
    """What boosted trees gain by each latent for each factor, ``(D, K)``, columns of sum 1 (0 where nothing is
    gained), and the accuracy on held-out items, ``(K,)``.
    """
    pairs = [_boosted(learnt, held_out, factor, seed) for factor in range(len(learnt.sizes))]
    return np.stack([gains for gains, _ in pairs], axis=1), np.array([accuracy for _, accuracy in pairs])


def _boosted(learnt: Coded, held_out: Coded, factor: int, seed: int) -> tuple[Array, float]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    own: Places = learnt.factors[:, factor]
    gains = np.zeros(learnt.codes.shape[1])
    if len(np.unique(own)) < 2:
        return gains, float((held_out.factors[:, factor] == own[0]).mean())
    trees = HistGradientBoostingClassifier(
        max_iter=TREES, max_depth=DEPTH, learning_rate=RATE, min_samples_leaf=5, early_stopping=False,
        random_state=key(seed, "trees") % 2**32,
    ).fit(learnt.codes, own)  # fmt: skip
    for stage in trees._predictors:
        for tree in stage:
            split = tree.nodes[tree.nodes["is_leaf"] == 0]
            np.add.at(gains, split["feature_idx"], split["gain"])
    total = gains.sum()
    return gains / total if total > 0 else gains, float(trees.score(held_out.codes, held_out.factors[:, factor]))


def disentangled(importance: ArrayLike) -> float:
    """1 - the entropy of each latent's row, to the base of the factors; rows weigh by their share of importance.

    Args:
        importance: ``(D, K)``, not negative.
    """
    table = np.asarray(importance, dtype=np.float64)
    total = table.sum()
    return float((_certainty(table) * table.sum(1)).sum() / total) if total > 0 else 0.0


def completeness(importance: ArrayLike) -> float:
    """The same of each factor's column, to the base of the latents."""
    return disentangled(np.asarray(importance).T)


def _certainty(table: Array) -> Array:
    """1 - entropy of each row, to the base of its length; 1 where there is one column."""
    if table.shape[1] < 2:
        return np.ones(len(table))
    sums = table.sum(1, keepdims=True)
    shares = np.divide(table, sums, out=np.full_like(table, 1 / table.shape[1]), where=sums > 0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    return np.asarray(1 + (shares * logs).sum(1) / np.log(table.shape[1]))
