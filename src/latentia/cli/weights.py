"""``latentia weights``: how much each item should count, so that rare kinds are seen as often as common ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from latentia.cli import output
from latentia.cli.common import DEFAULTS, Common, Given, Items, Out, Run, Weights, load
from latentia.errors import BadData


def weights(
    run: Run,
    data: Items,
    /,
    *,
    within: Annotated[
        bool,
        Parameter(help="even out kinds inside each label that the data brings; labels keep their shares", negative=""),
    ] = False,
    largest: Annotated[float, Parameter(help="how many times the mean an item may weigh")] = 10.0,
    strength: Annotated[
        float, Parameter(help="from 0, which leaves all as it is, to 1, which evens the density out")
    ] = 1.0,
    histogram: Annotated[
        str | None, Parameter(help="a .png of how common items are, before and after; with labels their shares, too")
    ] = None,
    label: Given = None,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Weights of mean 1 from the density of codes, to train something else on this data, in which rare kinds count.

    Rare is what has few items near it in latent space, whether or not anyone gave it a name.
    """
    output.form(out, output.ROWS)
    output.form(histogram, (".png",))
    model = load(run, common, weights)
    batch, names = model.given(data, label)
    labels = model.named_labels(data)
    if within and labels is None:
        raise BadData(f"--within needs labels, and {data} brings none")
    found = model.weights(batch, labels if within else None, largest, strength)
    common.remark(f"{len(names):,} items; weighted they are worth {found.effective:,.0f}")
    own = [{} if labels is None else {"label": each} for each in labels or names]
    pairs = zip(names, own, found.weights.tolist(), found.density.tolist(), strict=True)
    output.rows([{"item": n, **o, "weight": w, "density": d} for n, o, w, d in pairs], out, common.json)
    if histogram is not None:
        from latentia.tasks.weights import histogram as drawn

        with output.replacing(Path(histogram)) as temporary:
            drawn(found, labels).savefig(temporary, dpi=150)
    output.written(out, common.json)
