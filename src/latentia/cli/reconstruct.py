"""``latentia reconstruct``: items through the model and back."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from latentia.cli import output, render
from latentia.cli.common import DEFAULTS, Common, Given, Items, Out, Run, SkipBad, Weights, at_least, load

SHOWN = 32  # items of a picture, where no count is given


def reconstruct(
    run: Run,
    data: Items,
    /,
    *,
    draws: Annotated[int | None, Parameter(help="draws from the posterior of each item, instead of its mean")] = None,
    count: Annotated[int | None, Parameter(name=["--count", "-n"], help="the first N items only")] = None,
    label: Given = None,
    skip_bad: SkipBad = False,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Items through the model and back. A .png shows each item beside its reconstruction, or beside its draws."""
    import torch

    ending = output.form(out, output.ITEMS)
    at_least("--count", count, 1)
    at_least("--draws", draws, 1)
    model = load(run, common, weights)
    batch, names = model.given(data, label, **({"skip_bad": True} if skip_bad else {}))
    if count is None and ending == ".png" and len(names) > SHOWN:
        count = SHOWN
        common.remark(f"the picture shows the first {SHOWN} of {len(names)} items; -n changes that")
    batch = batch._replace(**{name: slot[:count] for name, slot in batch.slots()})
    names = names[:count]
    made = model.reconstruct(batch, draws=draws, seed=common.seed)
    if model.header:
        render.write(made, _names(names, draws), out, common.json, header=model.header)
        return
    made = made[:, None] if draws is None else made
    if ending == ".png":
        rows = torch.cat([batch.x[:, None], made], dim=1)
        render.write(rows.flatten(0, 1), names, out, common.json, columns=_columns(rows.shape[1]))
    else:
        render.write(made.flatten(0, 1), _names(names, draws), out, common.json)


def _columns(width: int) -> int:
    """Items are never split over two rows of the grid; pairs stand four beside each other."""
    return width * max(1, 8 // width)


def _names(names: list[str], draws: int | None) -> list[str]:
    return names if draws is None else [f"{name}#{draw}" for name in names for draw in range(draws)]
