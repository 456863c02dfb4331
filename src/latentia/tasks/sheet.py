"""A contact sheet of a film: what was made of it under what it was made of, at moments evenly apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from latentia.data.conform import recoloured
from latentia.errors import BadData
from latentia.tasks.pictures import grid

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Sheet"]

MOMENTS = 8
LONGEST = 256  # pixels of the longer side of a frame on the sheet
WHITE = torch.ones(3)


class Sheet:
    """A function of frames that keeps some of them, however many there will be.

    It takes the place of ``function`` in :func:`latentia.tasks.film.translate_video`; afterwards :meth:`picture` shows
    what came by. Every frame is kept until there are twice as many as are shown; then every second, and so on.

    Args:
        function: from frames ``(N, 3, H, W)`` to as many, in the order of time.
        first: the number of the first frame.
        moments: how many are shown at most.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], first: int = 0, moments: int = MOMENTS) -> None:
        self.function, self.first, self.moments = function, first, moments
        self.kept: list[tuple[int, Tensor]] = []  # the number of a frame, and it over what was made of it
        self.seen, self.every = 0, 1

    def __call__(self, x: Tensor) -> Tensor:
        made = self.function(x)
        for one, two in zip(x, made, strict=False):
            if self.seen % self.every == 0:
                both = torch.stack([one.cpu(), recoloured(two[None].detach().cpu(), 3, WHITE)[0]])
                self.kept.append((self.seen, _small(both)))
            self.seen += 1
            if len(self.kept) == 2 * self.moments:
                self.kept, self.every = self.kept[::2], 2 * self.every
        return made

    def picture(self) -> Image:
        """The sheet: above the film, below what was made of it, with the numbers of the frames.

        Raises:
            BadData: no frame came by.
        """
        if not self.kept:
            raise BadData("no frame came by, so there is no sheet")
        count = min(self.moments, len(self.kept))
        last = max(1, count - 1)
        shown = [self.kept[round(place * (len(self.kept) - 1) / last)] for place in range(count)]
        numbers = [*[""] * count, *(f"frame {self.first + number}" for number, _ in shown)]
        return grid(torch.cat([torch.stack([both[row] for _, both in shown]) for row in (0, 1)]), count, 4, numbers)


def _small(x: Tensor) -> Tensor:
    """Frames brought down until their longer side fits."""
    height, width = x.shape[2:]
    scale = min(1.0, LONGEST / max(height, width))
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    if size == (height, width):
        return x.clone()
    return interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)
