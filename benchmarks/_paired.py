"""Paired translation beside the same net held to the absolute error alone: shared by emoji-pairs and facades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

import latentia as lt
from benchmarks._frame import RUNS
from benchmarks._spent import Run, spend
from benchmarks._translations import baselines, better, keep_grid, middle, rows_of, scores, translated
from latentia.data import DataSet

OURS, ALONE = "pix2pix", "L1 alone"
UNTRAINED = ("copy-input", "mean colour")  # to be beaten on every measure
SHARP = ("KID", "patches")  # measures by which the critic is to pay
WORSE = 1.15  # the most that our L1 may be, times that of L1 alone
FITTED = 400  # training pairs that baselines look at
Figures = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Setting:
    """What is compared: data, nets and budget.

    Attributes:
        name: of the benchmark, and the direction if there are two.
        opened: the pairs.
        scale: of the nets.
        budget: of one training, in process seconds.
        slices: of a budget.
        first: images of the first slice.
        scored: held-out pairs at most.
        quick: a run to see that it works.
    """

    name: str
    opened: DataSet
    scale: str
    budget: float
    slices: int
    first: int
    scored: int
    quick: bool

    def side(self, way: str, seed: int) -> Run:
        """The training of one way: with the game as by default, or without its having a say."""
        recipe = lt.Pix2Pix(scale=self.scale) if way == OURS else lt.Pix2Pix(scale=self.scale, game_weight=0.0)
        word = "game" if way == OURS else "l1"
        return Run(recipe, self.opened, RUNS / f"{self.name}-{word}-{seed}{'-quick' * self.quick}", {"seed": seed})


def compared(setting: Setting, seeds: Sequence[int]) -> tuple[Figures, list[list[object]], dict[str, Any]]:
    """Figures of each way (the median over seeds), the rows of the table, and the verdict."""
    x, truth = held_out(setting)
    few = setting.opened.train.read(slice(0, FITTED))
    found: dict[str, Mapping[str, Any]] = {
        name: scores(made, truth) for name, made in baselines(x, input_of(few), few.x).items()
    }
    rows, trained = rows_of(found, ["-"]), []
    for seed in seeds:
        sides = {way: setting.side(way, seed) for way in (OURS, ALONE)}
        spend(sides, setting.budget, setting.slices, setting.first)
        made = {way: translated(side.model(), x) for way, side in sides.items()}
        keep_grid(sides[OURS].folder / "grid.png", x, made[ALONE], made[OURS], truth)
        trained.append({way: {**scores(each, truth), **spent(sides[way])} for way, each in made.items()})
        rows += rows_of(trained[-1], [seed])
    figures = {name: dict(each) for name, each in found.items()}
    for way in (OURS, ALONE):
        runs = [each[way] for each in trained]
        figures[way] = {**middle(runs), "runs": runs}
    return figures, rows, verdict(found, trained)


def held_out(setting: Setting) -> tuple[Tensor, Tensor]:
    """Inputs and true outputs of the test split."""
    batch = setting.opened.test.read(slice(0, min(setting.scored, len(setting.opened.test))))
    return input_of(batch), batch.x


def input_of(batch: Any) -> Tensor:
    """The inputs of pairs."""
    given: Tensor = batch.y
    return given


def spent(side: Run) -> dict[str, float]:
    """What a training has seen and cost."""
    return {"images": side.ledger.last.seen, "process seconds": side.ledger.last.seconds}


def verdict(found: Mapping[str, Mapping[str, Any]], trained: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Whether ours is better than what is untrained by all figures, and than L1 alone by those of crowds, each seed."""
    ours, alone = [each[OURS] for each in trained], [each[ALONE] for each in trained]
    missed = {name: [sorted(better(found[name], each)) for each in ours] for name in UNTRAINED}
    sharp = [set(SHARP) <= set(better(a, b)) for a, b in zip(ours, alone, strict=True)]
    ratios = [a["L1"] / b["L1"] for a, b in zip(ours, alone, strict=True)]
    untrained = not any(each for names in missed.values() for each in names)
    return {
        "better than untrained": untrained,
        "untrained is better by": missed,
        "sharper than L1 alone": all(sharp),
        "L1, times that of L1 alone": ratios,
        "met": untrained and all(sharp) and max(ratios) <= WORSE,
    }


def say(told: Mapping[str, Any], about: str = "") -> None:
    """Print the verdict."""
    ratio = max(told["L1, times that of L1 alone"])
    print(
        f"{about}better than {' and '.join(UNTRAINED)} on every measure: {told['better than untrained']}; "
        f"than L1 alone on {' and '.join(SHARP)}: {told['sharper than L1 alone']}; "
        f"L1 {ratio:.2f} x that of L1 alone in the worst seed (bar: {WORSE})"
    )
