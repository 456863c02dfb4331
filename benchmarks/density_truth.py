"""Log p(x) of the default VAE of tables where the truth is known: a linear model, a mixture, a ring.

Protocol: rows are drawn from a density in closed form, a VAE is trained on them with default settings, and its log p(x)
of fresh rows is held against the truth: the mean of |difference|, at 4,000 and 100,000 training rows; of the ring,
which no mixture of few normals is, also with a flow as prior. Beside it stands the maximum likelihood of the true
family from the same rows. The density is summed over a grid where it has two dimensions. AIS and its bracket on
simulated rows (BDMC) are run on the model of most rows. p-values: 200 fresh calibration sets of 99 rows with one fresh
row each, held against the uniform distribution by Kolmogorov and Smirnov; and the realised rate of false alarms of one
set of 1,000 rows against its Beta interval.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import latentia as lt
from benchmarks._frame import finish, table
from latentia.metrics.conformal import p_values, rate_interval, threshold
from latentia.tasks.annealing import Ladder, annealed, bracket
from latentia.tasks.likelihood import exact

Array = np.ndarray[Any, np.dtype[np.float64]]
Log = Callable[[Array], Array]
FRESH = 2_000  # rows that are compared
DRAWS = 256
BARS = {"linear": 0.05, "mixture": 0.05, "ring": 0.1}  # at the larger number of rows
FACTOR = 2.0  # times the error of maximum likelihood, at the smaller
RATE, SETS, SIZE = 0.05, 200, 99


@dataclass(frozen=True)
class Truth:
    """A density: how it is drawn from, its logarithm, and the maximum likelihood of its family from rows."""

    draw: Callable[[int, np.random.Generator], Array]
    log_prob: Log
    fit: Callable[[Array], Log]
    half: float = 0.0  # of the side of a square that holds it, where it has two dimensions


def linear() -> Truth:
    """Eight columns that are linear in three hidden numbers, with noise: the family is a Gaussian."""
    weight = np.random.default_rng(1).normal(size=(8, 3))
    covariance = weight @ weight.T + 0.25 * np.eye(8)

    def draw(count: int, generator: np.random.Generator) -> Array:
        return generator.normal(size=(count, 3)) @ weight.T + 0.5 * generator.normal(size=(count, 8))

    def fit(rows: Array) -> Log:
        return gaussian(rows.mean(0), np.cov(rows.T, bias=True))

    return Truth(draw, gaussian(np.zeros(8), covariance), fit)


def mixture() -> Truth:
    """Three Gaussians in the plane."""
    means = np.array([[-3.0, 0.0], [2.0, 2.5], [1.5, -2.5]])
    spreads = np.array([[[1.0, 0.6], [0.6, 0.8]], [[0.5, -0.2], [-0.2, 0.6]], [[1.2, 0.0], [0.0, 0.4]]])
    shares = np.array([0.5, 0.3, 0.2])

    def draw(count: int, generator: np.random.Generator) -> Array:
        chosen = generator.choice(3, count, p=shares)
        return means[chosen] + np.einsum(
            "nij,nj->ni", np.linalg.cholesky(spreads)[chosen], generator.normal(size=(count, 2))
        )

    def log_prob(x: Array) -> Array:
        parts = zip(shares, means, spreads, strict=True)
        each = [math.log(share) + gaussian(mean, spread)(x) for share, mean, spread in parts]
        return np.asarray(np.logaddexp.reduce(each))

    def fit(rows: Array) -> Log:
        from sklearn.mixture import GaussianMixture

        return GaussianMixture(3, n_init=3, random_state=0).fit(rows).score_samples

    return Truth(draw, log_prob, fit, 9.0)


def ring() -> Truth:
    """A circle of radius 3 with a normal distribution across it."""

    def log_ring(radius: float, width: float) -> Log:
        def log_prob(x: Array) -> Array:
            r = np.linalg.norm(x, axis=1)
            return np.asarray(
                -0.5 * ((r - radius) / width) ** 2 - math.log(width * math.sqrt(2 * math.pi)) - np.log(2 * math.pi * r)
            )

        return log_prob

    def draw(count: int, generator: np.random.Generator) -> Array:
        angle, radius = generator.uniform(0, 2 * math.pi, count), generator.normal(3.0, 0.4, count)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)

    def fit(rows: Array) -> Log:
        r = np.linalg.norm(rows, axis=1)
        return log_ring(float(r.mean()), float(r.std()))

    return Truth(draw, log_ring(3.0, 0.4), fit, 6.0)


def gaussian(mean: Array, covariance: Array) -> Log:
    """The log density of a normal distribution."""
    from scipy.stats import multivariate_normal

    return multivariate_normal(mean, covariance).logpdf  # type: ignore[no-any-return]


TRUTHS = {"linear": linear, "mixture": mixture, "ring": ring}
CASES = (("linear", "auto"), ("mixture", "auto"), ("ring", "auto"), ("ring", "flow"))  # truths and priors


def run(quick: bool, seed: int) -> None:
    """Train on few and many rows of each truth, compare, and look at the estimates from the other side."""
    sizes = (4_000,) if quick else (4_000, 100_000)
    rows, figures = [], {}
    for name, prior in CASES:
        for count in sizes:
            found = compared(name, TRUTHS[name](), count, seed, prior, last=count == sizes[-1])
            figures[f"{name}, {count:,} rows, prior {prior}"] = found
            shown = [found[key] for key in ("error", "bar", "family", "integral", "ais", "gap", "seconds")]
            rows.append([name, prior, f"{count:,}", *("" if each is None else each for each in shown), found["met"]])
    head = [
        "truth",
        "prior",
        "rows",
        "mean |error|",
        "bar",
        "true family",
        "integral",
        "AIS - IWAE",
        "BDMC gap",
        "seconds",
        "met",
    ]
    table(head, rows)
    finish("density-truth", figures, " ".join((__doc__ or "").split()), seed)


def compared(name: str, truth: Truth, count: int, seed: int, prior: str, last: bool) -> dict[str, Any]:
    """The figures of one truth at one number of rows, with one prior."""
    generator = np.random.default_rng([seed, count])
    learnt, fresh = truth.draw(count, generator), truth.draw(FRESH, generator)
    begin = time.perf_counter()
    model = lt.train(lt.VAE(prior=prior), learnt, seed=seed)
    seconds = time.perf_counter() - begin
    print(f"{name}, {count:,} rows, prior {prior}: trained in {seconds:.0f} s", file=sys.stderr, flush=True)
    told = model.log_prob(fresh, DRAWS)
    error = float(np.abs(told.value - truth.log_prob(fresh)).mean())
    family = float(np.abs(truth.fit(learnt)(fresh) - truth.log_prob(fresh)).mean())
    bar = BARS[name] if count > 10_000 else FACTOR * family
    found: dict[str, Any] = {"error": error, "bar": bar, "family": family, "met": error <= bar, "seconds": seconds}
    found |= {"integral": None, "ais": None, "gap": None, "monte_carlo": float(told.error.mean())}
    if truth.half:
        found["integral"] = integral(model, truth.half)
        found["met"] &= abs(found["integral"] - 1) <= 0.01
    if last:
        found |= checked(model, fresh[:32], told.value[:32], told.error[:32]) | calibrated(model, truth, generator)
        found["met"] &= found["ais"] >= -3 * found["ais_error"] and found["gap"] <= 0.1 and found["ks"] > 0.01
        found["met"] &= found["low"] <= found["rate"] <= found["high"]
    return found


def integral(model: lt.Model, half: float, side: int = 200) -> float:
    """The model's density summed over a grid of ``side`` x ``side`` cells."""
    middles = (np.arange(side) + 0.5) / side * 2 * half - half
    grid = np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 2)
    return float(np.exp(model.log_prob(grid, 64).value).sum() * (2 * half / side) ** 2)


