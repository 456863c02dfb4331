"""Pictures in folders and archives as data: their classes and official splits follow from the folders' names."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from latentia.core import Spec
from latentia.data.arrays import classes_of
from latentia.data.collection import ARCHIVES, VIDEOS, Collection
from latentia.data.dataset import Content, Part
from latentia.data.decode import decode
from latentia.data.options import DataOptions
from latentia.data.source import ArrayValues
from latentia.errors import BadData

__all__ = ["own_splits", "pictures_content", "short_name", "splits_and_classes"]

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def pictures_content(collection: Collection, options: DataOptions, cache: Path) -> Content:
    """The pictures of a folder or archive, decoded into the cache.

    Raises:
        BadData: what :func:`latentia.data.decode.decode` refuses, or classes asked for where some have none.
    """
    with contextlib.closing(collection):
        decoded = decode(collection, options, cache)
    splits, folders = splits_and_classes(decoded.names)
    codes, classes = _codes(folders, collection.name, options.labels)
    values = ArrayValues(decoded.array, decoded.top)
    height, width, channels = decoded.array.shape[1:]

    def part(split: str) -> Part | None:
        rows = torch.from_numpy(np.flatnonzero(np.array(splits) == split))
        return Part(values, codes, decoded.names, rows) if len(rows) else None

    notes = list(decoded.notes)
    if collection.others:
        notes.append(f"{collection.others:,} other files are no pictures and are passed over")
    notes += own_splits(splits)
    items = part("train")
    if items is None:
        raise BadData(f"{collection.name} has no pictures to train on")
    return Content(
        short_name(collection.name),
        Spec("image", (channels, height, width), decoded.levels),
        items,
        collection.stamp,
        classes,
        part("test"),
        part("validation"),
        tuple(notes),
        f"{len(decoded.names):,} pictures in {collection.name}",
    )


def splits_and_classes(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The split and the class folder of each picture, from its relative path.

    Folders that all share are passed over; then top folders called train and test (or val) are splits, if every
    picture lies in one; the folders below are the class (``""`` for none).

    >>> splits_and_classes(["set/train/cat/1.png", "set/test/dog/2.png"])
    (['train', 'test'], ['cat', 'dog'])
    >>> splits_and_classes(["train/cat/1.png", "train/dog/2.png"])
    (['train', 'train'], ['cat', 'dog'])
    """
    folders = [name.split("/")[:-1] for name in names]
    while folders and all(folders) and len({parts[0] for parts in folders}) == 1:
        if not all(len(parts) > 1 for parts in folders):
            break
        folders = [parts[1:] for parts in folders]
    tops = {parts[0].lower() if parts else "" for parts in folders}
    found = {SPLITS.get(top, "") for top in tops}
    if "train" not in found or len(found) < 2 or "" in found:
        return ["train"] * len(names), ["/".join(parts) for parts in folders]
    return [SPLITS[parts[0].lower()] for parts in folders], ["/".join(parts[1:]) for parts in folders]


def own_splits(splits: Sequence[str]) -> list[str]:
    """The sentence for the person when folders say which split each picture is of."""
    if set(splits) == {"train"}:
        return []
    counts = ", ".join(f"{splits.count(each):,} {each}" for each in ("train", "validation", "test"))
    return [f"the folders' own splits are used: {counts}"]


def short_name(path: str) -> str:
    """A name fit for a folder, from the end of a path.

    >>> short_name("/data/My Pictures (2).zip")
    'my-pictures-2'
    """
    name = Path(path).name.lower()
    for ending in (*ARCHIVES, ".gz", ".npy", ".npz", ".csv", ".idx", ".gif", *VIDEOS):
        name = name.removesuffix(ending)
    return re.sub(r"[^a-z0-9._]+", "-", name).strip("-.") or "data"


def _codes(folders: list[str], name: str, wanted: bool) -> tuple[Tensor | None, tuple[str, ...]]:
    if not any(folders):
        return None, ()
    if not all(folders):
        if wanted:
            count = folders.count("")
            raise BadData(f"{name} has {count:,} pictures that lie in no class folder, beside {len(folders) - count:,}")
        return None, ()
    return classes_of(np.array(folders), len(folders), name)
