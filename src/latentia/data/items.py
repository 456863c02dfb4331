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

from latentia.core import Batch, Spec
from latentia.data.arrays import array_of
from latentia.data.cache import cache_folder
from latentia.data.collection import PICTURES, is_archive
from latentia.data.conform import Conformed, brought
from latentia.data.dataset import Content, Part, assemble
from latentia.data.known import KNOWN
from latentia.data.objects import is_picture, looked, rendered
from latentia.data.options import DataOptions, size_text
from latentia.data.pictures import Plan, background, changed
from latentia.data.reading import content_of
from latentia.data.source import ArrayValues, Split
from latentia.data.stretches import framed
from latentia.data.tables.coding import matched
from latentia.data.tables.fitting import coded_content
from latentia.data.tables.frame import Frame
from latentia.data.tables.overrides import said, said_by
from latentia.data.tables.reading import is_frame
from latentia.data.tables.shown import Cells
from latentia.errors import BadData, BadField, near

__all__ = ["cells", "items", "labelled"]

SPLITS = ("train", "validation", "test", "all")
# the options that matter for items
KEPT = ("fit", "background", "binarize", "skip_bad", "held_out", "columns", "frames_every")
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
            ``skip_bad``, ``held_out``, ``columns`` and ``frames_every`` matter here, and the others are passed over.

    Returns:
        ``(N, *like.shape)`` float32 in the range of ``like``, and N file names or row numbers.

    Raises:
        BadData: the data cannot be used, or is of another kind than the model's.
    """
    found, names = labelled(what, dataclasses.replace(like, classes=()), cache=cache, **options)
    return found.x, names


def labelled(what: Any, like: Spec, *, cache: str | Path | None = None, **options: Any) -> tuple[Batch, list[str]]:
    """:func:`items` with the labels that they bring, if they bring any and ``like`` has classes.

    Of a table the mask tells which columns of a row are known, where some are missing that training rows never lack.

    Raises:
        BadData: as :func:`items`; or a label that is none of the classes of ``like``.
    """
    chosen = _options(what, like, options)
    if like.kind == "image" and (pictures := _loose(what)) is not None:
        split = _pictures(pictures, like, chosen)
        names = [Path(each).name if isinstance(each, str | Path) else str(row) for row, each in enumerate(pictures)]
        return split.read(slice(None)), names
    split = _split(what, like, chosen, cache_folder(cache))
    return split.read(slice(None)), split.names()


def cells(what: Any, like: Spec, *, cache: str | Path | None = None, **options: Any) -> Cells:
    """The rows that :func:`items` takes from a table as they stand there, for who shows them to a person.

    Raises:
        BadData: as :func:`items`; or ``like`` has no columns.
    """
    if not like.columns:
        raise BadData("cells are those of tables whose columns have types")
    split = _split(what, like, _options(what, like, options), cache_folder(cache), raw=True)
    frame: Frame = split.values.frame  # type: ignore[attr-defined]
    return Cells(like.columns, matched(frame, like), split.rows.numpy())


def _options(what: Any, like: Spec, options: dict[str, Any]) -> DataOptions:
    known = {"other", *(field.name for field in dataclasses.fields(DataOptions))}
    for name in options:
        if name not in known:
            raise BadField(f"there is no data option {name!r}; {near(name, known)}")
    chosen = DataOptions(**{name: options[name] for name in KEPT if name in options})
    if like.classes and _is_file(what):
        chosen = dataclasses.replace(chosen, labels=True)  # a folder of no classes is not refused for that
    return chosen


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
    for note in changed(looked(pictures, "the list"), height, width, mode):
        log.info("%s, as the model takes them", note)
    form = Plan(height, width, mode, options.fit, options.background)
    values = ArrayValues(rendered(pictures, form, "the list"), form.top)
    return _items(Part(values), like, options)


def _split(what: Any, like: Spec, options: DataOptions, cache: Path, raw: bool = False) -> Split:
    """The items as one split; of a table, if ``raw``, as it was read."""
    what, split = _named(what)
    if split in (None, "all"):  # of a film all frames
        options = dataclasses.replace(options, frames_every=None)
    content = _content(what, like, options, cache)
    if options.frames_every is not None:
        content = framed(content, options.frames_every, options.held_out)
    if like.columns and content.spec.kind == "table" and not raw:
        content = coded_content(content, dataclasses.replace(like, classes=()))
    if not raw:
        _agree(content, like)
    for note in content.notes:
        log.info(note)
    if like.kind == "image" and content.spec.shape != like.shape:
        log.info("%s: %s, as the model takes them", content.name, brought(content.spec.shape, like.shape))
    if split is None:
        split = "test" if isinstance(what, str) and what in KNOWN else "all"
    if split != "all":
        cut = dataclasses.replace(options, binarize=None, labels=bool(content.classes))
        found: Split = getattr(assemble(content, None, cut), split)
        part = Part(found.values, found.labels, found._names, found.rows)
        return _items(_known(part, content, like), like, options, split)
    parts = [part for part in (content.items, content.validation, content.test) if part is not None]
    if len({id(part.values) for part in parts}) > 1:
        raise BadData(f"{content.name} has a test set of its own; choose one: {what}:train or {what}:test")
    rows = torch.cat([part.places() for part in parts]).sort().values
    return _items(_known(dataclasses.replace(content.items, rows=rows), content, like), like, options)


def _items(part: Part, like: Spec, options: DataOptions, name: str = "items") -> Split:
    values = part.values
    if like.kind == "image":
        exact = None if options.binarize else like.levels
        values = Conformed(values, dataclasses.replace(like, levels=exact), options.fit, options.background)
    return Split(name, like, values, part.places(), part.labels, part.names, options.binarize)


def _known(part: Part, content: Content, like: Spec) -> Part:
    """The part with its labels as places among the classes of ``like``; without where either has none.

    Raises:
        BadData: a label of an item that is none of the classes.
    """
    if part.labels is None or not content.classes or not like.classes:
        return dataclasses.replace(part, labels=None)
    known = {name: place for place, name in enumerate(like.classes)}
    labels = torch.tensor([known.get(name, -1) for name in content.classes], dtype=torch.int64)[part.labels]
    if bool((strange := labels[part.places()] < 0).any()):
        name = content.classes[int(part.labels[part.places()][strange][0])]
        raise BadData(f"{content.name} has items of the label {name!r}, which was never trained; {near(name, known)}")
    return dataclasses.replace(part, labels=labels)


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
        columns = said_by(like.columns, said(options.columns).names).text() if like.columns else None
        options = dataclasses.replace(options, columns=columns)
        whole = isinstance(what, str | Path) or _is_object(what)
        return content_of(what if whole else _rows(what, like), options, cache)[0]
    channels, height, width = like.shape
    color = {1: "grey", 3: "rgb", 4: "rgba"}[channels]
    wanted = dataclasses.replace(options, size=size_text(f"{width}x{height}"), color=color)
    if isinstance(what, str | Path) or _is_object(what):
        return content_of(what, wanted, cache)[0]
    return content_of(_rows(what, like), wanted, cache)[0]


def _is_file(what: Any) -> bool:
    """Whether ``what`` is a file of arrays, a table among them."""
    path = Path(_named(what)[0]).expanduser() if isinstance(what, str | Path) else None
    return path is not None and path.is_file() and not is_archive(path)


def _is_object(what: Any) -> bool:
    return is_frame(what) or not (hasattr(what, "shape") or isinstance(what, list))


def _rows(what: Any, like: Spec) -> Any:
    """An array with a first axis of items: one item gets it here."""
    array = array_of(what, "the array")
    single = array.ndim == 1 if like.columns else array.shape == like.shape
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
