"""Items: the words for one thing of a run's world, ``seed:17``, ``label:7``, ``row:12`` or a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from latentia.core import Source, Spec
from latentia.errors import BadData
from latentia.tasks.encode import codes_of
from latentia.tasks.sample import draw
from latentia.tasks.working import Net, check_labels

__all__ = ["FORMS", "labels_of", "latents_of", "parse"]

FORMS = (
    "write seed:17 (or just 17) for a sample, label:7 for a class, row:12 for an item of the test split, "
    "or the path of a file"
)
Opener = Callable[..., tuple[Tensor, Sequence[str]]]
Coder = Callable[[Tensor, str], Tensor]


def parse(word: str | int) -> tuple[str, int | str]:
    """The kind of an item and its number, name or path: ``("seed", 17)``, ``("label", "7")``, ``("file", "a.png")``.

    Raises:
        BadData: the word is none of the four forms.
    """
    text = str(word).strip()
    kind, colon, rest = text.partition(":")
    if text.isdecimal():
        return "seed", int(text)
    if colon and kind in ("seed", "row"):
        if not rest.isdecimal():
            raise BadData(f"item {text!r}: {rest!r} is no whole number of 0 or more; {FORMS}")
        return kind, int(rest)
    if kind == "label" and rest:
        return kind, rest
    if not text or not Path(text).exists():
        raise BadData(f"item {text!r} is no seed, no label, no row and no file that is there; {FORMS}")
    return "file", text


def latents_of(
    net: Net,
    spec: Spec,
    items: Sequence[str | int],
    source: Source | None = None,
    opener: Opener | None = None,
    coder: Coder | None = None,
    seed: int | None = None,
) -> Tensor:
    """The latents of items, ``(number of items, latent)`` on the CPU.

    Args:
        net: samples (for seeds) or encodes (for rows and files).
        spec: what the net was trained on; files are read to fit it.
        items: words as in :func:`parse`. A file that holds several items stands for all of them.
        source: the test split that ``row:`` counts in.
        opener: ``opener(path, like=spec) -> (items, names)``; ``latentia.data.items`` when it is not given.
        coder: ``coder(x, word) -> latents`` of the items that a row or a file stands for; the net's encoder when it is
            not given.
        seed: whose latent a label is given; without it labels are refused.

    Raises:
        BadData: a word that is no item, a row that is not there, a label that nobody asks for.
        CannotDo: the net has not the capability.
    """
    words = [parse(item) for item in items]
    if not words:
        raise BadData(f"no items; {FORMS}")
    coder = coder or (lambda x, _: codes_of(net, x))
    if seed is None and (named := [value for kind, value in words if kind == "label"]):
        raise BadData(f"label:{named[0]} is a class and no place in latent space; only walks go between labels")
    known = [("seed", seed or 0) if kind == "label" else (kind, value) for kind, value in words]
    return torch.cat([_latents(net, spec, kind, value, source, opener, coder) for kind, value in known])


def labels_of(
    net: Net,
    spec: Spec,
    items: Sequence[str | int],
    number: Callable[[str | int], int | None],
    label: str | int | None = None,
) -> Tensor | None:
    """The label of each item as shares of all classes, ``(number of items, classes)``: 1 of its own, 0 of the others.

    Args:
        net: takes labels.
        spec: what it was trained on.
        items: words as in :func:`parse`.
        number: the place of a label's name among the classes.
        label: that of the seeds; ``None`` where no item has one.

    Raises:
        CannotDo: the net takes no labels.
        BadData: a seed whose label is not said, a real item, or a label that was never trained.
    """
    words = [parse(item) for item in items]
    if label is None and all(kind != "label" for kind, _ in words):
        return None
    check_labels(net)
    for kind, value in words:
        if kind in ("row", "file"):
            raise BadData(f"{value}: a walk with labels goes between seeds and labels; a real item cannot be in it")
        if kind == "seed" and label is None:
            raise BadData(f"seed:{value} has no label, and others of this walk have; say that of seeds with --label")
    named = [value if kind == "label" or label is None else label for kind, value in words]
    places = torch.tensor([number(each) for each in named])
    return functional.one_hot(places, len(spec.classes)).float()


def _latents(
    net: Net, spec: Spec, kind: str, value: int | str, source: Source | None, opener: Opener | None, coder: Coder
) -> Tensor:
    if kind == "seed":
        return draw(net, [int(value)])
    if kind == "row":
        return coder(_row(source, int(value)), f"row:{value}").float()
    return coder((opener or _opener())(value, like=spec)[0], str(value)).float()


def _opener() -> Opener:
    from latentia.data import items

    opener: Opener = items
    return opener


def _row(source: Source | None, row: int) -> Tensor:
    if source is None:
        raise BadData(f"row:{row}: there is no test split here to take it from; {FORMS}")
    if row >= len(source):
        raise BadData(f"row:{row}: the test split has the rows 0 to {len(source) - 1}")
    return source.read([row]).x
