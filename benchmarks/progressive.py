"""Growing against fixed nets at 64 px (emoji): the same final nets, curves against images, seconds and operations.

Protocol: `latentia.ProGAN(scale="small")` that grows from 4 px, 12,000 images for each phase, and the same with
`growing=False`; everything else by default, so both play the same game with the same batch at full size. 20 minutes of
process time each, one thread, three seeds; slices alternate. After each slice samples of the averaged weights are
measured at full size, whatever the phase: FD of random convolutions (seeds 1 and 2, averaged) and sliced Wasserstein
distance at each level of the Laplacian pyramid, 1,500 samples against half of the training pictures; the floor is the
other half. Operations are counted step by step, penalties and all. Three comparisons are read from the same curves: at
as many images, seconds and operations as both have reached. Measuring is not counted. --picture FILE draws the curves.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
import torch
from torch import Tensor

import latentia as lt
from benchmarks._flops import Cost
from benchmarks._frame import RUNS, data_or_stop, finish, table
from benchmarks._judges import REPORTING
from benchmarks._spent import Run, spend
from latentia import data
from latentia.core import key
from latentia.data import DataSet
from latentia.metrics.features import RandomConvolutions, extract
from latentia.metrics.frechet import frechet
from latentia.metrics.wasserstein import sliced_wasserstein

ARCHIVE = "noto_72.zip"
SIDE, QUICK_SIDE = 64, 32
PHASE, QUICK_PHASE = 12_000, 600  # images to stabilise a level, and to fade it in
BUDGET, QUICK_BUDGET = 20 * 60.0, 15.0  # process seconds
SLICES, QUICK_SLICES = 16, 4
FIRST, QUICK_FIRST = 6_400, 640
SEEDS = 3
COUNT = 1_500  # samples, and pictures of each half
WAYS = {"growing": True, "fixed": False}
AXES = {"images": "images", "seconds": "process seconds", "operations": "operations"}
Point = dict[str, Any]


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--picture", type=Path, help="draw the curves into this PNG, such as docs/pictures/growing.png")


def run(quick: bool, seed: int, picture: Path | None = None) -> None:
    """Train both by turns, measure after each slice, compare."""
    torch.set_num_threads(1)
    opened = emoji(QUICK_SIDE if quick else SIDE)
    measure = Measure(opened)
    curves: dict[str, list[list[Point]]] = {way: [] for way in WAYS}
    seeds = range(seed, seed + (1 if quick else SEEDS))
    for each in seeds:
        sides = {way: side(opened, way, each, quick) for way in WAYS}
        after = {way: Curve(run, measure) for way, run in sides.items()}
        sizes = (QUICK_BUDGET, QUICK_SLICES, QUICK_FIRST) if quick else (BUDGET, SLICES, FIRST)
        spend(sides, *sizes, lambda way: after[way].add())  # noqa: B023
        for way, curve in after.items():
            curves[way].append(curve.points())
            lt.grid(sides[way].model("last").sample(64)).save(sides[way].folder / "samples.png")
    rows = [row for axis in AXES for row in compared(curves, axis)]
    shown(rows, curves, measure.floor)
    if picture is not None:
        draw(curves, measure.floor, picture)
    figures = {"compared": rows, "curves": curves, "floor": measure.floor}
    finish("progressive", figures, " ".join((__doc__ or "").split()), list(seeds))


def emoji(size: int) -> DataSet:
    """The emoji at this size, on white."""
    path = Path(os.environ.get("LATENTIA_DATA", "")) / data_or_stop("emoji") / ARCHIVE
    return data.open(path, size=size, held_out=0.05)


def side(opened: DataSet, way: str, seed: int, quick: bool) -> Run:
    """The training of one way and seed."""
    phase = QUICK_PHASE if quick else PHASE
    recipe = lt.ProGAN(scale="small", growing=WAYS[way], stabilise=phase, fade=phase)
    return Run(recipe, opened, RUNS / f"progressive-{way}-{seed}{'-quick' if quick else ''}", {"seed": seed})


class Measure:
    """How far samples are from half of the training pictures, and how far the other half is: the floor."""

    def __init__(self, opened: DataSet) -> None:
        self.opened, self.count = opened, min(COUNT, len(opened.train) // 2)
        self.features = [RandomConvolutions(opened.spec, each) for each in REPORTING]
        order = torch.randperm(len(opened.train), generator=torch.Generator().manual_seed(key("halves")))
        self.real, other = (opened.train.read(order[part * self.count : (part + 1) * self.count]).x for part in (0, 1))
        self.seen = [extract(feature, self.real) for feature in self.features]
        self.floor = self(other)

    def __call__(self, x: Tensor) -> Point:
        """FD, and the distance at each level by its height; the finest first."""
        pairs = zip(self.features, self.seen, strict=True)
        levels = sliced_wasserstein(x, self.real, projections=128, descriptors=2**15)
        return {
            "FD": fmean(frechet(extract(feature, x), real) for feature, real in pairs),
            "levels": {str(level.height): level.distance for level in levels},
        }


class Curve:
    """The points of one training, beside its run: what its samples were worth after each slice."""

    def __init__(self, trained: Run, measure: Measure) -> None:
        self.trained, self.measure = trained, measure
        self.path = trained.folder / "curve.jsonl"
        self.cost = Cost(trained.recipe, trained.opened)
        if trained.ledger.rows:
            self.add()  # a kill may have come between a slice and its point

    def add(self) -> None:
        """Measure the newest weights, unless that was done."""
        seen, seconds = self.trained.ledger.last
        if any(point["images"] >= seen for point in self.points()):
            return
        found = self.measure(self.trained.model("last").sample(self.measure.count))
        point = {"images": seen, "seconds": seconds, "operations": self.cost.at(seen), **found}
        with self.path.open("a") as file:
            file.write(json.dumps(point) + "\n")

    def points(self) -> list[Point]:
        """All points so far."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [json.loads(line) for line in lines]


