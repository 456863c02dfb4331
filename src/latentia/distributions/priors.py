"""Priors p(z): modules whose call gives a distribution over latents."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentia.distributions.normal import Normal


class StandardNormal(nn.Module):
    """N(0, I)."""

    zeros: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = latent
        self.register_buffer("zeros", torch.zeros(1, latent), persistent=False)

    def forward(self) -> Normal:
        return Normal(self.zeros, self.zeros)
