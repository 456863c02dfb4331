"""What measures of disentanglement take: codes beside the known factors of the same items."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentia.core import Estimate, key
from latentia.errors import BadData
from latentia.metrics.fractions import WIDTH
from latentia.metrics.rows import Array, as_rows

__all__ = ["Coded", "Places", "coded", "generator_of", "jackknife"]

Places = NDArray[np.int64]
HALVES = 5  # random halves whose spread is an interval


@dataclass(frozen=True)
class Coded:
    """Items with their codes and factors.

    Attributes:
        codes: ``(N, D)``.
        factors: the place of each factor among its values, ``(N, K)``.
        sizes: how many values each factor has, ``(K,)``.
    """

    codes: Array
    factors: Places
    sizes: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def some(self, rows: Places | slice) -> Coded:
        """The items at ``rows``."""
        return Coded(self.codes[rows], self.factors[rows], self.sizes)

    def drawn(self, count: int, seed: int, purpose: str) -> Coded:
        """``count`` items without repeats, in the order they were drawn; all of them, shuffled, if there are fewer."""
        order = generator_of(seed, purpose).permutation(len(self)) if count >= len(self) else None
        if order is None:
            order = generator_of(seed, purpose).choice(len(self), count, replace=False)
        return self.some(order)


def coded(codes: Any, factors: Any) -> Coded:
    """Codes ``(N, D)`` and factors ``(N, K)``, checked; a factor's values may be any numbers or words.

    Raises:
        BadData: other numbers of codes and factors, codes that are not finite, fewer than 2 factors, or a factor that
            has one value only.
    """
    rows = as_rows(codes, "codes")
    table = np.asarray(factors)
    if table.ndim != 2 or table.shape[1] < 2:
        raise BadData(
            f"factors have the shape {table.shape}; it must be (items, factors) with 2 factors or more to tell apart"
        )
    if len(table) != len(rows):
        raise BadData(
            f"{len(rows):,} codes and the factors of {len(table):,} items; there must be as many, in one order"
        )
    if table.dtype.kind == "f" and not np.isfinite(table).all():
        raise BadData("the factors hold numbers that are not finite")
    known = [np.unique(column, return_inverse=True) for column in table.T]
    for place, (values, _) in enumerate(known):
        if len(values) < 2:
            raise BadData(
                f"factor {place} has one value for all items ({values[0]}): nothing can be learnt of it; leave it out"
            )
    places = np.stack([places for _, places in known], axis=1).astype(np.int64)
    return Coded(rows, places, tuple(len(values) for values, _ in known))


def generator_of(seed: int, purpose: str) -> np.random.Generator:
    """The numbers that one part of a measure draws."""
    return np.random.default_rng(key(seed, purpose))


def jackknife(measure: Callable[[Coded], Array], items: Coded, seed: int, halves: int = HALVES) -> tuple[Array, Array]:
    """Figures of all ``items`` and their standard errors: the spread over random halves (delete-half jackknife)."""
    generator = generator_of(seed, "halves")
    half = max(2, len(items) // 2)
    spread = np.std([measure(items.some(generator.permutation(len(items))[:half])) for _ in range(halves)], 0, ddof=1)
    return measure(items), np.asarray(spread * math.sqrt(half / max(1, len(items) - half)))


def estimate(value: float, error: float, note: str) -> Estimate:
    """A score between 0 and 1 with its 95 % interval."""
    half = WIDTH * error
    return Estimate(float(value), float(max(value - half, min(value, 0.0))), float(min(value + half, 1.0)), note=note)
