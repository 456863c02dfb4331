"""Patches: where a picture gives away, to the critic that a translating net was trained against, that it is made."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from latentia.data.conform import recoloured

__all__ = ["Verdict", "shaded", "verdict"]

WARM, COOL = (0.86, 0.24, 0.08), (0.10, 0.42, 0.80)  # taken for made, taken for real
STRONGEST = 0.75  # share of the colour where the critic is sure
DARKEST = 0.35  # the picture under it is brought between this grey and white


class Verdict(NamedTuple):
    """What a critic takes pictures for, patch by patch."""

    made: Tensor  # (N, rows, columns) in [0, 1]: the probability that a patch of a made picture is made
    real: Tensor  # (M, rows, columns): the same of true pictures
    right: float  # the share of patches that it is right about, made and true ones counting alike: 0.5 is chance


def verdict(made: Tensor, real: Tensor) -> Verdict:
    """Answers of a critic, higher for what seems real, as probabilities.

    What an answer means depends on the game, and in some of them only differences mean anything. So it is read off the
    answers themselves: patches of either kind being equally many, and the answers to each normal with one spread, the
    log odds are a line through 0 in the middle of both means (Fisher's linear discriminant). Where the critic answers
    no higher to true pictures it knows nothing, and everything is 0.5.

    Args:
        made: answers ``(N, rows, columns)`` to patches of made pictures.
        real: answers ``(M, rows, columns)`` to patches of true ones.
    """
    made, real = made.double(), real.double()
    spread = 0.5 * (made.var(correction=0) + real.var(correction=0))
    gap, middle = (real.mean() - made.mean()).clamp(min=0), 0.5 * (real.mean() + made.mean())
    steepness = gap / spread.clamp(min=1e-12)
    first, second = ((steepness * (middle - each)).sigmoid().float() for each in (made, real))
    return Verdict(first, second, 0.5 * float(_below(made, middle) + 1 - _below(real, middle)))


def _below(answers: Tensor, middle: Tensor) -> Tensor:
    """The share below; what is equal counts half."""
    return 0.5 + 0.5 * (middle - answers).sign().mean()


def shaded(x: Tensor, chances: Tensor) -> Tensor:
    """Pictures ``(N, C, H, W)`` in grey, coloured warm where patches are taken for made and cool where for real.

    Args:
        x: the pictures, in [0, 1].
        chances: ``(N, rows, columns)``, laid over them as :class:`latentia.core.JudgesPatches` says where they lie.
    """
    grey = DARKEST + (1 - DARKEST) * recoloured(x, 1, torch.ones(3)).clamp(0, 1)
    wide = interpolate(pad(chances[:, None], (1, 1, 1, 1), mode="replicate"), x.shape[2:], mode="bilinear")
    sure = 2 * wide - 1
    colour = torch.where(sure > 0, _colour(WARM), _colour(COOL))
    return torch.lerp(grey.expand(-1, 3, -1, -1), colour * grey, STRONGEST * sure.abs())


def _colour(rgb: tuple[float, float, float]) -> Tensor:
    return torch.tensor(rgb).reshape(1, 3, 1, 1)
