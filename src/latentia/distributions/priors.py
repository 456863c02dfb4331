"""Priors p(z): modules whose call gives a distribution over latents."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from latentia.core import Noise, Spec
from latentia.distributions.mixture import choose
from latentia.distributions.normal import HALF_LOG_TWO_PI, Normal

SPREAD = 0.25  # of the means a mixture begins with
BOUND = 7.0  # of a learnt component's log scale, as of the posteriors': none collapses onto a single code


@dataclass(frozen=True, eq=False)
class MixtureOf:
    """A mixture of K normal distributions over latents.

    Attributes:
        components: mean and log scale ``(K, latent)``.
        logits: ``(K,)``, the weights before softmax.
    """

    components: Normal
    logits: Tensor

    @property
    def mean(self) -> Tensor:
        """``(1, latent)``."""
        return (self.logits.softmax(0)[:, None] * self.components.mean).sum(0, keepdim=True)

    @property
    def standard_deviation(self) -> Tensor:
        """``(1, latent)``."""
        within, between = self.components.standard_deviation, self.components.mean - self.mean
        return (self.logits.softmax(0)[:, None] * (within.square() + between.square())).sum(0, keepdim=True).sqrt()

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density of ``value`` ``(..., latent)``, ``(...)``, in nats."""
        if value.dtype == torch.float64:
            return torch.logsumexp(self.logits.log_softmax(0) + self._products(value), -1)
        return torch.logsumexp(self.logits.log_softmax(0) + self.components.log_prob(value.unsqueeze(-2)), -1)

    def _products(self, value: Tensor) -> Tensor:
        """Log densities of all components ``(..., K)`` by two matrix products.

        Several times as fast as differences, whose squares they take apart: float64 has the digits that this loses.
        """
        mean, log_scale = self.components.mean, self.components.log_scale
        weight = (-2 * log_scale).exp()
        square = value.square() @ weight.T - 2 * value @ (mean * weight).T + (mean.square() * weight).sum(-1)
        return -0.5 * square - log_scale.sum(-1) - mean.shape[-1] * HALF_LOG_TWO_PI

    def sample(self, noise: Noise) -> Tensor:
        """Draws ``(len(noise), latent)``; gradients reach the components, not their weights."""
        uniform = noise.uniform(1)[:, 0].to(self.logits)
        chosen = choose(self.logits.expand(len(uniform), -1), uniform, -1)
        normal = noise.normal(self.components.mean.shape[-1]).to(self.components.mean)
        mean, scale = (each.index_select(0, chosen) for each in (self.components.mean, self.components.log_scale))
        return mean + scale.exp() * normal

    def quantile(self, probability: float) -> Tensor:
        """Where the distribution function of each dimension reaches ``probability`` in (0, 1): ``(1, latent)``."""
        each = self.components.quantile(probability)
        low, high = each.min(0, keepdim=True).values, each.max(0, keepdim=True).values
        for _ in range(60):  # it lies between the lowest and the highest quantile of the components
            middle = 0.5 * (low + high)
            under = (self.logits.softmax(0)[:, None] * self.components.cdf(middle)).sum(0) < probability
            low, high = torch.where(under, middle, low), torch.where(under, high, middle)
        return 0.5 * (low + high)


class StandardNormal(nn.Module):
    """N(0, I)."""

    zeros: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.latent = latent
        self.register_buffer("zeros", torch.zeros(1, latent), persistent=False)

    def forward(self) -> Normal:
        """One row that stands for every example: ``sample`` draws as many as the noise has rows."""
        return Normal(self.zeros, self.zeros)


class MixtureOfNormals(nn.Module):
    """K normal distributions with learnt means, scales and weights.

    They start close together (under the seed of the build), in all about as one standard normal distribution: no two
    learn the same, and latents that carry nothing are not held apart.
    """

    def __init__(self, latent: int, components: int) -> None:
        super().__init__()
        self.latent = latent
        self.location = nn.Parameter(SPREAD * torch.randn(components, latent))
        self.log_scale = nn.Parameter(torch.zeros(components, latent))
        self.logits = nn.Parameter(torch.zeros(components))

    def start(self, mean: Tensor, scale: Tensor, share: Tensor) -> None:
        """Let the components begin with these means and scales ``(K, latent)``, and shares ``(K,)``."""
        with torch.no_grad():
            self.location.copy_(mean)
            self.log_scale.copy_(BOUND * torch.atanh((scale.log() / BOUND).clamp(-0.99, 0.99)))
            self.logits.copy_(share.log())

    def forward(self) -> MixtureOf:
        return MixtureOf(Normal(self.location, BOUND * torch.tanh(self.log_scale / BOUND)), self.logits)


class VampPrior(nn.Module):
    """A mixture of the posteriors of K learnt pseudo-inputs (Tomczak & Welling 2018, equation 9).

    Use: ``prior(net.posterior(prior.inputs()))``. The weights of the components are learnt too; they start equal.

    Args:
        spec: the data; pseudo-inputs of pictures stay in its range.
        components: how many pseudo-inputs.
    """

    def __init__(self, spec: Spec, components: int) -> None:
        super().__init__()
        self.range = None if spec.kind == "table" else (spec.low, spec.high)
        self.pseudo = nn.Parameter(torch.rand(components, *spec.shape) * (spec.high - spec.low) + spec.low)
        self.logits = nn.Parameter(torch.zeros(components))

    def inputs(self) -> Tensor:
        """The pseudo-inputs ``(K, *spec.shape)``."""
        return self.pseudo if self.range is None else self.pseudo.clamp(*self.range)

    def start(self, examples: Tensor) -> None:
        """Let the pseudo-inputs begin as ``examples`` ``(K, *spec.shape)`` of the data."""
        with torch.no_grad():
            self.pseudo.copy_(examples)

    def forward(self, posterior: Normal) -> MixtureOf:
        """p(z), given the posterior of the pseudo-inputs."""
        return MixtureOf(posterior, self.logits)
