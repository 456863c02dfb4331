"""Outlines of emoji to colour at 64 px: pix2pix beside the same net held to the absolute error alone.

Protocol: EmojiTwo, true pairs by name, on white. Emoji that differ in skin, hair, gender or profession's person only
are one group, and no group is in two splits; 15 % are held out to validate and again to test. `latentia.Pix2Pix()` with
every default, and the same with game weight 0: its critic is trained all the same and has no say, so that both see
about as many pictures in 20 minutes of process time each (one thread, validations and all else counted); slices
alternate. Best weights of both by KID on validation pairs (seed 0 of the features; seeds 1 and 2 report). Beside them
what needs no training: the input, the target's mean colour, histogram matching of each channel, linear covariance
transfer. KID and the patch distance (x 1000) compare one half's made pictures with the other half's truths. Three
seeds.
"""

from __future__ import annotations

import torch

from benchmarks._frame import finish
from benchmarks._paired import Setting, compared, say
from benchmarks._translations import COLOUR, OUTLINE, emoji, show

BUDGET, QUICK_BUDGET = 20 * 60.0, 15.0  # process seconds
SLICES, QUICK_SLICES, FIRST = 20, 2, 320
SEEDS, HELD_OUT, QUICK_SCORED = 3, 0.15, 60


def run(quick: bool, seed: int) -> None:
    """Train both by turns, measure beside the baselines, print."""
    torch.set_num_threads(1)
    opened = emoji(OUTLINE, COLOUR, "pairs", HELD_OUT)
    times = (QUICK_BUDGET, QUICK_SLICES) if quick else (BUDGET, SLICES)
    setting = Setting("emoji-pairs", opened, "base", *times, FIRST, QUICK_SCORED if quick else len(opened.test), quick)
    seeds = range(seed, seed + (1 if quick else SEEDS))
    figures, rows, told = compared(setting, seeds)
    show(rows, ["seed"])
    say(told)
    about = {"train": len(opened.train), "test": len(opened.test)}
    finish("emoji-pairs", figures | about | told, " ".join((__doc__ or "").split()), list(seeds))
