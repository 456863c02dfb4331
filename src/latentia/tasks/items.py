"""Items: the words for one thing of a run's world, ``seed:17``, ``row:12`` or a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from latentia.core import Source, Spec
from latentia.errors import BadData
from latentia.tasks.encode import codes_of
from latentia.tasks.sample import draw
from latentia.tasks.working import Net

__all__ = ["FORMS", "latents_of", "parse"]

FORMS = "write seed:17 (or just 17) for a sample, row:12 for an item of the test split, or the path of a file"
Opener = Callable[..., tuple[Tensor, Sequence[str]]]
Coder = Callable[[Tensor, str], Tensor]


def parse(word: str | int) -> tuple[str, int | str]:
    """The kind of an item and its number or path: ``("seed", 17)``, ``("row", 12)`` or ``("file", "a.png")``.

    Raises:
        BadData: the word is none of the three forms.
    """
    text = str(word).strip()
    kind, colon, rest = text.partition(":")
    if text.isdecimal():
        return "seed", int(text)
    if colon and kind in ("seed", "row"):
        if not rest.isdecimal():
            raise BadData(f"item {text!r}: {rest!r} is no whole number of 0 or more; {FORMS}")
        return kind, int(rest)
    if not text or not Path(text).exists():
        raise BadData(f"item {text!r} is no seed, no row and no file that is there; {FORMS}")
    return "file", text


def latents_of(
    net: Net,
    spec: Spec,
    items: Sequence[str | int],
    source: Source | None = None,
    opener: Opener | None = None,
    coder: Coder | None = None,
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

    Raises:
        BadData: a word that is no item, a row that is not there.
        CannotDo: the net has not the capability.
    """
    words = [parse(item) for item in items]
    if not words:
        raise BadData(f"no items; {FORMS}")
    coder = coder or (lambda x, _: codes_of(net, x))
    return torch.cat([_latents(net, spec, kind, value, source, opener, coder) for kind, value in words])


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
