"""``latentia traverse``: move one latent at a time."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from latentia.cli import output, render
from latentia.cli.common import DEFAULTS, Common, Out, Run, Weights, load
from latentia.errors import BadField


def traverse(
    run: Run,
    /,
    *,
    at: Annotated[str | None, Parameter(help="the item to start from: a seed, row:12 or a file")] = None,
    latents: Annotated[str | None, Parameter(help="which latents: 0,3,7 [default: all, the most used first]")] = None,
    steps: Annotated[int, Parameter(help="values of each latent")] = 9,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Move one latent at a time, the others held: each row of the picture is one latent."""
    output.form(out, output.ITEMS)
    chosen = _whole(latents)
    moved, values, x = load(run, common, weights).traverse(at=at, latents=chosen, steps=steps)
    names = [f"z{j + 1}={v:.3g}" for j, row in zip(moved, values.tolist(), strict=True) for v in row]
    render.write(x.flatten(0, 1), names, out, common.json, columns=steps, captions=names)


def _whole(text: str | None) -> list[int] | None:
    if text is None:
        return None
    if not all(part.strip().isdecimal() for part in text.split(",")):
        raise BadField(f"--latents is {text!r}; write their numbers, 0,3,7")
    return [int(part) for part in text.split(",")]
