"""Nearest: the item of the data that a sample is closest to, to see that a model does not copy."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from latentia.core import Source
from latentia.errors import BadData
from latentia.tasks.working import parts

__all__ = ["Nearest", "nearest"]


class Nearest(NamedTuple):
    """For each sample its nearest item."""

    row: Tensor  # int64 (N,), its place in the source
    distance: Tensor  # float64 (N,), squared, summed over the numbers of an item
    items: Tensor  # float32 (N, *shape)


def nearest(x: Tensor, source: Source, chunk: int = 4096) -> Nearest:
    """The item of ``source`` with the smallest squared distance to each of ``x`` ``(N, *shape)``.

    The source is read once, ``chunk`` items at a time. Candidates are found by one matrix product per chunk, which
    rounds; the distance that is told is summed up in float64.

    Raises:
        BadData: the source is empty.
    """
    if len(source) == 0:
        raise BadData("there are no items to be near to")
    queries = x.flatten(1).float().cpu()
    best = torch.full((len(x),), float("inf"))
    index = torch.zeros(len(x), dtype=torch.int64)
    for rows in parts(len(source), chunk):
        items = source.read(rows).x.flatten(1).float().cpu()
        # |a - b|^2 without |a|^2, which is the same for all items
        near, place = (items.square().sum(1) - 2 * queries @ items.T).min(1)
        closer = near < best
        best[closer], index[closer] = near[closer], place[closer] + rows.start
    found = source.read(index).x.float().cpu()
    distance = (found.flatten(1).double() - queries.double()).square().sum(1)
    return Nearest(index, distance, found)
