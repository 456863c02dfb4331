"""Training items that a recipe looks at, read in parts: 10,000 colour pictures of 256 x 256 take 7.9 GB at once."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from latentia.core import Batch, Source

PART = 250


def reference(source: Source, count: int) -> Iterator[Batch]:
    """The first ``count`` training items of a seeded order, or all where there are fewer, in parts."""
    count = min(count, len(source))
    for start in range(0, count, PART):
        yield source.take(0, start, min(PART, count - start))


def mean_item(source: Source, count: int) -> Tensor:
    """The mean item of :func:`reference`, ``(*shape)`` float32."""
    total = torch.zeros(source.spec.shape, dtype=torch.float64)
    for part in reference(source, count):
        total += part.x.sum(0, dtype=torch.float64)
    return (total / min(count, len(source))).float()
