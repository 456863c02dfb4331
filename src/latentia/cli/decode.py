"""``latentia decode``: latents to items."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from latentia.cli import codes, output, render
from latentia.cli.common import DEFAULTS, Common, Out, Run, Weights, load


def decode(
    run: Run,
    file: Annotated[Path, Parameter(name="CODES", help="a codes file, as encode writes it")],
    /,
    *,
    numbers: Annotated[bool, Parameter(help="write each item's name under its picture", negative="")] = False,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Latents to items."""
    output.form(out, output.ITEMS)
    z, names = codes.read(file)
    x = load(run, common, weights).decode(z)
    render.write(x, names, out, common.json, captions=names if numbers else None)
