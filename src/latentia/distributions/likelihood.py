"""What every likelihood module is: numbers of a decoder in, a distribution over data out.

One convention serves fully connected and convolutional decoders: a likelihood says the ``shape`` of the numbers it
wants for one example, ``(channels, *space)``, where space is ``(height, width)`` for images and ``(columns,)`` for flat
data. A convolutional decoder makes ``channels`` channels, a fully connected one makes all the numbers and reshapes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentia.core import Distribution, Spec
from latentia.distributions.entries import wide


class Likelihood(nn.Module):
    """The face of every likelihood.

    Args:
        spec: the data.
        width: how many numbers it reads per entry of the data.

    Attributes:
        shape: the shape of the numbers that it reads for one example, ``(channels, *space)``.
    """

    def __init__(self, spec: Spec, width: int = 1) -> None:
        super().__init__()
        self.spec, self.width = spec, width
        channels, *space = spec.shape if len(spec.shape) > 1 else (1, *spec.shape)
        self.shape = (width * channels, *space)

    @property
    def channels(self) -> int:
        """How many channels a convolutional decoder makes for it."""
        return self.shape[0]

    def forward(self, numbers: Tensor) -> Distribution:
        """The distribution that ``numbers`` ``(..., *shape)`` stand for; they are read as float32 or float64."""
        raise NotImplementedError

    def start(self, mean: Tensor) -> Tensor:
        """Numbers ``(*shape)`` whose distribution has about this ``mean`` ``(*spec.shape)``: a decoder's first bias."""
        raise NotImplementedError

    def parts(self, numbers: Tensor) -> list[Tensor]:
        """``width`` tensors ``(..., *spec.shape)`` from ``numbers`` ``(..., *shape)``, in at least float32."""
        lead = numbers.shape[: numbers.dim() - len(self.shape)]
        return list(wide(numbers).reshape(*lead, self.width, *self.spec.shape).unbind(len(lead)))

    def join(self, *parts: Tensor) -> Tensor:
        """The inverse of :meth:`parts` for one example."""
        return torch.stack(parts).reshape(self.shape)
