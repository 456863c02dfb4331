"""Translated: how good translations are, each figure beside those of the input as it is and of one plain colour."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from latentia.core import Source, Spec, Translates, TwoSided, key
from latentia.data.conform import recoloured
from latentia.errors import BadData, BadField
from latentia.metrics.features import Extractor, name_of, quantise
from latentia.metrics.fractions import average_of
from latentia.metrics.kernel import kernel_distance
from latentia.metrics.similarity import structural_similarity
from latentia.tasks.distances import chosen
from latentia.tasks.evaluate import Figure
from latentia.tasks.features import features_of
from latentia.tasks.translate import made_spec, translate
from latentia.tasks.working import Net, parts, require

__all__ = ["METRICS", "Sides", "sides_of", "translated"]

METRICS = ("l1", "psnr", "ssim", "kid", "cycle")
PAIRED = METRICS[:3]  # those that need true pictures
LIMIT = 5_000  # pictures of each side at most, if no number is given
NUMBERS = 64_000_000  # that the pictures of a side hold at most, if no number is given
CHUNK = 64  # pictures read at once
FEWEST = 4  # pictures that a kernel distance takes
FINEST = 1 / (12 * 255**2)  # the mean squared error of rounding to 8 bits: 58.9 dB
# what needs no model: what is behind the name of its figures, and what it is
COPY = (", copy-input", "The same of the input, left as it is.")
MEAN = (", mean-colour", "The same of the mean colour of these true pictures, all over each.")

Tell = Callable[[str], None]
Extractors = Callable[[Spec], Extractor]


class Sides(NamedTuple):
    """Pictures of the two sides of data ``(N, C, H, W)``; row by row if they are true pairs."""

    x: Tensor
    y: Tensor
    paired: bool

    def of(self, spec: Spec, to: str) -> tuple[Tensor, Tensor]:
        """What is translated to a side, and what is there."""
        return (self.x, self.y) if made_spec(spec, to) is spec.y else (self.y, self.x)


@dataclass(frozen=True)
class Way:
    """One direction: inputs, what was made of them, and what is there, as 8-bit pictures; inputs in its channels."""

    to: str  # behind the names of figures; empty where there is one direction
    given: Tensor
    made: Tensor
    real: Tensor
    extractor: Extractor
    paired: bool
    split: str
    seed: int

    @property
    def rows(self) -> list[tuple[str, str, Tensor]]:
        """What is measured: behind its name, what it is (empty for what was made), and the pictures."""
        colour = quantise(self.real.mean((0, 2, 3), keepdim=True))
        return [("", "", self.made), (*COPY, self.given), (*MEAN, colour.expand(len(self.given), *self.real.shape[1:]))]


def sides_of(sources: Sequence[TwoSided], paired: bool, count: int | None = None) -> Sides:
    """Items of sources with two sides, at most ``count`` of each side, or what is a sensible number."""
    spec = sources[0].spec
    most = count or max(1, min(LIMIT, NUMBERS // spec.size))
    sides = [each.of_x for each in sources], [each.of_y for each in sources]
    return Sides(_first(sides[0], most), _first(sides[1], most), paired)


def _first(sources: Sequence[Source], count: int) -> Tensor:
    """The first items of several sources."""
    ends = itertools.accumulate((len(each) for each in sources), initial=0)
    lengths = [min(len(each), max(0, count - end)) for each, end in zip(sources, ends, strict=False)]
    found = [each.read(rows).x for each, length in zip(sources, lengths, strict=True) for rows in parts(length, CHUNK)]
    return torch.cat(found)


def translated(
    net: Net,
    spec: Spec,
    sides: Sides,
    extractors: Extractors,
    *,
    split: str = "test",
    metrics: Sequence[str] | None = None,
    seed: int = 0,
    tell: Tell | None = None,
) -> list[Figure]:
    """How good translations are, in each direction that the net has.

    With true pairs L1, PSNR and SSIM, picture by picture; always the kernel distance (KID) between what was made and
    what is there; with both directions the error of a picture sent there and back. Pictures are rounded to 8 bits
    first. Each is told, too, for the input left as it is and for the mean colour of the true pictures: what beats both
    has learnt something.

    Args:
        net: translates.
        spec: of the data, with two sides.
        sides: held-out pictures.
        extractors: from the spec of a side to the extractor that its kernel distance is measured with.
        split: what the pictures are called.
        metrics: which of :data:`METRICS`; by default those that can be had.
        seed: of halves and subsets.
        tell: hears what is left out.

    Raises:
        CannotDo: the net does not translate.
        BadField: an unknown metric, or one that cannot be had.
        BadData: too few pictures for the kernel distance that is asked for: it takes 4, or 8 pairs.
    """
    require(net, Translates, "evaluate with translations")
    wanted = _wanted(net, sides, metrics, tell or (lambda _: None))
    found, loops = [], {}
    for to in net.domains:
        given, real = sides.of(spec, to)
        made = _all(net, given, to)
        loops[to] = made
        target = made_spec(spec, to)
        named = f" to {to}" if len(net.domains) > 1 else ""
        ground = torch.ones(3)
        plain = quantise(recoloured(given, target.shape[0], ground))
        extractor = extractors(replace(target, y=None, pairing="", sides=()))
        way = Way(named, plain, quantise(made), quantise(real), extractor, sides.paired, split, seed)
        found += [figure for name in wanted if name != "cycle" for figure in MAKERS[name](way)]
    if "cycle" in wanted:
        found += [_cycle(net, spec, sides, to, loops, split) for to in net.domains]
    return found


def _wanted(net: Net, sides: Sides, metrics: Sequence[str] | None, tell: Tell) -> list[str]:
    """The metrics that are told.

    Raises:
        BadField, BadData: one was asked for that cannot be had.
    """
    few, least = min(len(sides.x), len(sides.y)), FEWEST * (1 + sides.paired)
    left = {} if sides.paired else dict.fromkeys(PAIRED, "true pictures: give pairs, evaluate RUN A B")
    left |= {} if len(net.domains) > 1 else {"cycle": "a model that translates both ways"}
    if few < least:
        left["kid"] = f"{least} held-out pictures of each side, and there are {few}"
    for name in chosen(metrics or (), METRICS):
        if name in left:
            raise (BadData if name == "kid" else BadField)(f"the metric {name} needs {left[name]}")
    if metrics is None and "kid" in left:
        tell(f"kid is left out: it needs {left['kid']}")
    return [name for name in METRICS if name not in left and (metrics is None or name in metrics)]


def _all(net: Net, x: Tensor, to: str) -> Tensor:
    return torch.cat([translate(net, x[rows], to) for rows in parts(len(x), CHUNK)])


# --- picture by picture ----------------------------------------------------------------------------------------------


def _error(way: Way) -> Iterator[Figure]:
    told = "Mean absolute error of a made picture against the true one, as a share of the range"
    yield from _by_picture(way, "L1", "of the range", told, "lower", lambda a, b: (a - b).abs().flatten(1).mean(1))


def _psnr(way: Way) -> Iterator[Figure]:
    told = "Peak signal to noise of a made picture against the true one, at most 58.9 dB, that of rounding to 8 bits"
    yield from _by_picture(
        way, "PSNR", "dB", told, "higher",
        lambda a, b: -10 * (a - b).square().flatten(1).mean(1).clamp_min(FINEST).log10(),
    )  # fmt: skip


def _ssim(way: Way) -> Iterator[Figure]:
    told = "Structural similarity of a made picture and the true one: 1 if they are equal"
    yield from _by_picture(way, "SSIM", "", told, "higher", structural_similarity)


def _by_picture(
    way: Way, name: str, unit: str, told: str, better: str, measure: Callable[[Tensor, Tensor], Tensor]
) -> Iterator[Figure]:
    for suffix, plain, pictures in way.rows:
        found = average_of(measure(pictures.double(), way.real.double()).numpy())
        about = f"{told}; mean of {len(pictures)} {way.split} pairs."
        yield Figure(
            name + way.to + suffix, found.value, found.low, found.high, unit, plain or about, "" if plain else better,
            samples=len(pictures), split=way.split,
        )  # fmt: skip


# --- as a crowd ------------------------------------------------------------------------------------------------------


def _kid(way: Way) -> Iterator[Figure]:
    """Of true pairs only one picture of each is looked at: a made picture and its truth are too alike for chance."""
    order = torch.randperm(len(way.real), generator=torch.Generator().manual_seed(key(way.seed, "halves")))
    first, second = order[: len(order) // 2], order[len(order) // 2 :]
    features = features_of(way.extractor, way.real)
    real = features[first] if way.paired else features
    floor = _distance(features[first], features[second], way.seed)
    halves = "too few for a floor" if math.isnan(floor) else f"two halves of the true ones: {floor:.4g}"
    for suffix, plain, pictures in way.rows:
        mine = pictures[second] if way.paired else pictures
        found = kernel_distance(features_of(way.extractor, mine), real, seed=way.seed)
        about = (
            f"Unbiased distance of all moments up to the third between {len(mine)} made and {len(real)} true "
            f"{way.split} pictures; {found.note}; {halves}. "
            f"Chance can make it negative."
        )
        yield Figure(
            f"KID ({name_of(way.extractor)}){way.to}{suffix}", found.value, found.low, found.high, "",
            plain or about, "" if plain else "lower",
            floor=None if math.isnan(floor) else floor, samples=len(mine), split=way.split,
            fingerprint=str(getattr(way.extractor, "fingerprint", "")),
        )  # fmt: skip


def _distance(a: Tensor, b: Tensor, seed: int) -> float:
    return kernel_distance(a, b, seed=seed).value if min(len(a), len(b)) >= FEWEST else math.nan


def _cycle(net: Net, spec: Spec, sides: Sides, to: str, loops: dict[str, Tensor], split: str) -> Figure:
    """Pictures of the domain ``to`` that were sent to the other one and come back."""
    (away,) = (name for name in net.domains if name != to)
    _, own = sides.of(spec, to)
    back = _all(net, loops[away], to)
    found = average_of((back.double() - own.double()).abs().flatten(1).mean(1).numpy())
    meaning = (
        f"Mean absolute error of {len(own)} {split} pictures of {to} that went to {away} and back; a model that "
        f"changes nothing has 0."
    )
    return Figure(f"cycle error of {to}", found.value, found.low, found.high, "of the range", meaning, "lower")


MAKERS: dict[str, Callable[[Way], Iterator[Figure]]] = {"l1": _error, "psnr": _psnr, "ssim": _ssim, "kid": _kid}
