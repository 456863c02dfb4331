"""Disentanglement: whether single latents carry single factors, by every measure that papers report, on plain arrays.

Which of them agree and how little: Locatello et al. 2019, "Challenging Common Assumptions in the Unsupervised Learning
of Disentangled Representations", https://arxiv.org/abs/1811.12359; its settings are the defaults here. Codes are those
of the posterior's mean.

>>> generator = np.random.default_rng(0)
>>> factors = generator.integers(4, size=(2000, 2))
>>> scores = disentanglement(factors, factors, metrics=("mig", "sap"))
>>> [f"{name} {score.value:.2f}" for name, score in scores.items()]
['mig 1.00', 'sap 1.00']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from latentia.core import Estimate
from latentia.errors import BadData, BadField, near
from latentia.metrics.dci import dci
from latentia.metrics.factors import Coded, coded, estimate, jackknife
from latentia.metrics.informed import informed_gap, modularity, separated
from latentia.metrics.votes import beta_score, factor_score

__all__ = ["METRICS", "disentanglement"]

LEAST = 20  # items
BINS = 20
Scores = Mapping[str, Estimate]


def disentanglement(
    codes: Any, factors: Any, metrics: str | Sequence[str] | None = None, *, points: int = 10_000, seed: int = 0
) -> dict[str, Estimate]:
    """How far single latents carry single factors: 1 at best.

    Codes that know nothing have about 0, but ``factor_vae``, ``beta_vae`` and ``dci_informativeness``, which are shares
    of right guesses and have what guessing gives. The settings stand in each note, with the items that were drawn.

    Args:
        codes: ``(N, D)``, posterior means for example.
        factors: ``(N, K)``: for each item the value of each of K factors, numbers or words. ``sap`` takes the order of
            values as a scale.
        metrics: one or some of :data:`METRICS`, all by default. ``dci`` is DCI's disentanglement; the three of DCI are
            computed together.
        points: items that MIG, modularity, SAP and DCI learn from; half as many test DCI.
        seed: of everything drawn.

    Returns:
        the scores in the order of :data:`METRICS`, each with a 95 % interval over which items are drawn. It does not
        cover the luck of a training: train several seeds for that.

    Raises:
        BadData: other numbers of codes and factors, fewer than 2 factors, one that has one value only, or too few
            items.
        BadField: an unknown metric, or fewer than 20 points.
    """
    wanted = [metrics] if isinstance(metrics, str) else list(METRICS if metrics is None else metrics)
    for name in wanted:
        if name not in METRICS:
            raise BadField(f"there is no metric {name!r} of disentanglement; {near(name, METRICS)}")
    if points < LEAST:
        raise BadField(f"points is {points}; it takes at least {LEAST}")
    items = coded(codes, factors)
    if len(items) < LEAST:
        raise BadData(f"{len(items)} items say nothing about disentanglement; it takes {LEAST}, better thousands")
    found: dict[str, Estimate] = {}
    for name in METRICS:
        if name in wanted and name not in found:
            found |= METRICS[name](items, points, seed)
    return {name: found[name] for name in METRICS if name in wanted}


def _of_points(name: str, note: str, measure: Callable[[Coded], float]) -> Callable[[Coded, int, int], Scores]:
    def score(items: Coded, points: int, seed: int) -> Scores:
        drawn = items.drawn(points, seed, "points")
        value, error = jackknife(lambda some: np.asarray(measure(some)), drawn, seed)
        told = f"{len(drawn):,} of {len(items):,} items, {note}; interval over random halves"
        return {name: estimate(float(value), float(error), told)}

    return score


def _dci(items: Coded, points: int, seed: int) -> Scores:
    found = dci(items, points, points // 2, seed)
    return {
        "dci": found.disentanglement,
        "dci_completeness": found.completeness,
        "dci_informativeness": found.informativeness,
    }


METRICS: dict[str, Callable[[Coded, int, int], Scores]] = {
    "mig": _of_points("mig", f"{BINS} bins", lambda items: informed_gap(items, BINS)),
    "dci": _dci,
    "dci_completeness": _dci,
    "dci_informativeness": _dci,
    "factor_vae": lambda items, points, seed: {"factor_vae": factor_score(items, seed=seed)},
    "beta_vae": lambda items, points, seed: {"beta_vae": beta_score(items, seed=seed)},
    "sap": _of_points("sap", "squared correlation", separated),
    "modularity": _of_points("modularity", f"{BINS} bins", lambda items: modularity(items, BINS)),
}
