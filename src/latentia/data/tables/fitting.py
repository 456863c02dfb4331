"""A table as a data set: its columns are typed from the training rows, then all rows are turned into numbers."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch

from latentia.core import Column, Spec
from latentia.data.arrays import with_labels
from latentia.data.dataset import Content, Part, rows_of
from latentia.data.files import Array
from latentia.data.labels import LABELS
from latentia.data.options import DataOptions
from latentia.data.source import ArrayValues
from latentia.data.tables.coding import coded
from latentia.data.tables.frame import Frame, RawTable, Series
from latentia.data.tables.kinds import judged, sentences
from latentia.data.tables.overrides import said
from latentia.errors import BadData
from latentia.spec import Aside

__all__ = ["coded_content", "table_content", "typed"]


def table_content(frame: Frame, name: str, labels: bool = False) -> Content:
    """A table as content that waits for its types; with ``labels`` a column of that name holds them, if there is one.

    Raises:
        BadData: a row without a label.
    """
    rows, columns = len(frame), len(frame.columns)
    spec = Spec("table", (columns,), form=frame.form)
    about = f"a table of {rows:,} rows and {columns} columns"
    content = Content(name, spec, Part(RawTable(frame)), frame.digest(), description=about)
    label = next((column.name for column in frame.columns if labels and column.name.lower() in LABELS), None)
    return content if label is None else _labelled(content, frame, label)


def typed(content: Content, options: DataOptions) -> Content:
    """``content`` with its columns typed from the rows it is trained on, and all its rows as numbers.

    Raises:
        BadData: no column that can be learnt, or values that a column cannot hold.
    """
    if not isinstance(content.items.values, RawTable):
        return content
    rows = rows_of(content, options)["train"].numpy()
    frame = content.items.values.frame
    found = judged(frame, rows, said(options.columns))
    columns = tuple(each.of for each in found if isinstance(each.of, Column))
    asides = tuple(each.of for each in found if isinstance(each.of, Aside)) + content.spec.asides
    size = len(columns) + sum(column.missing for column in columns)
    spec = dataclasses.replace(content.spec, shape=(size,), columns=columns, asides=asides)
    made = coded_content(content, spec)
    low, high = _range(made.items.values, rows)
    spec = dataclasses.replace(spec, low=low, high=high)
    notes = sentences(found)[frame.form == "array" :]  # of an array only what is left out
    return dataclasses.replace(made, spec=spec, notes=(*content.notes, *notes, *made.notes), judged=tuple(found))


def coded_content(content: Content, spec: Spec) -> Content:
    """``content`` with its rows as numbers, by the columns of a spec; notes hold what there is to say of that."""
    parts = {"items": content.items, "test": content.test, "validation": content.validation}
    done: dict[int, ArrayValues] = {}
    notes: list[str] = []
    for part in parts.values():
        if part is not None and id(part.values) not in done:
            found = coded(part.values.frame, spec)  # type: ignore[attr-defined]
            known = None if found.known.all() else torch.from_numpy(found.known)
            done[id(part.values)] = ArrayValues(found.x, known=known)
            notes += found.notes

    def changed(part: Part | None) -> Part | None:
        return part and dataclasses.replace(part, values=done[id(part.values)])

    made = {name: changed(part) for name, part in parts.items()}
    return dataclasses.replace(content, spec=spec, notes=tuple(notes), **made)  # type: ignore[arg-type]


def _range(values: Any, rows: Array) -> tuple[float, float]:
    found = values.array[rows]
    return float(found.min()), float(found.max())


def _labelled(content: Content, frame: Frame, label: str) -> Content:
    place = next(place for place, column in enumerate(frame.columns) if column.name == label)
    column = frame.columns[place]
    found = with_labels(content, _labels(column, frame.name))
    items = dataclasses.replace(found.items, values=RawTable(frame.without([label])))
    spec = Spec("table", (len(frame.columns) - 1,), asides=(Aside(label, place, "label", dtype=column.dtype),))
    return dataclasses.replace(found, spec=dataclasses.replace(spec, form=frame.form), items=items)


def _labels(column: Series, where: str) -> Array:
    text = column.as_text()
    if not text.known.all():
        row = int(np.flatnonzero(~text.known)[0])
        raise BadData(f"{where} has no label in row {row}, column {column.name!r}; every row needs one")
    return np.array(text.texts)[text.values.astype(np.int64)]
