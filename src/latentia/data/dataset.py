"""A data set with its three splits, and how they are cut."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from latentia.core import Spec, key
from latentia.data.options import SMALLEST, DataOptions
from latentia.data.source import Split, Values
from latentia.errors import BadData, BadField
from latentia.fields import to_json

__all__ = ["Content", "DataSet", "Part", "assemble", "recorded", "rows_of", "splits_of"]

HELD_OUT = ("validation", "test")
LATER = (
    "pairing",
    "direction",
    "group_from",
    "jitter",
    "columns",
    "frames_every",
)  # no part of older signatures: they count where they are given


@dataclass(frozen=True)
class Part:
    """Some items: ``rows`` (all by default) of some values, with the labels (int64) and names of all the values."""

    values: Values
    labels: Tensor | None = None
    names: Sequence[str] | None = None
    rows: Tensor | None = None

    def __len__(self) -> int:
        return len(self.values) if self.rows is None else len(self.rows)

    def places(self) -> Tensor:
        """The rows, written out."""
        return torch.arange(len(self.values)) if self.rows is None else self.rows


@dataclass(frozen=True)
class Content:
    """What a reader found, before it is cut into splits.

    Attributes:
        name: short, fit for a folder name.
        spec: without classes; ``classes`` holds their names if the data has labels.
        items: the items to learn from (all of them where there is no test set).
        hash: changes when the items change.
        test, validation: the official ones, if there are any.
        held: the split of each row of the values, where groups or films decide it; none for rows that are in no split.
        judged: what each column of a table was found to be (:class:`latentia.data.tables.kinds.Judged`).
    """

    name: str
    spec: Spec
    items: Part
    hash: str
    classes: tuple[str, ...] = ()
    test: Part | None = None
    validation: Part | None = None
    notes: tuple[str, ...] = ()
    description: str = ""
    terms: str = ""
    held: Sequence[str] | None = None
    judged: tuple[Any, ...] = ()


@dataclass(frozen=True)
class DataSet:
    """An opened data set.

    Attributes:
        name: short, fit for a folder name.
        spec: what its items look like.
        options: what has to be given to :func:`latentia.data.open` to get the same again; ``what`` (and ``other``, the
            second place of two) is ``None`` for arrays and other objects.
        signature: a hash of the content and the options.
        notes: sentences for the person.
        train, validation, test: its splits, each a :class:`latentia.core.Source`.
        description, terms: what it is, and on which terms.
        judged: of a table, what each of its columns was found to be in the training rows.
    """

    name: str
    spec: Spec
    options: dict[str, Any]
    signature: str
    train: Split
    validation: Split
    test: Split
    notes: list[str] = field(default_factory=list)
    description: str = ""
    terms: str = ""
    judged: tuple[Any, ...] = field(default=(), repr=False)


def assemble(content: Content, what: str | None, options: DataOptions) -> DataSet:
    """Cut ``content`` into splits that depend on its length alone, or on its groups.

    Raises:
        BadData: too few items, pictures under 8 pixels, or labels asked for that are not there.
        BadField: an option that the data cannot follow.
    """
    for name in ("pairing", "direction"):
        if getattr(options, name):
            raise BadField(f"{name} is for pairs; {content.name} was opened as one data set")
    told, signature = recorded(what, None, options, content.hash)
    rest: dict[str, Any] = dict(splits_of(content, options))
    rest |= {name: getattr(content, name) for name in ("description", "terms", "judged")}
    return DataSet(content.name, rest["train"].spec, told, signature, notes=list(content.notes), **rest)


def recorded(what: str | None, other: str | None, options: DataOptions, content: str) -> tuple[dict[str, Any], str]:
    """What has to be given to open the data again, and the signature of content (a hash) and options."""
    told = to_json(options)
    relevant = {name: value for name, value in told.items() if name not in LATER or value}
    text = json.dumps({**relevant, "what": None}, sort_keys=True)
    signature = hashlib.blake2b(f"{content} {text}".encode(), digest_size=16).hexdigest()
    return {"what": what, "other": other, **told}, signature


def splits_of(content: Content, options: DataOptions) -> dict[str, Split]:
    """The three splits of ``content`` by name.

    Raises:
        BadData, BadField: as :func:`assemble`.
    """
    spec = _spec(content, options)
    rows, parts = _cut(content, options.held_out)
    return {
        name: Split(
            name,
            spec,
            parts[name].values,
            rows[name],
            parts[name].labels if spec.classes else None,
            parts[name].names,
            options.binarize,
            options.mirror,
            options.jitter,
        )
        for name in rows
    }


def rows_of(content: Content, options: DataOptions) -> dict[str, Tensor]:
    """The rows of each split in its values.

    Raises:
        BadData, BadField: as :func:`assemble`.
    """
    _spec(content, options)
    return _cut(content, options.held_out)[0]


def _spec(content: Content, options: DataOptions) -> Spec:
    spec = content.spec
    picture = spec.kind == "image"
    if picture and min(spec.shape[1:]) < SMALLEST:
        height, width = spec.shape[1:]
        raise BadData(f"{content.name}: the pictures are {width} x {height}; at least {SMALLEST} pixels a side")
    for name in ("mirror", "jitter", "binarize"):
        if getattr(options, name) and not picture:
            raise BadField(f"{name} is for pictures; {content.name} is a {spec.kind}")
    if options.binarize:
        spec = dataclasses.replace(spec, levels=2)
    if options.labels or options.labels_from:
        if not content.classes:
            raise BadData(
                f"{content.name} has no labels; put pictures into one folder per class, or name a CSV file: labels_from"
            )
        spec = dataclasses.replace(spec, classes=content.classes)
    return spec


def _cut(content: Content, share: float) -> tuple[dict[str, Tensor], dict[str, Part]]:
    """Rows and part of each split: the official ones where they are, a share of the rest for the others."""
    official = {"validation": content.validation, "test": content.test}
    count = len(content.items)
    missing = [name for name, part in official.items() if part is None]
    each = min(max(1, round(share * count)), (count - 1) // max(1, len(missing)))  # one item is left to train on
    needed = len(missing) + 1
    if count < needed:
        found = f"{count} item{'s' * (count != 1)}"
        splits = ", ".join(["training", *missing[:-1]]) + f" and {missing[-1]}" if missing else "training"
        raise BadData(f"{content.name} has {found}; at least {needed} are needed: {splits} take one each")
    if content.held is not None:
        places = content.items.places()
        groups = {name: places[[content.held[row] == name for row in places.tolist()]] for name in ("train", *HELD_OUT)}
        return groups, dict.fromkeys(groups, content.items)
    shuffled = torch.randperm(count, generator=torch.Generator().manual_seed(key(0, "split")))
    order = content.items.places()[shuffled]
    rows, parts = {}, {}
    for name, part in official.items():
        if part is not None:
            rows[name], parts[name] = part.places(), part
        else:
            rows[name], parts[name] = order[:each].sort().values, content.items
            order = order[each:]
    return {"train": order.sort().values, **rows}, {"train": content.items, **parts}
