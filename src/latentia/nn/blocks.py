"""Parts of nets from pictures to pictures: norm, upsampling, dropout with its own noise, padding."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv_transpose2d, pad

from latentia.core import Moments, Noise

Layer = TypeVar("Layer", nn.Conv2d, nn.ConvTranspose2d, "ExactConv")

EPSILON = 1e-5
SPREAD = 0.02  # of first weights before a norm, which does not feel their scale: Isola et al. 2017, section 6.2


class InstanceNorm(nn.Module):
    """Each channel of each picture to mean 0 and deviation 1; learnt scale and shift if ``affine``.

    Ulyanov et al. 2016, "Instance Normalization: The Missing Ingredient for Fast Stylization". No statistic is kept,
    so no example sees another: batch norm at a batch of 1 is the same.

    Computed as a group norm of one channel a group: the same numbers, 2 to 3 times as fast on a processor, where both
    lose more than half of their speed in channels-last layout.
    """

    contiguous = True  # the layout that a net with such norms is the faster in

    def __init__(self, channels: int, affine: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels)) if affine else None
        self.bias = nn.Parameter(torch.zeros(channels)) if affine else None

    def forward(self, x: Tensor, moments: Moments | None = None) -> Tensor:
        """The normalised features; ``moments`` may give others than the pictures' own to normalise by."""
        if moments is None:
            # not nn.functional.group_norm, which refuses maps of one pixel
            cudnn = torch.backends.cudnn.enabled
            return torch.group_norm(x.contiguous(), x.shape[1], self.weight, self.bias, EPSILON, cudnn)
        wide = x.to(torch.promote_types(x.dtype, torch.float32))
        mean, square = moments(wide)
        y = (wide - mean) * ((square - mean.square()).clamp(min=0) + EPSILON).rsqrt()
        if self.weight is not None and self.bias is not None:
            y = y * self.weight[:, None, None] + self.bias[:, None, None]
        return y.to(x.dtype)


class SmoothUp(nn.Module):
    """Twice the size: each pixel repeated 2 x 2, then a 3 x 3 convolution; no checkerboard (Odena et al. 2016).

    Computed as a transposed convolution of kernel 4 whose weights are sums of the 3 x 3 ones: the same numbers with 4
    products for an output instead of 9, and no enlarged copy of the features.
    """

    def __init__(self, before: int, after: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(SPREAD * torch.randn(before, after, 3, 3))  # turned by 180 degrees
        self.bias = nn.Parameter(torch.zeros(after)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        kernel = 4 * avg_pool2d(pad(self.weight, (1, 1, 1, 1)), 2, stride=1)
        return conv_transpose2d(x, kernel, self.bias, stride=2, padding=1)


def convolution(
    before: int, after: int, kernel: int, stride: int = 1, bias: bool = False, reflect: bool = False
) -> nn.Conv2d:
    """A padded convolution; with an even kernel and no stride the picture loses a pixel a side."""
    mode: Literal["reflect", "zeros"] = "reflect" if reflect else "zeros"
    layer = nn.Conv2d(before, after, kernel, stride, (kernel - 1) // 2, bias=bias, padding_mode=mode)
    return first_weights(layer)


def up(before: int, after: int, bias: bool, transposed: bool, kernel: int = 4) -> nn.Module:
    """Twice the size: :class:`SmoothUp`, or a transposed convolution of kernel 3 or 4, as in the published nets."""
    if not transposed:
        return SmoothUp(before, after, bias)
    return first_weights(nn.ConvTranspose2d(before, after, kernel, 2, 1, output_padding=4 - kernel, bias=bias))


def first_weights(layer: Layer) -> Layer:
    """The layer with the first weights of the published nets: normal, of deviation 0.02, without bias."""
    nn.init.normal_(layer.weight, 0.0, SPREAD)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class ExactConv(nn.Conv2d):
    """A convolution computed in its own weights' precision, whatever autocast says: a last layer."""

    def forward(self, input: Tensor) -> Tensor:
        with torch.autocast(input.device.type, enabled=False):
            return super().forward(input.to(self.weight.dtype))


def dropped(features: Tensor, rate: float, noise: Noise | None) -> Tensor:
    """Features with a share ``rate`` of their entries at 0, the rest larger by as much; all of them without noise."""
    if noise is None or rate == 0:
        return features
    kept = noise.uniform(*features.shape[1:]).to(features.device) >= rate
    return features * kept.to(features.dtype) / (1 - rate)


def zeroed(layer: Any) -> Any:
    """The layer with all weights at 0: what it is added to is left as it is at first."""
    for weight in layer.parameters():
        nn.init.zeros_(weight)
    return layer


def finished(last: Tensor, x: Tensor, residual: bool, training: bool) -> Tensor:
    """What a generator's last layer says, in [-1, 1]; with ``residual`` as a change of its input.

    A change is cut to the range at use alone: in training a cut would stop the gradient of what is out of it.
    """
    if not residual:
        return torch.tanh(last)
    made = in_channels(x, last.shape[1]) + last
    return made if training else made.clamp(-1, 1)


def in_channels(x: Tensor, wanted: int) -> Tensor:
    """Pictures with so many channels: as they are, grey repeated, or the mean of all repeated."""
    if x.shape[1] != wanted:
        x = x.mean(1, keepdim=True).expand(-1, wanted, -1, -1)
    return x


def padded(x: Tensor, multiple: int) -> Tensor:
    """Pictures whose sides are the next multiples, the last row and column repeated."""
    right, below = -x.shape[3] % multiple, -x.shape[2] % multiple
    return pad(x, (0, right, 0, below), mode="replicate") if right or below else x
