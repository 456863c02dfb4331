"""``latentia sample``: draw new items."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from latentia.cli import output, render, tables
from latentia.cli.common import DEFAULTS, Common, Count, Out, Run, Weights, at_least, drawn_class, given_words, load


def sample(
    run: Run,
    /,
    *,
    count: Count = 64,
    label: Annotated[str | None, Parameter(help="a class that was trained with --labels, or all: a row each")] = None,
    truncation: Annotated[
        float | None,
        Parameter(help="how far from 0 a number of the noise may lie, for example 1.5: more alike, fewer odd ones"),
    ] = None,
    numbers: Annotated[bool, Parameter(help="write each seed under its picture", negative="")] = False,
    given: Annotated[
        list[str] | None,
        Parameter(help="a table's column with a value, region=north; again for more: the others are drawn given those"),
    ] = None,
    extrapolate: Annotated[
        bool, Parameter(help="values of a table may lie outside the range of the training rows", negative="")
    ] = False,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Draw new items. Item i is that of seed SEED + i, whatever the count, the batch or the device."""
    output.form(out, output.ITEMS)
    at_least("--count", count, 1)
    known = given_words(given or [])
    model = load(run, common, weights)
    told: Any = {"given": known, "extrapolate": extrapolate, "tell": common.remark}
    seeds = [common.seed + i for i in range(count)]
    names = [f"seed:{seed}" for seed in seeds]
    captions = [str(seed) for seed in seeds] if numbers else None
    if label is None:
        drawn_class(model, common)
    if label != "all":
        x = model.sample(count, common.seed, label, truncation, **told)
        render.write(x, names, out, common.json, captions=captions, header=model.header)
        return
    classes = model.spec.classes or ("?",)  # without classes the model refuses
    rows = tables.together([model.sample(count, common.seed, each, truncation, **told) for each in classes])
    names = [f"{name} {each}" for each in classes for name in names]
    captions = captions * len(classes) if captions else [each * (i == 0) for each in classes for i in range(count)]
    render.write(rows, names, out, common.json, columns=count, captions=captions, header=model.header)
