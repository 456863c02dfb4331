"""Synthetic: how good made rows of a table are, column by column, pair by pair, as a whole, to learn from, as copies.

Errors of columns and pairs are those of SDMetrics (:mod:`latentia.metrics.tables`). Beside each figure stands the same
one of real rows that the model never saw, held against the training rows: its floor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentia.core import Source, Spec
from latentia.errors import BadData, BadField, near
from latentia.metrics.fractions import fraction
from latentia.metrics.tables import closest, nearer, shapes, told_apart, trends
from latentia.tasks.evaluate import Figure

__all__ = ["PRIVACY", "TABLE", "Synthetic", "columns_of", "features_of_rows", "synthetic", "target_of"]

Array = NDArray[np.float64]
TABLE = "table"  # the metric that these figures are
SHAPE, TREND = "column shape error", "pair trend error"
ROWS = 10_000  # that are made, and as many training rows, at most
CLOSE = 3_000  # made and held-out rows whose distances are taken, at most
FEWEST = 20  # held-out rows
PRIVACY = (
    "No differential privacy: nothing here bounds what made rows tell about a person whose row was learnt from. "
    "Distances only show whether rows were copied."
)


@dataclass(frozen=True)
class Synthetic:
    """How good made rows are.

    Attributes:
        figures: the means over columns and rows, each with what it means.
        names: of the columns.
        shape, shape_floor: the error of each column's distribution, and that of held-out rows, ``(C,)``.
        trend, trend_floor: the same of each pair, ``(C, C)``, NaN on the diagonal.
        target: the column that utility is told by.
    """

    figures: list[Figure]
    names: list[str]
    shape: Array
    shape_floor: Array
    trend: Array
    trend_floor: Array
    target: str

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values: what it is no proof of, then the figures; parts by the names of columns."""
        shape = [float(each) if np.isfinite(each) else None for each in self.shape]
        parts: dict[str, Any] = {SHAPE: dict(zip(self.names, shape, strict=True)), TREND: self._pairs()}
        figures = [{**figure.to_json(), "parts": parts.get(figure.name, {})} for figure in self.figures]
        return {"privacy": PRIVACY, "target": self.target, "figures": figures}

    def _pairs(self) -> dict[str, dict[str, float]]:
        """The error of each pair that has a trend, told once, by its first and its second column."""
        found: dict[str, dict[str, float]] = {}
        for one, two in zip(*np.nonzero(np.triu(np.isfinite(self.trend), 1)), strict=True):
            found.setdefault(self.names[one], {})[self.names[two]] = float(self.trend[one, two])
        return found


def synthetic(
    made: Tensor, train: Source, held: Source, target: str | None = None, seed: int = 0, split: str = "test"
) -> Synthetic:
    """How good made rows are.

    Args:
        made: entries of made rows ``(N, *spec.shape)``, at most :data:`ROWS` of them are looked at.
        train: what the model learnt from.
        held: rows that it did not.
        target: the column that trees learn to tell from the others; by default the last one with categories, or else
            the last one.
        seed: of trees and folds.
        split: what the held-out rows are called.

    Raises:
        BadData: fewer than 20 held-out rows, or a table of one column.
        BadField: no column of that name.
    """
    spec, made = train.spec, made[:ROWS]
    known, unseen = (side.read(slice(0, ROWS)).x for side in (train, held))
    place = target_of(spec, target)
    if len(unseen) < FEWEST or len(spec.columns) < 2:
        raise BadData(
            f"rows that are made are judged by {FEWEST} held-out rows and two columns or more; "
            f"there are {len(unseen)} and {len(spec.columns)}"
        )
    kinds = [column.coded for column in spec.columns]
    real, drawn, other = (columns_of(x, spec) for x in (known, made, unseen))
    shape, shape_floor = shapes(real, drawn, kinds), shapes(real, other, kinds)
    trend, trend_floor = trends(real, drawn, kinds), trends(real, other, kinds)
    names = [column.name for column in spec.columns]
    figures = [
        _shape(shape, shape_floor),
        _trend(trend, trend_floor),
        _detection(known, made, unseen, seed),
        _utility(real, drawn, other, place, spec, seed),
        *_copies(*(features_of_rows(x, spec) for x in (known, unseen[:CLOSE], made[:CLOSE]))),
    ]
    told = {"samples": len(made), "split": split}
    figures = [Figure(**{**vars(figure), **told}) for figure in figures]
    return Synthetic(figures, names, shape, shape_floor, trend, trend_floor, names[place])


def target_of(spec: Spec, name: str | None) -> int:
    """The place of a column by its name; without one of the last that has categories, or else of the last.

    Raises:
        BadField: there is none of that name, or the data has no typed columns.
    """
    names = [column.name for column in spec.columns]
    if not names:
        raise BadField(f"the metric {TABLE} is of tables with columns, and the data is a {spec.kind}")
    if name is not None and name not in names:
        raise BadField(f"there is no column {name!r} to predict; {near(name, names)}")
    coded = [place for place, column in enumerate(spec.columns) if column.coded]
    return names.index(name) if name is not None else (coded or [len(names) - 1])[-1]


