"""Two pictures at a time: an input and an output, or two domains."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from latentia.core import Spec
from latentia.data.conform import conformed
from latentia.data.dataset import Content, DataSet, recorded, splits_of
from latentia.data.folders import short_name
from latentia.data.options import DataOptions
from latentia.data.reading import content_of
from latentia.data.sides import Domains, Pairs
from latentia.data.source import Split
from latentia.errors import BadData, BadField

__all__ = ["open_two"]

SPLITS = ("train", "validation", "test")
ONE_AT_A_TIME = ("labels", "labels_from", "binarize")


def open_two(what: Any, other: Any, options: DataOptions, cache: Path) -> DataSet:
    """Open pairs or domains; the arguments are those of :func:`latentia.data.open`.

    Raises:
        BadData, BadField: as :func:`latentia.data.open`.
    """
    if other is None:
        raise BadData(f"{options.pairing} are in two places")
    (a, told_a), (b, told_b) = (content_of(each, options, cache) for each in (what, other))
    if options.pairing == "pairs":
        _as_many(a, b)
    a, b = (conformed(each, options) for each in (a, b))
    told = (told_a, told_b) if told_a and told_b else (None, None)
    return assemble_two(a, b, _sides(what, other), told, options)


def _sides(what: Any, other: Any) -> tuple[str, str]:
    """What the sides are called: by the ends of their paths, or a and b."""
    one, two = (short_name(str(each)) if isinstance(each, str | Path) else "" for each in (what, other))
    return (one, two) if one and two and one != two else ("a", "b")


def _as_many(a: Content, b: Content) -> None:
    if len(a.items) != len(b.items):
        raise BadData(
            f"{a.name} has {len(a.items):,} pictures and {b.name} {len(b.items):,}; pairs need as many of each"
        )


def assemble_two(
    a: Content, b: Content, sides: tuple[str, str], told: tuple[str | None, str | None], options: DataOptions
) -> DataSet:
    """Two contents as pairs or as domains, cut into splits.

    Args:
        a: what one side holds.
        b: what the other holds; for pairs, row i of its values belongs to row i of those of ``a``.
        sides: what they are called.
        told: how they are recorded.
        options: ``pairing`` says which of both it is.

    Raises:
        BadData: sides of different kinds or sizes, or too few items.
        BadField: an option that the data cannot follow.
    """
    paired = options.pairing == "pairs"
    _agree(a, b, sides, options)
    output, given = (b, a) if paired and options.direction != "BtoA" else (a, b)
    names = sides if output is a else sides[::-1]
    x = splits_of(output, options)
    y = _beside(x, given, options) if paired else splits_of(given, options)
    inner = y["train"].spec
    spec = dataclasses.replace(x["train"].spec, y=inner, pairing=options.pairing or "", sides=names)
    make: Callable[[Spec, Split, Split], Split] = Pairs if paired else Domains
    splits = {name: make(spec, x[name], y[name]) for name in SPLITS}
    content = hashlib.blake2b(f"{a.hash} {b.hash}".encode(), digest_size=16).hexdigest()
    kept, signature = recorded(*told, options, content)
    name = a.name if a.name == b.name else f"{a.name}-{b.name}"
    notes = list(dict.fromkeys((*a.notes, *b.notes)))
    about = a.description if a.description == b.description else f"{a.description}; {b.description}"
    return DataSet(name, spec, kept, signature, **splits, notes=notes, description=about, terms=a.terms or b.terms)


def _agree(a: Content, b: Content, sides: tuple[str, str], options: DataOptions) -> None:
    """Hold the sides and the options against each other."""
    for name in ONE_AT_A_TIME:
        if getattr(options, name):
            raise BadField(f"{name} is for data of one picture at a time, not for {options.pairing}")
    if options.pairing == "domains" and options.direction:
        raise BadField("direction is for pairs; domains are learnt both ways")
    for content in (a, b):
        if content.spec.kind != "image":
            raise BadData(f"{content.name} is a {content.spec.kind}; {options.pairing} are made of pictures")
    one, two = a.spec.shape[1:], b.spec.shape[1:]
    if one != two:
        small = min(one, two)
        size = str(small[0]) if small[0] == small[1] else f"{small[1]}x{small[0]}"
        raise BadData(
            f"the pictures of {sides[0]} are {one[1]} x {one[0]} and those of {sides[1]} {two[1]} x {two[0]}; "
            f"give one size for all: --size {size} (in Python size={size!r})"
        )


def _beside(x: dict[str, Split], given: Content, options: DataOptions) -> dict[str, Split]:
    """The splits of the other side, each row beside that of ``x``."""
    spec, part = splits_of(given, options)["train"].spec, given.items
    return {name: Split(name, spec, part.values, split.rows, names=part.names) for name, split in x.items()}
