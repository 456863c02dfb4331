"""The discretised logistic: probabilities of levels, from a logistic density cut into bins."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from latentia.core import Noise, Spec
from latentia.distributions.entries import below, total
from latentia.distributions.likelihood import Likelihood


@dataclass(frozen=True)
class Levels:
    """``count`` evenly spread values from ``low`` to ``high``, and their probabilities under a logistic density."""

    count: int
    low: float = 0.0
    high: float = 1.0

    @property
    def step(self) -> float:
        """The distance between neighbours."""
        return (self.high - self.low) / (self.count - 1)

    def log_prob(self, value: Tensor, location: Tensor, log_scale: Tensor) -> Tensor:
        """Log probability of each entry's level, in nats; the bins at both ends take the tails.

        With b and a the upper and lower edge of the bin in units of the scale, the difference
        sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - exp(a - b)) has no cancellation: any float32 input that
        does not overflow gives a finite number and a finite gradient, without the approximation of PixelCNN++.
        """
        rate = (-log_scale).exp()
        centre, width = (value - location) * rate, self.step * rate
        lowest, highest = value < self.low + 0.5 * self.step, value > self.high - 0.5 * self.step
        upper = logsigmoid(centre + 0.5 * width).masked_fill(highest, 0.0)
        lower = logsigmoid(0.5 * width - centre).masked_fill(lowest, 0.0)
        return upper + lower + torch.log(-torch.expm1(-width)).masked_fill(lowest | highest, 0.0)

    def mean(self, location: Tensor, log_scale: Tensor) -> Tensor:
        """The mean of the logistic clipped to the range; the mean over the levels differs by less than half a step."""
        rate = (-log_scale).exp()
        return self.low + (softplus((location - self.low) * rate) - softplus((location - self.high) * rate)) / rate

    def draw(self, uniform: Tensor, location: Tensor, log_scale: Tensor) -> Tensor:
        """The level that each uniform number falls on."""
        value = location + log_scale.exp() * torch.logit(below(uniform.to(location)))
        nearest = ((value - self.low) / self.step).round().clamp(0, self.count - 1)
        return self.low + nearest * self.step


@dataclass(frozen=True, eq=False)
class DiscretisedLogistic:
    """Each entry takes one of ``levels``; its probability is a logistic's mass within half a step of it.

    Source: Kingma et al. 2016, "Improved Variational Inference with Inverse Autoregressive Flow", section 5.2.

    Attributes:
        location, log_scale: ``(..., *shape)``, in the data's units; in float32 log_scale lies in about [-60, 60].
        levels: the values that an entry can take.
    """

    location: Tensor
    log_scale: Tensor
    levels: Levels

    @property
    def mean(self) -> Tensor:
        return self.levels.mean(self.location, self.log_scale)

    def terms(self, value: Tensor) -> Tensor:
        """Log probability of each entry of ``value``, in nats."""
        return self.levels.log_prob(value, self.location, self.log_scale)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability of ``value`` ``(N, *shape)``, summed over its entries, in nats."""
        return total(self.terms(value), value.dim() - 1)

    def sample(self, noise: Noise) -> Tensor:
        """A draw of levels per example. No gradient passes through the rounding."""
        return self.levels.draw(noise.uniform(*self.location.shape[1:]), self.location, self.log_scale)


def scale_range(levels: Levels) -> tuple[float, float]:
    """The log scales worth having: from one at which a level holds all the mass, to one that is flat over the range."""
    return math.log(levels.step) - 3.5, math.log(levels.high - levels.low) + 2.0


class LogisticLikelihood(Likelihood):
    """``numbers`` are locations and log scales in units of the data's range; scales are bounded softly by tanh."""

    def __init__(self, spec: Spec) -> None:
        super().__init__(spec, width=2)
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
