"""Course: what :mod:`latentia.tasks.watch` left in a run, for its report: the same seeds through time, and figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from latentia.core import Spec
from latentia.tasks.evaluate import Figure
from latentia.tasks.pictures import cut
from latentia.tasks.watch import COLUMNS

__all__ = ["figures", "moments", "said"]

MOMENTS = 8  # of a training at most, evenly spread over it, the first and the last among them
MEANINGS = {
    "balance": (
        "of pairs",
        "Pairs of a real item and a made one in which the critic's answer is higher to the real one: at 0.5 it cannot "
        "tell them apart, at 1 it always can.",
    ),
    "overfitting": (
        "of the way",
        "How far the critic's mean answer to held-out items falls from that to training items towards that to fakes: "
        "0 for a critic that has learnt what items look like, 1 for one that has learnt them by heart.",
    ),
    "lost_modes": ("of the training set", "What samples hardly ever resemble, of at most 50 kinds of training items."),
    "sameness": ("of the spread", "How much less samples differ from each other than training items do."),
    "copies": (
        "of samples, at least",
        "Samples whose nearest real item is one of the training set where as many should have had a held-out one.",
    ),
}


def moments(folder: Path, spec: Spec, classes: int = 0, count: int = 11) -> list[tuple[int, Tensor]]:
    """Images seen, and what the first seeds gave then ``(count, *shape)``; of a net with classes the first of each."""
    from PIL import Image

    paths = sorted(path for path in folder.glob("*.png") if path.stem.isdecimal())
    last = max(1, min(MOMENTS, len(paths)) - 1)
    chosen = dict.fromkeys(round(i * (len(paths) - 1) / last) for i in range(last + 1)) if paths else {}
    found = []
    for place in chosen:
        with Image.open(paths[place]) as picture:
            items = cut(picture, spec.shape)
        found.append((int(paths[place].stem), items[:: COLUMNS if classes else 1][:count]))
    return found


def figures(rows: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """What the detectors measured last, from the rows of ``log.jsonl``."""
    logs: Mapping[str, float] = next((row["logs"] for row in reversed(rows) if row.get("split") == "watch"), {})
    return [
        Figure(name.replace("_", " "), logs[name], logs[name], logs[name], unit, meaning)
        for name, (unit, meaning) in MEANINGS.items()
        if name in logs
    ]


def said(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, str]]:
    """Images seen, and a sentence that a detector said then."""
    for row in rows:
        for sentence in row.get("said", {}).values():
            yield row["seen"], sentence
