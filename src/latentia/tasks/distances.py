"""Distances: how far samples are from real items, each figure beside that of real items against other real ones.

The reference is cut into two halves by the seed. Samples are compared with the first, as many as it has, and the
second half is compared with it in the same way: this floor is what a perfect model would show.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentia.core import Estimate, Source, key
from latentia.errors import BadData, BadField, near
from latentia.metrics.features import Extractor, name_of, quantise
from latentia.metrics.fractions import WIDTH
from latentia.metrics.frechet import enough, frechet, frechet_spread
from latentia.metrics.kernel import kernel_distance
from latentia.metrics.neighbours import neighbours
from latentia.metrics.similarity import diversity
from latentia.metrics.wasserstein import Level, sliced_wasserstein
from latentia.tasks.evaluate import Figure
from latentia.tasks.features import features_of, some

__all__ = ["METRICS", "PICTURES", "chosen", "distances"]

METRICS = ("frechet", "kid", "precision", "recall", "density", "coverage", "wasserstein", "ms-ssim")
PICTURES = ("wasserstein", "ms-ssim")  # those that tables do not have
SAME = {"fid": "frechet", "fd": "frechet", "swd": "wasserstein", "ssim": "ms-ssim"}
HALVES = 6  # random halves whose spread is the interval of sliced Wasserstein distances


class World(NamedTuple):
    """What is compared: items, and their features, of the samples and of the two halves of the reference."""

    items: tuple[Tensor, Tensor, Tensor]
    features: tuple[Tensor, Tensor, Tensor]
    held_out: Tensor | None  # features
    extractor: str
    fingerprint: str
    split: str
    seed: int
    metrics: Sequence[str]

    @property
    def told(self) -> str:
        """What stands in each sentence: how many of what."""
        made, real, rest = (len(each) for each in self.items)
        return f"{made} samples against {real} {self.split} items; floor: {rest} other {self.split} items"


def distances(
    samples: Tensor,
    reference: Tensor | Source,
    held_out: Tensor | Source | None,
    extractor: Extractor,
    seed: int = 0,
    *,
    split: str = "reference",
    limit: int = 10_000,
    metrics: Sequence[str] = METRICS,
) -> list[Figure]:
    """How far samples are from real items, by every metric, each with its interval and its floor.

    Pictures are clamped and rounded to 8 bits before anything is measured. The Frechet distance is called FID only
    with Inception's features, else FD (extractor).

    Args:
        samples: ``(N, *shape)``.
        reference: the real items; twice as many as samples use all samples.
        held_out: real items that the model was not trained on, if ``reference`` is the training split: a KID to them
            that is clearly larger than to the reference is a sign of copying. KID needs no equal numbers.
        extractor: from items to features.
        seed: of the halves, subsets, patches and pairs.
        split: what the reference is called in sentences.
        limit: at most this many items of each half.
        metrics: which of :data:`METRICS`; the last two are of pictures, and left out for tables.

    Raises:
        BadField: an unknown metric.
        BadData: too few items, not more than features for the Frechet distance; says how many are needed.
    """
    world = _world(samples, reference, held_out, extractor, seed, split, limit, chosen(metrics))
    makers = dict.fromkeys(MAKERS[name] for name in world.metrics if samples.ndim == 4 or name not in PICTURES)
    return [figure for make in makers for figure in make(world)]


def chosen(metrics: Sequence[str], known: Sequence[str] = METRICS) -> list[str]:
    """The metrics named, in the order of ``known``.

    Raises:
        BadField: an unknown name; says which is near, or what is known.
    """
    for name in metrics:
        if name not in known:
            meant = SAME.get(name.lower())
            hint = f"did you mean {meant!r}?" if meant else near(name, known)
            raise BadField(f"there is no metric {name!r}; {hint}")
    return [name for name in known if name in metrics]


def _world(
    samples: Tensor,
    reference: Tensor | Source,
    held_out: Tensor | Source | None,
    extractor: Extractor,
    seed: int,
    split: str,
    limit: int,
    metrics: Sequence[str],
) -> World:
    half = min(len(reference) // 2, len(samples), limit)
    if half < 2:
        raise BadData(
            f"{len(samples)} samples cannot be compared with {len(reference)} {split} items: at least 2 samples and 4 "
            f"items are needed, and hundreds for figures that say something"
        )
    real = _drawn(reference, 2 * half, seed)
    order = torch.randperm(2 * half, generator=torch.Generator().manual_seed(key(seed, "halves")))
    first, second = real[order[:half]], real[order[half:]]
    picture = samples.ndim == 4
    items = [quantise(each.float()) if picture else each for each in (samples[:half].cpu(), first, second)]
    features = [features_of(extractor, each) for each in items]
    rest = None if held_out is None else features_of(extractor, _drawn(held_out, limit, seed))
    print_of = str(getattr(extractor, "fingerprint", ""))
    return World(
        (items[0], items[1], items[2]), (features[0], features[1], features[2]), rest, name_of(extractor), print_of,
        split, seed, metrics,
    )  # fmt: skip


def _drawn(items: Tensor | Source, count: int, seed: int) -> Tensor:
    if not isinstance(items, Tensor):
        return some(items, count, seed).cpu()
    order = torch.randperm(len(items), generator=torch.Generator().manual_seed(key(seed, "some")))
    return items[order[:count]].cpu()


def _figure(
    world: World, name: str, found: Estimate, floor: float, unit: str, meaning: str, better: str, featured: bool = True
) -> Figure:
    """A figure of samples; ``featured`` is one that the extractor's features decide, and that says so in its name."""
    return Figure(
        name.format(world.extractor), found.value, found.low, found.high, unit, meaning, better, floor=floor,
        samples=len(world.items[0]), split=world.split, fingerprint=world.fingerprint if featured else "",
    )  # fmt: skip


