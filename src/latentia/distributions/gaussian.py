"""The Gaussian likelihood with one sigma: learnt, or the optimal one of the batch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from latentia import core
from latentia.distributions.entries import total, wide
from latentia.distributions.likelihood import Likelihood
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

    sigma^2 is the mean squared error over all entries of the global batch: Rybkin, Daniilidis & Levine 2021, "Simple
    and Effective VAE Training with Calibrated Decoders", equation 4. It is the best sigma, so the gradient through it
    is zero over the whole batch, and is left out: over one process's rows alone it would not be. ``log_sigma`` is the
    sigma that ``sample`` uses, the one kept for evaluation.
    """

    def terms(self, value: Tensor) -> Tensor:
        """Log density of each entry under the batch's own sigma, in nats."""
        error = core.mean((value - self.mean).square().flatten()).detach()
        floor = torch.full_like(error, 2 * LOWEST_LOG_SIGMA).exp()
        return Gaussian(self.mean, 0.5 * (error + floor).log()).terms(value)


class GaussianLikelihood(Likelihood):
    """``numbers`` are means; one sigma for all entries is learnt."""

    def __init__(self, spec: core.Spec) -> None:
        super().__init__(spec)
        self.log_sigma = nn.Parameter(torch.tensor(-1.0))

    def forward(self, numbers: Tensor) -> Gaussian:
        return Gaussian(self.parts(numbers)[0], LOWEST_LOG_SIGMA + softplus(wide(self.log_sigma) - LOWEST_LOG_SIGMA))

    def start(self, mean: Tensor) -> Tensor:
        return self.join(mean)


class OptimalGaussianLikelihood(Likelihood):
    """``numbers`` are means; in training sigma is the batch's best, for evaluation :meth:`settle` fixes it."""

    log_sigma: Tensor

    def __init__(self, spec: core.Spec) -> None:
        super().__init__(spec)
        self.register_buffer("log_sigma", torch.tensor(0.0))

    def forward(self, numbers: Tensor) -> Gaussian:
        kind = OptimalGaussian if self.training else Gaussian
        return kind(self.parts(numbers)[0], self.log_sigma)

    def start(self, mean: Tensor) -> Tensor:
        return self.join(mean)

    def settle(self, mean_squared_error: Tensor | float) -> None:
        """Fix sigma for evaluation: the error per entry over the *training* set, never over what is evaluated."""
        error = torch.as_tensor(mean_squared_error).to(self.log_sigma)
        self.log_sigma.copy_(0.5 * (error + math.exp(2 * LOWEST_LOG_SIGMA)).log())
