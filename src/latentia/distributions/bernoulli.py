"""Likelihoods of values in [0, 1]: Bernoulli for {0, 1}, continuous Bernoulli for the interval; both on logits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from latentia.core import Noise
from latentia.distributions.entries import below, total
from latentia.distributions.likelihood import Likelihood


@dataclass(frozen=True, eq=False)
class Bernoulli:
    """Each entry is 1 with probability sigmoid(logits). No likelihood for grey values: see ContinuousBernoulli.

    Attributes:
        logits: ``(..., *shape)``, leading dimensions are examples (and draws before them).
    """

    logits: Tensor

    @property
    def mean(self) -> Tensor:
        return self.logits.sigmoid()

    def terms(self, value: Tensor) -> Tensor:
        """Log probability of each entry of ``value`` (0 or 1), in nats. No clamp: exact for any finite logit."""
        return value * self.logits - softplus(self.logits)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability of ``value`` ``(N, *shape)``, summed over its entries, in nats."""
        return total(self.terms(value), value.dim() - 1)

    def sample(self, noise: Noise) -> Tensor:
        """A draw of zeros and ones per example. No gradient passes."""
        return (noise.uniform(*self.logits.shape[1:]).to(self.logits) < self.mean).to(self.logits)


@dataclass(frozen=True, eq=False)
class ContinuousBernoulli:
    """Density exp(l x) l / (exp(l) - 1) on [0, 1]: the Bernoulli's shape with its missing constant.

    Source: Loaiza-Ganem & Cunningham 2019, "The continuous Bernoulli". With l = logits the density is an exponential
    family, its log normaliser A(l) = log((exp(l) - 1) / l) = l/2 + log(sinh(l/2) / (l/2)), its mean A'(l). Near l = 0,
    where the paper's form is 0/0, Taylor series are used.

    Attributes:
        logits: ``(..., *shape)``.
    """

    logits: Tensor

    @property
    def mean(self) -> Tensor:
        """A'(l) = 1 / (1 - exp(-l)) - 1 / l."""
        near, safe = self._split(0.3)
        square = near.square()
        series = 0.5 + near * (1 / 12 - square * (1 / 720 - square * (1 / 30240 - square / 1209600)))
        size = safe.abs()
        rising = -1 / torch.expm1(-size) - 1 / size  # for l > 0, where expm1 cannot overflow; l < 0 is its mirror image
        return torch.where(self.logits.abs() < 0.3, series, torch.where(safe < 0, 1 - rising, rising))

    def terms(self, value: Tensor) -> Tensor:
        """Log density of each entry of ``value`` in [0, 1], in nats."""
        return (value - 0.5) * self.logits - self._log_sinh_ratio()

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density of ``value`` ``(N, *shape)``, summed over its entries, in nats."""
        return total(self.terms(value), value.dim() - 1)

    def sample(self, noise: Noise) -> Tensor:
        """A draw per example by the inverse distribution function, through which gradients pass."""
        uniform = below(noise.uniform(*self.logits.shape[1:]).to(self.logits))
        near, safe = self._split(1e-3)
        # for l < 0, where expm1 cannot overflow; l > 0 is its mirror image
        falling = torch.log1p(uniform * torch.expm1(-safe.abs())) / -safe.abs()
        far = torch.where(safe < 0, falling, 1 - falling)
        centre = torch.where(safe < 0, uniform, 1 - uniform)
        return torch.where(self.logits.abs() < 1e-3, centre + 0.5 * near * centre * (1 - centre), far)

    def _log_sinh_ratio(self) -> Tensor:
        """log(sinh(l/2) / (l/2)), even in l."""
        near, safe = self._split(0.5)
        square = (0.5 * near).square()
        series = square * (1 / 6 - square * (1 / 180 - square * (1 / 2835 - square / 37800)))
        size = safe.abs()
        return torch.where(
            self.logits.abs() < 0.5, series, 0.5 * size + torch.log1p(-torch.exp(-size)) - torch.log(size)
        )

    def _split(self, width: float) -> tuple[Tensor, Tensor]:
        """The logits within ``width`` of 0 and those beyond, 0 and 1 elsewhere: no branch makes a NaN gradient."""
        inside = self.logits.abs() < width
        return self.logits.masked_fill(~inside, 0.0), self.logits.masked_fill(inside, 1.0)


class BernoulliLikelihood(Likelihood):
    """``numbers`` are logits."""

    def forward(self, numbers: Tensor) -> Bernoulli:
        return Bernoulli(*self.parts(numbers))

    def start(self, mean: Tensor) -> Tensor:
        return self.join(torch.logit(mean.clamp(0.01, 0.99)))


class ContinuousBernoulliLikelihood(Likelihood):
    """``numbers`` are logits."""

    def forward(self, numbers: Tensor) -> ContinuousBernoulli:
        return ContinuousBernoulli(*self.parts(numbers))

    def start(self, mean: Tensor) -> Tensor:
        low, high = torch.full_like(mean, -100.0), torch.full_like(mean, 100.0)
        for _ in range(40):  # the mean rises with the logits and has no inverse in closed form
            middle = 0.5 * (low + high)
            under = ContinuousBernoulli(middle).mean < mean
            low, high = torch.where(under, middle, low), torch.where(under, high, middle)
        return self.join(low)
