"""Last layers. They run outside autocast: bf16 parameters of a distribution cost tenths of a nat."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

LOG_SCALE_BOUND = 7.0  # standard deviations from 9e-4 to 1,097


class ExactLinear(nn.Linear):
    """A linear layer computed in its own weights' precision, whatever autocast says."""

    def forward(self, input: Tensor) -> Tensor:
        with torch.autocast(input.device.type, enabled=False):
            return linear(input.to(self.weight.dtype), self.weight, self.bias)


class GaussianHead(nn.Module):
    """Mean and logarithm of the standard deviation of each latent, ``(N, features)`` to two ``(N, latent)``.

    The log scale is bounded softly, b tanh(raw / b) with b = 7: slope 1 near 0, never outside [-7, 7], so no
    exponential overflows and no gradient dies at a hard clamp.
    """

    def __init__(self, features: int, latent: int) -> None:
        super().__init__()
        self.layer = ExactLinear(features, 2 * latent)
        nn.init.xavier_uniform_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        mean, raw = self.layer(features).chunk(2, dim=-1)
        return mean, LOG_SCALE_BOUND * torch.tanh(raw / LOG_SCALE_BOUND)


class OutputHead(nn.Module):
    """Numbers of any shape: ``(N, features)`` to ``(N, *shape)``."""

    def __init__(self, features: int, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = tuple(shape)
        self.layer = ExactLinear(features, math.prod(self.shape))
        nn.init.xavier_uniform_(self.layer.weight)
        nn.init.zeros_(self.layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        numbers: Tensor = self.layer(features)
        return numbers.reshape(*features.shape[:-1], *self.shape)

    def start(self, numbers: Tensor) -> None:
        """Let the layer give about ``numbers`` ``(*shape)`` before it is trained."""
        with torch.no_grad():
            self.layer.bias.copy_(numbers.flatten())
