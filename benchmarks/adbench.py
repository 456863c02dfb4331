"""Outliers of ADBench's tables: the default VAE of tables beside neighbours, forests, mixtures and PyOD's detectors.

Protocol: 20 sets, rows capped at 10,000 by a seeded draw. Clean: half of the normal rows, drawn at random without
bootstrapping, are learnt from; the others and all outliers are judged. Mixed: all rows are learnt from and judged, and
no label is seen. The same default settings for all sets and both cases; 5 seeds, 2 for the deep peers. Columns are
scaled to unit variance for the peers. AUROC and average precision in per cent, seconds of fit and score together; the
raw figures stay in runs/benchmarks/adbench-SEED.csv. The best peer is the one with the highest mean; its difference to
ours over sets is given with a paired 95 % interval. PyOD is asked where it is installed (.peers).
"""

from __future__ import annotations

import argparse
import csv
import importlib.util
import os
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._frame import RUNS, data_or_stop, finish, table

Array = np.ndarray[Any, np.dtype[np.float64]]
Detector = Callable[[Array, Array, int], Array]  # training rows, rows to judge, a seed: higher for outliers
CAP = 10_000
QUICK = ("annthyroid", "letter", "pendigits", "shuttle", "Stamps")
HEAD = ("case", "set", "method", "seed", "rows", "columns", "auroc", "ap", "seconds")
DEEP = ("pyod AutoEncoder", "pyod VAE")
OURS = "latentia"
MEMBERS = "latentia of 3"  # members averaged as densities; asked for by --methods alone
PEERS = Path(".peers") / "bin" / "python"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", default="", help="names of sets, with commas; by default all")
    parser.add_argument("--cases", default="clean,mixed", help="clean, mixed, or both with a comma")
    parser.add_argument("--methods", default="", help=f"names of methods, with commas; by default all but {MEMBERS!r}")


def run(quick: bool, seed: int, sets: str = "", cases: str = "clean,mixed", methods: str = "") -> None:
    """Every method on every set, case and seed; a row of the file for each."""
    go_where_pyod_is()
    paths = chosen_sets(sets.split(",") if sets else QUICK if quick else ())
    wanted = methods.split(",") if methods else [name for name in all_detectors() if name != MEMBERS]
    detectors = {name: each for name, each in all_detectors().items() if name in wanted}
    file = RUNS / f"adbench-{seed}{'-quick' if quick else ''}.csv"
    file.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, HEAD)
        writer.writeheader()
        for case in cases.split(","):
            for path in paths:
                for found in judged(path, case, detectors, seed, 1 if quick else 5):
                    writer.writerow(found)
                    out.flush()
                    rows.append(found)
    figures = {case: summary([row for row in rows if row["case"] == case]) for case in cases.split(",")}
    for case, found in figures.items():
        print(f"\n{case}: means over {len(paths)} sets")
        shown = [[name, *(each[key] for key in ("auroc", "ap", "seconds"))] for name, each in found["methods"].items()]
        table(["method", "AUROC", "AP", "seconds"], sorted(shown, key=lambda row: -float(row[1])))
        if "difference" in found:
            low, high = found["interval"]
            print(f"ours - {found['best_peer']}: {found['difference']:+.2f} points [{low:+.2f}, {high:+.2f}]")
    finish("adbench", {**figures, "csv": str(file)}, " ".join((__doc__ or "").split()), seed)


def go_where_pyod_is() -> None:
    """Go on in the peers' environment if PyOD is there and not here."""
    if importlib.util.find_spec("pyod") is not None:
        return
    if (
        any(Path(".peers").glob("lib/python*/site-packages/pyod"))
        and Path(sys.executable).absolute() != PEERS.absolute()
    ):
        print(f"PyOD lives in {PEERS.parent.parent}: going on there", flush=True)
        os.execv(PEERS, [str(PEERS), "-m", "benchmarks", *sys.argv[1:]])
    print("PyOD is not installed in .peers: its detectors are skipped")


def chosen_sets(names: Sequence[str]) -> list[Path]:
    """The files of the sets with these names in theirs, or all."""
    folder = Path(os.environ.get("LATENTIA_DATA", ".")) / data_or_stop("adbench")
    found = sorted(folder.glob("*.npz"), key=lambda path: int(path.stem.partition("_")[0]))
    return [path for path in found if not names or any(name in path.stem for name in names)]


