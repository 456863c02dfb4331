"""Items for a trained model a block at a time: a table in a file may be larger than memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib.format import open_memmap

from latentia.core import Batch, Spec
from latentia.data.items import labelled
from latentia.data.tables.coding import coded
from latentia.data.tables.frame import Frame, frame_of_array
from latentia.data.tables.overrides import Said, said, said_by
from latentia.data.tables.reading import frame_of_file, frame_of_object, frames_of_file, is_frame
from latentia.data.tables.shown import DAY, cell
from latentia.errors import BadData, BadField, near

__all__ = ["stream"]

FILES = (".csv", ".tsv", ".parquet", ".pq")
ROWS = 50_000
log = logging.getLogger("latentia")


def stream(
    what: Any, like: Spec, rows: int = ROWS, key: str | None = None, **options: Any
) -> Iterator[tuple[Batch, list[str]]]:
    """Blocks of at most ``rows`` items with their names, for a model that was trained on data like ``like``.

    Tables in .csv, .parquet and .npy files are read a block at a time; all else is read as a whole and then cut.

    Args:
        what: as for :func:`latentia.data.items`.
        like: the spec of the model's data.
        rows: of a block.
        key: a column of a table that names its rows; it need not be one that the model knows.
        options: of the data the model was trained on.

    Raises:
        BadData: as :func:`latentia.data.items`, when the block is read; or no column of that name.
        BadField: a key where nothing has columns.
    """
    path = Path(what).expanduser() if isinstance(what, str | Path) else None
    if path is not None and path.is_file() and like.columns and not like.classes:
        reading = _reading(like, key, options)
        if path.suffix.lower() in FILES:
            yield from _coded(frames_of_file(path, reading, rows), like, key, str(path))
            return
        if path.suffix.lower() == ".npy" and key is None:
            yield from _coded(_blocks(path, rows), like, key, str(path))
            return
    batch, names = labelled(what, like, **options)
    if key is not None:
        names = _named(what, path, like, key, options)
    for start in range(0, len(names), rows):
        some = slice(start, start + rows)
        yield batch._replace(**{name: slot[some] for name, slot in batch.slots()}), names[some]


def _reading(like: Spec, key: str | None, options: dict[str, Any]) -> Said:
    """How columns are read: those of the model as in training; the key is there, even if it is pandas' index."""
    found = said_by(like.columns, said(options.get("columns")).names)
    return found if key is None else replace(found, kinds={key: "ignore"})


def _named(what: Any, path: Path | None, like: Spec, key: str, options: dict[str, Any]) -> list[str]:
    """The values of the key of a table that is read as a whole."""
    if path is not None and path.is_file() and path.suffix.lower() in FILES:
        frame = frame_of_file(path, _reading(like, key, options))
    elif is_frame(what):
        frame = frame_of_object(what, said_by(like.columns))
    else:
        raise BadField(f"a key names rows by a column of a table (.csv, .parquet, a data frame); here is no {key!r}")
    return _names(frame, key, 0, frame.name)


def _coded(frames: Iterator[Frame], like: Spec, key: str | None, where: str) -> Iterator[tuple[Batch, list[str]]]:
    done, told = 0, set[str]()
    for frame in frames:
        found = coded(frame, like)
        for note in found.notes:
            if note not in told:
                log.info(note)
                told.add(note)
        mask = None if found.known.all() else torch.from_numpy(found.known)
        yield Batch(torch.from_numpy(found.x), mask=mask), _names(frame, key, done, where)
        done += len(frame)
    if not done:
        raise BadData(f"{where} has no rows")


def _names(frame: Frame, key: str | None, first: int, where: str) -> list[str]:
    """The values of the key, or the numbers of the rows."""
    if key is None:
        return [str(row) for row in range(first, first + len(frame))]
    columns = frame.by_name()
    if key not in columns:
        raise BadData(f"{where} has no column {key!r} to name rows by; {near(key, columns)}")
    column = columns[key]
    days = column.kind == "time" and bool((column.values[column.known] % DAY == 0).all())
    return [cell(column, row, days) if known else "" for row, known in enumerate(column.known.tolist())]


def _blocks(path: Path, rows: int) -> Iterator[Frame]:
    """The rows of a .npy file, which is mapped, not read.

    Raises:
        BadData: no table of numbers.
    """
    try:
        array = open_memmap(path, mode="r")
    except (ValueError, OSError) as error:
        raise BadData(f"{path} cannot be read as an array: {error}") from None
    if array.ndim != 2:
        raise BadData(f"{path} has the shape {array.shape}; a table is (rows, columns)")
    for start in range(0, len(array), rows):
        yield frame_of_array(np.asarray(array[start : start + rows]), str(path))
