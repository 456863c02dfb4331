"""PatchGAN: a critic that answers for each patch of a picture, not for the whole.

References:
    Image-to-Image Translation with Conditional Adversarial Networks (Isola et al., 2017), sections 3.2.2 and 6.1.2,
    https://arxiv.org/abs/1611.07004
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from latentia.nn.blocks import ExactConv, InstanceNorm, convolution, first_weights
from latentia.nn.conv import widths_of
from latentia.nn.mlp import initialise

KERNEL, SLOPE = 4, 0.2


def receptive_field(layers: Iterable[tuple[int, int]]) -> int:
    """How many pixels of the input a side one output sees through convolutions of ``(kernel, stride)``.

    >>> receptive_field([(4, 2), (4, 2), (4, 2), (4, 1), (4, 1)])
    70
    """
    seen, apart = 1, 1
    for kernel, stride in layers:
        seen += (kernel - 1) * apart
        apart *= stride
    return seen


def layers_of(halvings: int) -> list[tuple[int, int]]:
    """Kernel and stride of each layer: as many that halve the sides, and two that do not."""
    return [(KERNEL, 2)] * halvings + [(KERNEL, 1)] * 2


class PatchCritic(nn.Module):
    """Pictures ``(N, channels, H, W)`` to an answer for each patch, float32 ``(N, patches)``.

    A patch is what one answer's convolutions see: 7, 16, 34, 70, 142 pixels a side for 0 to 4 halvings. With norms an
    answer depends on the rest of the picture too, through mean and deviation of the features alone.

    Args:
        channels: of the pictures, those of the input included where it is seen beside them.
        width: channels of the first layer, doubled at each, at most 8 times as many.
        halvings: layers that halve the sides.
        norm: instance norms on all but the first and the last layer; without them He's initialisation carries the
            signal.
        affine: norms with a learnt scale and shift.
        bias: a bias of the answers, which a relativistic game would not feel.

    Attributes:
        patch: pixels a side of a patch.
    """

    def __init__(
        self, channels: int, width: int, halvings: int, norm: bool, affine: bool = True, bias: bool = True
    ) -> None:
        super().__init__()
        self.shape = layers_of(halvings)
        self.patch = receptive_field(self.shape)
        before, layers, norms = channels, [], []
        for index, after in enumerate(widths_of(width, halvings + 1)):
            normed = norm and index > 0
            layer = convolution(before, after, KERNEL, self.shape[index][1], bias=not normed)
            if not norm:
                initialise(layer, "leaky-relu")
            layers.append(layer)
            norms.append(InstanceNorm(after, affine) if normed else nn.Identity())
            before = after
        self.layers, self.norms = nn.ModuleList(layers), nn.ModuleList(norms)
        self.answer = first_weights(ExactConv(before, 1, KERNEL, padding=1, bias=bias))
        if not norm:
            nn.init.xavier_uniform_(self.answer.weight)

    def patches(self, height: int, width: int) -> int:
        """How many answers a picture of this size gets."""
        for _, stride in self.shape:
            height, width = ((side - 2) // stride + 1 if stride == 2 else side - 1 for side in (height, width))
        return height * width

    def maps(self, x: Tensor) -> Tensor:
        """The answers where their patches lie, float32 ``(N, rows, columns)``.

        The first lies one and a half of their distances from the border: none would be around half a patch beyond it.
        """
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = leaky_relu(norm(layer(x)), SLOPE)
        answers: Tensor = self.answer(x)[:, 0]
        return answers

    def forward(self, x: Tensor) -> Tensor:
        return self.maps(x).flatten(1)
