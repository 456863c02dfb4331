"""``latentia compare``: the figures of several runs side by side."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from latentia.cli import output
from latentia.cli.common import DEFAULTS, Common, Out
from latentia.errors import BadField


def compare(
    *runs: Annotated[str, Parameter(name="RUN", help="the folders of two or more runs")],
    split: Annotated[str, Parameter(help="train, validation or test")] = "test",
    draws: Annotated[int, Parameter(help="importance samples of each item's log-likelihood")] = 1000,
    out: Out = None,
    common: Common = DEFAULTS,
) -> None:
    """The figures of several runs side by side."""
    output.form(out, output.ROWS)
    if len(runs) < 2:
        raise BadField(f"compare takes two or more runs; it got {len(runs)}")
