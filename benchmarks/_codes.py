"""Codes of the rendered shapes, all of them or some, beside their factors."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray

from latentia.core import key
from latentia.data.shapes import SIZES, Shapes
from latentia.tasks.encode import codes_of
from latentia.tasks.working import Net, parts

ALL = math.prod(SIZES)
BATCH = 512


def rows_of(count: int, seed: int = 0) -> torch.Tensor:
    """The indices of ``count`` pictures, drawn by the seed; all in order if it is as many as there are."""
    if count >= ALL:
        return torch.arange(ALL)
    return torch.randperm(ALL, generator=torch.Generator().manual_seed(key(seed, "rows")))[:count].sort().values


def codes_at(net: Net, shapes: Shapes, rows: torch.Tensor) -> NDArray[np.float32]:
    """Posterior means ``(N, latent)`` of the pictures at ``rows``, made and forgotten a batch at a time."""
    found = np.empty((len(rows), int(net.latent)), dtype=np.float32)
    for part in parts(len(rows), BATCH):
        found[part] = codes_of(net, shapes.gather(rows[part]), BATCH)
    return found


def factors_at(rows: torch.Tensor) -> NDArray[np.int64]:
    """The five factors that vary, ``(N, 5)``: shape, scale, orientation, x, y."""
    return Shapes.factors(rows)[:, 1:]
