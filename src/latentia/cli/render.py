"""Items to OUT: a grid, frames, arrays, text, or a folder with one picture each."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentia.cli import output, tables
from latentia.cli.codes import output_arrays

if TYPE_CHECKING:
    from torch import Tensor


def write(
    x: Any,
    names: Sequence[str],
    out: str | None,
    as_json: bool = False,
    columns: int | None = None,
    captions: Sequence[str] | None = None,
    fps: float = 12,
    header: Sequence[str] | None = None,
    named: bool = False,
) -> None:
    """Items to OUT, or what they look like to stdout.

    Args:
        x: pictures ``(N, C, H, W)`` in [0, 1], or rows of a table: plain numbers ``(N, columns)``, or what
            :meth:`latentia.model.Model.as_data` makes of them.
        names: the name of each.
        out: where to write; see :data:`latentia.cli.output.ITEMS`.
        as_json: without OUT, every number as JSON instead of a summary; with it, where the result is.
        columns: how many pictures a row of the grid has.
        captions: what stands under each picture of the grid.
        fps: how many pictures a second of a film shows.
        header: the names of the columns of a table, where they have names.
        named: whether the rows of such a table begin with their names.
    """
    if header:
        tables.write(x, header, out, as_json, names if named else None)
        return
    from latentia.tasks import pictures

    found = output.form(out, output.ITEMS)
    path = Path(out or "")
    if found == "":
        _to_stdout(x, names, as_json)
    elif found == ".png":
        with output.replacing(path) as temporary:
            pictures.grid(x, columns, numbers=captions).save(temporary)
    elif found == ".gif":
        with output.replacing(path) as temporary:
            pictures.animate(x, temporary, fps)
    elif found == ".mp4":
        from latentia.tasks import video

        with output.replacing(path) as temporary:
            video.film(x, temporary, fps)
    elif found in (".npz", ".npy"):
        import numpy as np

        output_arrays(path, {"x": x.numpy(), "item": np.array(list(names))}, "x")
    elif found == "folder/":
        _folder(path, x, names)
    else:
        output.rows(_rows(x, names), out)
    output.written(out, as_json)


def _to_stdout(x: Tensor, names: Sequence[str], as_json: bool) -> None:
    pairs = list(zip(names, x, strict=True))
    if as_json:
        print(json.dumps([{"item": name, "x": row.tolist()} for name, row in pairs]))
    elif x.dim() == 2:
        output.rows(_rows(x, names))
    else:
        shape = "x".join(str(side) for side in x.shape[1:])
        output.rows([{"item": name, "shape": shape, **_range(row)} for name, row in pairs])


def _range(row: Tensor) -> dict[str, float]:
    return {"lowest": row.min().item(), "mean": row.mean().item(), "highest": row.max().item()}


def _rows(x: Tensor, names: Sequence[str]) -> list[dict[str, Any]]:
    values = x.flatten(1).tolist()
    return [{"item": n} | {f"x{i + 1}": v for i, v in enumerate(row)} for n, row in zip(names, values, strict=True)]


def _folder(path: Path, x: Tensor, names: Sequence[str]) -> None:
    """One picture per item; the folder appears when the last one is written, or its files join those already there."""
    try:
        _fill(path, x, names)
    except OSError as error:  # it names the folder that is filled first
        raise OSError(error.errno, error.strerror, str(path)) from error


def _fill(path: Path, x: Tensor, names: Sequence[str]) -> None:
    from latentia.tasks import pictures

    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.absolute().parent) as made:
        inside = Path(made) / path.name
        inside.mkdir()
        digits = len(str(len(x)))
        for i, (name, row) in enumerate(zip(names, x, strict=True)):
            stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(name).name).strip("-")
            pictures.picture(row).save(inside / f"{i:0{digits}d}-{stem}.png")
        if not path.exists():
            os.rename(inside, path)
        else:
            for file in sorted(inside.iterdir()):
                shutil.move(file, path / file.name)
