"""Likelihoods p(x|z) as modules: each reads a decoder's numbers and returns a distribution over data.

One convention serves fully connected and convolutional decoders: a likelihood says the ``shape`` of the numbers it
wants for one example, ``(channels, *space)``, where space is ``(height, width)`` for images and ``(columns,)`` for flat
data. A convolutional decoder makes ``channels`` channels, a fully connected one makes all the numbers and reshapes.
"""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from latentia.core import Distribution, Spec
from latentia.distributions.bernoulli import Bernoulli, ContinuousBernoulli
from latentia.distributions.entries import wide
from latentia.distributions.gaussian import LOWEST_LOG_SIGMA, Gaussian, OptimalGaussian
from latentia.distributions.logistic import DiscretisedLogistic, Levels, scale_range
from latentia.errors import BadField, near


class Likelihood(nn.Module):
    """The face of every likelihood.

    Attributes:
        shape: the shape of the numbers that it reads for one example.
        width: how many of them there are per entry of the data (a fraction where channels share some).
    """

    width: ClassVar[int] = 1

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        self.spec = spec
        self.entries = len(spec.shape)
        flat = spec.shape if len(spec.shape) > 1 else (1, *spec.shape)
        self.channels, self.space = self.width * flat[0], flat[1:]

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.channels, *self.space)

    def forward(self, numbers: Tensor) -> Distribution:
        """The distribution that ``numbers`` ``(..., *shape)`` stand for. They are read as float32 or float64."""
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


class GaussianLikelihood(Likelihood):
    """``numbers`` are means; one sigma for all entries is learnt."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.log_sigma = nn.Parameter(torch.tensor(-1.0))

    def forward(self, numbers: Tensor) -> Gaussian:
        return Gaussian(self.parts(numbers)[0], LOWEST_LOG_SIGMA + softplus(wide(self.log_sigma) - LOWEST_LOG_SIGMA))

    def start(self, mean: Tensor) -> Tensor:
        return self.join(mean)


class OptimalGaussianLikelihood(Likelihood):
    """``numbers`` are means; in training sigma is the batch's best, for evaluation :meth:`settle` fixes it."""

    log_sigma: Tensor

    def __init__(self, spec: Spec) -> None:
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


class LogisticLikelihood(Likelihood):
    """``numbers`` are locations and log scales in units of the data's range; scales are bounded softly by tanh."""

    width: ClassVar[int] = 2

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec)
        self.levels = levels_of(spec)

    def forward(self, numbers: Tensor) -> DiscretisedLogistic:
        location, raw = self.parts(numbers)
        return DiscretisedLogistic(located(location, self.levels), scaled(raw, self.levels), self.levels)

    def start(self, mean: Tensor) -> Tensor:
        location = (mean - self.levels.low) / (self.levels.high - self.levels.low)
        return self.join(location, torch.full_like(mean, raw_scale(0.05, self.levels)))


def levels_of(spec: Spec) -> Levels:
    """The levels of quantised data."""
    return Levels(spec.levels or 2, spec.low, spec.high)


def located(raw: Tensor, levels: Levels) -> Tensor:
    """Locations in the data's units from numbers in which 0 is its lowest and 1 its highest value."""
    return raw if (levels.low, levels.high) == (0, 1) else levels.low + (levels.high - levels.low) * raw


def scaled(raw: Tensor, levels: Levels) -> Tensor:
    """Log scales within :func:`scale_range` from any numbers; slope 1 in the middle of the range."""
    low, high = scale_range(levels)
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    return middle + half * torch.tanh(raw / half)


def raw_scale(scale: float, levels: Levels) -> float:
    """The number that :func:`scaled` turns into ``scale`` times the data's range."""
    low, high = scale_range(levels)
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    return half * math.atanh((math.log(scale * (levels.high - levels.low)) - middle) / half)


LIKELIHOODS: dict[str, type[Likelihood]] = {
    "bernoulli": BernoulliLikelihood,
    "continuous-bernoulli": ContinuousBernoulliLikelihood,
    "gaussian": GaussianLikelihood,
    "gaussian-optimal": OptimalGaussianLikelihood,
    "logistic": LogisticLikelihood,
}


def likelihood(name: str, spec: Spec) -> Likelihood:
    """The likelihood of this name for data of this spec.

    Raises:
        BadField: there is none of this name, or it does not fit the data.
    """
    check_likelihood(name, spec)
    return LIKELIHOODS[name](spec)


def default_likelihood(spec: Spec) -> str:
    """The likelihood that follows from the data: binary, quantised, or real numbers."""
    if spec.levels == 2:
        return "bernoulli"
    return "gaussian" if spec.levels is None else "logistic"


def check_likelihood(name: str, spec: Spec) -> None:
    """Hold a likelihood against the data.

    Raises:
        BadField: there is none of this name, or it is no likelihood for such data (grey values under Bernoulli, real
            numbers under a discretised logistic, values outside [0, 1] under a continuous Bernoulli).
    """
    if name not in LIKELIHOODS:
        raise BadField(f"likelihood is {name!r}; {near(name, LIKELIHOODS)}")
    if name == "bernoulli" and spec.levels != 2:
        raise BadField(
            "bernoulli is no likelihood for grey values, only for 0 and 1: binarise the data (--binarize dynamic) "
            "or use continuous-bernoulli" + (" or logistic" if spec.levels else " or gaussian")
        )
    if name.startswith("logistic") and spec.levels is None:
        raise BadField(
            f"{name} gives probabilities to levels, and this data has real numbers: use gaussian"
            + (" or continuous-bernoulli" if (spec.low, spec.high) == (0, 1) else "")
        )
    if name in ("bernoulli", "continuous-bernoulli") and (spec.low, spec.high) != (0, 1):
        raise BadField(
            f"{name} needs values from 0 to 1, and this data lies in {spec.low:g} to {spec.high:g}: "
            f"use {default_likelihood(spec) if spec.levels != 2 else 'logistic'}"
        )