def columns_of(x: Tensor, spec: Spec) -> list[Array]:
    """The columns of entries, missing ones NaN."""
    found = []
    for place in range(len(spec.columns)):
        column = x[:, place].double().numpy().copy()
        if place in spec.flags:
            column[x[:, spec.flags[place]].numpy() == 0] = np.nan
        found.append(column)
    return found


def features_of_rows(x: Tensor, spec: Spec) -> Tensor:
    """Numbers in deviations, a half for each of two categories that differ: what distances are taken of."""
    parts = []
    for place, column in enumerate(spec.columns):
        if column.coded:
            parts.append(0.5 * torch.nn.functional.one_hot(x[:, place].long(), len(column.categories)))
        else:
            parts.append(x[:, place : place + 1])
    return torch.cat([part.double() for part in parts], 1)


def _exact(name: str, value: float, floor: float, meaning: str, better: str, parts: Sequence[float] = ()) -> Figure:
    return Figure(name, value, value, value, "", meaning, better, tuple(parts), floor)


def _shape(shape: Array, floor: Array) -> Figure:
    meaning = (
        "How far the distribution of a column is from the training rows', the mean over columns: 0 is the same, 1 is "
        f"nothing in common. Rows held out have {floor.mean():.3g}."
    )
    return _exact(SHAPE, float(shape.mean()), float(floor.mean()), meaning, "lower", shape.tolist())


def _trend(trend: Array, floor: Array) -> Figure:
    """Pairs of columns that do not vary have no trend; where no pair has one the error is 0."""
    value, own = (float(each[np.isfinite(each)].mean()) if np.isfinite(each).any() else 0.0 for each in (trend, floor))
    meaning = (
        "How far two columns go together otherwise than in the training rows, the mean over pairs: 0 is the same. "
        f"Rows held out have {own:.3g}."
    )
    return _exact(TREND, value, own, meaning, "lower")


def _detection(known: Tensor, made: Tensor, unseen: Tensor, seed: int) -> Figure:
    found, floor = told_apart(known, made, seed=seed), told_apart(known, unseen, seed=seed).value
    meaning = (
        "How often boosted trees find the made one of a made and a real row that they have not seen (classifier "
        f"two-sample test, AUROC): 0.5 is chance, 1 is always. Rows held out have {floor:.3g}."
    )
    low, high = max(0.0, found.low), min(1.0, found.high)
    return Figure("detection", found.value, low, high, "", meaning, "lower", floor=floor)


def _utility(real: list[Array], drawn: list[Array], other: list[Array], place: int, spec: Spec, seed: int) -> Figure:
    """Trees learn a column from made rows and from real ones, and are asked about held-out rows."""
    name, coded = spec.columns[place].name, spec.columns[place].coded
    made, own = (_predicted(side, other, place, coded, seed) for side in (drawn, real))
    measure = "balanced accuracy" if coded else "R2"
    meaning = (
        f"How well boosted trees that learnt from made rows tell {name!r} of held-out rows by the other columns "
        f"({measure}); those that learnt from as many real rows reach {own:.3g}."
    )
    return Figure(f"utility for {name}", made, made, made, measure, meaning, "higher", floor=own)


def _predicted(rows: list[Array], asked: list[Array], place: int, coded: bool, seed: int) -> float:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.metrics import r2_score, recall_score

    inputs, wanted = [], []
    for side in (rows, asked):
        there = ~np.isnan(side[place])
        inputs.append(np.stack([each[there] for at, each in enumerate(side) if at != place], 1))
        wanted.append(side[place][there])
    if not len(wanted[0]) or np.ptp(wanted[0]) == 0:  # nothing to learn from: always the same answer
        told = np.full(len(wanted[1]), wanted[0][0] if len(wanted[0]) else 0.0)
    else:
        kind: Any = HistGradientBoostingClassifier if coded else HistGradientBoostingRegressor
        told = kind(random_state=seed).fit(inputs[0], wanted[0]).predict(inputs[1])
    if coded:
        return float(recall_score(wanted[1], told, labels=np.unique(wanted[1]), average="macro", zero_division=0))
    return float(r2_score(wanted[1], told))


def _copies(known: Tensor, unseen: Tensor, made: Tensor) -> list[Figure]:
    """Distances to the closest training row, beside those of rows that were not learnt from."""
    share = nearer(known, unseen, made)
    to_known, floor = (closest(side.numpy(), known.numpy()) for side in (made, unseen))
    equal, own = fraction(to_known == 0), fraction(floor == 0).value
    meaning = (
        "The share of made rows that lie nearer to a training row than to any held-out one, weighed as if there were "
        "as many of either: 0.5 where nothing is copied, 1 where all is. " + PRIVACY
    )
    return [
        Figure("nearer to training rows", share.value, share.low, share.high, "", meaning, "lower", floor=0.5),
        _exact(
            "distance to the closest record",
            float(np.median(to_known)),
            float(np.median(floor)),
            "The median distance from a made row to the training row nearest to it, summed over columns in deviations; "
            f"from held-out rows it is {np.median(floor):.3g}: much less would be copies.",
            "",
        ),
        Figure(
            "copies",
            equal.value,
            equal.low,
            equal.high,
            "",
            f"The share of made rows that are equal to a training row; of held-out rows {own:.3g} are.",
            "lower",
            floor=own,
        ),
    ]
