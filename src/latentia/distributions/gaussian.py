"""The Gaussian likelihood with one sigma: learnt, or the optimal one of the batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentia import core
from latentia.distributions.entries import total
from latentia.distributions.normal import HALF_LOG_TWO_PI

LOWEST_LOG_SIGMA = -6.0  # below it a constant picture would be worth any number of nats (Rybkin et al. 2021)


@dataclass(frozen=True, eq=False)
class Gaussian:
    """N(mean, sigma^2) of each entry.

    Attributes:
        mean: ``(..., *shape)``.
        log_sigma: the logarithm of the standard deviation; a scalar, or anything that broadcasts to ``mean``.
    """

    mean: Tensor
    log_sigma: Tensor

    def terms(self, value: Tensor) -> Tensor:
        """Log density of each entry of ``value``, in nats."""
        return -0.5 * ((value - self.mean) * (-self.log_sigma).exp()).square() - self.log_sigma - HALF_LOG_TWO_PI

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density of ``value`` ``(N, *shape)``, summed over its entries, in nats."""
        return total(self.terms(value), value.dim() - 1)

    def sample(self, noise: core.Noise) -> Tensor:
        """A draw per example, through which gradients pass."""
        return self.mean + self.log_sigma.exp() * noise.normal(*self.mean.shape[1:]).to(self.mean)


@dataclass(frozen=True, eq=False)
class OptimalGaussian(Gaussian):
    """A Gaussian that scores a batch with the sigma that is best for it (training only).

    sigma^2 is the mean squared error over all entries of the global batch, and its gradient flows: Rybkin, Daniilidis
    & Levine 2021, "Simple and Effective VAE Training with Calibrated Decoders", equation 4. ``log_sigma`` is the sigma
    that ``sample`` uses, the one kept for evaluation.
    """

    def terms(self, value: Tensor) -> Tensor:
        """Log density of each entry under the batch's own sigma, in nats."""
        error = core.mean((value - self.mean).square().flatten())
        floor = torch.full_like(error, 2 * LOWEST_LOG_SIGMA).exp()
        return Gaussian(self.mean, 0.5 * (error + floor).log()).terms(value)
