"""U-Net: down to a small picture and up again, each level handing its features across.

References:
    U-Net: Convolutional Networks for Biomedical Image Segmentation (Ronneberger et al., 2015),
    https://arxiv.org/abs/1505.04597
    Image-to-Image Translation with Conditional Adversarial Networks (Isola et al., 2017), section 6.1,
    https://arxiv.org/abs/1611.07004
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

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
from latentia.nn.conv import widths_of

SLOPE = 0.2
FREE = 5  # inner levels of the published nets without dropout


class UNet(nn.Module):
    """Pictures ``(N, inputs, H, W)`` of any size to float32 pictures ``(N, outputs, H, W)`` in [-1, 1].

    Each level halves the sides by a convolution of kernel 4. The first has no norm, nor has the innermost: on one pixel
    it would leave nothing.

    Args:
        inputs, outputs: channels.
        width: channels of the first level, doubled at each, at most 8 times as many.
        levels: how often the sides are halved, at least twice.
        transposed: upsample by transposed convolutions, and without the input beside the last features, as published.
        dropout: share of the innermost features that noise takes away.
        residual: add to the input instead of making all anew, as :class:`latentia.nn.resnet.ResNet` does.

    Attributes:
        multiple: sides are padded to multiples of it inside.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int,
        levels: int,
        transposed: bool = False,
        dropout: float = 0.5,
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.multiple, self.dropout, self.drops = 2**levels, dropout, max(1, levels - FREE)
        widths = widths_of(width, levels)
        pairs = list(itertools.pairwise([inputs, *widths]))
        self.down = nn.ModuleList(
            convolution(before, after, 4, 2, bias=level in (0, levels - 1))
            for level, (before, after) in enumerate(pairs)
        )
        self.down_norms = nn.ModuleList(InstanceNorm(each) for each in widths[1:-1])
        ups = widths[-2::-1]
        self.up = nn.ModuleList(
            up(before, after, False, transposed)
            for before, after in zip([widths[-1], *(2 * each for each in ups)], ups, strict=False)
        )
        self.up_norms = nn.ModuleList(InstanceNorm(each) for each in ups)
        self.last = (
            Transposed(2 * width, outputs) if transposed else Beside(2 * width, inputs, outputs, width // 2 or 1)
        )
        self.residual = residual
        if residual:
            zeroed(self.last.up if isinstance(self.last, Transposed) else self.last.layer)

    def forward(self, x: Tensor, noise: Noise | None = None, moments: Moments | None = None) -> Tensor:
        whole = padded(x, self.multiple)
        skips = [self.down[0](whole)]
        for convolve, norm in zip(self.down[1:-1], self.down_norms, strict=True):
            skips.append(norm(convolve(leaky_relu(skips[-1], SLOPE)), moments))
        features = self.down[-1](leaky_relu(skips[-1], SLOPE))
        for level, (enlarge, norm) in enumerate(zip(self.up, self.up_norms, strict=True)):
            features = norm(enlarge(relu(features)), moments)
            features = dropped(features, self.dropout if level < self.drops else 0.0, noise)
            features = torch.cat([features, skips.pop()], 1)
        made = finished(self.last(relu(features), whole), whole, self.residual, self.training)
        return made[:, :, : x.shape[2], : x.shape[3]]


class Transposed(nn.Module):
    """The last layer as published: a transposed convolution, in its weights' precision."""

    def __init__(self, before: int, outputs: int) -> None:
        super().__init__()
        self.up = first_weights(nn.ConvTranspose2d(before, outputs, 4, 2, padding=1))

    def forward(self, features: Tensor, x: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            return self.up(features.to(self.up.weight.dtype))


class Beside(nn.Module):
    """The last layers with the input beside the enlarged features: what is sharp there need not be learnt anew."""

    def __init__(self, before: int, inputs: int, outputs: int, width: int) -> None:
        super().__init__()
        self.up = up(before, width, True, False)
        self.layer = first_weights(ExactConv(width + inputs, outputs, 3, padding=1))

    def forward(self, features: Tensor, x: Tensor) -> Tensor:
        features = relu(self.up(features))
        return self.layer(torch.cat([features, x.to(features.dtype)], 1))
