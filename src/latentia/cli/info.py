"""``latentia info``: what a run or a data set is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from latentia.cli import output, render
from latentia.cli.common import DEFAULTS, Common, Out, at_least, load
from latentia.cli.flags import DATA, given, options, shown
from latentia.data.options import DataOptions
from latentia.errors import BadData, BadField

if TYPE_CHECKING:
    from latentia.data import DataSet

SHOWN = 64  # items of a picture, where no count is given
OF_DATA: Any = options("OfData", DataOptions, lambda _: DATA, {})


def info(
    what: Annotated[str, Parameter(name="RUN|DATA", help="the folder of a run, or a data set's name or path")],
    /,
    *,
    of_data: OF_DATA = None,
    count: Annotated[int | None, Parameter(name=["--count", "-n"], help="how many items the picture shows")] = None,
    out: Out = None,
    common: Common = DEFAULTS,
) -> None:
    """What a run is, with its hourglass of layers from x to z to x-hat; or what a data set holds.

    With -o DATA.png some items of the data are drawn, as a training sees them.
    """
    output.form(out, (".png",))
    at_least("--count", count, 1)
    opening = given(of_data, DataOptions)
    if not (Path(what) / "recipe.json").is_file():
        of_data_set(what, opening, count or SHOWN, out, common)
    elif opening or out or count:
        flag = "--" + next(iter(opening)).replace("_", "-") if opening else "-o" if out else "-n"
        raise BadField(f"{flag} is for data, and {what} is a run; latentia sample draws from a run")
    else:
        of_run(what, common)


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
        "fields": facts["recipe"],
        "data": facts["data"]["name"],
        "signature": facts["data"]["signature"],
        "items": facts["splits"],
        "training": facts["training"],
        "budget": facts["budget"],
        "versions": facts["versions"],
        "weights": sum(row["weights"] for row in layers),
        "layers": layers,
    }
    output.facts(told if common.json else {name: _text(name, value) for name, value in told.items()}, common.json)


def _text(name: str, value: Any) -> Any:
    """A fact as a person reads it."""
    if name == "layers":
        return output.table(value)
    if name == "budget":
        return "none yet" if value is None else f"{value:,} images"
    return _pairs(value) if isinstance(value, Mapping) else value


def _pairs(found: Mapping[str, Any]) -> str:
    """Names with their values as they would be typed; what was left to the model is passed over."""
    told = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    return ", ".join(f"{name} {shown(value)}" for name, value in told.items() if value not in (None, "", ()))


def of_data_set(what: str, opening: Mapping[str, Any], count: int, out: str | None, common: Common) -> None:
    """What its items look like, how it is split, and what it says about itself; some of its items in a picture."""
    found = _with_classes(what, opening)
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
    if out is not None:
        _draw(found, count, out, common)
    output.facts({name: value for name, value in told.items() if value or common.json}, common.json)


def _with_classes(what: str, opening: Mapping[str, Any]) -> DataSet:
    """The data set with its labels if it has any."""
    from latentia import data

    try:
        return data.open(what, **{"labels": True, **opening})
    except BadData:
        return data.open(what, **opening)


def _draw(found: DataSet, count: int, out: str, common: Common) -> None:
    """The items that a training with this seed sees first, each above its class where there are classes."""
    spec = found.spec
    if spec.kind != "image":
        raise BadData(f"{found.name} is a {spec.kind}; -o draws pictures")
    batch = found.train.take(common.seed, 0, min(count, len(found.train)))
    captions = None if batch.label is None else [spec.classes[int(code)] for code in batch.label]
    names = [f"item:{place}" for place in range(len(batch.x))]
    render.write(batch.x, names, out, captions=captions)
