"""Unpaired translation against the truth: CycleGAN learns a known map of colours from two halves of CIFAR-10.

Protocol: the training pictures (32 px) are cut into two halves; the second is sent through the known map (hue of HSV on
by 90 degrees, then gamma 0.6). `latentia.CycleGAN()` with every default sees both halves as domains, so no picture and
its counterpart; 20 minutes of process time, one thread, validations and all else counted. It is scored on pictures of
the test split against their true counterparts. Beside it what needs no training but may look at the same two halves:
the input as it is, the target's mean colour, histogram matching of each channel, linear covariance transfer. Best
weights by KID on held-out pictures of both domains. PSNR is the mean over pictures; KID and the patch distance
(x 1000) compare halves crosswise. Three seeds.
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

import latentia as lt
from benchmarks._frame import RUNS, data_or_stop, finish
from benchmarks._spent import Run, spend
from benchmarks._translations import baselines, better, keep_grid, mapped, rows_of, scores, show, translated
from latentia import data
from latentia.data import DataSet

BUDGET, QUICK_BUDGET = 20 * 60.0, 40.0  # process seconds
SLICES, QUICK_SLICES, FIRST = 20, 2, 640  # of a budget; images of the first
SEEDS = 3
SCORED, QUICK_SCORED = 2_000, 300  # test pictures
HELD_OUT = 0.02  # of both halves, for validation: the default tenth would be validated for long
QUICK_SEEN = 5_000  # of each half
FITTED = 5_000  # training pictures of each half that baselines look at
TARGET = 24.0  # dB
HERE, THERE = "a", "b"  # what arrays are called as domains


def run(quick: bool, seed: int) -> None:
    """Train, translate, score beside the baselines."""
    torch.set_num_threads(1)
    one, two, test = halves(QUICK_SCORED if quick else SCORED)
    few = slice(0, QUICK_SEEN) if quick else slice(None)
    opened = data.open(*(in_bytes(each[few]) for each in (one, two)), pairing="domains", held_out=HELD_OUT)
    truth = mapped(test)
    rows = [*rows_of(found := scored(baselines(test, one[:FITTED], two[:FITTED]), truth), ["-"])]
    seeds, ours = range(seed, seed + (1 if quick else SEEDS)), []
    for each in seeds:
        trained = training(opened, each, quick)
        spend({"cyclegan": trained}, QUICK_BUDGET if quick else BUDGET, QUICK_SLICES if quick else SLICES, FIRST)
        made = translated(trained.model(), test, THERE)
        keep_grid(trained.folder / "grid.png", test, made, truth)
        last = trained.ledger.last
        ours.append({**scores(made, truth), "seed": each, "images": last.seen, "process seconds": last.seconds})
        rows += rows_of({"CycleGAN (defaults)": ours[-1]}, [each])
    show(rows, ["seed"])
    told = verdict(ours, found)
    print(f"PSNR {told['PSNR']:.2f} dB, the median over seeds; best baseline {told['best baseline']:.2f} dB")
    print(f"better than all in every seed: {told['met']}; {TARGET:g} dB: {told['target']}")
    figures = {"runs": ours, "baselines": found, **told}
    finish("known-map", figures, " ".join((__doc__ or "").split()), list(seeds))


def halves(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Training pictures as they are, other ones mapped, and test pictures as they are."""
    path = Path(os.environ.get("LATENTIA_DATA", "")) / data_or_stop("cifar10") / "cifar10_train_jpg.zip"
    opened = data.open(path)
    half = len(opened.train) // 2
    order = torch.randperm(len(opened.train), generator=torch.Generator().manual_seed(0))
    one, two = (opened.train.read(order[part * half : (part + 1) * half]).x for part in (0, 1))
    return one, mapped(two), opened.test.read(slice(0, count)).x


def in_bytes(x: Tensor) -> Any:
    """Pictures as an array of 8 bits, ``(N, H, W, 3)``."""
    return (255 * x).round().byte().permute(0, 2, 3, 1).contiguous().numpy()


def training(opened: DataSet, seed: int, quick: bool) -> Run:
    """CycleGAN with its defaults."""
    return Run(lt.CycleGAN(), opened, RUNS / f"known-map-{seed}{'-quick' if quick else ''}", {"seed": seed})


def scored(made: dict[str, Tensor], truth: Tensor) -> dict[str, dict[str, float]]:
    """The figures of some ways to make the same pictures."""
    return {name: scores(each, truth) for name, each in made.items()}


def verdict(ours: list[dict[str, Any]], found: dict[str, dict[str, float]]) -> dict[str, Any]:
    """The PSNR of ours and of the best baseline, and whether ours is better than all by PSNR in every seed."""
    best = max(each["PSNR"] for each in found.values())
    wins = {name: [better(each, other) for each in ours] for name, other in found.items()}
    return {
        "PSNR": (reached := median(each["PSNR"] for each in ours)),
        "best baseline": best,
        "met": all(each["PSNR"] > best for each in ours),
        "target": reached >= TARGET,
        "better by": wins,
    }