def at(curve: list[Point], axis: str, place: float) -> float:
    """FD where a curve has reached ``place`` on an axis, on the straight line between its points."""
    return float(np.interp(place, [point[axis] for point in curve], [point["FD"] for point in curve]))


def compared(curves: dict[str, list[list[Point]]], axis: str) -> list[Point]:
    """Both ways at half of, and at, the place on an axis that every curve has reached."""
    end = min(curve[-1][axis] for each in curves.values() for curve in each)
    rows = []
    for place in (end / 2, end):
        values = {way: [at(curve, axis, place) for curve in each] for way, each in curves.items()}
        rows.append({"axis": axis, "at": place, **values})
    return rows


def shown(rows: list[Point], curves: dict[str, list[list[Point]]], floor: Point) -> None:
    """Print both tables."""
    lines = []
    for row in rows:
        middle = {way: median(row[way]) for way in WAYS}
        wins = sum(a < b for a, b in zip(row["growing"], row["fixed"], strict=True))
        better = min(middle, key=lambda way: middle[way])
        lines.append(
            [AXES[row["axis"]], row["at"], middle["growing"], middle["fixed"], better, f"{wins} of {len(row['fixed'])}"]
        )
    table(["at equal", "place", "FD growing, median", "FD fixed, median", "lower", "seeds where growing is"], lines)
    print()
    heights = list(floor["levels"])
    ends = [
        [way, number, *(point[axis] for axis in AXES), point["FD"], *(point["levels"][each] for each in heights)]
        for way, each in curves.items()
        for number, point in enumerate(curve[-1] for curve in each)
    ]
    ends.append(["real pictures", "-", "-", "-", "-", floor["FD"], *floor["levels"].values()])
    table(["at the end", "seed", *AXES.values(), "FD", *(f"SWD {each} px" for each in heights)], ends)


def draw(curves: dict[str, list[list[Point]]], floor: Point, path: Path) -> None:
    """FD against images, seconds and operations, then the distance of each level against images."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    heights = list(floor["levels"])
    figure, axes = pyplot.subplots(2, 3, figsize=(10, 5.6), layout="constrained", squeeze=False)
    for place, axis in zip(axes[0], AXES, strict=True):
        lines(place, curves, axis, lambda point: point["FD"])
        place.set(xlabel=AXES[axis], ylabel="FD (random convolutions)", yscale="log")
        place.axhline(floor["FD"], color="#9aa5b1", linewidth=0.8, linestyle=":")
    for place in axes[1][len(heights) :]:
        place.axis("off")
    for place, height in zip(axes[1], reversed(heights), strict=False):  # the large forms first
        lines(place, curves, "images", lambda point: point["levels"][height])  # noqa: B023
        place.set(xlabel="images", ylabel=f"SWD x 1e3 at {height} px", yscale="log")
        place.axhline(floor["levels"][height], color="#9aa5b1", linewidth=0.8, linestyle=":")
    axes[0][0].legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def lines(place: Any, curves: dict[str, list[list[Point]]], axis: str, value: Any) -> None:
    """A line for each training, one colour for each way."""
    for way, color in zip(curves, ("#1f6feb", "#d1495b"), strict=True):
        for number, curve in enumerate(curves[way]):
            label = way if number == 0 else None
            place.plot([p[axis] for p in curve], [value(p) for p in curve], color=color, linewidth=1.2, label=label)
