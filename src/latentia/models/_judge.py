"""How far samples are from held-out items: the figure that chooses the best weights of a game."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from latentia.core import SeededNoise, Source, Spec, Translates
from latentia.metrics.features import RandomConvolutions, extract, pixels
from latentia.metrics.kernel import kernel_distance

JUDGED = 1_000  # samples, and held-out items, that the distance is measured between
AT_ONCE = 100  # items that are decoded at once


def kid(net: Any, source: Source) -> Mapping[str, float]:
    """KID between samples of ``net`` (``draw``, ``decode``, ``spec``) and held-out items, given the same labels."""
    with torch.no_grad():
        z = net.draw(SeededNoise(range(min(JUDGED, len(source))), "judge"))

    def made(rows: range) -> Tensor:
        label = source.read(rows).label
        items: Tensor = net.decode(z[rows.start : rows.stop], None if label is None else label.to(z.device))
        return items.cpu()

    return {"kid": distance(net.spec, Items(len(source), made), items_of(source))}


class Items(NamedTuple):
    """How many items there are, and a function that gives some of them."""

    total: int
    part: Callable[[range], Tensor]


def items_of(source: Source) -> Items:
    """The items of a source."""
    return Items(len(source), lambda rows: source.read(rows).x)


def distance(spec: Spec, made: Items, real: Items) -> float:
    """KID between the first items of both, a part of them at a time."""
    seen_by = pixels if spec.kind == "table" else RandomConvolutions(spec)

    def features(items: Items) -> Tensor:
        count = min(JUDGED, items.total)
        parts = (range(start, min(start + AT_ONCE, count)) for start in range(0, count, AT_ONCE))
        return extract(seen_by, (items.part(rows) for rows in parts))

    return kernel_distance(features(made), features(real)).value


def translations(net: Translates, to: str, given: Source, slot: str = "x") -> Items:
    """What a net makes in the domain ``to`` of the pictures in a slot of a source."""

    def made(rows: range) -> Tensor:
        with torch.no_grad():
            pictures = getattr(given.read(rows), slot)
            return net.translate(pictures.to(next(net.parameters())), to).cpu()  # type: ignore[attr-defined]

    return Items(len(given), made)
