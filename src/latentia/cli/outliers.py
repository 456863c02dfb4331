"""``latentia outliers``: which items do not belong, with p-values and reasons."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from latentia.cli import columns, output
from latentia.cli.common import DEFAULTS, Common, Given, Items, Out, Run, Weights, at_least, load
from latentia.cli.judging import USUAL, Judging
from latentia.cli.score import Draws, Key

if TYPE_CHECKING:
    from latentia.core import Batch
    from latentia.data.tables.shown import Cells
    from latentia.model import Model
    from latentia.tasks.outliers import Outliers

REASONS = 3


def outliers(
    run: Run,
    data: Items,
    /,
    *,
    rate: Annotated[
        float | None, Parameter(help="false alarms: the share of good rows that may be flagged [default: 0.01]")
    ] = None,
    fdr: Annotated[
        float | None, Parameter(help="instead: the share of good ones among all that are flagged (Benjamini-Hochberg)")
    ] = None,
    contamination: Annotated[float | None, Parameter(help="instead: the share of all rows that is flagged")] = None,
    contributions: Annotated[
        bool, Parameter(help="what each column adds to the score, a column each", negative="")
    ] = False,
    maps: Annotated[str | None, Parameter(help="pictures: a folder for heat maps of the outliers")] = None,
    refit: Annotated[
        bool | None,
        Parameter(help="train five models to judge rows that this one was trained on [default: for tables]"),
    ] = None,
    draws: Draws = 128,
    key: Key = None,
    label: Given = None,
    judging: Judging = USUAL,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Which items do not belong: a score, a p-value and reasons for each. Without -o the outliers alone are shown.

    The p-value is the share of good rows, of the test split and those that calibrate added, that are at least as odd.
    Rows that the model was trained on are recognised, and judged by models that were trained without them.
    """
    output.form(out, columns.FORMS)
    at_least("--draws", draws, 1)
    model = load(run, common, weights)
    if maps is not None:
        _check_maps(model, maps, judging.features)
    ((batch, names),) = model.blocks(data, key, label, rows=sys.maxsize)
    found = model.outliers(
        batch,
        rate,
        fdr,
        contamination,
        draws=draws,
        seed=common.seed,
        refit=refit,
        tell=common.remark,
        progress=_progress(common),
        **judging.told(),
    )
    told = _columns(found, batch, model, model.cells(data), key or "item", names, contributions)
    shown = range(len(names)) if out is not None else found.outlier.nonzero()[0].tolist()
    with columns.writing(out, common.json) as write:
        write({name: [values[row] for row in shown] for name, values in told.items()})
    common.remark(f"{int(found.outlier.sum()):,} of {len(names):,} are outliers: {found.rule}")
    if maps is not None:
        _draw(found, batch, names, Path(maps), common)


def _progress(common: Common) -> Any:
    from latentia.cli.progress import Folds

    return Folds(common.quiet)


def _columns(
    found: Outliers, batch: Batch, model: Model, cells: Cells | None, key: str, names: list[str], contributions: bool
) -> dict[str, list[Any]]:
    """What is written, column by column."""
    told: dict[str, list[Any]] = {key: names, "score": found.scores.tolist(), "p_value": found.p_values.tolist()}
    told["outlier"] = found.outlier.tolist()
    if model.spec.kind == "table":
        reasons = [_reasons(found, batch, model, cells, row) for row in range(len(names))]
        told |= {f"reason_{place + 1}": [each[place] for each in reasons] for place in range(REASONS)}
    told["known"] = found.origin.tolist()
    if contributions:
        told["mean"] = found.constants.tolist()
        told |= {name: found.contributions[:, place].tolist() for place, name in enumerate(found.names)}
    return told


def _reasons(found: Outliers, batch: Batch, model: Model, cells: Cells | None, row: int) -> list[str]:
    """The columns that add most to a score, with their values: ``income = 98000 (+8.31)``."""
    from latentia.tasks.outliers import value_of

    told = []
    for name, amount in found.reasons(row, REASONS):
        place = found.names.index(name)
        known = place < found.contributions.shape[1] - 1
        value = f" = {value_of(batch, row, place, model.spec, cells)}" if known else ""
        told.append(f"{name}{value} ({amount:+.3g})")
    return [*told, *[""] * (REASONS - len(told))]


def _check_maps(model: Model, maps: str, features: str | None) -> None:
    from latentia.errors import BadField

    if model.spec.kind != "image":
        raise BadField(f"--maps draws pictures, and this model was trained on a {model.spec.kind}")
    if features not in (None, "patches"):
        raise BadField(f"--features {features} say nothing about places in a picture; --maps needs --features patches")
    if Path(maps).is_file():
        raise BadField(f"--maps {maps} is a file; name a folder")


def _draw(found: Outliers, batch: Batch, names: list[str], folder: Path, common: Common) -> None:
    """Heat maps of the outliers, the oddest first, and all of them on one sheet."""
    from latentia.tasks.maps import overlaid
    from latentia.tasks.pictures import grid, picture

    rows = sorted(found.outlier.nonzero()[0].tolist(), key=lambda row: -found.scores[row])
    folder.mkdir(parents=True, exist_ok=True)
    if not rows:
        common.remark("no outliers, no maps")
        return
    x = batch.x[rows]
    pairs = overlaid(x, found.heat(rows, x.shape[1:]))
    for place, row in enumerate(rows):
        stem = f"{place:04d}-{Path(names[row]).stem or row}"
        with output.replacing(folder / f"{stem}.png") as temporary:
            picture(pairs[place], 256).save(temporary)
    with output.replacing(folder / "sheet.png") as temporary:
        grid(pairs[:SHEET], columns=4, numbers=[names[row][:24] for row in rows[:SHEET]], cell=96).save(temporary)
    common.remark(f"{len(rows)} maps and sheet.png in {folder}")


SHEET = 64  # maps on the sheet
