"""``latentia encode``: items to latents."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from latentia.cli import codes, output
from latentia.cli.common import DEFAULTS, Common, Items, Out, Run, Weights, load


def encode(
    run: Run,
    data: Items,
    /,
    *,
    std: Annotated[bool, Parameter(help="the posterior's standard deviations too", negative="")] = False,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Items to latents; of a posterior the mean. In codes.csv a number can be edited, and decoded again."""
    from latentia.tasks.encode import deviations

    output.form(out, output.CODES)
    model = load(run, common, weights)
    x, names = model.named_items(data)
    codes.write(model.encode(x), names, out, common.json, deviations(model.net, x) if std else None)
