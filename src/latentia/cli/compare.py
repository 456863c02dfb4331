"""``latentia compare``: the figures of several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from latentia.cli import output
from latentia.cli.common import DEFAULTS, Common, Out, Split, at_least, load
from latentia.cli.evaluate import PLAIN, Draws, Measuring
from latentia.errors import BadField, BadRun

if TYPE_CHECKING:
    from latentia.model import Model
    from latentia.tasks.evaluate import Figure


def compare(
    *runs: Annotated[str, Parameter(name="RUN", help="the folders of two or more runs")],
    split: Split = "test",
    draws: Draws = 1000,
    measuring: Measuring = PLAIN,
    out: Out = None,
    common: Common = DEFAULTS,
) -> None:
    """The figures of several runs side by side; * marks the best where no interval meets it, ~ where one does."""
    from latentia.tasks.compare import table

    output.form(out, output.ROWS)
    at_least("--draws", draws, 1)
    if len(runs) < 2:
        raise BadField(f"compare takes two or more runs; it got {len(runs)}")
    models = [load(run, common) for run in runs]
    same_data(models)
    figures = [measuring.figures(model, split, draws, common) for model in models]
    found = dict(zip(names_of(runs), figures, strict=True))
    if out is None and not common.json:
        print(table(found))
    else:
        output.rows(rows(found), out, common.json)


def same_data(models: Sequence[Model]) -> None:
    """Figures on different items cannot be held against each other.

    Raises:
        BadRun: a run that learnt from other data than the first.
    """
    first = models[0]
    for model in models[1:]:
        if model.facts["data"]["signature"] != first.facts["data"]["signature"]:
            names = [each.facts["data"]["name"] for each in (first, model)]
            told = " and ".join(names) if names[0] != names[1] else f"{names[0]} with other options or content"
            raise BadRun(f"{first.run} and {model.run} were trained on different data: {told}")


def names_of(runs: Sequence[str]) -> list[str]:
    """The folders, numbered where one is named twice."""
    return [run if runs.count(run) == 1 else f"{run} ({i + 1})" for i, run in enumerate(runs)]


def rows(found: Mapping[str, Sequence[Figure]]) -> list[dict[str, Any]]:
    """One row per figure, one column per run, and which run is best."""
    from latentia.tasks.compare import compare as lines_of

    names = list(found)
    return [
        {"figure": line.name, "unit": line.unit}
        | {name: figure and figure.value for name, figure in zip(names, line.figures, strict=True)}
        | {"best": None if line.best is None else names[line.best], "clear": line.clear}
        for line in lines_of(found)
    ]
