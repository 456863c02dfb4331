"""Latent: whether a latent space has no gaps (completeness) and no jumps (continuity), as figures of a net.

All of it in latents that are whitened by the aggregated posterior, so that neither their scale nor their axes count,
and alike for every net that encodes and decodes: one without a prior (an autoencoder) is given the normal distribution
that fits its codes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import one_hot

from latentia.core import Estimate, HasDensity, Reconstructs, Source, key
from latentia.errors import BadData
from latentia.metrics.completeness import Whitening, discrepancy, holes, neighbour_divergence, whitening
from latentia.metrics.continuity import WORST, median, worst_over_median
from latentia.metrics.features import Extractor, name_of
from latentia.metrics.fractions import average_of
from latentia.metrics.neighbours import neighbours
from latentia.tasks.encode import codes_of, decode
from latentia.tasks.evaluate import Figure
from latentia.tasks.features import features_of
from latentia.tasks.walk import blurred
from latentia.tasks.working import ItemNoise, Net, given, label_of, parts, place, require, still

__all__ = ["LATENT", "Space", "latent_figures", "space_of"]

LATENT = "latent"  # the metric that these figures are
LIMIT = 2_000  # items of each half, if no number is given
LEAST = 20
STEP = 0.01  # deviations: of finite differences
CHUNK = 512
Array = NDArray[np.float64]


class Space(NamedTuple):
    """Items of a split with their latents, whitened; the first half is compared with, the second makes floors."""

    items: Tensor  # (2 n, *shape)
    label: Tensor | None  # (2 n,), for a net that takes labels
    codes: Array  # posterior means, (2 n, D)
    draws: Array  # one draw from each posterior; of a net without a density the codes
    prior: Array  # n draws from the prior
    white: Whitening

    @property
    def half(self) -> int:
        return len(self.items) // 2

    def decoded(self, net: Net, w: Array, label: Tensor | None) -> Tensor:
        """What whitened latents ``(N, D)`` stand for."""
        return decode(net, self.white.back(w), label=label)


def latent_figures(
    net: Net, source: Source, extractor: Extractor, *, split: str = "test", count: int | None = None, seed: int = 0
) -> list[Figure]:
    """Completeness and continuity of a net's latent space, each with its interval.

    Args:
        net: encodes and decodes.
        source: the split's items.
        extractor: from items to the features in which decoded latents are held against items.
        split: its name.
        count: draws from the prior; by default half as many as the split has items, at most 2,000.
        seed: of halves, draws and directions.

    Raises:
        CannotDo: the net does not encode and decode.
        BadData: fewer than 40 items, or twice as many draws as there are items.
    """
    space = space_of(net, source, split, count, seed)
    figures = [*_complete(net, space, extractor, split, seed), *_continuous(net, space, seed)]
    return [*figures, _midpoints(net, space, extractor, split)]


def space_of(net: Net, source: Source, split: str = "test", count: int | None = None, seed: int = 0) -> Space:
    """The latents of items drawn by the seed, and as many draws from the prior as half of them."""
    require(net, Reconstructs, "the metric latent")
    half = min(len(source) // 2, LIMIT) if count is None else count
    if half < LEAST or 2 * half > len(source):
        raise BadData(
            f"{half} draws from the prior and the floors need {2 * half} {split} items, of which there are "
            f"{len(source):,}; fewer than {LEAST} draws tell nothing"
        )
    order = torch.randperm(len(source), generator=torch.Generator().manual_seed(key(seed, "halves")))[: 2 * half]
    batches = [source.read(order[rows]) for rows in parts(2 * half, CHUNK)]
    x = torch.cat([batch.x for batch in batches])
    labels = [each for batch in batches if (each := label_of(net, batch)) is not None]
    label = torch.cat(labels) if labels else None
    codes = codes_of(net, x, label=label).double().numpy()
    draws = _draws(net, x, label, seed) if isinstance(net, HasDensity) else codes
    white = whitening(draws)
    return Space(x, label, white.whiten(codes), white.whiten(draws), _prior(net, white, half, seed), white)


def _draws(net: Net, x: Tensor, label: Tensor | None, seed: int) -> Array:
    """One latent of each item's posterior."""
    like, done = place(net), []
    with still(net):
        for rows in parts(len(x), CHUNK):
            noise = ItemNoise([key(seed, row) for row in range(len(x))[rows]], like, "latent")
            done.append(net.posterior(x[rows].to(like), *given(label, like, rows)).sample(noise))
    return torch.cat(done).cpu().double().numpy()


def _prior(net: Net, white: Whitening, count: int, seed: int) -> Array:
    """Draws from the prior, whitened; without one, of the normal distribution that has the codes' moments."""
    noise = ItemNoise([key(seed, "prior", row) for row in range(count)], place(net), "latent")
    if not isinstance(net, HasDensity):
        return noise.normal(net.latent).cpu().double().numpy()
    with still(net):
        return white.whiten(net.draw(noise).cpu().double().numpy())


