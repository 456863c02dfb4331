"""Colour of video: luma and chroma to RGB and back, for the matrix, range, depth and chroma planes of a stream.

Numbers of matrices, primaries and transfer curves are those of ITU-T H.273, which streams are tagged with. Chroma of
half the width is taken as sited beside the even columns (H.264's and H.265's default), of half the height as lying
between two rows; it is interpolated between its samples on the way in and averaged over them on the way out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from latentia.errors import BadData

__all__ = ["BT601", "BT709", "BT2020", "UNSAID", "Coding", "Tags", "from_rgb", "to_rgb"]

UNSAID, BT709, BT601, BT2020 = 2, 1, 6, 9
WEIGHTS = {  # of red and blue in luma, by the number of the matrix
    BT709: (0.2126, 0.0722),
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.470 B and G, the same as BT.601
    BT601: (0.299, 0.114),
    7: (0.212, 0.087),  # SMPTE 240M
    BT2020: (0.2627, 0.0593),
}
LARGE = 720  # from this height on an untagged stream is taken as BT.709, below as BT.601, as players do


@dataclass(frozen=True)
class Tags:
    """The colour tags of a stream, as written in it: 2 is "unspecified", and range 0 too (1 is limited, 2 full)."""

    primaries: int = UNSAID
    transfer: int = UNSAID
    matrix: int = UNSAID
    range: int = 0


@dataclass(frozen=True)
class Coding:
    """How numbers stand for colours.

    Attributes:
        matrix: the number of the matrix; 0 is RGB itself, its planes in the order green, blue, red.
        full: whether luma uses all numbers, or the limited range of television (16 to 235 of 8 bits).
        bits: of one number.
        halves: whether chroma has half the (height, width), rounded up.
    """

    matrix: int
    full: bool
    bits: int = 8
    halves: tuple[bool, bool] = (False, False)

    @property
    def luma(self) -> tuple[float, float]:
        """The numbers of black and white."""
        return (0.0, 2.0**self.bits - 1) if self.full else (16 * 2.0 ** (self.bits - 8), 235 * 2.0 ** (self.bits - 8))

    @property
    def chroma(self) -> tuple[float, float]:
        """The number of no colour, and how many numbers lie between the two ends of a colour difference."""
        span = 2.0**self.bits - 1 if self.full else 224 * 2.0 ** (self.bits - 8)
        return 2.0 ** (self.bits - 1), span

    @property
    def weights(self) -> tuple[float, float]:
        """The shares of red and blue in luma.

        Raises:
            BadData: a matrix that is none of red, green and blue.
        """
        if self.matrix not in WEIGHTS:
            known = "BT.601, BT.709 or BT.2020"
            raise BadData(f"its colours are coded by matrix {self.matrix} of H.273, which is not read; {known} are")
        return WEIGHTS[self.matrix]


def coding(tags: Tags, height: int, bits: int = 8, halves: tuple[bool, bool] = (False, False)) -> Coding:
    """What tags mean. Untagged, the matrix is BT.709 for large pictures and BT.601 for small, and the range limited."""
    matrix = (BT709 if height >= LARGE else BT601) if tags.matrix == UNSAID else tags.matrix
    return Coding(BT2020 if matrix == 10 else matrix, tags.range == 2, bits, halves)


def to_rgb(planes: Sequence[Tensor], coding: Coding) -> Tensor:
    """Planes as RGB, ``(N, 3, H, W)`` float32 in [0, 1]; what lies outside is cut off.

    Args:
        planes: luma ``(N, H, W)``, alone (grey) or with two planes of chroma of its size or half, rounded up; integers.
        coding: how their numbers stand for colours.
    """
    if coding.matrix == 0:
        green, blue, red = (plane.float() / (2**coding.bits - 1) for plane in planes)
        return torch.stack([red, green, blue], 1).clamp_(0, 1)
    black, white = coding.luma
    luma = (planes[0].float() - black) / (white - black)
    if len(planes) == 1:
        return luma.clamp_(0, 1)[:, None].repeat(1, 3, 1, 1)
    of_red, of_blue = coding.weights
    middle, span = coding.chroma
    size = (luma.shape[-2], luma.shape[-1])
    u, v = (_larger((plane.float() - middle) / span, coding.halves, size) for plane in planes[1:3])
    rgb = luma.new_empty(len(luma), 3, *size)
    rgb[:, 0] = luma + 2 * (1 - of_red) * v
    rgb[:, 2] = luma + 2 * (1 - of_blue) * u
    rgb[:, 1] = (luma - of_red * rgb[:, 0] - of_blue * rgb[:, 2]) / (1 - of_red - of_blue)
    return rgb.clamp_(0, 1)


def from_rgb(rgb: Tensor, coding: Coding, grey: bool = False) -> list[Tensor]:
    """RGB ``(N, 3, H, W)`` in [0, 1] as planes of whole numbers, rounded: what :func:`to_rgb` reads; int32.

    With ``grey`` there is luma alone.
    """
    most = 2**coding.bits - 1
    if coding.matrix == 0:
        return [_whole(rgb[:, channel] * most, most) for channel in (1, 2, 0)]
    red, blue = coding.weights
    luma = red * rgb[:, 0] + (1 - red - blue) * rgb[:, 1] + blue * rgb[:, 2]
    black, white = coding.luma
    planes = [_whole(luma * (white - black) + black, most)]
    if grey:
        return planes
    middle, span = coding.chroma
    for channel, weight in ((2, blue), (0, red)):
        difference = (rgb[:, channel] - luma) / (2 * (1 - weight))
        planes.append(_whole(_smaller(difference, coding.halves) * span + middle, most))
    return planes


def _whole(values: Tensor, most: int) -> Tensor:
    return values.round_().clamp_(0, most).to(torch.int32)


def _larger(x: Tensor, halves: tuple[bool, bool], size: tuple[int, int]) -> Tensor:
    """Chroma at the places of luma, ``(N, H, W)``."""
    if halves[0]:
        above, below = torch.cat([x[:, :1], x[:, :-1]], 1), torch.cat([x[:, 1:], x[:, -1:]], 1)
        x = torch.stack([0.75 * x + 0.25 * above, 0.75 * x + 0.25 * below], 2).flatten(1, 2)[:, : size[0]]
    if halves[1]:
        right = torch.cat([x[..., 1:], x[..., -1:]], -1)
        x = torch.stack([x, 0.5 * (x + right)], -1).flatten(-2)[..., : size[1]]
    return x


def _smaller(x: Tensor, halves: tuple[bool, bool]) -> Tensor:
    """Chroma at its own places: a triangle over three columns around an even one, the mean of two rows."""
    if halves[1]:
        x = torch.cat([x, x[..., -1:]], -1) if x.shape[-1] % 2 else x
        left = torch.cat([x[..., :1], x[..., 1:-1:2]], -1)
        x = 0.5 * x[..., ::2] + 0.25 * (left + x[..., 1::2])
    if halves[0]:
        x = torch.cat([x, x[:, -1:]], 1) if x.shape[1] % 2 else x
        x = 0.5 * (x[:, ::2] + x[:, 1::2])
    return x
