"""Made rows of the census (adult) by the default VAE of tables, beside the published figures of TVAE and CTGAN.

Protocol: trained on adult.data less a tenth that chooses the weights, default settings; five draws of as many rows as
were learnt from. Shape and trend errors as SDMetrics defines them, against the training rows. Utility: gradient-boosted
trees learn the income from made rows and from real ones, F1 of >50K on adult.test. Detection: the same trees tell made
rows from real ones, AUROC. Copies: the share of made rows nearer to a training row than to one held out, of 3,000 of
each; and of all rows, weighed as if there were as many of either, which shows copies of any. TVAE 14.2 / 14.2 and CTGAN
16.8 / 20.2 per cent are of Zhang et al. 2024 (TabSyn), table 1 and 2: their machine, not this one.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import numpy as np
from torch import Tensor

import latentia as lt
from benchmarks._frame import data_or_stop, finish, table
from latentia import data
from latentia.core import Spec
from latentia.metrics.tables import nearer, shapes, told_apart, trends
from latentia.tasks.synthetic import columns_of, features_of_rows
from latentia.training.run import Event, Validated

Array = np.ndarray[Any, np.dtype[np.float64]]
BARS = {"shape": 0.05, "trend": 0.07, "f1_lost": 0.03, "nearer": 0.52}
PUBLISHED = {"TVAE": (0.142, 0.142), "CTGAN": (0.168, 0.202)}
TARGET = "income"
COPIES = 3_000  # rows of each side that are held against one another


def run(quick: bool, seed: int) -> None:
    """Train, draw five tables, and measure each."""
    opened = data.open(data_or_stop("adult"))
    begin = time.perf_counter()
    budget = {"images": 60_000} if quick else {}
    model = lt.train(lt.VAE(), opened, seed=seed, progress=tell, **budget)
    seconds = time.perf_counter() - begin
    known, unseen, test = (split.read(slice(None)).x for split in (opened.train, opened.validation, opened.test))
    real = f1(known, test, opened.spec)
    draws = [measured(model, known, unseen, test, draw) for draw in range(1 if quick else 5)]
    found = {name: float(np.mean([draw[name] for draw in draws])) for name in draws[0]}
    found |= {"f1_real": real, "f1_lost": real - found["f1"], "seconds": seconds}
    rows = [
        [
            "latentia",
            *(found[name] for name in ("shape", "trend", "f1", "detected", "nearer", "nearer_of_all")),
            seconds,
        ]
    ]
    rows += [[name, *errors, "", "", "", "", ""] for name, errors in PUBLISHED.items()]
    rows.append(["real rows", 0.0, 0.0, real, 0.5, "", "", ""])
    table(
        ["rows made by", "shape error", "trend error", "F1 >50K", "detection AUROC", "nearer", "of all", "seconds"],
        rows,
    )
    met = {name: found[name] <= bar for name, bar in BARS.items()}
    finish("adult", {**found, "draws": draws, "met": met}, " ".join((__doc__ or "").split()), seed)


def tell(event: Event) -> None:
    """A line per validation."""
    if isinstance(event, Validated):
        print(f"{event.seen:>12,}  bound {event.logs['bound']:.3f}", file=sys.stderr, flush=True)


def measured(model: lt.Model, known: Tensor, unseen: Tensor, test: Tensor, draw: int) -> dict[str, float]:
    """The figures of one table of made rows."""
    spec = model.spec
    made = model.items(model.sample(len(known), seed=draw * 10**6))
    discrete = [column.coded for column in spec.columns]
    sides = [columns_of(x, spec) for x in (known, made)]
    return {
        "shape": float(shapes(*sides, discrete).mean()),
        "trend": float(np.nanmean(trends(*sides, discrete))),
        "f1": f1(made, test, spec),
        "detected": told_apart(known[:10_000], made[:10_000]).value,
        "nearer": nearer(*(features_of_rows(x[:COPIES], spec) for x in (known, unseen, made))).value,
        "nearer_of_all": nearer(*(features_of_rows(x, spec) for x in (known, unseen, made[:COPIES]))).value,
    }


def f1(rows: Tensor, test: Tensor, spec: Spec) -> float:
    """F1 of the larger income on the test rows, by trees that learnt from ``rows``."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import f1_score

    place = [column.name for column in spec.columns].index(TARGET)
    rich = spec.columns[place].categories.index(">50K")
    sides = [np.stack(columns_of(x, spec), 1) for x in (rows, test)]
    inputs = [np.delete(side, place, 1) for side in sides]
    wanted = [side[:, place] == rich for side in sides]
    trees = HistGradientBoostingClassifier(random_state=0).fit(inputs[0], wanted[0])
    return float(f1_score(wanted[1], trees.predict(inputs[1])))
