"""Outliers: which items do not belong, how sure that is, and why.

Contributions say why: what a column (or pixel) adds to an item's score, less what it adds on average to those of
calibration rows; one more entry is for the latent part. They are signed, and with the mean score of the calibration
rows they add up to the item's score.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from latentia.core import Batch, Spec
from latentia.data.tables.making import in_units
from latentia.data.tables.shown import Cells, value_text
from latentia.errors import BadField
from latentia.metrics.conformal import adjusted, p_values, reachable
from latentia.metrics.fractions import WIDTH
from latentia.metrics.ranking import area_error, area_under_roc, average_precision
from latentia.tasks.calibrate import Calibration, check_rate, filled
from latentia.tasks.evaluate import Figure
from latentia.tasks.maps import FINE, heat
from latentia.tasks.maps import WIDTH as WIDE
from latentia.tasks.score import LATENT, Kind, Scores, term_names

__all__ = ["Judged", "Outliers", "Rule", "decided", "detected", "joined", "judged", "value_of"]

Array = NDArray[np.float64]
RATE = 0.01


@dataclass(frozen=True)
class Rule:
    """When an item is an outlier: one of three, ``rate`` 0.01 where nothing is said.

    Attributes:
        rate: of false alarms: a good item is flagged with at most this probability.
        fdr: false discovery rate over all items together: of those that are flagged, at most this share is good on
            average (Benjamini-Hochberg).
        contamination: the share that is flagged, whatever the p-values: for who knows how many are bad.
    """

    rate: float | None = None
    fdr: float | None = None
    contamination: float | None = None

    def __post_init__(self) -> None:
        given = {name: value for name, value in vars(self).items() if value is not None}
        if len(given) > 1:
            raise BadField(f"{' and '.join(given)} were both given; which items are outliers is decided by one of them")
        for name, value in given.items():
            if not 0 < value < 1:
                raise BadField(f"{name} is {value:g}; it lies between 0 and 1, for example {RATE:g}")
        if not given:
            object.__setattr__(self, "rate", RATE)

    def check(self, count: int) -> None:
        """Refuse a rate that ``count`` calibration rows cannot reach.

        Raises:
            BadField: with the rate that they reach, and the way out.
        """
        if self.rate is not None:
            check_rate(self.rate, count)

    def told(self, count: int, items: int) -> str:
        """The rule in words, for ``count`` calibration rows and so many items."""
        if self.contamination is not None:
            return f"the {self.contamination:g} of highest scores: no rate of false alarms is promised"
        if self.rate is not None:
            return f"p-value at most {self.rate:g}: a good row is flagged with at most this probability"
        fewest = int(np.ceil(items * reachable(count) / float(self.fdr or 1)))
        more = f"; with {count:,} calibration rows none is flagged unless {fewest:,} are" if fewest > 1 else ""
        return f"false discovery rate {self.fdr:g} (Benjamini-Hochberg){more}"


@dataclass(frozen=True)
class Judged:
    """Some items beside a calibration: all but the decision, which may need all items."""

    scores: Array  # (N,)
    p_values: Array  # (N,)
    origin: NDArray[np.str_]  # (N,) what the model knows of the item: new, calibration, train, validation
    contributions: Array  # (N, T + 1) signed, the latent part last
    constants: Array  # (N,) what the contributions are counted from


@dataclass(frozen=True)
class Outliers(Judged):
    """Items with their scores, p-values and reasons.

    Attributes:
        outlier: ``(N,)`` bool.
        names: ``(T + 1,)`` what contributions belong to.
        spread: ``(T,)`` the standard deviation of each term over calibration rows, that of all where they are even.
        kind: what a score is.
        rule: the decision in words.
    """

    outlier: NDArray[np.bool_]
    names: list[str]
    spread: Array
    kind: Kind
    rule: str

    def heat(self, items: list[int], shape: Sequence[int]) -> Tensor:
        """Maps of where in pictures of this shape ``(C, H, W)`` their scores come from: ``(len(items), H, W)``."""
        own = self.contributions[items][:, :-1]
        return heat(own, self.spread, shape, FINE if self.kind.even else WIDE)

    def reasons(self, item: int, count: int = 3) -> list[tuple[str, float]]:
        """What adds most to the score of one item: names and contributions, the largest first, positive ones only.

        The latent part leads only where no column adds anything: where a column is off the code takes a part of the
        blame, but what a person can look at is the column.
        """
        own = self.contributions[item]
        order = np.argsort(-own, kind="stable")
        if len(order) > 1 and order[0] == len(own) - 1 and own[order[1]] > 0:
            order[:2] = order[1::-1]
        first = order[:count]
        return [(self.names[place], float(own[place])) for place in first if own[place] > 0]


def judged(scores: Scores, marks: NDArray[np.int64], calibration: Calibration) -> Judged:
    """Scores of items with their p-values and contributions.

    An item that is a calibration row has the score that was kept, and is judged by the others. A column that is unknown
    in a row costs what it costs on average: its contribution is 0, so that a row is neither odd nor ordinary by what it
    lacks.
    """
    value, terms = filled(scores, calibration.mean)
    inside = calibration.places(marks)
    own, known, latent = inside >= 0, value.copy(), scores.latent - calibration.latent
    known[own] = calibration.scores[inside[own]]
    latent[own] += known[own] - value[own]  # equal up to rounding: it adds up
    usual = np.full_like(calibration.mean, calibration.mean.mean()) if scores.kind.even else calibration.mean
    contributions = np.concatenate([terms - usual, latent[:, None]], axis=1)
    constants = np.full(len(scores), calibration.constant)
    return Judged(known, calibration.p_values(known, marks), calibration.origin(marks), contributions, constants)


def joined(parts: list[Judged]) -> Judged:
    """Several blocks as one."""
    return Judged(*(np.concatenate([getattr(part, name) for part in parts]) for name in Judged.__dataclass_fields__))


def decided(found: Judged, rule: Rule, spec: Spec, kind: Kind, calibration: Calibration) -> Outliers:
    """Which items are outliers by a rule. Those without a p-value (NaN) are not, except by contamination.

    Raises:
        BadField: a rate that the calibration rows cannot reach.
    """
    rule.check(len(calibration))
    count, told = len(found.scores), rule.told(len(calibration), len(found.scores))
    asked = ~np.isnan(found.p_values)
    outlier = np.zeros(count, dtype=bool)
    if rule.contamination is not None:
        most = round(rule.contamination * count)
        outlier[np.argsort(-found.scores, kind="stable")[:most]] = True
    elif rule.rate is not None:
        outlier[asked] = found.p_values[asked] <= rule.rate * (1 + 1e-12)
    elif asked.any():
        outlier[asked] = adjusted(found.p_values[asked]) <= float(rule.fdr or 0)
    names = [*term_names(spec, found.contributions.shape[1] - 1), LATENT]
    spread = calibration.deviation
    if kind.even:
        spread = np.full_like(spread, math.sqrt(np.square(spread).mean()))
    return Outliers(**vars(found), outlier=outlier, names=names, spread=spread, kind=kind, rule=told)


def detected(good: Array, bad: Array, kind: Kind) -> list[Figure]:
    """How well scores tell known bad items from good ones that the model never saw, with 95 % intervals.

    Raises:
        BadData: no good or no bad items.
    """
    area, error = area_under_roc(good, bad), WIDTH * area_error(good, bad)
    among = f"{len(bad):,} bad items and {len(good):,} good ones by {kind.name}"
    figures = [
        Figure(
            "AUROC",
            area,
            max(0.0, area - error),
            min(1.0, area + error),
            "",
            f"How often a bad item scores above a good one ({among}): 0.5 is chance, 1 is always.",
            "higher",
        )
    ]
    precision, share = average_precision(good, bad), len(bad) / (len(bad) + len(good))
    meaning = f"The share of bad items among those that score as high, averaged over bad items: {share:.2g} is chance."
    figures.append(Figure("average precision", precision, precision, precision, "", meaning, "higher"))
    rate = max(RATE, reachable(len(good)))
    found = float((p_values(good, bad) <= rate * (1 + 1e-12)).mean())
    spread = WIDTH * math.sqrt(found * (1 - found) / len(bad))
    meaning = f"The share of bad items that outliers flags at a rate of false alarms of {rate:.3g}."
    low, high = max(0.0, found - spread), min(1.0, found + spread)
    return [*figures, Figure("detected", found, low, high, "", meaning, "higher")]


def value_of(batch: Batch, row: int, place: int, spec: Spec, cells: Cells | None = None) -> str:
    """The value of a column in one row of a batch, as a person reads it; with ``cells`` as the table has it."""
    if cells is not None:
        return cells(row, place)
    entry = float(batch.x[row, place])
    if not spec.columns:
        return f"{entry:.6g}"
    column, flag = spec.columns[place], spec.flags.get(place)
    if (batch.mask is not None and not bool(batch.mask[row, place])) or (flag is not None and not batch.x[row, flag]):
        return "missing"
    if column.coded:
        return column.categories[int(entry)]
    return value_text(column, float(in_units(column, np.array(entry))))
