"""Defects drawn on good pictures, with the pixels that they changed; how well maps find them; and patch-PCA, the peer.

Every defect is a pure function of a picture and a generator: a scratch (a thin curve of another colour), a blob (a
soft-edged spot), a missing part (a rectangle filled with the colour around it) and a moved part (a rectangle that shows
what is elsewhere in the same picture). Where a draw changes next to nothing, as on a white ground, it is drawn again,
and of fifty such draws that which changes most is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import fold, unfold

from latentia.core import key

VISIBLE = 0.15  # mean change of the pixels that count as changed, at least: below it a person sees nothing
CHANGED = 8 / 255  # a pixel counts as changed from here
TRIES = 50
ALARMS = 0.3  # AUPRO is integrated up to this share of false pixels (Bergmann et al. 2021, section 4.2)


# --- drawing ---------------------------------------------------------------------------------------------------------


def between(low: float, high: float, generator: torch.Generator) -> float:
    """A uniform number."""
    return low + (high - low) * float(torch.rand((), generator=generator))


def scratch(x: Tensor, generator: torch.Generator) -> Tensor:
    """A bent thin line, 1 to 2 of 64 pixels wide, a sixth to a half of the picture long."""
    side = min(x.shape[1:])
    rows, columns = torch.meshgrid(*(torch.arange(each) + 0.5 for each in x.shape[1:]), indexing="ij")
    length, angle = between(side / 6, side / 2, generator), between(0, math.pi, generator)
    bend, width = between(-0.3, 0.3, generator) * length, between(0.5, 1.0, generator) * side / 64
    center = [between(0.2, 0.8, generator) * each for each in x.shape[1:]]
    steps = torch.linspace(-0.5, 0.5, 4 * side)
    along, across = steps * length, bend * (1 - 4 * steps.square())
    line = (
        center[0] + along * math.sin(angle) + across * math.cos(angle),
        center[1] + along * math.cos(angle) - across * math.sin(angle),
    )
    distance = ((rows[..., None] - line[0]).square() + (columns[..., None] - line[1]).square()).amin(-1).sqrt()
    return blended(x, (width + 0.5 - distance).clamp(0, 1), colour(x, generator))


def blob(x: Tensor, generator: torch.Generator) -> Tensor:
    """A spot of an ellipse's form, 3 to 7 of 64 pixels in radius, its edge soft over a pixel or two."""
    side = min(x.shape[1:])
    rows, columns = torch.meshgrid(*(torch.arange(each) + 0.5 for each in x.shape[1:]), indexing="ij")
    center = [between(0.15, 0.85, generator) * each for each in x.shape[1:]]
    radius, stretch, angle = between(3, 7, generator) * side / 64, between(0.6, 1, generator), between(0, 3, generator)
    down, right = rows - center[0], columns - center[1]
    one = (down * math.cos(angle) + right * math.sin(angle)) / radius
    other = (right * math.cos(angle) - down * math.sin(angle)) / (radius * stretch)
    edge = (1 - (one.square() + other.square()).sqrt()) * radius / 1.5 + 0.5
    return blended(x, edge.clamp(0, 1) * between(0.6, 1, generator), colour(x, generator))


def missing(x: Tensor, generator: torch.Generator) -> Tensor:
    """A rectangle, an eighth to a quarter of the picture, filled with the mean colour of what surrounds it."""
    rows, columns = rectangle(x, generator)
    wide = (slice(max(rows.start - 2, 0), rows.stop + 2), slice(max(columns.start - 2, 0), columns.stop + 2))
    ring = torch.zeros(x.shape[1:], dtype=torch.bool)
    ring[wide] = True
    ring[rows, columns] = False
    made = x.clone()
    made[:, rows, columns] = x[:, ring].mean(1)[:, None, None]
    return made


def moved(x: Tensor, generator: torch.Generator) -> Tensor:
    """A rectangle, an eighth to a quarter of the picture, that shows another place of it."""
    rows, columns = rectangle(x, generator)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    top = int(between(0, x.shape[1] - height + 1, generator))
    left = int(between(0, x.shape[2] - width + 1, generator))
    made = x.clone()
    made[:, rows, columns] = x[:, top : top + height, left : left + width]
    return made


DEFECTS: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "scratch": scratch,
    "blob": blob,
    "missing": missing,
    "moved": moved,
}


