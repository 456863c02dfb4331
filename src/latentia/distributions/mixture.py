"""Mixtures of discretised logistics: several peaks per entry, and for colour, channels that know of each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentia.core import Noise, Spec
from latentia.distributions.entries import total, wide
from latentia.distributions.likelihood import Likelihood
from latentia.distributions.logistic import Levels, levels_of, located, raw_scale, scaled


@dataclass(frozen=True, eq=False)
class LogisticMixture:
    """Each entry is a mixture of K discretised logistics, independent of the other entries.

    Attributes:
        logits, location, log_scale: ``(..., K, *shape)``: weights before softmax, locations, log scales.
        levels: the values that an entry can take.
    """

    logits: Tensor
    location: Tensor
    log_scale: Tensor
    levels: Levels
    entries: int  # how many dimensions one example's shape has

    @property
    def axis(self) -> int:
        """The dimension of the components."""
        return -1 - self.entries

    @property
    def mean(self) -> Tensor:
        means = self.levels.mean(self.location, self.log_scale)
        return (self.logits.softmax(self.axis) * means).sum(self.axis)

    def terms(self, value: Tensor) -> Tensor:
        """Log probability of each entry of ``value``, in nats."""
        each = self.levels.log_prob(value.unsqueeze(self.axis), self.location, self.log_scale)
        return torch.logsumexp(self.logits.log_softmax(self.axis) + each, self.axis)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability of ``value`` ``(N, *shape)``, summed over its entries, in nats."""
        return total(self.terms(value), self.entries)

    def sample(self, noise: Noise) -> Tensor:
        """A draw of levels per example. No gradient passes."""
        shape = self.location.shape[-self.entries :]
        chosen = choose(self.logits, noise.uniform(*shape).to(self.logits), self.axis)
        location, log_scale = (take(numbers, chosen, self.axis) for numbers in (self.location, self.log_scale))
        return self.levels.draw(noise.uniform(*shape), location, log_scale)


@dataclass(frozen=True, eq=False)
class ColourMixture:
    """Each pixel is a mixture of K components over its three channels, which are coupled linearly.

    Within a component the location of green moves with red, that of blue with red and green. Source: Salimans et al.
    2017, "PixelCNN++", section 2.2. Channel values enter the coupling with the range's middle as 0.

    Attributes:
        logits: ``(..., K, H, W)``, one weight per pixel and component.
        location, log_scale: ``(..., K, 3, H, W)``.
        coupling: ``(..., K, 3, H, W)``: green on red, blue on red, blue on green.
        levels: the values that a channel can take.
    """

    logits: Tensor
    location: Tensor
    log_scale: Tensor
    coupling: Tensor
    levels: Levels

    @property
    def mean(self) -> Tensor:
        """The mean of each channel; that of a coupled channel takes the others at their mean within the component."""
        means: list[Tensor] = []
        for channel in range(3):
            location = self._location(channel, means)
            means.append(self.levels.mean(location, self.log_scale[..., channel, :, :]))
        return (self.logits.softmax(-3).unsqueeze(-3) * torch.stack(means, -3)).sum(-4)

    def terms(self, value: Tensor) -> Tensor:
        """Log probability of each *pixel* of ``value`` ``(N, 3, H, W)``, ``(..., H, W)``, in nats."""
        channels = [channel.unsqueeze(-3) for channel in value.unbind(-3)]
        each: Tensor = sum(  # type: ignore[assignment]
            self.levels.log_prob(channels[i], self._location(i, channels), self.log_scale[..., i, :, :])
            for i in range(3)
        )
        return torch.logsumexp(self.logits.log_softmax(-3) + each, -3)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log probability of ``value`` ``(N, 3, H, W)``, summed over its pixels, in nats."""
        return total(self.terms(value), 2)

    def sample(self, noise: Noise) -> Tensor:
        """A draw of levels per example: a component for each pixel, then red, green, blue. No gradient passes."""
        space = self.logits.shape[-2:]
        chosen = choose(self.logits, noise.uniform(*space).to(self.logits), -3)
        uniform, channels = noise.uniform(3, *space), list[Tensor]()
        for channel in range(3):
            location = take(self._location(channel, [each.unsqueeze(-3) for each in channels]), chosen, -3)
            log_scale = take(self.log_scale[..., channel, :, :], chosen, -3)
            channels.append(self.levels.draw(uniform[..., channel, :, :], location, log_scale))
        return torch.stack(channels, -3)

    def _location(self, channel: int, before: list[Tensor]) -> Tensor:
        """The location of ``channel`` in each component given the channels ``before`` it."""
        location, middle = self.location[..., channel, :, :], 0.5 * (self.levels.low + self.levels.high)
        for other in range(channel):
            weight = self.coupling[..., channel - 1 + other, :, :]  # 0: green on red, 1 and 2: blue on red and green
            location = location + weight * (before[other] - middle)
        return location


def choose(logits: Tensor, uniform: Tensor, axis: int) -> Tensor:
    """The component that each uniform number falls on; ``uniform`` has the shape of ``logits`` without ``axis``."""
    edges = logits.softmax(axis).cumsum(axis)
    return (uniform.unsqueeze(axis) >= edges).sum(axis).clamp(max=logits.shape[axis] - 1)


def take(numbers: Tensor, chosen: Tensor, axis: int) -> Tensor:
    """The chosen component's numbers."""
    return numbers.gather(axis, chosen.unsqueeze(axis)).squeeze(axis)