def _frechet(world: World) -> Iterator[Figure]:
    made, real, rest = world.features
    enough(made, real)
    value, floor = frechet(made, real), frechet(rest, real)
    width = WIDTH * frechet_spread(made, real, seed=world.seed)
    name = "FID" if world.extractor == "inception" else "FD ({})"
    meaning = (
        f"Distance of mean and covariance of {real.shape[1]} features, {world.told} ({floor:.4g}). It falls with the "
        f"number of items: compare only equal numbers and extractors."
    )
    yield _figure(world, name, Estimate(value, value - width, value + width), floor, "", meaning, "lower")


def _kid(world: World) -> Iterator[Figure]:
    made, real, rest = world.features
    measure = functools.partial(kernel_distance, made, seed=world.seed)
    found, floor = measure(real), kernel_distance(rest, real, seed=world.seed)
    meaning = (
        f"Unbiased distance of all moments up to the third, {world.told} ({floor.value:.4g}); {found.note}. "
        f"At 0, samples cannot be told from real items by it; chance can make it negative."
    )
    yield _figure(world, "KID ({})", found, floor.value, "", meaning, "lower")
    if world.held_out is not None:
        apart = measure(world.held_out)
        chance = math.hypot(apart.high - apart.value, found.high - found.value)
        meaning = f"The same against {len(world.held_out)} held-out items, which the model has never seen. " + (
            "It is clearly larger: the model may copy its training items."
            if apart.value - found.value > chance
            else "It is not clearly larger, so nothing here speaks of copying."
        )
        yield _figure(world, "KID ({}), held-out", apart, floor.value, "", meaning, "lower")


MEANINGS = {
    "precision": "Samples that look real: they lie among the nearest neighbours of some real item",
    "recall": "Real items that the model can make: they lie among the nearest neighbours of some sample",
    "density": "Real neighbourhoods that a sample lies in, over their 5; not fooled by outliers, may exceed 1",
    "coverage": "Real items with a sample in their own neighbourhood: how much of the data samples cover",
}


def _neighbours(world: World) -> Iterator[Figure]:
    made, real, rest = world.features
    found, floor = neighbours(real, made), neighbours(real, rest)
    for name in (each for each in MEANINGS if each in world.metrics):
        value, best = getattr(found, name), getattr(floor, name).value
        meaning = f"{MEANINGS[name]}; {world.told} ({best:.3g})."
        yield _figure(world, name + " ({})", value, best, "", meaning, "higher")


def _wasserstein(world: World) -> Iterator[Figure]:
    made, real, rest = world.items
    found = sliced_wasserstein(made, real, seed=world.seed)
    floors = sliced_wasserstein(rest, real, seed=world.seed)
    rough = functools.partial(sliced_wasserstein, projections=64, descriptors=2**14, seed=world.seed)
    spreads = _spread(rough, made, real, world.seed)
    for level, floor, spread in zip(found, floors, spreads, strict=True):
        estimate = Estimate(level.distance, level.distance - WIDTH * spread, level.distance + WIDTH * spread)
        size = f"{level.height} x {level.width}"
        meaning = (
            f"Sliced Wasserstein distance of 7 x 7 patches at {size} pixels, times 1000, {world.told} "
            f"({floor.distance:.3g}); blind to overall brightness and contrast."
        )
        yield _figure(world, f"SWD {size}", estimate, floor.distance, "x 1e-3", meaning, "lower", featured=False)


def _spread(measure: Callable[[Tensor, Tensor], list[Level]], a: Tensor, b: Tensor, seed: int) -> list[float]:
    """The standard error of each level: the spread over random halves of both sets (delete-half jackknife)."""
    generator = torch.Generator().manual_seed(key(seed, "jackknife"))
    half = max(1, len(a) // 2)
    drawn = []
    for _ in range(HALVES):
        some_a, some_b = (each[torch.randperm(len(each), generator=generator)[:half]] for each in (a, b))
        drawn.append([level.distance for level in measure(some_a, some_b)])
    return [float(each) for each in np.std(drawn, axis=0, ddof=1)]


def _similarity(world: World) -> Iterator[Figure]:
    made, real, _ = world.items
    found, floor = diversity(made, seed=world.seed), diversity(real, seed=world.seed)
    alike = found.low > floor.high
    meaning = (
        f"How alike two samples are ({found.note}); real items: {floor.value:.3g}. "
        + ("Samples are more alike than real items: diversity is lost." if alike else "No sign of lost diversity.")
        + " It says nothing about quality."
    )
    yield _figure(world, "MS-SSIM between samples", found, floor.value, "", meaning, "", featured=False)


MAKERS: dict[str, Callable[[World], Iterator[Figure]]] = {
    "frechet": _frechet,
    "kid": _kid,
    **dict.fromkeys(MEANINGS, _neighbours),
    "wasserstein": _wasserstein,
    "ms-ssim": _similarity,
}
