"""Items: the words for one thing of a run's world, ``seed:17``, ``label:7``, ``row:12`` or a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from latentia.core import Batch, Encodes, Samples, Source, Spec
from latentia.errors import BadData, near
from latentia.tasks.encode import codes_of
from latentia.tasks.invert import invert, residual_of
from latentia.tasks.sample import classes_of, draw
from latentia.tasks.working import Net, check_labels, label_of

__all__ = ["FORMS", "coder_of", "ends_of", "labels_of", "numbers_of", "parse"]

FORMS = (
    "write seed:17 (or just 17) for a sample, label:7 for a class, row:12 for an item of the test split, "
    "or the path of a file"
)
Opener = Callable[..., tuple[Tensor, Sequence[str]]]
Coder = Callable[[Tensor, str, Tensor | None], Tensor]


def parse(word: str | int) -> tuple[str, int | str]:
    """The kind of an item and its number, name or path: ``("seed", 17)``, ``("label", "7")``, ``("file", "a.png")``.

    Raises:
        BadData: the word is none of the four forms.
    """
    if not isinstance(word, str | Path | Integral):
        raise BadData(f"an item of type {type(word).__name__} is no seed, no label, no row and no file; {FORMS}")
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


def ends_of(
    net: Net,
    spec: Spec,
    items: Sequence[str | int],
    source: Source | None = None,
    opener: Opener | None = None,
    coder: Coder | None = None,
    seed: int | None = None,
    labels: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """The latents of items, ``(number of items, latent)`` on the CPU, and the label of each if there are labels.

    Args:
        net: samples (for seeds) or encodes (for rows and files).
        spec: what the net was trained on; files are read to fit it.
        items: words as in :func:`parse`. A file that holds several items stands for all of them.
        source: the test split that ``row:`` counts in.
        opener: ``opener(path, like=spec) -> (items, names)``; ``latentia.data.items`` when it is not given.
        coder: ``coder(x, word, label) -> latents`` of the items that a row or a file stands for, and their labels; the
            net's encoder when it is not given.
        seed: whose latent a label is given; without it labels are refused.
        labels: that of each word, as shares of all classes: see :func:`labels_of`.

    Raises:
        BadData: a word that is no item, a row that is not there, a label that nobody asks for.
        CannotDo: the net has not the capability.
    """
    words = [parse(item) for item in items]
    if not words:
        raise BadData(f"no items; {FORMS}")
    coder = coder or coder_of(net)
    if seed is None and (named := [value for kind, value in words if kind == "label"]):
        raise BadData(f"label:{named[0]} is a class and no place in latent space; only walks go between labels")
    known = [("seed", seed or 0) if kind == "label" else (kind, value) for kind, value in words]
    own = [None] * len(known) if labels is None else list(labels.argmax(1, keepdim=True))
    places = [_latents(net, spec, *word, source, opener, coder, each) for word, each in zip(known, own, strict=True)]
    counts = torch.tensor([len(place) for place in places])
    return torch.cat(places), None if labels is None else labels.repeat_interleave(counts, dim=0)


def coder_of(net: Net, batch: int = 256, tell: Callable[[str], None] | None = None) -> Coder:
    """What finds the latents of real items: the net's encoder, or a search where it has none and samples.

    ``tell`` hears how far the picture of each item's latent is from the item.
    """
    searched = not isinstance(net, Encodes) and isinstance(net, Samples)

    def coder(x: Tensor, word: str, label: Tensor | None) -> Tensor:
        z = invert(net, x, batch=batch, label=label).z if searched else codes_of(net, x, batch, label)
        if tell is not None:
            how = "no encoder: latents are found by optimisation" if searched else "by the encoder"
            tell(f"{word}: {how}; {residual_of(net, x, z, batch, label)}")
        return z

    return coder


def numbers_of(label: str | int | Sequence[str | int] | None, net: Net, spec: Spec, count: int) -> Tensor | None:
    """The places of labels among the classes ``(count,)``: of one for all, or of one for each; ``None`` of ``None``.

    Args:
        label: names, or places.
        net: takes labels.
        spec: what it was trained on.
        count: how many items there are.

    Raises:
        BadData: a label that was never trained, or another number of them.
        CannotDo: the net takes no labels.
    """
    if label is None:
        return None
    check_labels(net)
    plain = label.tolist() if hasattr(label, "tolist") else label
    each = [plain] * count if isinstance(plain, str | int) else list(plain)
    if len(each) != count:
        raise BadData(f"{len(each)} labels for {count} items; say one for all, or one for each")
    known = {name: _number(name, spec.classes) for name in dict.fromkeys(each)}
    return torch.tensor([known[name] for name in each], dtype=torch.int64)


def _number(label: str | int, classes: Sequence[str]) -> int:
    if str(label) in classes:
        return classes.index(str(label))
    if not isinstance(label, str) and 0 <= label < len(classes):
        return int(label)
    raise BadData(f"the label {label!r} was never trained; {near(str(label), classes)}")


def labels_of(
    net: Net,
    spec: Spec,
    items: Sequence[str | int],
    label: str | int | None = None,
    source: Source | None = None,
    shares: Tensor | None = None,
) -> Tensor | None:
    """The label of each word as shares of all classes, ``(number of words, classes)``: 1 of its own, 0 of the others.

    A label is its own, a row of the test split has that of its item, seeds and files have the one that is said. Where
    none is said a seed has the class that its sample has, where ``shares`` say how often each comes.

    Args:
        net: takes labels, or no word has one.
        spec: what it was trained on.
        items: words as in :func:`parse`.
        label: that of seeds and files.
        source: the test split that ``row:`` counts in.
        shares: how often each class comes, ``(classes,)``.

    Returns:
        ``None`` where no word has a label, and none is needed.

    Raises:
        CannotDo: the net takes no labels.
        BadData: a seed or file whose label is not said, or a label that was never trained.
    """
    words = [parse(item) for item in items]
    kinds = {kind for kind, _ in words}
    taken, encodes = bool(getattr(net, "classes", 0)), isinstance(net, Encodes)
    own = "row" in kinds or (encodes and "file" in kinds) or (shares is not None and "seed" in kinds)
    if label is None and "label" not in kinds and not (taken and own):
        return None
    check_labels(net)
    found = []
    for kind, value in words:
        if kind == "row":
            found.append(int(label_of(net, _row(source, int(value)))))  # type: ignore[arg-type]
            continue
        named = value if kind == "label" else label
        if named is None and kind == "seed":
            if shares is None:
                raise BadData(f"seed:{value} has no label, and others have; say that of seeds with --label")
            found.append(int(classes_of([int(value)], shares)))
            continue
        if named is None:
            raise BadData(f"{value} has no label, and this model knows an item only with its own; say it with --label")
        found.append(_number(named, spec.classes))
    return functional.one_hot(torch.tensor(found), len(spec.classes)).float()


def _latents(
    net: Net,
    spec: Spec,
    kind: str,
    value: int | str,
    source: Source | None,
    opener: Opener | None,
    coder: Coder,
    label: Tensor | None,
) -> Tensor:
    if kind == "seed":
        return draw(net, [int(value)])
    x = _row(source, int(value)).x if kind == "row" else (opener or _opener())(value, like=spec)[0]
    name = f"row:{value}" if kind == "row" else str(value)
    return coder(x, name, None if label is None else label.expand(len(x))).float()


def _opener() -> Opener:
    from latentia.data import items

    opener: Opener = items
    return opener


def _row(source: Source | None, row: int) -> Batch:
    if source is None:
        raise BadData(f"row:{row}: there is no test split here to take it from; {FORMS}")
    if row >= len(source):
        raise BadData(f"row:{row}: the test split has the rows 0 to {len(source) - 1}")
    return source.read([row])
