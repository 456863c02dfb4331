"""Translating: pictures as people have them, one after another, through a model that translates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from latentia.core import Spec
from latentia.data.originals import originals
from latentia.errors import BadData, OutOfMemory
from latentia.tasks.translate import check, destination, made_spec, translate
from latentia.tasks.working import Net
from latentia.training.memory import is_out_of_memory

__all__ = ["Translations"]

PROPOSED = 512  # pixels of the tiles that are proposed where a picture does not fit


class Translations:
    """What pictures become, one after another: names and pictures ``(1, C, H, W)``, with draws ``(draws, C, H, W)``.

    Args:
        net: translates.
        spec: of the data that it was trained on.
        x: as :func:`latentia.data.originals.originals` takes it; all of it is looked at before the first is read.
        to, draws, seed, tile: as :func:`latentia.tasks.translate.translate` takes them.
        ground: the colour that transparent pictures are laid on.
        skip_bad: leave out pictures that cannot be read.

    Attributes:
        to: the name of the domain.
        spec: of its pictures, but for height and width.
        pictures: names and notes of what is translated.

    Raises:
        BadData: pictures that cannot be read.
        BadField, CannotDo: what the net has not.
    """

    def __init__(
        self,
        net: Net,
        spec: Spec,
        x: Any,
        to: str | None = None,
        draws: int | None = None,
        seed: int = 0,
        tile: int | None = None,
        *,
        ground: str = "white",
        skip_bad: bool = False,
    ) -> None:
        self.net, self.draws, self.seed, self.tile = net, draws, seed, tile
        self.to = destination(net, to)
        self.spec = made_spec(spec, self.to)
        check(net, draws, tile)
        self.pictures = originals(x, net.given(self.to), ground=ground, skip_bad=skip_bad)

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        for name, x in self.pictures:
            yield name, self._made(x)

    def together(self) -> Tensor:
        """All of them, ``(N, C, H, W)``, with draws ``(N, draws, C, H, W)``.

        Raises:
            BadData: pictures of more than one size, or none that could be read.
        """
        found = [made for _, made in self]
        sizes = {made.shape[2:] for made in found}
        if len(sizes) != 1:
            shown = (
                " and ".join(f"{width} x {height}" for height, width in sorted(sizes)[:2]) or "none that can be read"
            )
            raise BadData(f"pictures of one size have a tensor; these are {shown}: model.translations takes any")
        return torch.cat(found) if self.draws is None else torch.stack(found)

    def _made(self, x: Tensor) -> Tensor:
        try:
            made = translate(self.net, x, self.to, self.draws, self.seed, self.tile)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            size, tile = f"{x.shape[3]} x {x.shape[2]}", min(PROPOSED, (self.tile or 2 * PROPOSED) // 2)
            raise OutOfMemory(
                f"a picture of {size} pixels does not fit in memory; work on parts: --tile {tile}"
            ) from None
        return made if self.draws is None else made[0]