def checked(model: lt.Model, rows: Array, value: Array, error: Array) -> dict[str, float]:
    """AIS of the same rows, less the importance-weighted estimate, and the bracket on simulated rows."""
    ladder = Ladder(chains=16, steps=1_000)
    net = exact(model.net)
    found = annealed(net, model.items(rows).double(), ladder)
    apart = found.value - value
    both = float(np.sqrt(found.error**2 + error**2).mean())  # items share their draws: errors do not average out
    return {"ais": float(apart.mean()), "ais_error": both, "gap": bracket(net, 32, ladder).gap}


def calibrated(model: lt.Model, truth: Truth, generator: np.random.Generator) -> dict[str, float]:
    """How p-values are distributed over calibration sets, and the realised rate of one large set."""
    from scipy.stats import kstest

    def score(count: int) -> Array:
        return np.asarray(-model.log_prob(truth.draw(count, generator), 16).value)  # conformal for any score

    sets, rows = score(SETS * SIZE).reshape(SETS, SIZE), score(SETS)
    p = np.array([p_values(each, row)[0] for each, row in zip(sets, rows[:, None], strict=True)])
    smooth = p - generator.uniform(size=SETS) / (SIZE + 1)  # steps of 1/100 made even
    limit = threshold(score(1_000), RATE)
    low, high = rate_interval(1_000, RATE)
    rate = float((score(20_000) > limit).mean())
    return {"ks": float(kstest(smooth, "uniform").pvalue), "rate": rate, "low": low, "high": high}
