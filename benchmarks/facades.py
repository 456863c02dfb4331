"""Facades at 128 px, photo from labels and labels from photo: pix2pix beside the same net held to L1 alone.

Protocol: CMP facades as they are split (400 to train, 100 to validate, 106 to test), narrow nets (`scale="small"`), all
else by default; the same with game weight 0 is L1 alone: its critic is trained all the same and has no say, so that
both see about as many pictures in 40 minutes of process time each (one thread, validations and all else counted);
slices alternate. Best weights of both by KID on validation pairs (seed 0 of the features; seeds 1 and 2 report). Beside
them the input as it is, the target's mean colour, histogram matching of each channel and linear covariance transfer.
KID and the patch distance (x 1000) compare one half's made pictures with the other half's truths: of 53 pictures, so
KID is rough. Three seeds and both directions; --direction runs one of them. Each run keeps a grid for eyes (input, L1
alone, pix2pix, truth). --size and --scale are for a machine with a GPU.
"""

from __future__ import annotations

import argparse

import torch

from benchmarks._frame import finish
from benchmarks._paired import Setting, compared, say
from benchmarks._translations import place, show
from latentia import data

SIZE = 128
BUDGET, QUICK_BUDGET = 40 * 60.0, 15.0  # process seconds
SLICES, QUICK_SLICES, FIRST = 20, 2, 80
SEEDS, QUICK_SCORED = 3, 40
DIRECTIONS = {"BtoA": "labels to photo", "AtoB": "photo to labels"}  # the photo is on the left


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--direction", choices=list(DIRECTIONS), help="one of both")
    parser.add_argument("--size", type=int, default=SIZE, help="pixels")
    parser.add_argument("--scale", default="small", help="of the nets")


def run(quick: bool, seed: int, direction: str | None = None, size: int = SIZE, scale: str = "small") -> None:
    """Train both by turns, each direction, measure beside the baselines, print."""
    torch.set_num_threads(1)
    seeds = range(seed, seed + (1 if quick else SEEDS))
    times = (QUICK_BUDGET, QUICK_SLICES) if quick else (BUDGET, SLICES)
    figures, rows, verdicts = {}, [], {}
    for each in [direction] if direction else list(DIRECTIONS)[: 1 if quick else None]:
        opened = data.open(place("facades", "facades.zip"), pairing="pairs", size=size, direction=each)
        scored = QUICK_SCORED if quick else len(opened.test)
        setting = Setting(f"facades-{size}-{scale}-{each}", opened, scale, *times, FIRST, scored, quick)
        word = DIRECTIONS[each]
        found, lines, verdicts[word] = compared(setting, seeds)
        figures[word] = found | verdicts[word]
        rows += [[word, *line] for line in lines]
    show(rows, ["direction", "seed"])
    for word, told in verdicts.items():
        say(told, f"{word}: ")
    met = all(told["met"] for told in verdicts.values())
    finish("facades", {**figures, "met": met}, " ".join((__doc__ or "").split()), list(seeds))
