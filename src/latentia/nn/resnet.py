"""Residual generator: two halvings, residual blocks at a quarter of the size, two doublings.

References:
    Perceptual Losses for Real-Time Style Transfer and Super-Resolution (Johnson et al., 2016),
    https://arxiv.org/abs/1603.08155
    Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (Zhu et al., 2017), section 7.2,
    https://arxiv.org/abs/1703.10593
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from latentia.core import Moments, Noise
from latentia.nn.blocks import (
    ExactConv,
    InstanceNorm,
    convolution,
    dropped,
    finished,
    first_weights,
    padded,
    up,
    zeroed,
)


class ResNet(nn.Module):
    """Pictures ``(N, inputs, H, W)`` of any size from 8 pixels to float32 pictures ``(N, outputs, H, W)`` in [-1, 1].

    Args:
        inputs, outputs: channels.
        width: channels at full size; four times as many inside.
        blocks: how many residual blocks.
        transposed: upsample by transposed convolutions, and without the input beside the last features, as published:
            norms take away how bright each picture is, and the input tells it.
        dropout: share of each block's inner features that noise takes away.
        affine: norms with a learnt scale and shift; the published net has none.
        residual: add to the input instead of making all anew. The net then begins by leaving pictures as they are, and
            while it is trained what it makes may leave [-1, 1].

    Attributes:
        multiple: sides are padded to multiples of it inside.
    """

    multiple = 4

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int,
        blocks: int,
        transposed: bool = False,
        dropout: float = 0.0,
        affine: bool = True,
        residual: bool = False,
    ) -> None:
        super().__init__()
        inner = 4 * width
        self.down = nn.ModuleList(
            [
                convolution(inputs, width, 7, reflect=True),
                convolution(width, 2 * width, 3, 2),
                convolution(2 * width, inner, 3, 2),
            ]
        )
        self.up = nn.ModuleList(
            [up(inner, 2 * width, False, transposed, 3), up(2 * width, width, False, transposed, 3)]
        )
        self.down_norms = nn.ModuleList(InstanceNorm(each, affine) for each in (width, 2 * width, inner))
        self.up_norms = nn.ModuleList(InstanceNorm(each, affine) for each in (2 * width, width))
        self.blocks = nn.ModuleList(Residual(inner, dropout, affine) for _ in range(blocks))
        self.beside, self.residual = not transposed, residual
        last = ExactConv(width + inputs * self.beside, outputs, 7, padding=3, padding_mode="reflect")
        self.last = zeroed(last) if residual else first_weights(last)

    def forward(self, x: Tensor, noise: Noise | None = None, moments: Moments | None = None) -> Tensor:
        features = whole = padded(x, self.multiple)
        for layer, norm in zip(self.down, self.down_norms, strict=True):
            features = relu(norm(layer(features), moments))
        for block in self.blocks:
            features = block(features, noise, moments)
        for layer, norm in zip(self.up, self.up_norms, strict=True):
            features = relu(norm(layer(features), moments))
        if self.beside:
            features = torch.cat([features, whole.to(features.dtype)], 1)
        made = finished(self.last(features), whole, self.residual, self.training)
        return made[:, :, : x.shape[2], : x.shape[3]]


class Residual(nn.Module):
    """Features and what two convolutions make of them."""

    def __init__(self, channels: int, dropout: float, affine: bool) -> None:
        super().__init__()
        self.dropout = dropout
        self.first, self.second = (convolution(channels, channels, 3, reflect=True) for _ in range(2))
        self.first_norm, self.second_norm = (InstanceNorm(channels, affine) for _ in range(2))

    def forward(self, x: Tensor, noise: Noise | None, moments: Moments | None) -> Tensor:
        inner = dropped(relu(self.first_norm(self.first(x), moments)), self.dropout, noise)
        return x + self.second_norm(self.second(inner), moments)
