"""``latentia map``: a data set in two dimensions of latent space."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from latentia.cli import output
from latentia.cli.codes import output_arrays
from latentia.cli.common import DEFAULTS, Common, Given, Items, Out, Run, Weights, at_least, load

FORMS = (".png", ".csv", ".json", ".npz")


def map(
    run: Run,
    data: Items,
    /,
    *,
    cells: Annotated[int, Parameter(help="decoded cells along each side")] = 16,
    label: Given = None,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Where items lie in the plane of their codes' two largest axes, over what the decoder makes there.

    A .png shows both; .csv, .json and stdout have the place of each item, .npz the decoded cells too.
    """
    found_form = output.form(out, FORMS)
    at_least("--cells", cells, 2)
    model = load(run, common, weights)
    batch, names = model.given(data, label)
    found = model.map(batch, cells)
    common.remark(f"the plane holds {found.share:.0%} of the variance of the codes")
    labels = model.named_labels(data)
    if found_form == ".png":
        from latentia.tasks.map import drawn

        with output.replacing(Path(out or "")) as temporary:
            drawn(found, labels).savefig(temporary, dpi=150)
    elif found_form == ".npz":
        import numpy as np

        arrays = {"places": found.places, "item": np.array(names), "cells": found.cells.numpy(), "edges": found.edges}
        output_arrays(Path(out or ""), arrays, "places")
    else:
        own = [{} if labels is None else {"label": each} for each in labels or names]
        places = found.places.tolist()
        rows = [{"item": n, **o, "right": p[0], "up": p[1]} for n, o, p in zip(names, own, places, strict=True)]
        output.rows(rows, out, common.json)
    output.written(out, common.json)
