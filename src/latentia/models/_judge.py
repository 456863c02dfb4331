"""How far samples are from held-out items: the figure that chooses the best weights of a game."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from latentia.core import SeededNoise, Source, Spec
from latentia.metrics.features import RandomConvolutions, extract, pixels
from latentia.metrics.kernel import kernel_distance

JUDGED = 1_000  # samples, and held-out items, that the distance is measured between
AT_ONCE = 100  # items that are decoded at once
Part = Callable[[range], Tensor]  # the items of some rows


def kid(net: Any, source: Source) -> Mapping[str, float]:
    """KID between samples of ``net`` (``draw``, ``decode``, ``spec``) and held-out items, given the same labels."""
    with torch.no_grad():
        z = net.draw(SeededNoise(range(min(JUDGED, len(source))), "judge"))

    def made(rows: range) -> Tensor:
        label = source.read(rows).label
        items: Tensor = net.decode(z[rows.start : rows.stop], None if label is None else label.to(z.device))
        return items.cpu()

    return {"kid": distance(net.spec, source, made, lambda rows: source.read(rows).x)}


def distance(spec: Spec, source: Source, made: Part, real: Part) -> float:
    """KID between what two functions give for the first rows of a source, a part of them at a time."""
    count = min(JUDGED, len(source))
    parts = [range(start, min(start + AT_ONCE, count)) for start in range(0, count, AT_ONCE)]
    seen_by = pixels if spec.kind == "table" else RandomConvolutions(spec)
    features = extract(seen_by, (made(rows) for rows in parts)), extract(seen_by, (real(rows) for rows in parts))
    return kernel_distance(*features).value
