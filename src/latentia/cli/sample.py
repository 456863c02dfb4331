"""``latentia sample``: draw new items."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from latentia.cli import output, render
from latentia.cli.common import DEFAULTS, Common, Count, Out, Run, Weights, at_least, load


def sample(
    run: Run,
    /,
    *,
    count: Count = 64,
    numbers: Annotated[bool, Parameter(help="write each seed under its picture", negative="")] = False,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Draw new items. Item i is that of seed SEED + i, whatever the count, the batch or the device."""
    output.form(out, output.ITEMS)
    at_least("--count", count, 1)
    x = load(run, common, weights).sample(count, seed=common.seed)
    seeds = [common.seed + i for i in range(len(x))]
    captions = [str(seed) for seed in seeds] if numbers else None
    render.write(x, [f"seed:{seed}" for seed in seeds], out, common.json, captions=captions)
