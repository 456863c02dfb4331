"""A normalising flow as prior p(z).

References:
    Neural Spline Flows (Durkan et al., 2019), https://arxiv.org/abs/1906.04032
    Variational Lossy Autoencoder (Chen et al., 2017), section 3.2: a flow as prior, https://arxiv.org/abs/1611.02731
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from latentia.core import Noise

HIDDEN, BINS = (64, 64), 6  # of each transform
ROWS = 4096  # at once: each latent of each row takes some 17 numbers from the nets


@dataclass(frozen=True, eq=False)
class FlowOf:
    r"""The distribution of codes that an invertible transform takes to standard normal numbers.

    .. math:: \log p(z) = \log \mathcal N(f(z); 0, I) + \log |\det \partial f / \partial z|

    Attributes:
        transform: f, with ``call_and_ladj`` and ``inv``.
        like: any tensor with the dtype and device of f's weights.
    """

    transform: Any
    like: Tensor

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density of ``value`` ``(..., latent)``, ``(...)``, in nats."""
        rows = value.to(self.like).flatten(0, -2)
        return torch.cat([self._of(part) for part in torch.split(rows, ROWS)]).view(value.shape[:-1])

    def _of(self, rows: Tensor) -> Tensor:
        with torch.autocast(self.like.device.type, enabled=False):
            u, volume = self.transform.call_and_ladj(rows)
        found: Tensor = volume - 0.5 * (u.square() + math.log(2 * math.pi)).sum(-1)
        return found

    def sample(self, noise: Noise) -> Tensor:
        """Draws ``(len(noise), latent)``: as many passes through the nets as there are latents."""
        with torch.autocast(self.like.device.type, enabled=False):
            made: Tensor = self.transform.inv(noise.normal(self.like.shape[-1]).to(self.like))
        return made


class Flow(nn.Module):
    """Autoregressive rational-quadratic splines, one after another, between codes and N(0, I).

    Outside [-5, 5] they leave codes as they are. The nets are zuko's ``NSF``.

    Args:
        latent: numbers of a code.
        transforms: how many, each over the latents in the reverse order of the one before.
    """

    zeros: Tensor

    def __init__(self, latent: int, transforms: int) -> None:
        import zuko

        super().__init__()
        self.latent = latent
        self.net = zuko.flows.NSF(latent, transforms=transforms, bins=BINS, hidden_features=HIDDEN).transform
        self.register_buffer("zeros", torch.zeros(latent), persistent=False)

    def forward(self) -> FlowOf:
        return FlowOf(self.net(), self.zeros)
