"""Known names, paths and objects as content: the items that a reader found, not yet cut into splits."""

from __future__ import annotations

import dataclasses
import difflib
from pathlib import Path
from typing import Any

from latentia.data.arrays import array_content, classes_of, digest
from latentia.data.collection import PICTURES, VIDEOS, archive, folder, is_archive
from latentia.data.dataset import Content, Part
from latentia.data.files import read_idx, read_npy, read_npz
from latentia.data.films import clips_in, film_content, is_clip
from latentia.data.folders import pictures_content, short_name
from latentia.data.known import KNOWN
from latentia.data.labels import labels_file, labels_for
from latentia.data.objects import object_content
from latentia.data.options import DataOptions
from latentia.data.tables.fitting import table_content
from latentia.data.tables.overrides import said
from latentia.data.tables.reading import TABLES, frame_of_file
from latentia.errors import BadData, near

__all__ = ["content_of", "labelled_by"]

X = ("x", "X", "images", "data", "x_train", "X_train", "arr_0")
Y = ("y", "Y", "labels", "label", "y_train", "Y_train")


def content_of(what: Any, options: DataOptions, cache: Path) -> tuple[Content, str | None]:
    """What ``what`` holds, and how it is recorded: the known name, the absolute path, or ``None``.

    Raises:
        BadData: it cannot be used.
    """
    if not isinstance(what, str | Path):
        return object_content(what, options), None
    if str(what) in KNOWN:
        known = KNOWN[str(what)]
        return known.read(known, options, cache), known.name
    path = Path(what).expanduser()
    if not path.exists():
        raise BadData(_missing(str(what), path))
    path = path.absolute()
    return _file(path, options, cache), str(path)


def _file(path: Path, options: DataOptions, cache: Path) -> Content:
    name, ending = short_name(str(path)), path.suffix.lower()
    if path.is_dir() and (clips := clips_in(path)):
        return film_content(path, clips, options, cache)
    if path.is_dir():
        return pictures_content(folder(path), options, cache)
    if is_clip(path):
        return film_content(path, [path], options, cache)
    if is_archive(path):
        return pictures_content(archive(path), options, cache)
    if ending == ".npy":
        return array_content(read_npy(path), name)
    if ending == ".npz":
        return _npz(path, name)
    if ending == ".idx" or "ubyte" in path.name or path.name.endswith(".idx.gz"):
        return array_content(_with_labels(path, options), name)
    if ending in TABLES:
        return table_content(frame_of_file(path, said(options.columns)), name, options.labels)
    if ending in PICTURES:
        raise BadData(f"{path} is one picture; data is a folder of them: {path.parent}")
    raise BadData(
        f"{path} has an ending that is not known; data is a folder of pictures, .zip, .tar, .npy, .npz, .idx, .csv, "
        f".parquet or a film ({' '.join(VIDEOS[:5])} .gif)"
    )


def _npz(path: Path, name: str) -> Content:
    arrays = read_npz(path)
    found = next((each for each in X if each in arrays), next(iter(arrays)) if len(arrays) == 1 else None)
    if found is None:
        raise BadData(f"{path} holds {', '.join(arrays) or 'nothing'}; the data is looked for under {', '.join(X)}")
    labels = next((arrays[each] for each in Y if each in arrays), None)
    content = array_content(arrays[found] if labels is None else (arrays[found], labels), name)
    test = found.replace("train", "test")
    if test == found or test not in arrays:
        return content
    other = next((arrays[each] for each in ("y_test", "Y_test") if each in arrays), None)
    beside = array_content(arrays[test] if other is None else (arrays[test], other), f"{name}:{test}")
    if beside.spec.shape != content.spec.shape or beside.classes != content.classes:
        raise BadData(
            f"{path}: {found} and {test} differ: {content.spec.shape} and {beside.spec.shape}, "
            f"{len(content.classes)} and {len(beside.classes)} classes"
        )
    return dataclasses.replace(content, test=beside.items, hash=content.hash + beside.hash)


def _with_labels(path: Path, options: DataOptions) -> Any:
    """The array of an idx file, with that of the labels published beside it, if they are asked for and there."""
    beside = path.with_name(path.name.replace("images", "labels").replace("idx3", "idx1"))
    if options.labels and beside != path and beside.exists():
        return read_idx(path), read_idx(beside)
    return read_idx(path)


def labelled_by(content: Content, text: str) -> Content:
    """``content`` with the labels of a CSV file: for the items to learn from, then those of its test set."""
    parts = {"items": content.items, "validation": content.validation, "test": content.test}
    there = {name: part for name, part in parts.items() if part is not None}
    values = list({id(part.values): part for part in there.values()}.values())
    names = [name for part in values for name in part.names or ()] or None
    count = sum(len(part.values) for part in values)
    codes, classes = classes_of(labels_for(text, names, count, content.name), count, content.name)
    starts, start = {}, 0
    for part in values:
        starts[id(part.values)], start = start, start + len(part.values)

    def with_codes(part: Part) -> Part:
        first = starts[id(part.values)]
        return dataclasses.replace(part, labels=codes[first : first + len(part.values)])

    told = f"{labels_file(text)[0].name} {digest(codes.numpy())}"
    changed: dict[str, Any] = {name: with_codes(part) for name, part in there.items()}
    return dataclasses.replace(content, classes=classes, hash=f"{content.hash} {told}", **changed)


def _missing(text: str, path: Path) -> str:
    """What to say of a name that is neither known nor there, with the names that are near it."""
    if path.parent.is_dir():
        beside = [each.name for each in path.parent.iterdir() if not each.name.startswith(".")]
        close = [repr(str(path.parent / each)) for each in difflib.get_close_matches(path.name, beside, n=3)]
        if close:
            return f"there is no {text!r}; did you mean {' or '.join(close)}?"
    elif len(path.parts) > 1:
        return f"there is no {text!r}: its folder {str(path.parent)!r} does not exist either"
    if len(path.parts) > 1 or path.suffix:
        return f"there is no {text!r} in {str(path.parent.absolute())!r}"
    return f"there is no data set and no path {text!r}; {near(text, KNOWN)}"
