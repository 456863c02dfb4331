"""What measures of disentanglement cost: codes of all 737,280 shapes once, then every measure on the cached codes.

Protocol: the convolutional VAE of `disentangle` as it is built, which costs what a trained one does. Rate: pictures
rendered and encoded, batch 512, beside the bare forward of the encoder on one batch that is there already, A, B, A, B.
Measures: their default settings on the codes, seconds each; DCI apart. Oracles: the factors themselves, each in a
latent of its own with as many dead ones beside them (1 but for chance), these turned by a random rotation (between) and
noise (0; shares of right guesses what guessing gives).
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks._codes import ALL, BATCH, codes_at, factors_at, rows_of
from benchmarks._frame import alternate, finish, spread, table
from benchmarks.disentangle import NETS
from latentia.core import Spec
from latentia.data.shapes import Shapes
from latentia.metrics.disentanglement import METRICS, disentanglement
from latentia.models.vae import VAE
from latentia.tasks.working import still

SHARE, SECONDS, DCI_SECONDS = 0.8, 60.0, 120.0
DCI = ("dci", "dci_completeness", "dci_informativeness")


def run(quick: bool, seed: int) -> None:
    """Encode, measure, score the oracles."""
    shapes, rows = Shapes(), rows_of(6_000 if quick else ALL, seed)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = VAE(**NETS).build(Spec("image", (1, 64, 64), levels=2)).eval().requires_grad_(False)
    rates = encoding(net, shapes, rows[: 1_024 if quick else 20_480], 3 if quick else 5)
    share = spread(rates["ours"])["median"] / spread(rates["bare"])["median"]
    codes, factors = codes_at(net, shapes, rows), factors_at(rows)
    measures = [name for name in METRICS if name not in DCI]
    taken = {name: seconds(lambda name=name: disentanglement(codes, factors, [name], seed=seed)) for name in measures}
    points, known = (300, factors[:, :2]) if quick else (10_000, factors)
    taken["dci"] = seconds(lambda: disentanglement(codes, known, ["dci"], points=points, seed=seed))
    both = sum(value for name, value in taken.items() if name != "dci")
    table(["measure", "seconds"], [*taken.items(), ["all but dci", both]])
    oracles = scores(known, points, seed)
    print()
    table(["codes", *METRICS], [[name, *own.values()] for name, own in oracles.items()])
    right = {name: fits(oracles, name, guessed(known).get(name, 0.0)) for name in METRICS}
    figures = {
        "items": len(rows), "rates": {name: spread(own) for name, own in rates.items()},
        "share of the bare rate": share, "seconds": taken, "seconds of all but dci": both,
        "oracles": oracles, "oracles right": right,
        "met": share >= SHARE and both <= SECONDS and taken["dci"] <= DCI_SECONDS and all(right.values()),
    }  # fmt: skip
    finish("disentangle-metrics", figures, " ".join((__doc__ or "").split()), seed)


def encoding(net: VAE, shapes: Shapes, rows: torch.Tensor, rounds: int) -> dict[str, list[float]]:
    """Pictures a second: through rendering and the task, and of the bare encoder."""
    x = shapes.gather(rows[:BATCH])

    def bare() -> None:
        with still(net):
            for _ in range(len(rows) // BATCH):
                net.encode(x)  # type: ignore[attr-defined]

    def ours() -> None:
        codes_at(net, shapes, rows)

    return alternate({"ours": lambda: len(rows) / seconds(ours), "bare": lambda: len(rows) / seconds(bare)}, rounds)


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def scores(factors: NDArray[np.int64], points: int, seed: int) -> dict[str, dict[str, float]]:
    """Every measure of codes whose answer is known."""
    generator = np.random.default_rng(seed)
    own = (factors - factors.mean(0)) / factors.std(0)
    perfect = np.concatenate([own, np.zeros_like(own)], 1)
    turned = perfect @ np.linalg.qr(generator.normal(size=(perfect.shape[1],) * 2))[0]
    told = {"perfect": perfect, "turned": turned, "noise": generator.normal(size=perfect.shape)}
    cheap = [metric for metric in METRICS if metric not in DCI]
    found = {}
    for name, codes in told.items():
        own = disentanglement(codes, factors, cheap, seed=seed)
        own |= disentanglement(codes, factors, DCI, points=points, seed=seed)
        found[name] = {metric: own[metric].value for metric in METRICS}
    return found


def guessed(factors: NDArray[np.int64]) -> dict[str, float]:
    """What guessing gives, of measures that are shares of right guesses."""
    chance = float(np.mean([1 / len(np.unique(own)) for own in factors.T]))
    return {"factor_vae": 1 / factors.shape[1], "beta_vae": 1 / factors.shape[1], "dci_informativeness": chance}


def fits(oracles: dict[str, dict[str, float]], metric: str, chance: float) -> bool:
    """Whether perfect codes have 1, noise what guessing gives, and turned ones lie between."""
    perfect, turned, noise = (oracles[name][metric] for name in ("perfect", "turned", "noise"))
    return perfect > 0.9 and noise < chance + 0.1 and noise < turned <= perfect
