"""Data given as Python objects: arrays, tensors, lists of pictures, torch data sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latentia.core import Spec
from latentia.data.arrays import array_content, array_of, digest, with_labels
from latentia.data.dataset import Content, Part
from latentia.data.files import Array
from latentia.data.options import DataOptions
from latentia.data.pictures import Facts, Plan, Unreadable, facts_of, opened, plan, render
from latentia.data.source import ArrayValues
from latentia.data.tables.fitting import table_content
from latentia.data.tables.overrides import said
from latentia.data.tables.reading import frame_of_object, is_frame
from latentia.errors import BadData

__all__ = ["is_picture", "looked", "object_content", "rendered", "stacked"]


def object_content(what: Any, options: DataOptions, name: str = "array") -> Content:
    """An array, a tensor, a pair (items, labels), a list of pictures or of arrays, or a torch data set as content.

    Raises:
        BadData: it is none of these, or cannot be used.
    """
    if _is_dataset(what):
        items, labels = _drained(what)
        return _labelled(items, labels, options, type(what).__name__.lower())
    if is_frame(what):
        return table_content(frame_of_object(what, said(options.columns)), "table", options.labels)
    if isinstance(what, tuple) and len(what) == 2:
        return _labelled(what[0], what[1], options, name)
    return _labelled(what, None, options, name)


def is_picture(what: Any) -> bool:
    """Whether ``what`` is a Pillow picture, or the path of a file."""
    return isinstance(what, str | Path) or hasattr(what, "getbands")


def looked(pictures: Sequence[Any], name: str) -> list[Facts]:
    """What the headers of Pillow pictures and picture files say.

    Raises:
        BadData: a file that is no picture.
    """
    return [_look(each, facts_of, f"{name}, picture {row}") for row, each in enumerate(pictures)]


def rendered(pictures: Sequence[Any], form: Plan, name: str) -> Array:
    """Pillow pictures and picture files in the form of a plan, ``(N, height, width, channels)``.

    Raises:
        BadData: a file that is no picture.
    """
    out = np.empty((len(pictures), *form.shape), form.dtype)
    for row, each in enumerate(pictures):
        out[row] = _look(each, lambda picture: render(picture, form), f"{name}, picture {row}")
    return out


def stacked(items: Sequence[Any], name: str) -> Array:
    """Arrays of one shape as one array.

    Raises:
        BadData: shapes that differ.
    """
    arrays = [array_of(each, name) for each in items]
    shapes = {each.shape for each in arrays}
    if len(shapes) > 1:
        first, second = sorted(shapes)[:2]
        raise BadData(f"{name} has items of different shapes, such as {first} and {second}; all must be of one shape")
    return np.stack(arrays) if arrays else np.empty((0, 0))


def _labelled(items: Any, labels: Any, options: DataOptions, name: str) -> Content:
    if is_frame(items):
        content = object_content(items, dataclasses.replace(options, labels=False))
        return with_labels(content, array_of(labels, "the labels"))
    if isinstance(items, list | tuple) and items and is_picture(items[0]):
        content = _pictures(items, options, name)
        return content if labels is None else with_labels(content, array_of(labels, "the labels"))
    if isinstance(items, list | tuple) and items and hasattr(items[0], "shape"):
        items = stacked(items, name)
    return array_content(items if labels is None else (items, labels), name)


def _pictures(pictures: Sequence[Any], options: DataOptions, name: str) -> Content:
    form, notes = plan(looked(pictures, name), options, name)
    array = rendered(pictures, form, name)
    binary = form.top == 255 and bool(((array == 0) | (array == 255)).all())
    height, width, channels = form.shape
    spec = Spec("image", (channels, height, width), 2 if binary else form.top + 1)
    values = ArrayValues(array, form.top)
    return Content(
        name, spec, Part(values), digest(array), notes=tuple(notes), description=f"{len(pictures):,} pictures"
    )


def _look(picture: Any, what: Any, name: str) -> Any:
    """``what`` of a picture, which is opened first if it is a file."""
    try:
        if not isinstance(picture, str | Path):
            return what(picture)
        with Path(picture).expanduser().open("rb") as file, opened(file) as found:
            return what(found)
    except Unreadable as error:
        raise BadData(f"{picture if isinstance(picture, str | Path) else name} cannot be read: {error}") from None
    except OSError as error:
        raise BadData(f"{picture} cannot be read: {error.strerror or error}") from None


def _is_dataset(what: Any) -> bool:
    from torch.utils.data import Dataset

    return isinstance(what, Dataset)


def _drained(dataset: Any) -> tuple[list[Any], list[Any] | None]:
    """All items of a torch data set, and their labels if each item is a pair."""
    name = type(dataset).__name__
    if not (hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")):
        raise BadData(f"{name} is a stream without a length; give a torch Dataset with __len__ and __getitem__")
    found = [dataset[row] for row in range(len(dataset))]
    if not found:
        raise BadData(f"{name} has no items")
    if not isinstance(found[0], tuple | list):
        return found, None
    if len(found[0]) not in (1, 2):
        raise BadData(f"{name} gives {len(found[0])} values per item; it must give the item, or the item and its label")
    return [each[0] for each in found], [int(each[1]) for each in found] if len(found[0]) == 2 else None
