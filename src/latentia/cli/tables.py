"""Tables to OUT: a data frame or an array of plain numbers, with the header that went in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from latentia.cli import output
from latentia.cli.codes import output_arrays
from latentia.data.tables.shown import number_text
from latentia.errors import BadData


def write(
    found: Any, header: Sequence[str], out: str | None, as_json: bool = False, names: Sequence[str] | None = None
) -> None:
    """A table to OUT, or to stdout as aligned text or JSON.

    Args:
        found: a pandas data frame, or a float64 array ``(rows, columns)``.
        header: the names of the columns of an array.
        out: where to write.
        as_json: without OUT, JSON instead of text; with it, where the result is.
        names: of the rows, a first column ``item``; a table that looks like the one that went in has none.

    Raises:
        BadData: a form that tables are not written in, or text where only numbers can be.
    """
    ending = output.form(out, output.ITEMS)
    path = Path(out or "")
    if ending in (".npz", ".npy"):
        output_arrays(path, {"x": _numbers(found, path)}, "x")
    elif ending in ("", ".json") or not hasattr(found, "columns"):
        if ending not in ("", ".csv", ".json", ".parquet"):
            raise _refused(path)
        rows = _rows(found, header, names)
        output.rows(rows, out, as_json, number_text)
    elif ending in (".csv", ".parquet"):
        table = found if names is None else found.assign(item=list(names))[["item", *found.columns]]
        with output.replacing(path) as temporary:
            table.to_csv(temporary, index=False) if ending == ".csv" else table.to_parquet(temporary, index=False)
    else:
        raise _refused(path)
    output.written(out, as_json)


def together(parts: Sequence[Any]) -> Any:
    """Tables or tensors of one kind, one under another."""
    if hasattr(parts[0], "columns"):
        import pandas

        return pandas.concat(list(parts), ignore_index=True)
    if hasattr(parts[0], "numpy"):
        import torch

        return torch.cat(list(parts))
    import numpy as np

    return np.concatenate(list(parts))


def _refused(path: Path) -> BadData:
    return BadData(f"{path}: rows of a table are no pictures; write them as .csv, .parquet, .json, .npy or .npz")


def _numbers(found: Any, path: Path) -> Any:
    if not hasattr(found, "columns"):
        return found
    texts = [name for name, kind in found.dtypes.items() if kind.kind not in "fiub"]
    if texts:
        raise BadData(f"{path}: column {texts[0]!r} is not made of numbers; write .csv, .parquet or .json")
    return found.to_numpy("float64", na_value=float("nan"))


def _rows(found: Any, header: Sequence[str], names: Sequence[str] | None) -> list[dict[str, Any]]:
    if hasattr(found, "columns"):
        times = {name: _times(found[name]) for name, kind in found.dtypes.items() if kind.kind == "M"}
        rows = json.loads(found.assign(**times).to_json(orient="records", double_precision=15))
    else:
        rows = [dict(zip(header, row, strict=True)) for row in found.tolist()]
    return rows if names is None else [{"item": name, **row} for name, row in zip(names, rows, strict=True)]


def _times(column: Any) -> Any:
    """Times as text: dates where all are midnight."""
    known = column.dropna()
    days = column.dt.tz is None and bool((known == known.dt.normalize()).all())
    texts = known.map(lambda time: time.date().isoformat() if days else time.isoformat())
    return texts.astype(object).reindex(column.index)
