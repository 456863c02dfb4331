"""Noto and EmojiTwo, unpaired, at 64 px: the distance to the other style of what CycleGAN makes.

Protocol: all emoji of both sets on white, as two domains; near-duplicates are one group, and a group is in one split of
both sets, so that nothing of a held-out emoji is seen in either style. `latentia.CycleGAN(scale="small")` with every
other default (--scale says another), 40 minutes of process time, one thread, validations and all else counted; best
weights by KID on validation pictures (seed 0 of the features; seeds 1 and 2 report). Beside it the input, the target's
mean colour, histogram matching of each channel and linear covariance transfer. KID and the patch distance (x 1000) of
test pictures to the test pictures of the other style, half of the groups against the other half. L1, PSNR and SSIM on
the true pairs among test pictures, which are printed beside and are no bar: an emoji may be drawn in other ways. Both
directions, three seeds. Each run keeps a grid (input, made, truth).
"""

from __future__ import annotations

import argparse
import csv
from typing import Any, cast

import torch
from torch import Tensor

import latentia as lt
from benchmarks._frame import RUNS, finish
from benchmarks._spent import Run, spend
from benchmarks._translations import (
    COLOUR,
    NOTO,
    TRUE_PAIRS,
    baselines,
    crowds,
    emoji,
    group_of,
    keep_grid,
    paired,
    place,
    rows_of,
    show,
    translated,
)
from latentia.core import key
from latentia.data import DataSet
from latentia.data.sides import Domains
from latentia.data.source import Split

BUDGET, QUICK_BUDGET = 40 * 60.0, 30.0  # process seconds
SLICES, QUICK_SLICES, FIRST = 20, 2, 160
SEEDS, HELD_OUT, QUICK_HELD_OUT = 3, 0.1, 0.02
FITTED = 1_000  # training pictures of each style that baselines look at
OURS = "CycleGAN"


class Way:
    """One direction: test pictures of one style, those of the other, and the true pairs among them.

    Args:
        opened: both styles.
        turned: from the second to the first.
        couples: names of true pairs, a file of the first style and one of the second.
    """

    def __init__(self, opened: DataSet, turned: bool, couples: list[tuple[str, str]]) -> None:
        sides = [self.of(opened, split)[:: -1 if turned else 1] for split in ("train", "test")]
        (self.source, self.target), (given, real) = sides
        start, self.to = opened.spec.sides[:: -1 if turned else 1]
        self.name = f"{start} to {self.to}"
        self.x, self.real = every(given), every(real)
        self.halves = (halves_of(given), halves_of(real))
        couples = [(b, a) for a, b in couples] if turned else couples
        self.mine, self.theirs = places_of(given.names(), real.names(), couples)

    @staticmethod
    def of(opened: DataSet, split: str) -> tuple[Split, Split]:
        """Both styles of a split."""
        both = cast(Domains, getattr(opened, split))
        return both.of_x, both.of_y

    def scores(self, made: Tensor) -> dict[str, float]:
        """The figures of what was made of all test pictures."""
        return {**paired(made[self.mine], self.real[self.theirs]), **crowds(made, self.real, self.halves)}

    def untrained(self) -> dict[str, dict[str, float]]:
        """The figures of the baselines."""
        few = [every(each, FITTED) for each in (self.source, self.target)]
        return {name: self.scores(made) for name, made in baselines(self.x, few[0], few[1]).items()}


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scale", default="small", help="of the nets")


def run(quick: bool, seed: int, scale: str = "small") -> None:
    """Train, translate both ways, score beside the baselines."""
    torch.set_num_threads(1)
    opened = emoji(NOTO, COLOUR, "domains", QUICK_HELD_OUT if quick else HELD_OUT)
    ways = [Way(opened, turned, true_pairs()) for turned in (False, True)]
    found: dict[str, Any] = {way.name: way.untrained() for way in ways}
    rows = [row for way in ways for row in rows_of(found[way.name], [way.name, "-"])]
    ours: dict[str, list[dict[str, Any]]] = {way.name: [] for way in ways}
    seeds = range(seed, seed + (1 if quick else SEEDS))
    for each in seeds:
        folder = RUNS / f"emoji-styles-{scale}-{each}{'-quick' * quick}"
        trained = Run(lt.CycleGAN(scale=scale), opened, folder, {"seed": each})
        spend({OURS: trained}, *((QUICK_BUDGET, QUICK_SLICES) if quick else (BUDGET, SLICES)), FIRST)
        last = trained.ledger.last
        for way in ways:
            made = translated(trained.model(), way.x, way.to)
            grid = way.x[way.mine], made[way.mine], way.real[way.theirs]
            keep_grid(trained.folder / f"grid-{way.to}.png", *grid)
            about = {"seed": each, "images": last.seen, "process seconds": last.seconds}
            ours[way.name].append({**way.scores(made), **about})
            rows += rows_of({OURS: ours[way.name][-1]}, [way.name, each])
    show(rows, ["direction", "seed"])
    met = {name: all(each["KID"] < found[name]["copy-input"]["KID"] for each in runs) for name, runs in ours.items()}
    pairs = len(ways[0].mine)
    print(f"KID below copy-input's in every seed: {met}; true pairs among the test pictures: {pairs}")
    figures = {"runs": ours, "baselines": found, "true pairs": pairs, "met": met}
    finish("emoji-styles", figures, " ".join((__doc__ or "").split()), list(seeds))


def true_pairs() -> list[tuple[str, str]]:
    """The files that show one emoji in both styles."""
    with place("emoji", TRUE_PAIRS).open(newline="") as file:
        return [(row["noto_file"], row["emojitwo_file"]) for row in csv.DictReader(file)]


def places_of(mine: list[str], theirs: list[str], couples: list[tuple[str, str]]) -> tuple[list[int], list[int]]:
    """The places of true pairs in two lists of names; only those that are in both."""
    first, second = ({stem(name): at for at, name in enumerate(names)} for names in (mine, theirs))
    there = [(stem(a), stem(b)) for a, b in couples if stem(a) in first and stem(b) in second]
    return [first[a] for a, _ in there], [second[b] for _, b in there]


def stem(name: str) -> str:
    """A file's name without folders and ending."""
    return name.rpartition("/")[2].partition(".")[0]


def halves_of(split: Split) -> Tensor:
    """The half, 0 or 1, of each picture: that of its group, whatever the style."""
    return torch.tensor([key("half", group_of(name)) % 2 for name in split.names()])


def every(split: Split, count: int | None = None) -> Tensor:
    """The pictures of one style, or the first of them."""
    return split.read(slice(0, len(split) if count is None else min(count, len(split)))).x
