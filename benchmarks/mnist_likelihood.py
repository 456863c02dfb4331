"""Test log-likelihood of dynamically binarised MNIST: VAE, IWAE-5 and VampPrior beside the published figures.

Protocol: 55,000 training and 5,000 validation images (choices are made on those alone), the test set binarised once
with seed 0 and read once, by importance sampling with 5,000 draws. The budget is 20 million training images, a tenth of
the 197 million of Burda et al. 2016.
"""

from __future__ import annotations

import sys
from dataclasses import fields, replace
from typing import Any

import numpy as np

import latentia as lt
from benchmarks._frame import RUNS, data_or_stop, finish, table
from latentia import data, presets
from latentia.core import Training
from latentia.data import DataOptions
from latentia.tasks.likelihood import weigh
from latentia.training.run import Event, Validated

PUBLISHED = {"vae-burda": -86.76, "iwae-burda": -85.54, "vamp-tomczak": -82.43}
BARS = {"vae-burda": -87.0, "iwae-burda": -86.0, "vamp-tomczak": -83.5}
CHUNK = 500


def run(quick: bool, seed: int, names: tuple[str, ...] = ("vae-burda", "iwae-burda")) -> None:
    """Train each preset (a run resumes) and print its test log-likelihood."""
    opened = data.open(data_or_stop("mnist"), binarize="dynamic", held_out=5_000 / 60_000)
    rows, figures = [], {}
    for name in names:
        model = train(name, opened, quick, seed)
        value, error, low = likelihood(model, opened, 500 if quick else 5_000)
        rows.append([name, f"{value:.2f}", f"{error:.3f}", f"{low:.3f}", BARS[name], PUBLISHED[name]])
        figures[name] = {
            "test": value,
            "standard_error": error,
            "monte_carlo_error": low,
            "images": model.facts["budget"],
        }
    table(["model", "log p(x)", "se over items", "se of draws", "bar", "published"], rows)
    finish("mnist-likelihood", figures, " ".join((__doc__ or "").split()), seed)


def train(name: str, opened: data.DataSet, quick: bool, seed: int) -> lt.Model:
    """The model of a preset, on a tenth of its images when quick."""
    values: dict[str, Any] = presets.load(name)
    if quick:
        values |= {"images": values["images"] // 10, "rate": values["rate"].replace("@20M", "@2M")}
        values |= {"beta": "0:1@200k"} if "beta" in values else {}
    options = {field.name for field in (*fields(Training), *fields(DataOptions))}
    recipe = lt.VAE(**{key: value for key, value in values.items() if key not in options})
    own = {field.name for field in fields(Training)}
    training = replace(
        Training(seed=seed, precision="float32"), **{key: value for key, value in values.items() if key in own}
    )
    folder = RUNS / f"{name}-{seed}{'-quick' if quick else ''}"
    return lt.train(recipe, opened, training=training, run=folder, progress=tell)


def tell(event: Event) -> None:
    """A line per validation."""
    if isinstance(event, Validated):
        print(f"{event.seen:>12,}  bound {event.logs['bound']:.2f}", file=sys.stderr, flush=True)


def likelihood(model: lt.Model, opened: data.DataSet, draws: int) -> tuple[float, float, float]:
    """The mean over the test set, its standard error over items, and that of the draws alone."""
    values, errors = [], []
    for start in range(0, len(opened.test), CHUNK):
        x = opened.test.read(slice(start, start + CHUNK)).x
        part = weigh(model.net, x, draws, seed=start).log_prob  # draws of its own for each item: errors average out
        values.append(part.value)
        errors.append(part.error)
    value, error = np.concatenate(values), np.concatenate(errors)
    return (
        float(value.mean()),
        float(value.std(ddof=1) / len(value) ** 0.5),
        float((error**2).sum() ** 0.5 / len(error)),
    )
