"""The diagonal normal distribution of latents: the posterior q(z|x) and the components of priors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from latentia.core import Noise

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


@dataclass(frozen=True, eq=False)
class Normal:
    """N(mean, exp(log_scale)^2), independent in each dimension.

    Attributes:
        mean: ``(N, latent)``, one row per example; one row alone, ``(1, latent)``, stands for every example.
        log_scale: the logarithm of the standard deviation, same shape.
    """

    mean: Tensor
    log_scale: Tensor

    @property
    def standard_deviation(self) -> Tensor:
        """``(N, latent)``."""
        return self.log_scale.exp()

    def terms(self, value: Tensor) -> Tensor:
        """Log density of each entry of ``value`` ``(..., N, latent)``, same shape, in nats."""
        return -0.5 * ((value - self.mean) * (-self.log_scale).exp()).square() - self.log_scale - HALF_LOG_TWO_PI

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density of ``value`` ``(..., N, latent)``, summed over the last dimension: ``(..., N)``, in nats."""
        return self.terms(value).sum(-1)

    def sample(self, noise: Noise) -> Tensor:
        """A draw per example, ``(N, latent)``: mean + scale * noise, so gradients reach mean and scale."""
        return self.mean + self.standard_deviation * noise.normal(self.mean.shape[-1]).to(self.mean)

    def draws(self, noise: Noise, count: int) -> Tensor:
        """``count`` draws per example, ``(count, N, latent)``, through which gradients pass."""
        numbers = noise.normal(count, self.mean.shape[-1]).to(self.mean).transpose(0, 1)
        return self.mean + self.standard_deviation * numbers

    def kl_to_standard_normal(self) -> Tensor:
        """KL(self || N(0, 1)) of each dimension, ``(N, latent)``, in nats (Kingma & Welling 2014, appendix B)."""
        return 0.5 * (self.mean.square() + torch.expm1(2 * self.log_scale)) - self.log_scale

    def quantile(self, probability: Tensor | float) -> Tensor:
        """Where the distribution function of each dimension reaches ``probability`` in (0, 1)."""
        standard: Tensor = torch.special.ndtri(torch.as_tensor(probability).to(self.mean))
        return self.mean + self.standard_deviation * standard

    def cdf(self, value: Tensor) -> Tensor:
        """The distribution function of each dimension at ``value``."""
        reached: Tensor = torch.special.ndtr((value - self.mean) * (-self.log_scale).exp())
        return reached

    def detach(self) -> Normal:
        """The same distribution with parameters that no gradient reaches."""
        return Normal(self.mean.detach(), self.log_scale.detach())