def judged(path: Path, case: str, detectors: Mapping[str, Detector], seed: int, seeds: int) -> list[dict[str, Any]]:
    """Each detector on each seed's split of a set."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    found = []
    for own in range(seed, seed + seeds):
        training, asked, outlier = split(path, case, own)
        for name, detect in detectors.items():
            if name in DEEP and own >= seed + 2:
                continue
            begin = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                scores = detect(training, asked, own)
            seconds = time.perf_counter() - begin
            row = (case, path.stem, name, own, len(training), training.shape[1])
            auroc, ap = (100 * float(measure(outlier, scores)) for measure in (roc_auc_score, average_precision_score))
            found.append(dict(zip(HEAD, (*row, auroc, ap, seconds), strict=True)))
            print(
                f"{case} {path.stem} {own} {name}: {auroc:.1f} {ap:.1f}, {seconds:.1f} s", file=sys.stderr, flush=True
            )
    return found


def split(path: Path, case: str, seed: int) -> tuple[Array, Array, Array]:
    """The rows to learn from, the rows to judge, and which of these are outliers."""
    with np.load(path) as held:
        rows, outlier = held["X"].astype(np.float64), held["y"].astype(bool)
    generator = np.random.default_rng([seed, 7])
    kept = generator.permutation(len(rows))[:CAP]
    rows, outlier = rows[kept], outlier[kept]
    if case == "mixed":
        return rows, rows, outlier
    normal = generator.permutation(np.flatnonzero(~outlier))
    half = len(normal) // 2
    asked = np.concatenate([normal[half:], np.flatnonzero(outlier)])
    return rows[normal[:half]], rows[asked], outlier[asked]


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over sets of each method's mean over seeds, and ours less the best peer's with a paired interval."""
    from scipy.stats import t

    names, sets = (list(dict.fromkeys(row[key] for row in rows)) for key in ("method", "set"))
    each = {
        (name, of, key): float(np.mean([row[key] for row in rows if row["method"] == name and row["set"] == of]))
        for name in names
        for of in sets
        for key in ("auroc", "ap", "seconds")
    }
    means = {
        name: {key: float(np.mean([each[name, of, key] for of in sets])) for key in ("auroc", "ap", "seconds")}
        for name in names
    }
    found: dict[str, Any] = {"methods": means}
    peers = [name for name in names if name != OURS]
    if OURS in names and peers:
        best = max(peers, key=lambda name: means[name]["auroc"])
        apart = np.array([each[OURS, of, "auroc"] - each[best, of, "auroc"] for of in sets])
        half = float(t.ppf(0.975, max(1, len(sets) - 1)) * apart.std(ddof=1) / len(sets) ** 0.5) if len(sets) > 1 else 0
        middle = float(apart.mean())
        found |= {"best_peer": best, "difference": middle, "interval": [middle - half, middle + half]}
    return found


# --- detectors -------------------------------------------------------------------------------------------------------


def all_detectors() -> dict[str, Detector]:
    """Ours, scikit-learn's, and PyOD's if it is there."""
    found = {
        OURS: ours,
        MEMBERS: partial(ours, members=3),
        "KNN": neighbours,
        "IForest": forest,
        "GaussianMixture": gaussians,
    }
    return found | (pyod_detectors() if importlib.util.find_spec("pyod") is not None else {})


def ours(training: Array, asked: Array, seed: int, members: int = 1) -> Array:
    """The estimator as it comes."""
    from latentia.estimators import VAE

    return np.asarray(-VAE(random_state=seed, members=members).fit(training).score_samples(asked))


def neighbours(training: Array, asked: Array, seed: int) -> Array:
    """The distance to the fifth neighbour, itself not counted."""
    from sklearn.neighbors import NearestNeighbors

    training, asked = scaled(training, asked)
    same = int(training.shape == asked.shape and np.array_equal(training, asked))
    return np.asarray(NearestNeighbors(n_neighbors=5 + same).fit(training).kneighbors(asked)[0][:, -1])


def forest(training: Array, asked: Array, seed: int) -> Array:
    from sklearn.ensemble import IsolationForest

    training, asked = scaled(training, asked)
    return np.asarray(-IsolationForest(random_state=seed).fit(training).score_samples(asked))


def gaussians(training: Array, asked: Array, seed: int) -> Array:
    from sklearn.mixture import GaussianMixture

    training, asked = scaled(training, asked)
    return np.asarray(-GaussianMixture(random_state=seed).fit(training).score_samples(asked))


def pyod_detectors() -> dict[str, Detector]:
    """PyOD's, with their default settings."""

    def detector(module: str, name: str) -> Detector:
        def detect(training: Array, asked: Array, seed: int) -> Array:
            cls = getattr(importlib.import_module(f"pyod.models.{module}"), name)
            settings = {"random_state": seed} if f"pyod {name}" in DEEP or name == "IForest" else {}
            training, asked = scaled(training, asked)
            fitted = cls(**settings).fit(training)
            same = training.shape == asked.shape and np.array_equal(training, asked)
            return np.asarray(fitted.decision_scores_ if same else fitted.decision_function(asked), dtype=np.float64)

        return detect

    kinds = {"auto_encoder": "AutoEncoder", "vae": "VAE", "ecod": "ECOD", "iforest": "IForest", "knn": "KNN"}
    return {f"pyod {name}": detector(module, name) for module, name in kinds.items()}


def scaled(training: Array, asked: Array) -> tuple[Array, Array]:
    """Columns of unit variance; those that do not vary in training are left out."""
    center, deviation = training.mean(0), training.std(0)
    vary = deviation > 1e-12
    return (training[:, vary] - center[vary]) / deviation[vary], (asked[:, vary] - center[vary]) / deviation[vary]