class LogisticMixtureLikelihood(Likelihood):
    """``numbers`` are K logits, K locations and K log scales for each entry."""

    def __init__(self, spec: Spec, components: int) -> None:
        super().__init__(spec, width=3 * components)
        self.components, self.levels = components, levels_of(spec)

    def forward(self, numbers: Tensor) -> LogisticMixture:
        lead = numbers.shape[: numbers.dim() - len(self.shape)]
        split = wide(numbers).reshape(*lead, 3, self.components, *self.spec.shape)
        logits, location, raw = split.unbind(len(lead))
        return LogisticMixture(
            logits, located(location, self.levels), scaled(raw, self.levels), self.levels, len(self.spec.shape)
        )

    def start(self, mean: Tensor) -> Tensor:
        location = spread(mean, self.components, self.levels)
        scales = torch.full_like(location, raw_scale(0.05, self.levels))
        return torch.cat([torch.zeros_like(location), location, scales]).reshape(self.shape)


class ColourMixtureLikelihood(Likelihood):
    """``numbers`` are, for each pixel, K logits and for each of its channels K locations, log scales and couplings."""

    def __init__(self, spec: Spec, components: int) -> None:
        super().__init__(spec)
        self.components, self.levels = components, levels_of(spec)
        self.shape = (10 * components, *spec.shape[1:])

    def forward(self, numbers: Tensor) -> ColourMixture:
        lead, space = numbers.shape[:-3], numbers.shape[-2:]
        logits, others = wide(numbers).tensor_split([self.components], -3)
        location, raw, coupling = others.reshape(*lead, 3, self.components, 3, *space).unbind(len(lead))
        return ColourMixture(
            logits, located(location, self.levels), scaled(raw, self.levels), torch.tanh(coupling), self.levels
        )

    def start(self, mean: Tensor) -> Tensor:
        location = spread(mean, self.components, self.levels)
        scales = torch.full_like(location, raw_scale(0.05, self.levels))
        zeros = torch.zeros_like(location)
        return torch.cat([part.flatten(0, -3) for part in (zeros[:, 0], location, scales, zeros)]).reshape(self.shape)


def spread(mean: Tensor, components: int, levels: Levels) -> Tensor:
    """Locations of K components around ``mean``, in units of the range: ``(K, *mean.shape)`` with that mean."""
    unit = (mean - levels.low) / (levels.high - levels.low)
    reach = 0.9 * torch.minimum(unit, 1 - unit) * (components > 1)
    places = torch.linspace(-1, 1, components, dtype=mean.dtype, device=mean.device)
    return unit + places.reshape(-1, *[1] * mean.dim()) * reach
