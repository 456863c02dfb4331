"""Frames of films as items to learn from: which of them are taken, and which are held out.

A frame is nearly the same as the one before it. Were frames held out one by one, as other items are, a model would know
every held-out frame from its neighbours.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import PurePosixPath
from typing import Any

import torch

from latentia.data.dataset import HELD_OUT, Content, Part
from latentia.data.groups import splits_of_groups
from latentia.errors import BadField

__all__ = ["UNORDERED", "framed", "held_out", "numbered"]

APART = 0.5  # seconds between frames that are learnt from and those that are held out
RATE = 30.0  # frames a second of a folder
UNORDERED = "frames are a set of pictures here: their order is not learnt"


def numbered(name: str) -> list[Any]:
    """What names of frames are sorted by: numbers in them count as numbers, so that 10 comes after 9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def held_out(clips: Sequence[int], names: Sequence[str], share: float, apart: int) -> tuple[list[str], str]:
    """The split of each frame, and a sentence that says how they were cut.

    Where there are as many clips as make a share of one each, whole clips are held out. Else the last stretches of
    every clip are, and frames between are left out (their split is empty).

    Args:
        clips: how many frames each clip has.
        names: of the clips.
        share: of the frames, for validation and again for testing.
        apart: frames that lie between two splits of a clip, at least.
    """
    if len(clips) * share >= 1 - 1e-9:
        split = splits_of_groups([name for name, count in zip(names, clips, strict=True) for _ in range(count)], share)
        counts = {word: sum(each == word for each in split.values()) for word in HELD_OUT}
        told = f"of {len(clips):,} clips, {counts['validation']:,} validate and {counts['test']:,} test, whole"
        return [split[name] for name, count in zip(names, clips, strict=True) for _ in range(count)], told
    found = [word for count in clips for word in _stretches(count, share, apart)]
    left = sum(not word for word in found)
    ends = "the clip" if len(clips) == 1 else f"each of {len(clips):,} clips"
    return found, f"the last stretches of {ends} validate and test; {left:,} frames between are left out"


def _stretches(count: int, share: float, apart: int) -> list[str]:
    """Frames to learn from, then two stretches, a gap before each."""
    if count < 3:
        return ["train"] * count
    held = max(1, round(share * count))
    gap = max(0, min(apart, max(1, held // 2), (count - 2 * held - 1) // 2))
    words = [word for name in HELD_OUT for word in [""] * gap + [name] * held]
    return ["train"] * (count - len(words)) + words


def framed(content: Content, every: int, share: float) -> Content:
    """Pictures in folders as frames of films: each folder is a clip, in the order of the numbers in the names.

    What is held out of films that were read as such is decided already; folders' own splits stay.

    Raises:
        BadField: items that have no names, which are no files.
    """
    if content.held is not None:
        return content
    names = content.items.names
    if names is None or content.spec.kind != "image":
        raise BadField(f"frames_every is for films and folders of frames; {content.name} is neither")
    parts = {"items": content.items, "validation": content.validation, "test": content.test}
    changed: dict[str, Any] = {}
    for word, part in parts.items():
        if part is not None:
            rows = [row for _, found in _clips(part, names, every) for row in found]
            changed[word] = dataclasses.replace(part, rows=torch.tensor(rows))
    told = f"{content.hash} frames {every}"
    if content.test is not None or content.validation is not None:
        return dataclasses.replace(content, hash=told, notes=(*content.notes, UNORDERED), **changed)
    films = _clips(content.items, names, every)
    words, sentence = held_out(
        [len(rows) for _, rows in films], [name for name, _ in films], share, gap_of(RATE, every)
    )
    held = [""] * len(content.items.values)
    for row, word in zip(changed["items"].rows.tolist(), words, strict=True):
        held[row] = word
    stamp = hashlib.blake2b(repr(held).encode(), digest_size=16).hexdigest()
    notes = (*content.notes, sentence, UNORDERED)
    return dataclasses.replace(content, hash=f"{told} {stamp}", held=tuple(held), notes=notes, **changed)


def gap_of(rate: float, every: int) -> int:
    """Frames that are taken in the time between two splits."""
    return max(1, round(APART * rate / every))


def _clips(part: Part, names: Sequence[str], every: int) -> list[tuple[str, list[int]]]:
    """The rows of each clip, every so many, in the order of their numbers."""

    def clip(row: int) -> str:
        return str(PurePosixPath(names[row]).parent)

    order = sorted(part.places().tolist(), key=lambda row: (clip(row), numbered(names[row])))
    return [(name, list(rows)[::every]) for name, rows in groupby(order, clip)]
