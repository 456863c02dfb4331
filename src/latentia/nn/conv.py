"""Convolutional bodies whose sizes follow from the data: any channels, height and width from 8 pixels up.

Each level halves a side that has at least 8 pixels (rounding down) and keeps a shorter one, so that with enough levels
both end between 4 and 7; the decoder mirrors the encoder's sizes exactly. No norm, no residual: at this depth He's
initialisation carries the signal, and every layer is one convolution, which is what is fast.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import fold

from latentia.errors import BadField
from latentia.nn.mlp import MLP, activation, initialise

Size = tuple[int, int]
WHOLE = 256  # width of the one layer beside the code that sees the whole picture


def sizes_of(height: int, width: int, levels: int | None = None) -> list[Size]:
    """The sizes before, between and after the levels, from the data's own to the smallest.

    Args:
        height: rows of the data.
        width: columns of the data.
        levels: how many there are; as many as halve a side if it is not given.

    Raises:
        BadField: both sides are shorter than 8 pixels.
    """
    if max(height, width) < 8:
        raise BadField(f"convolutional nets need pictures of 8 pixels or more, these have {height} x {width}; use mlp")
    sizes = [(height, width)]
    while max(sizes[-1]) >= 8 if levels is None else len(sizes) <= levels:
        sizes.append(tuple(side // 2 if side >= 8 else side for side in sizes[-1]))  # type: ignore[arg-type]
    return sizes


def widths_of(width: int, levels: int) -> list[int]:
    """Channels of each level: ``width`` at the first, doubled at each, at most 8 times as many."""
    return [width * min(2**level, 8) for level in range(levels)]


def _kernel(large: Size, small: Size) -> tuple[Size, Size]:
    """Kernel and stride of a padded convolution between two sizes: 4 and 2 where a side is halved, else 3 and 1."""
    halved = [big != little for big, little in zip(large, small, strict=True)]
    return (3 + halved[0], 3 + halved[1]), (1 + halved[0], 1 + halved[1])


class ConvEncoder(nn.Module):
    """Strided convolutions from pictures ``(N, channels, height, width)`` to ``(N, features)``.

    Args:
        shape: ``(channels, height, width)`` of one picture.
        channels: channels after each level, at least one; levels beyond the last halving keep the size.
        act: name of the activation.

    Attributes:
        features: numbers of one output.
    """

    def __init__(self, shape: Sequence[int], channels: Sequence[int], act: str = "silu") -> None:
        super().__init__()
        sizes = sizes_of(shape[1], shape[2], len(channels))
        widths = [shape[0], *channels]
        layers: list[nn.Module] = []
        for (before, after), (large, small) in zip(itertools.pairwise(widths), itertools.pairwise(sizes), strict=True):
            kernel, stride = _kernel(large, small)
            layer = nn.Conv2d(before, after, kernel, stride, padding=1)
            initialise(layer, act)
            layers += [layer, activation(act)]
        self.layers = nn.Sequential(*layers)
        self.whole = MLP(widths[-1] * math.prod(sizes[-1]), (WHOLE,), act)
        self.features = WHOLE

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x)
        return self.whole(features.permute(0, 2, 3, 1))  # as channels-last pictures lie in memory: no copy


class Up(nn.ConvTranspose2d):
    """A transposed convolution from pictures of size ``small`` to exactly ``large``.

    To a single channel on a CPU it is computed as one matrix product and a sum of overlapping patches: the same
    numbers in half the time of the library's kernel, which fills up to 16 channels with zeros.
    """

    def __init__(self, before: int, after: int, small: Size, large: Size, bias: bool = True) -> None:
        kernel, stride = _kernel(large, small)
        odd = (large[0] - small[0] * stride[0], large[1] - small[1] * stride[1])
        super().__init__(before, after, kernel, stride, padding=1, output_padding=odd, bias=bias)
        self.large = large

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        if self.out_channels > 1 or self.bias is not None or input.device.type != "cpu":
            return super().forward(input, output_size)
        patches = (input.permute(0, 2, 3, 1) @ self.weight.flatten(1)).flatten(1, 2)
        return fold(patches.transpose(1, 2), self.large, self.kernel_size, padding=1, stride=self.stride)


class PictureHead(nn.Module):
    """The decoder's last layer, computed in its weights' precision, with a bias for every number of the picture.

    The bias learns the data's mean picture at once, so the convolutions need not.
    """

    def __init__(self, before: int, shape: Sequence[int], small: Size) -> None:
        super().__init__()
        self.up = Up(before, shape[0], small, (shape[1], shape[2]), bias=False)
        nn.init.xavier_uniform_(self.up.weight)
        self.bias = nn.Parameter(torch.zeros(*shape))

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            numbers: Tensor = self.up(features.to(self.up.weight.dtype))
            return numbers + self.bias

    def start(self, numbers: Tensor) -> None:
        """Let the layer give about ``numbers`` ``(*shape)`` before it is trained."""
        with torch.no_grad():
            self.bias.copy_(numbers)


class ConvDecoder(nn.Module):
    """The mirror of :class:`ConvEncoder`: latents ``(..., latent)`` to float32 numbers ``(..., *shape)``.

    Args:
        latent: numbers of one input.
        shape: ``(channels, height, width)`` of one output.
        channels: channels before each level: the encoder's in reverse.
        act: name of the activation.
    """

    def __init__(self, latent: int, shape: Sequence[int], channels: Sequence[int], act: str = "silu") -> None:
        super().__init__()
        sizes = sizes_of(shape[1], shape[2], len(channels))[::-1]
        self.first = (*sizes[0], channels[0])
        self.whole = MLP(latent, (WHOLE, math.prod(self.first)), act)
        layers: list[nn.Module] = []
        for (before, after), (small, large) in zip(
            itertools.pairwise(channels), itertools.pairwise(sizes), strict=False
        ):
            layer = Up(before, after, small, large)
            initialise(layer, act)
            layers += [layer, activation(act)]
        self.body = nn.Sequential(*layers)
        self.head = PictureHead(channels[-1], shape, sizes[-2])

    def forward(self, z: Tensor) -> Tensor:
        small = self.whole(z.flatten(0, -2)).unflatten(1, self.first).permute(0, 3, 1, 2)  # channels-last in memory
        numbers: Tensor = self.head(self.body(small))
        return numbers.reshape(*z.shape[:-1], *numbers.shape[1:])

    def start(self, numbers: Tensor) -> None:
        """Let the net give about ``numbers`` ``(*shape)`` before it is trained."""
        self.head.start(numbers)
