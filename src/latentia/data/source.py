"""Reading: a split of a data set as a pure function of a position in an endless stream of permutations."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from latentia.core import Batch, Spec, key
from latentia.data.augment import jittered, mirrored

__all__ = ["ArrayValues", "Split", "Values", "item_noise"]


class Values(Protocol):
    """The numbers of all items, gathered by row."""

    def __len__(self) -> int: ...

    def gather(self, rows: Tensor) -> Tensor:
        """The items at these rows as float32, ``(len(rows), *shape)`` in the range of the spec."""
        ...


class ArrayValues:
    """An array with one item per row; pictures lie as ``(N, height, width, channels)``.

    Args:
        array: the numbers; it may be a memory map, which is read by whole batches.
        top: the integer that stands for 1.0; ``None`` for floats, which are taken as they are.
        known: of a table, which columns of a row are known, bool ``(rows, columns)``, where some are not.
    """

    def __init__(self, array: np.ndarray[Any, Any], top: int | None = None, known: Tensor | None = None) -> None:
        self.array, self.top, self.known = array, top, known
        self.tensor = torch.from_numpy(array)

    def __len__(self) -> int:
        return len(self.array)

    def gather(self, rows: Tensor) -> Tensor:
        picked = self._pick(rows).to(torch.float32)
        if self.top is not None:
            picked /= self.top  # a division: k / 255 is then the float nearest to it, which a product is not
        return picked.permute(0, 3, 1, 2) if picked.ndim == 4 else picked  # channels-last in memory, for free

    def _pick(self, rows: Tensor) -> Tensor:
        if self.tensor.dtype == torch.uint16:  # torch gathers no uint16
            return torch.from_numpy(self.array[rows.numpy()].astype(np.int32))
        return self.tensor.index_select(0, rows)


class Split:
    """One split of a data set: a :class:`latentia.core.Source`.

    Args:
        name: ``"train"``, ``"validation"`` or ``"test"``; it is part of what seeds the binarisation.
        spec: what the items look like.
        values: the numbers of all items, perhaps of other splits too.
        rows: which of them are this split's, int64, in the order of :meth:`read`.
        labels: the label of every item in ``values``, int64.
        names: the name of every item in ``values``, if they have names.
        binarize: ``"dynamic"``, ``"static"`` or ``None``.
        mirror: whether :meth:`take` mirrors half of the pictures.
        jitter: the share by which :meth:`take` enlarges pictures, to cut them back at a random place.
    """

    def __init__(
        self,
        name: str,
        spec: Spec,
        values: Values,
        rows: Tensor,
        labels: Tensor | None = None,
        names: Sequence[str] | None = None,
        binarize: str | None = None,
        mirror: bool = False,
        jitter: float = 0.0,
    ) -> None:
        self.name, self.spec, self.values, self.rows = name, spec, values, rows
        self.labels, self.binarize, self.mirror, self.jitter = labels, binarize, mirror, jitter
        self._names = names
        known = getattr(values, "known", None)
        self._known = None if known is None or bool(known[rows].all()) else known
        self._permutation = functools.lru_cache(maxsize=2)(self._permute)

    def __len__(self) -> int:
        return len(self.rows)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_permutation"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        self._permutation = functools.lru_cache(maxsize=2)(self._permute)

    def __repr__(self) -> str:
        return f"Split({self.name!r}, {len(self):,} x {self.spec.shape})"

    def take(self, seed: int, start: int, count: int, rows: slice = slice(None)) -> Batch:
        """``rows`` of the ``count`` examples at position ``start`` of an endless stream of seeded permutations.

        Position p is place p % n of permutation p // n, so any batch size fits and nothing is dropped. Mirroring,
        jitter and dynamic binarisation are drawn for all ``count`` examples and then kept for ``rows``: the same over
        processes.
        """
        indices = self._indices(seed, range(start, start + count)[rows])
        batch = self._augmented(self._batch(indices), seed, start, count, rows)
        x = batch.x
        if self.binarize == "dynamic":
            noise = torch.rand(count, *self.spec.shape, generator=_generator(seed, start, "binarize"))[rows]
            x = (noise < x).to(x.dtype)
        elif self.binarize == "static":
            x = self._binarized(x, indices)
        return batch._replace(x=x)

    def read(self, indices: Sequence[int] | Tensor | slice) -> Batch:
        """The items at these places of the split, always the same for the same place.

        Binarised data is drawn once per item, from its place alone, whichever other items are read with it.
        """
        places = self._places(indices)
        batch = self._batch(places)
        return batch if self.binarize is None else batch._replace(x=self._binarized(batch.x, places))

    def names(self, indices: Sequence[int] | Tensor | slice = slice(None)) -> list[str]:
        """What the items are called: their file names, or their places in the split."""
        places = torch.arange(len(self))[indices].tolist()
        if self._names is None:
            return [str(place) for place in places]
        return [self._names[int(self.rows[place])] for place in places]

    def factors(self, indices: Sequence[int] | Tensor | slice) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The known factors of the items, ``(N, factors)``; only where the data has them (``shapes``)."""
        found: np.ndarray[Any, np.dtype[np.int64]] = self.values.factors(self.rows[indices])  # type: ignore[attr-defined]
        return found

    def _places(self, indices: Sequence[int] | Tensor | slice) -> Tensor:
        """``indices`` as int64 from 0 on."""
        if isinstance(indices, slice):
            indices = torch.arange(len(self))[indices]
        places = torch.as_tensor(indices, dtype=torch.int64).reshape(-1)
        return torch.where(places < 0, places + len(self), places)

    def _augmented(self, batch: Batch, seed: int, start: int, count: int, rows: slice) -> Batch:
        """The batch with its pictures jittered and mirrored, ``x`` and ``y`` of a row alike."""
        if self.jitter:
            places = torch.rand(count, 2, generator=_generator(seed, start, "jitter"))[rows]
            batch = batch._replace(x=jittered(batch.x, places, self.jitter, self.spec.levels))
            if batch.y is not None and self.spec.y is not None:
                batch = batch._replace(y=jittered(batch.y, places, self.jitter, self.spec.y.levels))
        if self.mirror:
            flips = torch.rand(count, generator=_generator(seed, start, "mirror"))[rows] < 0.5
            batch = batch._replace(x=mirrored(batch.x, flips), y=None if batch.y is None else mirrored(batch.y, flips))
        return batch

    def _batch(self, places: Tensor) -> Batch:
        picked = self.rows[places]
        return Batch(
            self.values.gather(picked),
            label=None if self.labels is None else self.labels[picked],
            mask=None if self._known is None else self._known[picked],
        )

    def _indices(self, seed: int, positions: range) -> Tensor:
        """The places of the split at these positions of the stream."""
        if not len(positions):
            return torch.empty(0, dtype=torch.int64)
        count = len(self)
        places = torch.arange(positions.start, positions.stop, positions.step)
        epochs = range(min(positions[0], positions[-1]) // count, max(positions[0], positions[-1]) // count + 1)
        found = self._permutation(seed, epochs[0])[places % count]
        for epoch in epochs[1:]:
            found = torch.where(places // count == epoch, self._permutation(seed, epoch)[places % count], found)
        return found

    def _permute(self, seed: int, epoch: int) -> Tensor:
        return torch.randperm(len(self), generator=_generator(seed, epoch, "order"))

    def _binarized(self, x: Tensor, places: Tensor) -> Tensor:
        seed, drawn = key(0, "binarize", self.name), torch.empty_like(x)
        for start in range(0, len(x), 1024):  # the noise takes eight bytes a number
            part = slice(start, start + 1024)
            noise = item_noise(seed, places[part], self.spec.size).reshape(x[part].shape)
            drawn[part] = noise < x[part]
        return drawn


def item_noise(seed: int, places: Tensor, size: int) -> Tensor:
    """Uniform numbers in [0, 1), ``(len(places), size)`` float32, each a function of the seed, its place and column.

    A generator per item would be exact too, and ten times slower. This is SplitMix64 (Steele, Lea and Flood, 2014,
    "Fast splittable pseudorandom number generators") read at any position: its state is a counter.
    """
    counter: Any = places.numpy().astype(np.uint64)[:, None] * np.uint64(size) + np.arange(1, size + 1, dtype=np.uint64)
    mixed: Any = counter * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return torch.from_numpy((mixed >> np.uint64(40)).astype(np.float32)) * 2.0**-24


def _generator(*parts: object) -> torch.Generator:
    return torch.Generator().manual_seed(key(*parts))
