"""``latentia info``: what a run or a data set is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from latentia.cli import output
from latentia.cli.common import DEFAULTS, Common, load
from latentia.errors import BadData

if TYPE_CHECKING:
    from latentia.data import DataSet


def info(
    what: Annotated[str, Parameter(name="RUN|DATA", help="the folder of a run, or a data set's name or path")],
    /,
    *,
    common: Common = DEFAULTS,
) -> None:
    """What a run is, with its hourglass of layers from x to z to x-hat; or what a data set holds."""
    if (Path(what) / "recipe.json").is_file():
        of_run(what, common)
    else:
        of_data(what, common)


def of_run(run: str, common: Common) -> None:
    """The facts of recipe.json that a person asks for, then the layers."""
    model = load(run, common)
    facts = model.facts
    layers: list[dict[str, Any]] = [
        {"layer": name, "shape": "x".join(map(str, shape)), "weights": n} for name, shape, n in model.hourglass()
    ]
    told = {
        "run": str(model.run),
        "model": facts["model"],
        "fields": _pairs(facts["recipe"]),
        "data": facts["data"]["name"],
        "signature": facts["data"]["signature"],
        "items": _pairs(facts["splits"]),
        "training": _pairs(facts["training"]),
        "budget": facts["budget"],
        "versions": _pairs(facts["versions"]),
        "weights": sum(row["weights"] for row in layers),
    }
    output.facts({**told, "layers": layers if common.json else output.table(layers)}, common.json)


def of_data(what: str, common: Common) -> None:
    """What its items look like, how it is split, and what it says about itself."""
    found = _with_classes(what)
    spec = found.spec
    told: dict[str, Any] = {
        "data": found.name,
        "about": found.description,
        "kind": spec.kind,
        "shape": "x".join(map(str, spec.shape)),
        "values": f"{spec.low:g} to {spec.high:g}" + (f" in {spec.levels} levels" if spec.levels else ""),
        "classes": list(spec.classes),
        "train": len(found.train),
        "validation": len(found.validation),
        "test": len(found.test),
        "terms": found.terms,
        "notes": list(found.notes) if common.json else "\n".join(found.notes),
    }
    output.facts({name: value for name, value in told.items() if value or common.json}, common.json)


def _with_classes(what: str) -> DataSet:
    """The data set with its labels if it has any."""
    from latentia import data

    try:
        return data.open(what, labels=True)
    except BadData:
        return data.open(what)


def _pairs(found: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items())