def rectangle(x: Tensor, generator: torch.Generator) -> tuple[slice, slice]:
    """Where a part lies."""
    sides = [int(between(1 / 8, 1 / 4, generator) * each) for each in x.shape[1:]]
    starts = [int(between(1, whole - side, generator)) for whole, side in zip(x.shape[1:], sides, strict=True)]
    return slice(starts[0], starts[0] + sides[0]), slice(starts[1], starts[1] + sides[1])


def colour(x: Tensor, generator: torch.Generator) -> Tensor:
    """A colour."""
    return torch.rand(x.shape[0], 1, 1, generator=generator)


def blended(x: Tensor, share: Tensor, ink: Tensor) -> Tensor:
    """The picture with a share of ink at each pixel."""
    return x * (1 - share) + ink * share


def damaged(x: Tensor, kind: str, seed: int) -> tuple[Tensor, Tensor]:
    """Pictures ``(N, C, H, W)`` with a defect each, and which pixels it changed, bool ``(N, H, W)``."""
    made, masks = torch.empty_like(x), torch.zeros(len(x), *x.shape[2:], dtype=torch.bool)
    for place, picture in enumerate(x):
        generator = torch.Generator().manual_seed(key(seed, kind, place))
        best = -1.0
        for _ in range(TRIES):
            one = (DEFECTS[kind](picture, generator) * 255).round() / 255
            change = (one - picture).abs().amax(0)
            mask = change >= CHANGED
            seen = float(change[mask].mean()) if mask.any() else 0.0
            if seen > best:
                best, made[place], masks[place] = seen, one, mask
            if seen >= VISIBLE:
                break
    return made, masks


# --- how well maps find them -----------------------------------------------------------------------------------------


def overlap_area(maps: Tensor, masks: Tensor, good: Tensor) -> float:
    """AUPRO: the mean share of a defect that is found, over the rates of false pixels up to 0.3, in [0, 1].

    Bergmann et al. 2021, "The MVTec Anomaly Detection Dataset", section 4.2; a defect is one region here, and every
    pixel that is in none counts as false, those of good pictures too.

    Args:
        maps: of pictures with a defect, ``(N, H, W)``, higher for what is odder.
        masks: bool, the pixels of the defect, ``(N, H, W)``; a picture without any is left out.
        good: maps of pictures without, ``(M, H, W)``.
    """
    some = masks.flatten(1).any(1)
    outside = torch.cat([maps[~masks], good.flatten()]).sort(descending=True).values
    rates = torch.linspace(0, ALARMS, 301, dtype=torch.float64)
    places = (rates * len(outside)).long().clamp(max=len(outside) - 1)
    levels = outside[places]
    found = torch.stack(
        [
            (each[mask][None] > levels[:, None]).double().mean(1)
            for each, mask in zip(maps[some], masks[some], strict=True)
        ]
    )
    return float(torch.trapezoid(found.mean(0), rates) / ALARMS)


# --- the peer --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PatchPCA:
    """Patches of good pictures lie near a plane: the squared distance of every patch from it, spread on its pixels.

    Attributes:
        side: of a patch, in pixels.
        share: of the variance of training patches that the plane holds.
        count: of patches that it is found from.
    """

    side: int = 8
    share: float = 0.99
    count: int = 100_000

    def fit(self, x: Tensor, seed: int) -> Callable[[Tensor], Tensor]:
        """The map ``(N, C, H, W)`` -> ``(N, H, W)``, learnt from good pictures."""
        patches = (
            torch.cat([self._patches(each[None]) for each in x]).transpose(1, 2).reshape(-1, x.shape[1] * self.side**2)
        )
        order = torch.randperm(len(patches), generator=torch.Generator().manual_seed(key(seed, "patches")))
        some = patches[order[: self.count]].double()
        mean, covariance = some.mean(0), torch.cov(some.T)
        values, vectors = torch.linalg.eigh(covariance)
        kept = values.flip(0).cumsum(0) / values.sum() <= self.share
        plane = vectors.flip(1)[:, : int(kept.sum()) + 1].float()
        return lambda pictures: torch.cat([self._errors(each[None], mean.float(), plane) for each in pictures])

    def _patches(self, x: Tensor) -> Tensor:
        return unfold(x, self.side)

    def _errors(self, x: Tensor, mean: Tensor, plane: Tensor) -> Tensor:
        own = self._patches(x)[0].T - mean
        missed = (own - own @ plane @ plane.T).square().sum(1)
        spread = missed[None, None].expand(1, self.side**2, -1)
        total = fold(spread, x.shape[2:], self.side)
        return (total / fold(torch.ones_like(spread), x.shape[2:], self.side))[0]
