"""Splits that keep groups together: what is nearly the same never lies on both sides of a cut."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Sequence

from latentia.core import key
from latentia.data.dataset import HELD_OUT, Content
from latentia.data.labels import labels_for
from latentia.errors import BadData

__all__ = ["grouped", "splits_of_groups"]


def grouped(contents: Sequence[Content], text: str, share: float) -> list[Content]:
    """The contents with the split of each item decided by its group; a group has one split in all of them.

    Args:
        contents: one data set, or two domains.
        text: ``FILE.csv`` or ``FILE.csv:COLUMN``, matched by name, or by row where items have no names.
        share: of the items, for validation and again for testing, as nearly as groups allow.

    Raises:
        BadData: no such file or column, an item without a group, or too few groups.
    """
    groups = []
    for content in contents:
        if content.test is not None or content.validation is not None:
            raise BadData(f"{content.name} has splits of its own; group_from is for data that is cut here")
        found = labels_for(text, content.items.names, len(content.items.values), content.name, "group")
        groups.append(found.tolist())
    split = splits_of_groups([each for found in groups for each in found], share)
    changed = []
    for content, found in zip(contents, groups, strict=True):
        held = tuple(split[each] for each in found)
        if missing := {"train", *HELD_OUT} - set(held):
            count = len(set(found))
            raise BadData(
                f"{content.name} has {count:,} group{'s' * (count != 1)}, and none is left for "
                f"{' and '.join(sorted(missing))}; more and smaller groups are needed, or another held_out"
            )
        told = hashlib.blake2b(repr(held).encode(), digest_size=16).hexdigest()
        changed.append(dataclasses.replace(content, held=held, hash=f"{content.hash} {told}"))
    return changed


def splits_of_groups(groups: Sequence[str], share: float) -> dict[str, str]:
    """The split of each group: in an order that its name decides, until ``share`` of the items is held out."""
    counts = Counter(groups)
    order = iter(sorted(counts, key=lambda group: (key(0, "split", group), group)))
    split = dict.fromkeys(counts, "train")
    for name in HELD_OUT:
        left = share * len(groups)
        while left > 0 and (group := next(order, None)) is not None:
            split[group] = name
            left -= counts[group]
    return split
