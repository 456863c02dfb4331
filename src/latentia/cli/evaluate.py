"""``latentia evaluate``: held-out figures of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from latentia.cli import output
from latentia.cli.common import DEFAULTS, Common, Out, Run, Split, Weights, at_least, load

if TYPE_CHECKING:
    from latentia.tasks.evaluate import Figure


def evaluate(
    run: Run,
    /,
    *,
    split: Split = "test",
    draws: Annotated[int, Parameter(help="importance samples of each item's log-likelihood")] = 1000,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Held-out figures, each with one sentence on what it means."""
    output.form(out, output.ROWS)
    at_least("--draws", draws, 1)
    figures = load(run, common, weights).evaluate(split, draws, common.seed)
    output.rows([as_row(figure, whole=bool(out) or common.json) for figure in figures], out, common.json)


def as_row(figure: Figure, whole: bool) -> dict[str, Any]:
    """A figure as a row: all of it for a file or JSON, what a person reads for a terminal."""
    if whole:
        return figure.to_json()
    interval = f"[{figure.low:.5g}, {figure.high:.5g}]" if figure.low < figure.high else ""
    return {
        "figure": figure.name,
        "value": figure.value,
        "95 % interval": interval,
        "unit": figure.unit,
        "meaning": figure.meaning,
    }
