"""``latentia info``: what a run or a data set is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from latentia.cli import output, render
from latentia.cli.common import DEFAULTS, Common, Out, at_least, load
from latentia.cli.flags import DATA, given, options
from latentia.data.options import DataOptions
from latentia.data.tables.shown import value_text
from latentia.errors import BadData, BadField
from latentia.fields import shown
from latentia.spec import OTHER

if TYPE_CHECKING:
    from latentia.core import Column, Spec
    from latentia.data import DataSet

SPLITS = ("train", "validation", "test")
SHOWN = 64  # items of a picture, where no count is given
MOST = 4  # categories of a column
OF_DATA: Any = options("OfData", DataOptions, lambda _: DATA, {})


def info(
    what: Annotated[str, Parameter(name="RUN|DATA", help="the folder of a run, or a data set's name or path")],
    other: Annotated[str | None, Parameter(name="DATA_B", help="the other side of pairs, or the other domain")] = None,
    /,
    *,
    of_data: OF_DATA = None,
    count: Annotated[int | None, Parameter(name=["--count", "-n"], help="how many items the picture shows")] = None,
    out: Out = None,
    common: Common = DEFAULTS,
) -> None:
    """What a run is, with its hourglass of layers from x to z to x-hat; or what a data set holds.

    With -o DATA.png some items of the data are drawn, as a training sees them. Two data sets are pairs if the names
    of their files match, and two domains if not.
    """
    output.form(out, (".png",))
    at_least("--count", count, 1)
    opening = given(of_data, DataOptions)
    if other is not None and (Path(what) / "recipe.json").is_file():
        raise BadField(
            f"{what} is a run, and {other} stands beside it; info tells of one run, or of one or two data sets"
        )
    if not (Path(what) / "recipe.json").is_file():
        of_data_set(what, other, opening, count or SHOWN, out, common)
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
        "members": 1 + len(model.beside.others),
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


def of_data_set(
    what: str, other: str | None, opening: Mapping[str, Any], count: int, out: str | None, common: Common
) -> None:
    """What its items look like, how it is split, and what it says about itself; some of its items in a picture.

    Of a table every column with its type, how many different values and gaps it has, and its range or categories.
    """
    two = other is not None or any(opening.get(name) for name in ("pairing", "direction"))
    found, notes = _two(what, other, opening) if two else (_with_classes(what, opening), [])
    spec = found.spec
    columns = [column_row(each) for each in found.judged]
    if not two and spec.kind == "image" and spec.shape[2] == 2 * spec.shape[1]:
        notes = ["twice as wide as high: if that is two pictures side by side, --pairing pairs reads them as such"]
    told: dict[str, Any] = {
        "data": found.name,
        "about": found.description,
        "kind": spec.kind,
        "shape": "" if columns else _shape(spec),
        "pairing": _pairing(spec),
        "values": "" if columns else _values(spec),
        "columns": columns if common.json else output.table(columns) if columns else "",
        "classes": list(spec.classes),
        **{split: _count(getattr(found, split), spec, common.json) for split in SPLITS},
        "terms": found.terms,
        "notes": [*found.notes, *notes] if common.json else "\n".join([*found.notes, *notes]),
    }
    if out is not None:
        _draw(found, count, out, common)
    output.facts({name: value for name, value in told.items() if value or common.json}, common.json)


def _values(spec: Spec) -> str:
    return f"{spec.low:g} to {spec.high:g}" + (f" in {spec.levels} levels" if spec.levels else "")


def column_row(judged: Any) -> dict[str, Any]:
    """What a column of a table was found to be, as a row: counts are of training rows."""
    of = judged.of
    learnt = hasattr(of, "categories")
    row = {"column": of.name, "type": of.kind if learnt else "left out"}
    row |= {"distinct": judged.distinct, "missing": judged.missing}
    return {**row, "values": _values_of(of) if learnt else "", "note": judged.note}


def _values_of(column: Column) -> str:
    """The range of numbers and times, the first categories of others."""
    if column.coded:
        known = [name for name in column.categories if name != OTHER]
        return ", ".join(known[:MOST]) + (", ..." if len(known) > MOST else "")
    return f"{value_text(column, column.low)} to {value_text(column, column.high)}"


def _two(what: str, other: str | None, opening: Mapping[str, Any]) -> tuple[DataSet, list[str]]:
    """Pairs if it is asked for, or if they match; else domains, and why they are no pairs."""
    from latentia import data

    if other is None or opening.get("pairing") or opening.get("direction"):
        return data.open(what, other, **{"pairing": "pairs", **opening}), []
    try:
        return data.open(what, other, **opening, pairing="pairs"), []
    except BadData as error:
        return data.open(what, other, **opening, pairing="domains"), [f"no pairs: {error}"]


def _shape(spec: Spec) -> str:
    return "x".join(map(str, spec.shape))


def _pairing(spec: Spec) -> str:
    """What the two pictures of a batch are."""
    if spec.y is None:
        return ""
    one, two = (f"{name} ({_shape(each)})" for name, each in zip(spec.sides, (spec, spec.y), strict=True))
    return f"pairs, from {two} to {one}" if spec.pairing == "pairs" else f"domains, {one} and {two}"


def _count(split: Any, spec: Spec, as_json: bool) -> Any:
    """How many items a split has: for domains of each."""
    if spec.pairing != "domains":
        return len(split)
    counts = dict(zip(spec.sides, (len(split.of_x), len(split.of_y)), strict=True))
    return counts if as_json else ", ".join(f"{count} {name}" for name, count in counts.items())


def _with_classes(what: str, opening: Mapping[str, Any]) -> DataSet:
    """The data set with its labels if it has any."""
    from latentia import data

    try:
        found = data.open(what, **{"labels": True, **opening})
    except BadData:
        return data.open(what, **opening)
    named = any(aside.kind == "label" for aside in found.spec.asides)  # the labels are a column like others
    return data.open(what, **opening) if named and not opening.get("labels") else found


def _draw(found: DataSet, count: int, out: str, common: Common) -> None:
    """The items that a training with this seed sees first, each above its class where there are classes."""
    import torch

    from latentia.data.conform import recoloured

    spec = found.spec
    if spec.kind != "image":
        raise BadData(f"{found.name} is a {spec.kind}; -o draws pictures")
    batch = found.train.take(common.seed, 0, min(count, len(found.train)))
    captions = None if batch.label is None else [spec.classes[int(code)] for code in batch.label]
    x, columns = batch.x, None
    if batch.y is not None:  # each pair in the order of translation: what is given, what is made of it
        sides = (batch.y, batch.x) if spec.pairing == "pairs" else (batch.x, batch.y)
        most = max(side.shape[1] for side in sides)
        x = torch.stack([recoloured(side, most, torch.ones(3)) for side in sides], 1).flatten(0, 1)
        columns = 2 * max(1, round((len(batch.x) / 2) ** 0.5))
    names = [f"item:{place}" for place in range(len(x))]
    render.write(x, names, out, columns=columns, captions=captions)
