"""A net over the frames of a film without flicker: one noise for all frames, and norms whose statistics move slowly.

A norm that takes the mean and deviation of each frame anew changes the colours of what stands still whenever something
else moves. Here its statistics are averaged along time, or stay those of the first frame, until the scene is cut.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from latentia.core import Moments, Translates, moments_of
from latentia.data.conform import recoloured
from latentia.errors import BadField, CannotDo, near
from latentia.tasks.tiles import Shared, tiled
from latentia.tasks.translate import destination, fitted
from latentia.tasks.working import ItemNoise, Net, parts, place, require, still

__all__ = ["HALF_LIFE", "STEADY", "Cuts", "Steady", "steadily"]

STEADY = ("smooth", "frozen", "off")
HALF_LIFE = 8.0  # frames after which half of what the statistics say is new
CUT, COARSE = 0.12, 16  # mean change of a frame, seen in so many squares a side, above which it is another scene
COLOURS = (1, 3, 4)


class Steady:
    """Statistics of norms that are shared along time (:data:`latentia.core.Moments`).

    Args:
        how: ``"smooth"`` averages them with the half-life given; ``"frozen"`` keeps those of the scene's first frame.
        half_life: in frames.
    """

    def __init__(self, how: str = "smooth", half_life: float = HALF_LIFE) -> None:
        self.keep = 1.0 if how == "frozen" else 0.5 ** (1 / half_life)
        self.kept: list[tuple[Tensor, Tensor]] = []
        self.coming: list[tuple[Tensor, Tensor]] = []
        self.cuts: list[bool] = []
        self.norm = 0

    def begin(self, cuts: list[bool]) -> None:
        """Frames follow, in the order of time; before which of them the scene is cut."""
        self.coming, self.cuts = list(self.kept), cuts
        self.again()

    def again(self) -> None:
        """The net starts from its first norm, with the same frames."""
        self.norm = 0

    def finish(self) -> None:
        """The frames are done, and time goes on."""
        self.kept = self.coming

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.along(*moments_of(x))

    def along(self, mean: Tensor, square: Tensor) -> tuple[Tensor, Tensor]:
        """What the norm whose turn it is uses instead of the frames' own mean and mean square."""
        place, self.norm = self.norm, self.norm + 1
        now: tuple[Tensor, Tensor] | None = self.kept[place] if place < len(self.kept) else None
        means, squares = [], []
        for row, cut in enumerate(self.cuts):
            own = mean[row : row + 1], square[row : row + 1]
            now = own if now is None or cut else (self._mixed(now[0], own[0]), self._mixed(now[1], own[1]))
            means.append(now[0])
            squares.append(now[1])
        if now is not None:
            self.coming[place : place + 1] = [now]
        return torch.cat(means), torch.cat(squares)

    def _mixed(self, before: Tensor, own: Tensor) -> Tensor:
        return self.keep * before + (1 - self.keep) * own


class OfTiles:
    """Statistics of a whole frame, found tile by tile, then shared along time."""

    def __init__(self, shared: Shared, steady: Steady) -> None:
        self.shared, self.steady = shared, steady
        steady.again()

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.steady.along(*self.shared(x))


class Cuts:
    """Tells where a scene is cut: where a frame, seen coarsely, is another than the one before it."""

    def __init__(self) -> None:
        self.last: Tensor | None = None

    def __call__(self, x: Tensor) -> list[bool]:
        """Whether each of these frames ``(N, C, H, W)`` begins a scene; the first of all does."""
        seen = adaptive_avg_pool2d(x, (min(COARSE, x.shape[2]), min(COARSE, x.shape[3])))
        before = torch.cat([seen[:1] + 1 if self.last is None else self.last, seen[:-1]])
        self.last = seen[-1:]
        changes: list[bool] = ((seen - before).abs().mean((1, 2, 3)) > CUT).tolist()
        return changes


def steadily(
    net: Net, to: str | None = None, how: str = "smooth", seed: int | None = None, tile: int | None = None
) -> Callable[[Tensor], Tensor]:
    """A function of frames for :func:`latentia.tasks.film.translate_video`; it remembers the frames before.

    Args:
        net: translates.
        to: a domain of the net; a net with one needs no name.
        how: ``"smooth"``, ``"frozen"`` or ``"off"``: each frame for itself.
        seed: of the one noise that all frames have; without it there is none.
        tile: work on parts of a frame of at most so many pixels a side.

    Raises:
        CannotDo: the net does not translate, or pictures of other than 1, 3 or 4 channels.
        BadField: an unknown domain or ``how``.
    """
    require(net, Translates, "translate")
    if how not in STEADY:
        raise BadField(f"--steady is {how!r}; {near(how, STEADY)}")
    to = destination(net, to)
    channels = net.given(to).shape[0]
    if channels not in COLOURS:
        raise CannotDo(f"a film has colours; this model takes pictures of {channels} channels")
    steady, cuts, like = None if how == "off" else Steady(how), Cuts(), place(net)

    def worked(x: Tensor, moments: Moments | None) -> Tensor:
        noise = None if seed is None else ItemNoise([seed] * len(x), like, "translate")
        made: Tensor = net.translate(x.to(like), to, noise, moments)
        return made.to("cpu", torch.float32)

    def some(x: Tensor, whole: Tensor) -> Tensor:
        if steady is not None:
            steady.begin(cuts(x))
        if tile is None or max(whole.shape[2:]) <= tile:
            made = worked(whole, steady)
        else:
            made = tiled(whole, lambda part, shared: worked(part, _over(shared, steady)), tile, net.multiple)
        if steady is not None:
            steady.finish()
        return made[:, :, : x.shape[2], : x.shape[3]]

    def function(x: Tensor) -> Tensor:
        x = recoloured(x, channels, torch.ones(3))
        at_once = 1 if like.device.type == "cpu" or tile is not None else len(x)
        with still(net):
            made = torch.cat([some(x[rows], fitted(x[rows], net.multiple)) for rows in parts(len(x), at_once)])
        if made.shape[1] not in COLOURS:
            raise CannotDo(f"a film has colours; this model makes pictures of {made.shape[1]} channels")
        return recoloured(made, 3, torch.ones(3))

    return function


def _over(shared: Moments, steady: Steady | None) -> Moments:
    return shared if steady is None or not isinstance(shared, Shared) else OfTiles(shared, steady)
