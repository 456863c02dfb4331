"""``latentia interpolate``: walk between items."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from latentia.cli import output, render
from latentia.cli.common import DEFAULTS, Common, Out, Run, Weights, load
from latentia.errors import BadField


def interpolate(
    run: Run,
    /,
    *items: Annotated[str, Parameter(name="ITEM", help="two or more: a seed, row:12 of the test split, or a file")],
    steps: Annotated[int, Parameter(help="pictures from one item to the next, both counted")] = 9,
    how: Annotated[Literal["slerp", "lerp"], Parameter(help="around the origin, or straight")] = "slerp",
    loop: Annotated[bool, Parameter(help="walk back to the first item", negative="")] = False,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Walk between items through latent space; `sample` shows which seed is which item."""
    output.form(out, output.ITEMS)
    if len(items) < 2:
        raise BadField(f"interpolate takes two or more items; it got {len(items)}")
    x = load(run, common, weights).interpolate(items, steps=steps, how=how, loop=loop)
    render.write(x, [f"step:{i}" for i in range(len(x))], out, common.json, columns=steps)
