"""What metrics take: rows of features, from tensors or arrays, as float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from latentia.errors import BadData

__all__ = ["Array", "as_rows", "as_two", "chunks"]

Array = NDArray[np.float64]


def as_rows(features: Any, what: str = "features") -> Array:
    """``features`` as a float64 array ``(N, D)``; more dimensions are flattened to D, one is a column.

    Raises:
        BadData: no rows, or entries that are not finite.
    """
    if isinstance(features, Tensor):
        features = features.detach().cpu().double().numpy()
    array = np.asarray(features, dtype=np.float64)
    if array.ndim == 0 or array.size == 0:
        raise BadData(f"{what} have shape {array.shape}; give at least one row of numbers")
    rows: Array = array.reshape(len(array), -1)
    wrong = ~np.isfinite(rows).all(1)
    if wrong.any():
        raise BadData(
            f"{wrong.sum()} of {len(rows)} rows of the {what} are not finite (the first is row {wrong.argmax()})"
        )
    return rows


def as_two(a: Any, b: Any) -> tuple[Array, Array]:
    """Two clouds of features of the same width.

    Raises:
        BadData: they do not have the same number of columns.
    """
    first, second = as_rows(a, "first features"), as_rows(b, "second features")
    if first.shape[1] != second.shape[1]:
        raise BadData(
            f"the features have {first.shape[1]} and {second.shape[1]} columns; both must come from one extractor"
        )
    return first, second


def chunks(rows: int, columns: int, numbers: int = 4_000_000) -> Iterator[slice]:
    """Slices of ``range(rows)`` so that a block of one slice by ``columns`` holds about ``numbers`` at most."""
    step = max(1, numbers // max(columns, 1))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
