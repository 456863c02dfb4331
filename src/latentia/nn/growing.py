"""Nets that grow: they begin on pictures of 4 to 7 pixels a side, and blocks are faded in that double them.

Karras et al. 2018, "Progressive Growing of GANs for Improved Quality, Stability, and Variation", sections 2 to 4,
https://arxiv.org/abs/1710.10196. All blocks are there from the beginning; only those of the phase are computed.

A *phase* is a number: 2 k while level k is whole, 2 k - 1 while it is faded in over level k - 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentia.errors import BadField
from latentia.nn.conv import Size, sizes_of

SLOPE = 0.2  # of the leaky rectifier
GAIN = math.sqrt(2.0)  # keeps the signal's size through a rectifier (He et al. 2015)


def growing_sizes(height: int, width: int, levels: int | None = None) -> list[Size]:
    """The sizes of the levels, from the smallest to the data's: each side of at least 8 pixels is halved.

    Args:
        height: rows of the data.
        width: columns of the data.
        levels: how often to halve; as long as there is a side of at least 8 pixels if it is not given.

    Raises:
        BadField: there is nothing to halve, or not that often.
    """
    if max(height, width) < 8:
        raise BadField(f"growing needs pictures of 8 pixels or more, these have {height} x {width}; use the model gan")
    most = len(sizes_of(height, width)) - 1
    if levels is not None and levels > most:
        raise BadField(f"levels is {levels}, and pictures of {height} x {width} can be halved at most {most} x")
    return sizes_of(height, width, levels)[::-1]


def uneven(sizes: Sequence[Size]) -> bool:
    """Whether a side is ever neither kept nor exactly doubled."""
    steps = itertools.pairwise(sizes)
    return any(big not in (small, 2 * small) for pair in steps for small, big in zip(*pair, strict=True))


@dataclass(frozen=True)
class Growth:
    """When a net grows, in images seen: level 0 is trained alone, then each level is faded in and stabilised.

    Attributes:
        levels: how often pictures are doubled.
        stabilise: images for which a whole level is trained, before the next.
        fade: images over which a level is faded in.
    """

    levels: int
    stabilise: int
    fade: int

    def begins(self, level: int) -> int:
        """The images seen when a level is added."""
        return self.stabilise * level + self.fade * max(0, level - 1)

    @property
    def ends(self) -> int:
        """The images seen when the last level is whole."""
        return self.begins(self.levels) + self.fade * (self.levels > 0)

    def phase(self, seen: int) -> int:
        """The phase of the step that starts at ``seen``."""
        level = sum(seen >= self.begins(each) for each in range(1, self.levels + 1))
        return 2 * level - (level > 0 and seen < self.begins(level) + self.fade)

    def share(self, phase: int, seen: Tensor) -> Tensor | None:
        """How far the newest level is faded in, from 0 to 1; ``None`` where it is whole. Reads nothing on the host."""
        if not phase % 2:
            return None
        return ((seen - self.begins(level_of(phase))) / max(self.fade, 1)).clamp(0, 1)


def level_of(phase: int) -> int:
    """The newest level of a phase."""
    return (phase + 1) // 2


def shrunk(x: Tensor, size: Size) -> Tensor:
    """Pictures averaged over boxes down to ``size``; boxes overlap where a side does not divide."""
    across = [(large // small, large % small) for large, small in zip(x.shape[-2:], size, strict=True)]
    if any(rest for _, rest in across):
        return functional.interpolate(x, size, mode="area")
    return functional.avg_pool2d(x, [times for times, _ in across]) if x.shape[-2:] != size else x


def enlarged(x: Tensor, size: Size) -> Tensor:
    """Pictures with their pixels repeated up to ``size``."""
    return functional.interpolate(x, size, mode="nearest") if x.shape[-2:] != size else x


def mixed(old: Tensor, new: Tensor, share: Tensor) -> Tensor:
    """``old`` at share 0, ``new`` at share 1, both exactly."""
    return torch.lerp(old.to(new.dtype), new, share.to(new))


def seen_at(x: Tensor, sizes: Sequence[Size], phase: int, share: Tensor | None) -> Tensor:
    """Real pictures with the detail that the nets have at this phase: averaged down, and faded as the newest level is.

    Args:
        x: pictures ``(N, channels, *sizes[-1])``.
        sizes: of all levels.
        phase: of the nets.
        share: of the newest level.

    Returns:
        Pictures ``(N, channels, *sizes[level])``.
    """
    level = level_of(phase)
    for size in reversed(sizes[level:-1]):
        x = shrunk(x, size)
    return x if share is None else mixed(enlarged(shrunk(x, sizes[level - 1]), sizes[level]), x, share)


class PixelNorm(nn.Module):
    """Every pixel's features ``(N, channels, ...)`` scaled to a mean square of 1 (section 4.2)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def variety(x: Tensor, group: int) -> Tensor:
    """How much items differ from their neighbours, as one more channel: ``(N, C, H, W)`` to ``(N, C + 1, H, W)``.

    The minibatch standard deviation (section 3), over blocks of ``group`` consecutive rows, so that it does not depend
    on how a batch is spread over processes or parts. ``group`` divides N.
    """
    blocks = x.to(torch.promote_types(x.dtype, torch.float32)).unflatten(0, (-1, group))
    off = blocks - blocks.mean(1, keepdim=True)  # on a CPU several times as fast as var()
    spread = (off.square().mean(1) + 1e-8).sqrt().mean((1, 2, 3))
    own = spread[:, None].expand(-1, group).reshape(-1, 1, 1, 1)
    return torch.cat([x, own.to(x).expand(-1, 1, *x.shape[2:])], 1)


