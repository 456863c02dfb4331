"""Items for a trained model: anything that holds data, in the form the model was trained on."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentia.core import Spec
from latentia.data.arrays import array_of
from latentia.data.cache import cache_folder
from latentia.data.collection import PICTURES
from latentia.data.conform import Conformed, brought
from latentia.data.dataset import Content, Part, assemble
from latentia.data.known import KNOWN
from latentia.data.objects import is_picture, looked, rendered
from latentia.data.options import DataOptions, size_text
from latentia.data.pictures import Plan, background, resized
from latentia.data.reading import content_of
from latentia.data.source import ArrayValues, Split
from latentia.errors import BadData, BadField, near

__all__ = ["items"]

SPLITS = ("train", "validation", "test", "all")
KEPT = ("fit", "background", "binarize", "skip_bad", "held_out")  # the options that matter for items
WORDS = {"image": "pictures", "table": "rows of a table", "video": "videos"}
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
log = logging.getLogger("latentia")  # told what happens to items on their way to the model


def items(what: Any, like: Spec, *, cache: str | Path | None = None, **options: Any) -> tuple[Tensor, list[str]]:
    """Items for a model that was trained on data like ``like``, and their names.

    Args:
        what: all that :func:`latentia.data.open` takes, and one picture file, one Pillow picture, or one array of a
            single item. A name or a path may carry a split: ``"fashion-mnist:test"``, ``"my-folder:train"``, or
            ``":all"``; without one, a known name gives its test split, and anything else all its items.
        like: the spec of the model's data. Pictures are brought to its size, channels and levels.
        cache: as for :func:`latentia.data.open`.
        options: the options of the data the model was trained on; ``fit``, ``background``, ``binarize``,
            ``skip_bad`` and ``held_out`` matter here, and the others are passed over.

    Returns:
        ``(N, *like.shape)`` float32 in the range of ``like``, and N file names or row numbers.

    Raises:
        BadData: the data cannot be used, or is of another kind than the model's.
    """
    chosen = _options(like, options)
    if like.kind == "image" and (pictures := _loose(what)) is not None:
        split = _pictures(pictures, like, chosen)
        names = [Path(each).name if isinstance(each, str | Path) else str(row) for row, each in enumerate(pictures)]
        return split.read(slice(None)).x, names
    split = _split(what, like, chosen, cache_folder(cache))
    return split.read(slice(None)).x, split.names()


def _options(like: Spec, options: dict[str, Any]) -> DataOptions:
    known = {"other", *(field.name for field in dataclasses.fields(DataOptions))}
    for name in options:
        if name not in known:
            raise BadField(f"there is no data option {name!r}; {near(name, known)}")
    return DataOptions(**{name: options[name] for name in KEPT if name in options})


def _loose(what: Any) -> list[Any] | None:
    """Pictures that are given one by one: picture files and Pillow pictures."""
    if isinstance(what, str | Path):
        path = Path(what).expanduser()
        return [path] if path.suffix.lower() in PICTURES and path.is_file() else None
    if is_picture(what):
        return [what]
    several = isinstance(what, list | tuple) and len(what) > 0 and all(is_picture(each) for each in what)
    return list(what) if several else None


def _pictures(pictures: Sequence[Any], like: Spec, options: DataOptions) -> Split:
    channels, height, width = like.shape
    background(options.background)
    mode = "I;16" if channels == 1 and (like.levels or 0) > 256 else MODES[channels]
    for note in resized(looked(pictures, "the list"), height, width):
        log.info("%s, as the model takes them", note)
    form = Plan(height, width, mode, options.fit, options.background)
    values = ArrayValues(rendered(pictures, form, "the list"), form.top)
    return _items(Part(values), like, options)


def _split(what: Any, like: Spec, options: DataOptions, cache: Path) -> Split:
    what, split = _named(what)
    content = _content(what, like, options, cache)
    _agree(content, like)
    for note in content.notes:
        log.info(note)
    if like.kind == "image" and content.spec.shape != like.shape:
        log.info("%s: %s, as the model takes them", content.name, brought(content.spec.shape, like.shape))
    if split is None:
        split = "test" if isinstance(what, str) and what in KNOWN else "all"
    if split != "all":
        found: Split = getattr(assemble(content, None, dataclasses.replace(options, binarize=None)), split)
        part = Part(found.values, None, found._names, found.rows)
        return _items(part, like, options, split)
    parts = [part for part in (content.items, content.validation, content.test) if part is not None]
    if len({id(part.values) for part in parts}) > 1:
        raise BadData(f"{content.name} has a test set of its own; choose one: {what}:train or {what}:test")
    rows = torch.cat([part.places() for part in parts]).sort().values
    return _items(dataclasses.replace(content.items, rows=rows), like, options)


def _items(part: Part, like: Spec, options: DataOptions, name: str = "items") -> Split:
    values = part.values
    if like.kind == "image":
        exact = None if options.binarize else like.levels
        values = Conformed(values, dataclasses.replace(like, levels=exact), options.fit, options.background)
    return Split(name, like, values, part.places(), None, part.names, options.binarize)


def _named(what: Any) -> tuple[Any, str | None]:
    """``what`` and the split that stands behind its colon."""
    if isinstance(what, str) and ":" in what and not Path(what).exists():
        front, _, split = what.rpartition(":")
        if front in KNOWN or Path(front).expanduser().exists():
            if split not in SPLITS:
                raise BadData(f"{what!r} names the split {split!r}; {near(split, SPLITS)}")
            return front, split
    return what, None


def _content(what: Any, like: Spec, options: DataOptions, cache: Path) -> Content:
    """What ``what`` holds; pictures in files come in the size and colour of ``like`` already."""
    if like.kind != "image":
        return content_of(what if isinstance(what, str | Path) else _rows(what, like), options, cache)[0]
    channels, height, width = like.shape
    color = {1: "grey", 3: "rgb", 4: "rgba"}[channels]
    wanted = dataclasses.replace(options, size=size_text(f"{width}x{height}"), color=color)
    if isinstance(what, str | Path) or _is_object(what):
        return content_of(what, wanted, cache)[0]
    return content_of(_rows(what, like), wanted, cache)[0]


def _is_object(what: Any) -> bool:
    return not (hasattr(what, "shape") or isinstance(what, list))


def _rows(what: Any, like: Spec) -> Any:
    """An array with a first axis of items: one item gets it here."""
    array = array_of(what, "the array")
    single = array.shape == like.shape
    if like.kind == "image" and array.dtype.kind != "f":
        single = single or array.ndim == 2 or (array.ndim == 3 and array.shape[-1] in (3, 4))
    return np.asarray(array)[None] if single else what


def _agree(content: Content, like: Spec) -> None:
    if content.spec.kind != like.kind:
        raise BadData(
            f"{content.name} holds {WORDS[content.spec.kind]}; the model was trained on {WORDS[like.kind]} {like.shape}"
        )
    if like.kind != "image" and content.spec.shape != like.shape:
        raise BadData(f"{content.name} has {content.spec.shape[0]} columns; the model was trained on {like.shape[0]}")
