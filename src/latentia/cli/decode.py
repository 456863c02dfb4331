"""``latentia decode``: latents to items."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from latentia.cli import codes, output, render, tables
from latentia.cli.common import DEFAULTS, Common, Out, Run, Weights, load


def decode(
    run: Run,
    file: Annotated[Path, Parameter(name="CODES", help="a codes file, as encode writes it")],
    /,
    *,
    label: Annotated[
        str | None,
        Parameter(
            help="the class of all, or all: a row of each; for a model trained with --labels [default: the file's]"
        ),
    ] = None,
    numbers: Annotated[bool, Parameter(help="write each item's name under its picture", negative="")] = False,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Latents to items. With --label all each column of the picture is one code, given every class in turn."""
    output.form(out, output.ITEMS)
    z, names, own = codes.read(file)
    model = load(run, common, weights)
    classes = vars(model.net).get("classes") and model.spec.classes
    if classes and label is None and own is None:
        common.remark(f"items of no class in particular; --label takes {', '.join(classes)}")
    if label != "all":
        x = model.decode(z, label if label is not None else own if classes else None)
        captions = names if numbers else None
        render.write(x, names, out, common.json, captions=captions, header=model.header, named=True)
        return
    each = classes or ("?",)  # without classes the model refuses
    x = tables.together([model.decode(z, name) for name in each])
    told = [f"{item} {name}" for name in each for item in names]
    captions = told if numbers else None
    render.write(x, told, out, common.json, columns=len(z), captions=captions, header=model.header, named=True)