class EqualConv(nn.Conv2d):
    """A convolution that keeps the size, with an equalised learning rate: weights are N(0, 1), scaled as they are used.

    Under Adam, whose steps know no scale, all weights then learn equally fast (section 4.1).

    Args:
        before: channels that come in.
        after: channels that go out.
        kernel: 1 or 3.
        gain: of the signal.
        exact: compute in the weights' precision, whatever autocast says.
    """

    def __init__(self, before: int, after: int, kernel: int = 3, gain: float = GAIN, exact: bool = False) -> None:
        super().__init__(before, after, kernel, padding=kernel // 2)
        self.scale, self.exact = gain / math.sqrt(before * kernel**2), exact

    def reset_parameters(self) -> None:
        _standard(self)

    def forward(self, input: Tensor) -> Tensor:
        if not self.exact:
            return self._conv_forward(input, self.weight * self.scale, self.bias)
        with torch.autocast(input.device.type, enabled=False):
            return self._conv_forward(input.to(self.weight.dtype), self.weight * self.scale, self.bias)


class EqualLinear(nn.Linear):
    """A linear layer with an equalised learning rate, as :class:`EqualConv`."""

    def __init__(self, before: int, after: int, gain: float = GAIN, bias: bool = True, exact: bool = False) -> None:
        super().__init__(before, after, bias)
        self.scale, self.exact = gain / math.sqrt(before), exact

    def reset_parameters(self) -> None:
        _standard(self)

    def forward(self, input: Tensor) -> Tensor:
        if not self.exact:
            return functional.linear(input, self.weight * self.scale, self.bias)
        with torch.autocast(input.device.type, enabled=False):
            return functional.linear(input.to(self.weight.dtype), self.weight * self.scale, self.bias)


def _standard(layer: nn.Conv2d | nn.Linear) -> None:
    nn.init.normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _picture_layers(channels: Sequence[int], lowest: int, make: Callable[[int], nn.Module]) -> nn.ModuleList:
    """A layer between pictures and features for each level from ``lowest`` on."""
    return nn.ModuleList(nn.Identity() if level < lowest else make(each) for level, each in enumerate(channels))


class GrowingGenerator(nn.Module):
    """From latents to pictures of the phase's size. Linear to-picture layers: a tanh there makes fades collapse.

    Args:
        latent: numbers of one input.
        colours: channels of a picture.
        sizes: of the levels, the smallest first.
        channels: features of each level.
        lowest: the first level that pictures are made at; the last one in nets that do not grow.
    """

    def __init__(
        self, latent: int, colours: int, sizes: Sequence[Size], channels: Sequence[int], lowest: int = 0
    ) -> None:
        super().__init__()
        self.sizes = list(sizes)
        first = (*sizes[0], channels[0])
        self.enter = nn.Sequential(PixelNorm(), EqualLinear(latent, math.prod(first), gain=GAIN / 4))
        self.enter.append(nn.Unflatten(1, first))
        self.begin = nn.Sequential(nn.LeakyReLU(SLOPE), PixelNorm(), *self._layer(channels[0], channels[0]))
        self.blocks = nn.ModuleList(
            nn.Sequential(*self._layer(before, after), *self._layer(after, after))
            for before, after in itertools.pairwise(channels)
        )
        self.pictures = _picture_layers(
            channels, lowest, lambda each: EqualConv(each, colours, kernel=1, gain=1.0, exact=True)
        )

    @staticmethod
    def _layer(before: int, after: int) -> list[nn.Module]:
        return [EqualConv(before, after), nn.LeakyReLU(SLOPE), PixelNorm()]

    def forward(self, z: Tensor, phase: int, share: Tensor | None) -> Tensor:
        """Float32 pictures ``(N, colours, *sizes[level])`` of latents ``(N, latent)``."""
        level = level_of(phase)
        features = before = self.begin(self.enter(z).permute(0, 3, 1, 2))  # channels-last in memory
        for block, size in zip(self.blocks[:level], self.sizes[1:], strict=False):
            before, features = features, block(enlarged(features, size))
        picture: Tensor = self.pictures[level](features)
        if share is None:
            return picture
        return mixed(enlarged(self.pictures[level - 1](before), self.sizes[level]), picture, share)


class GrowingCritic(nn.Module):
    """The mirror of :class:`GrowingGenerator`: pictures of the phase's size to ``(N, features)``.

    Args:
        colours: channels of a picture.
        sizes: of the levels, the smallest first.
        channels: features of each level.
        lowest: the first level that pictures are seen at; the last one in nets that do not grow.

    Attributes:
        features: numbers of one output.
    """

    def __init__(self, colours: int, sizes: Sequence[Size], channels: Sequence[int], lowest: int = 0) -> None:
        super().__init__()
        self.sizes, self.features = list(sizes), channels[0]
        self.pictures = _picture_layers(channels, lowest, lambda each: self._layer(colours, each, kernel=1))
        self.blocks = nn.ModuleList(
            nn.Sequential(self._layer(after, after), self._layer(after, before))
            for before, after in itertools.pairwise(channels)
        )
        self.end = self._layer(channels[0] + 1, channels[0])
        self.leave = nn.Sequential(EqualLinear(channels[0] * math.prod(sizes[0]), channels[0]), nn.LeakyReLU(SLOPE))

    @staticmethod
    def _layer(before: int, after: int, kernel: int = 3) -> nn.Module:
        return nn.Sequential(EqualConv(before, after, kernel), nn.LeakyReLU(SLOPE))

    def forward(self, x: Tensor, phase: int, share: Tensor | None, group: int) -> Tensor:
        """The features of pictures ``(N, colours, *sizes[level])``; ``group`` divides N: see :func:`variety`."""
        level = level_of(phase)
        features = self.pictures[level](x)
        for each in range(level, 0, -1):
            features = shrunk(self.blocks[each - 1](features), self.sizes[each - 1])
            if each == level and share is not None:
                features = mixed(self.pictures[level - 1](shrunk(x, self.sizes[level - 1])), features, share)
        features = self.end(variety(features, group))
        return self.leave(features.permute(0, 2, 3, 1).flatten(1))