def _complete(net: Net, space: Space, extractor: Extractor, split: str, seed: int) -> Iterator[Figure]:
    half, first, second = space.half, space.draws[: space.half], space.draws[space.half :]
    label = None if space.label is None else space.label[:half]
    made = features_of(extractor, space.decoded(net, space.prior, label))
    real, rest = features_of(extractor, space.items[:half]), features_of(extractor, space.items[half:])
    found, floor = neighbours(real, made).precision, neighbours(real, rest).precision
    told = f"{half} draws of the prior; floor: {half} other {split} items"
    meaning = (
        f"Decoded draws of the prior that lie among the nearest neighbours of some item: {told} ({floor.value:.3g})."
    )
    yield _figure(f"prior draws that look real ({name_of(extractor)})", found, meaning, "higher", "", floor.value)
    found, alike = discrepancy(first, space.prior, seed), discrepancy(first, second, seed).value
    meaning = f"Squared MMD between codes of items, as drawn, and {told.replace('items', 'codes')} ({alike:.2g})."
    yield _figure("MMD of codes and prior", found, meaning, "lower", "", alike)
    found, alike = neighbour_divergence(first, space.prior), neighbour_divergence(first, second).value
    meaning = (
        f"KL of all codes together from the prior, by nearest neighbours: too low in many dimensions; {alike:.2g}."
    )
    yield _figure("KL of codes and prior", found, meaning.replace("; ", "; between codes "), "lower", "nats", alike)
    found = holes(space.prior, first, second)
    meaning = "Prior mass with no code near: draws farther from every code than 95 % of other codes are (these: 0.05)."
    yield _figure("holes", found, meaning, "lower", "", 0.05)


def _continuous(net: Net, space: Space, seed: int) -> Iterator[Figure]:
    label = None if space.label is None else space.label[: space.half]
    noise = np.random.default_rng(key(seed, "directions")).normal(size=space.prior.shape)
    direction = noise / np.linalg.norm(noise, axis=1, keepdims=True)
    ends = [space.decoded(net, space.prior + side * STEP * direction, label) for side in (1, -1)]
    speed = np.linalg.norm((ends[0] - ends[1]).double().flatten(1).numpy(), axis=1) / (2 * STEP)
    speed = speed / math.sqrt(ends[0][0].numel())
    meaning = (
        "How fast an item changes along a random direction in latent space, ||J v||, at draws of the prior: root mean "
        "square per value, for each deviation of the codes. The median of these places."
    )
    yield _figure("stretch", median(speed), meaning, "", "per deviation")
    meaning = f"The stretch that {1 - WORST:.0%} of places exceed, over the median: 1 is an even space, jumps are more."
    yield _figure("worst stretch over median", worst_over_median(speed, seed), meaning, "lower")
    yield _figure("path length", average_of(_lengths(net, space, label, seed)), LENGTH, "lower")


LENGTH = (
    "Mean squared speed, in blurred pixels, of straight walks between draws of the prior at a random place of each, as "
    "StyleGAN's perceptual path length: long where items jump."
)


def _lengths(net: Net, space: Space, label: Tensor | None, seed: int) -> Array:
    ends = np.roll(space.prior, 1, axis=0)
    where = np.random.default_rng(key(seed, "path length")).random((len(ends), 1))
    told = []
    for at in (where - STEP / 2, where + STEP / 2):
        told.append(_blurred(space.decoded(net, space.prior + at * (ends - space.prior), label)))
    return np.asarray(np.square((told[1] - told[0]) / STEP).sum(1))


def _blurred(x: Tensor) -> Array:
    return np.concatenate([np.asarray(blurred(part)).reshape(len(part), -1) for part in torch.split(x, CHUNK)]).astype(
        float
    )


def _midpoints(net: Net, space: Space, extractor: Extractor, split: str) -> Figure:
    """Whether what lies half-way between two items looks like an item."""
    half, codes = space.half, space.codes[space.half :]
    label = None
    if space.label is not None:
        shares = one_hot(space.label[half:], net.classes).float()
        label = 0.5 * (shares + shares.roll(1, 0))
    middles = features_of(extractor, space.decoded(net, 0.5 * (codes + np.roll(codes, 1, axis=0)), label))
    real, rest = features_of(extractor, space.items[:half]), features_of(extractor, space.items[half:])
    floor = neighbours(real, rest).precision.value
    meaning = (
        f"Decoded middles between the codes of two {split} items that lie among the nearest neighbours of some other "
        f"item; items themselves: {floor:.3g}."
    )
    name = f"midpoints that look real ({name_of(extractor)})"
    return _figure(name, neighbours(real, middles).precision, meaning, "higher", "", floor)


def _figure(
    name: str, found: Estimate, meaning: str, better: str, unit: str = "", floor: float | None = None
) -> Figure:
    return Figure(name, found.value, found.low, found.high, unit, meaning, better, floor=floor)
