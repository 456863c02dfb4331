"""How far samples are from held-out items: the figure that chooses the best weights of a game."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from latentia.core import SeededNoise, Source
from latentia.metrics.features import RandomConvolutions, extract, pixels
from latentia.metrics.kernel import kernel_distance

JUDGED = 1_000  # samples, and held-out items, that the distance is measured between
AT_ONCE = 100  # items that are decoded at once


def kid(net: Any, source: Source) -> Mapping[str, float]:
    """KID between samples of ``net`` (``draw``, ``decode``, ``spec``) and held-out items, given the same labels."""
    count = min(JUDGED, len(source))
    held_out = source.read(slice(0, count))
    with torch.no_grad():
        z = net.draw(SeededNoise(range(count), "judge"))
        label = None if held_out.label is None else held_out.label.to(z.device)
        made = torch.cat([
            net.decode(z[start : start + AT_ONCE], None if label is None else label[start : start + AT_ONCE])
            for start in range(0, count, AT_ONCE)
        ])  # fmt: skip
    seen_by = pixels if net.spec.kind == "table" else RandomConvolutions(net.spec)
    return {"kid": kernel_distance(extract(seen_by, made.cpu()), extract(seen_by, held_out.x)).value}
