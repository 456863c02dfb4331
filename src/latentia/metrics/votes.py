"""Scores of a small classifier that guesses which factor was held still: those of beta-VAE and FactorVAE.

Higgins et al. 2017, "beta-VAE: Learning Basic Visual Concepts with a Constrained Variational Framework", section 3;
Kim & Mnih 2018, "Disentangling by Factorising", https://arxiv.org/abs/1802.05983, section 4.

Both draw groups of items that share one factor. Here they are drawn from codes that were computed once: rows are
sorted by each factor, so that a group is a few indices into its block.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from latentia.core import Estimate
from latentia.errors import BadData
from latentia.metrics.factors import Coded, Places, generator_of
from latentia.metrics.fractions import fraction
from latentia.metrics.rows import Array

__all__ = ["beta_score", "factor_score"]

CHUNK = 500  # groups that are worked on at once
LEAST = 2  # rows that share a value


def factor_score(
    items: Coded, train: int = 10_000, test: int = 5_000, batch: int = 64, prune: float = 0.05, seed: int = 0
) -> Estimate:
    """FactorVAE's score: how often the latent that varies least names the factor that was held still.

    A vote holds one factor still over ``batch`` items and takes the latent of least variance, relative to its variance
    over all items. Latents whose deviation over all items is below ``prune`` do not vote. The majority of ``train``
    votes says which factor each latent stands for; the score is the share of ``test`` votes that it names rightly.
    Codes that know nothing score about 1 / K.

    Raises:
        BadData: no value of some factor is shared by two items.
    """
    deviation = items.codes.std(0)
    active = np.flatnonzero(deviation >= prune)
    note = f"{train:,} votes to learn and {test:,} to score, of {batch} items each, {len(active)} latents from " + (
        f"deviation {prune:g}; chance {1 / len(items.sizes):.2g}"
    )
    if len(active) == 0:
        return Estimate(0.0, 0.0, 0.0, note=note)
    generator, groups = generator_of(seed, "factor score"), Groups(items)
    factors = generator.integers(len(items.sizes), size=train + test)
    scaled = items.codes[:, active] / deviation[active]
    least = [
        scaled[groups.rows(part, batch, generator)].var(1).argmin(1) for part in np.split(factors, _ends(len(factors)))
    ]
    latents = np.concatenate(least)
    counts = np.zeros((len(active), len(items.sizes)), dtype=np.int64)
    np.add.at(counts, (latents[:train], factors[:train]), 1)
    hits = fraction(counts.argmax(1)[latents[train:]] == factors[train:])
    return Estimate(hits.value, hits.low, hits.high, note=note)


def beta_score(items: Coded, train: int = 10_000, test: int = 5_000, batch: int = 64, seed: int = 0) -> Estimate:
    """beta-VAE's score: how often a linear classifier names the factor that pairs of items share.

    A point is the mean over ``batch`` pairs of ``|z - z'|``. Codes that know nothing score about 1 / K.

    Raises:
        BadData: no value of some factor is shared by two items.
    """
    generator, groups = generator_of(seed, "beta score"), Groups(items)
    factors = generator.integers(len(items.sizes), size=train + test)
    spread = np.where(items.codes.std(0) > 0, items.codes.std(0), 1.0)
    points = []
    for part in np.split(factors, _ends(len(factors))):
        codes = items.codes[groups.rows(part, 2 * batch, generator)]
        points.append(np.abs(codes[:, :batch] - codes[:, batch:]).mean(1) / spread)
    differences = np.concatenate(points)
    named = _linear(differences[:train], factors[:train]).predict(differences[train:])
    hits = fraction(named == factors[train:])
    note = f"{train:,} points to learn and {test:,} to score, of {batch} pairs; chance {1 / len(items.sizes):.2g}"
    return Estimate(hits.value, hits.low, hits.high, note=note)


def _linear(points: Array, factors: Places) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(points, factors)


def _ends(count: int) -> Places:
    return np.arange(CHUNK, count, CHUNK)


class Groups:
    """Groups of items that share the value of one factor; the value is that of a random item."""

    def __init__(self, items: Coded) -> None:
        self.order, self.first, self.count = [], [], []
        for place, (column, size) in enumerate(zip(items.factors.T, items.sizes, strict=True)):
            count = np.bincount(column, minlength=size)
            if count.max() < LEAST:
                raise BadData(f"every item has its own value of factor {place}: it cannot be held still; bin it first")
            self.order.append(np.argsort(column, kind="stable"))
            self.count.append(count)
            self.first.append(np.concatenate([[0], count.cumsum()[:-1]]))

    def rows(self, factors: Places, size: int, generator: np.random.Generator) -> Places:
        """``size`` items for each of ``factors`` ``(n,)``, with repeats, that share its value: ``(n, size)``."""
        drawn = np.empty((len(factors), size), dtype=np.int64)
        for factor in np.unique(factors):
            own = np.flatnonzero(factors == factor)
            count = np.where(self.count[factor] < LEAST, 0, self.count[factor])
            values = generator.choice(len(count), len(own), p=count / count.sum())
            within = (generator.random((len(own), size)) * count[values, None]).astype(np.int64)
            drawn[own] = self.order[factor][self.first[factor][values, None] + within]
        return drawn
