"""Conformal p-values: how surprising a score is among the scores of items that are known to be good.

Everywhere a higher score is more outlying, and scores of calibration items and of the item in question are
exchangeable when the item is good too: then P(p-value <= t) <= t for every t, whatever the score, for any number of
calibration items (Vovk, Gammerman & Shafer 2005, "Algorithmic Learning in a Random World", section 2.2). That is over
calibration sets and items together: for one calibration set, the rate of false alarms is itself random
(:func:`rate_interval`).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "adjusted",
    "among_themselves",
    "p_values",
    "rate_interval",
    "reachable",
    "threshold",
]

Array = NDArray[np.float64]


def p_values(calibration: ArrayLike, scores: ArrayLike) -> Array:
    """Split-conformal p-values ``(1 + #{calibration >= score}) / (n + 1)``, shape of ``scores``, in [1 / (n + 1), 1].

    Without calibration items every p-value is 1: nothing is known, and nothing is surprising.
    """
    known, asked = _sorted(calibration), np.asarray(scores, dtype=np.float64)
    above = len(known) - np.searchsorted(known, asked, side="left")
    return np.asarray((1.0 + above) / (len(known) + 1.0), dtype=np.float64)


def among_themselves(scores: ArrayLike) -> Array:
    """The p-value of each score by all the others, as if it came anew: ``#{scores >= score} / n``, itself counted."""
    known = _sorted(scores)
    asked = np.asarray(scores, dtype=np.float64)
    above = len(known) - np.searchsorted(known, asked, side="left")
    return np.asarray(above / max(len(known), 1), dtype=np.float64)


def reachable(count: int) -> float:
    """The smallest p-value that ``count`` calibration items can give: 1 / (count + 1)."""
    return 1.0 / (count + 1)


def threshold(calibration: ArrayLike, rate: float) -> float:
    """The score above which a p-value is at most ``rate``; infinite where the calibration items cannot reach it."""
    known = _sorted(calibration)
    allowed = math.floor(rate * (len(known) + 1) * (1 + 1e-12))  # p <= rate where at most allowed - 1 are as high
    return math.inf if allowed < 1 else float(known[-allowed]) if allowed <= len(known) else -math.inf


def rate_interval(count: int, rate: float, level: float = 0.95) -> tuple[float, float]:
    """Between which rates of false alarms one set of ``count`` calibration items lies, with probability ``level``.

    Of scores without ties, the rate that a set realises at ``p <= rate`` has the distribution Beta(k, count + 1 - k)
    with ``k = floor(rate (count + 1))`` (Vovk 2012, "Conditional validity of inductive conformal predictors").
    """
    from scipy.stats import beta

    allowed = math.floor(rate * (count + 1) * (1 + 1e-12))
    if not 1 <= allowed <= count:
        return (0.0, 0.0) if allowed < 1 else (1.0, 1.0)
    low, high = beta.ppf([(1 - level) / 2, (1 + level) / 2], allowed, count + 1 - allowed)
    return float(low), float(high)


def adjusted(p: ArrayLike) -> Array:
    """Benjamini-Hochberg's adjusted p-values: those up to q are the discoveries at a false discovery rate of q.

    The step-up procedure of Benjamini & Hochberg 1995: ``min over larger p of p n / rank``. It holds for conformal
    p-values of one calibration set, too (Bates et al. 2023, "Testing for outliers with conformal p-values", theorem 2).
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    raised = values[order] * len(values) / np.arange(1, len(values) + 1)
    found = np.empty_like(values)
    found[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return found


def _sorted(scores: ArrayLike) -> Array:
    values = np.sort(np.asarray(scores, dtype=np.float64))
    if np.isnan(values).any():
        raise ValueError("a score is no number")
    return values
