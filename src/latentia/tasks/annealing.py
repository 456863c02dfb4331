"""Annealed importance sampling: log p(x) without the encoder's word, and between two bounds where x is simulated.

Chains start at the prior and walk to the posterior through ``p(z) p(x|z)^beta``, beta from 0 to 1, by Hamiltonian Monte
Carlo. What the encoder tells of an item only scales the steps. It costs hundreds of times as much as importance
sampling from the encoder, and checks it: where the encoder misses a part of the posterior, this one finds it.

References:
    Annealed Importance Sampling (Neal, 2001)
    On the Quantitative Analysis of Decoder-Based Generative Models (Wu, Burda, Salakhutdinov & Grosse, 2017)
    Sandwiching the Marginal Likelihood Using Bidirectional Monte Carlo (Grosse, Ghahramani & Adams, 2015)
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentia.core import HasDensity, Noise, key
from latentia.errors import BadField
from latentia.metrics.likelihood import effective_sample_size, iwae, standard_error
from latentia.metrics.pareto import pareto_shape
from latentia.tasks.draws import FixedNoise
from latentia.tasks.likelihood import LogProb, fit_of
from latentia.tasks.working import ItemNoise, Net, check_given, given, parts, place, require, still

__all__ = ["Bracket", "Ladder", "annealed", "bracket"]

Array = NDArray[np.float64]
Told = Callable[[int, int], None]  # how much of how much is done
ROWS = 2048  # chains that walk together
WANTED, GAIN = 0.65, 0.1  # acceptance that step sizes aim at (Neal 2011), and how fast
QUARTER = math.pi / 2  # way of a transition at most, in widths: in a normal distribution it forgets where it began
PILOTS = 4  # chains that find the step sizes; those that count then take them as given, which keeps the bounds exact


@dataclass(frozen=True)
class Ladder:
    """How chains walk.

    Attributes:
        chains: of each item.
        steps: temperatures between prior and posterior, a transition at each.
        leaps: of each transition.
    """

    chains: int = 16
    steps: int = 500
    leaps: int = 10

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value < 1:
                raise BadField(f"{name} is {value}; it must be at least 1")

    @property
    def betas(self) -> list[float]:
        """From 0 to 1, closer at both ends: along a sigmoid from -4 to 4 (Wu et al. 2017, section 3.1)."""
        raw = [1 / (1 + math.exp(-4 * (2 * step / self.steps - 1))) for step in range(self.steps + 1)]
        return [(each - raw[0]) / (raw[-1] - raw[0]) for each in raw]


@dataclass(frozen=True)
class Bracket:
    """Bounds of log p(x) of simulated items, whose code is known: the truth lies between them, ``(N,)`` each, in nats.

    Attributes:
        lower: the estimates of :func:`annealed`, in expectation below the truth.
        upper: the same chains walked backwards from the code that made the item, in expectation above it.
    """

    lower: Array
    upper: Array

    @property
    def gap(self) -> float:
        """The mean distance of the bounds: no more than this is missing on average."""
        return float((self.upper - self.lower).mean())

    def __str__(self) -> str:
        return (
            f"on {len(self.lower)} simulated items the mean log p(x) lies between {self.lower.mean():.4f} and "
            f"{self.upper.mean():.4f} nats: gap {self.gap:.3g}"
        )


def annealed(
    net: Net,
    x: Tensor,
    ladder: Ladder = Ladder(),
    seed: int = 0,
    label: Tensor | None = None,
    mask: Tensor | None = None,
    progress: Told | None = None,
) -> LogProb:
    """Log p(x) of items by annealed importance sampling, a lower bound in expectation.

    Chains of all items share their random numbers: what is told of an item depends on the item alone.

    Args:
        net: has a density.
        x: items, ``(N, *shape)``.
        ladder: how chains walk.
        seed: of the chains.
        label: those of the items ``(N,)``, for a net that takes labels.
        mask: which terms of the likelihood are known, ``(N, terms)``.
        progress: is told transitions done and transitions to do.

    Raises:
        CannotDo: the net has no density, takes no labels, or is not differentiable in z.
        BadData: labels or a mask that do not fit.
    """
    require(net, HasDensity, "annealed importance sampling")
    check_given(net, label, len(x))
    size = max(1, ROWS // ladder.chains)
    chunks, done = list(parts(len(x), size)), []
    with still(net):
        for number, some in enumerate(chunks):
            told = None if progress is None else _shifted(progress, number, len(chunks), ladder.steps)
            items = Items(net, x[some], given(label, place(net), some), None if mask is None else mask[some])
            steps = pilot(items, ladder, seed)
            done.append(climb(items, ladder, seed, steps, told))
    weights = np.concatenate(done) if done else np.empty((0, ladder.chains))
    return LogProb(iwae(weights), standard_error(weights), effective_sample_size(weights), pareto_shape(weights))


def bracket(net: Net, count: int = 64, ladder: Ladder = Ladder(), seed: int = 0) -> Bracket:
    """Bounds of log p(x) on items that the net itself makes, for which the code is an exact draw from the posterior.

    How far they are apart says how far :func:`annealed` is from the truth on items like those of the data, as far as
    the net makes such items. A net of labels is given all of them in turn. Items have random numbers of their own, so
    that errors average out.

    Raises:
        CannotDo: the net has no density.
        BadField: less than one item.
    """
    require(net, HasDensity, "annealed importance sampling")
    if count < 1:
        raise BadField(f"count is {count}; it must be at least 1")
    classes = int(getattr(net, "classes", 0))
    label = torch.arange(count) % classes if classes else None
    lower, upper = [], []
    with still(net):
        like = place(net)
        z = net.draw(ItemNoise(range(seed, seed + count), like, "simulated"))
        for some in parts(count, max(1, ROWS // ladder.chains)):
            own = given(label, like, some)
            made = net.likelihood(z[some], *own).sample(ItemNoise(range(count)[some], like, "simulated"))
            items = Items(net, made, own, first=some.start)
            steps = pilot(items, ladder, seed)
            lower.append(iwae(climb(items, ladder, seed, steps)))
            upper.append(-iwae(descend(items, z[some], ladder, seed, steps)))
    return Bracket(np.concatenate(lower), np.concatenate(upper))


def _shifted(progress: Told, number: int, chunks: int, steps: int) -> Told:
    return lambda done, _: progress(number * steps + done, chunks * steps)


class State(NamedTuple):
    """Where chains are ``(R, latent)``, with log p(z) and log p(x|z) ``(R,)`` there, and their gradients."""

    z: Tensor
    prior: Tensor
    fit: Tensor
    of_prior: Tensor
    of_fit: Tensor

    def value(self, beta: float) -> Tensor:
        """Log p(z) + beta log p(x|z)."""
        return self.prior + beta * self.fit

    def slope(self, beta: float) -> Tensor:
        """Its gradient."""
        return self.of_prior + beta * self.of_fit

    def where(self, taken: Tensor, other: State) -> State:
        """``other`` where it is taken."""
        return State(
            *(torch.where(taken.view(-1, *[1] * (a.dim() - 1)), b, a) for a, b in zip(self, other, strict=True))
        )


@dataclass
class Items:
    """Items as chains see them: ``chains`` rows for each, one after another."""

    net: Net
    x: Tensor
    label: tuple[Tensor, ...] = ()
    mask: Tensor | None = None
    first: int | None = None  # the number of the first one, where items have random numbers of their own
    precision: tuple[Tensor, Tensor] = field(init=False)  # of the prior (1 or N, latent), and what an item adds to it

    def __post_init__(self) -> None:
        self.x = self.x.to(place(self.net))
        posterior, prior = self.net.posterior(self.x, *self.label), self.net.prior()
        if hasattr(posterior, "standard_deviation") and hasattr(prior, "standard_deviation"):
            before, after = (each.standard_deviation.square().reciprocal() for each in (prior, posterior))
        else:
            before, after = (self.x.new_ones(1, self.net.latent) for _ in range(2))
        self.precision = before.expand(len(self.x), -1), after.expand(len(self.x), -1)

    def scale(self, beta: float, chains: int) -> Tensor:
        """About how wide the distribution at ``beta`` is in each direction, ``(R, latent)``."""
        before, after = self.precision
        return (before + beta * (after - before)).rsqrt().repeat_interleave(chains, 0)

    def at(self, z: Tensor, chains: int) -> State:
        """The state of chains at ``z``."""
        x = self.x.repeat_interleave(chains, 0)
        label = tuple(own.repeat_interleave(chains, 0) for own in self.label)
        mask = None if self.mask is None else self.mask.to(x.device).flatten(1).repeat_interleave(chains, 0)
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            prior = self.net.prior().log_prob(z)
            fit = fit_of(self.net.likelihood(z, *label), x, mask)
            (of_prior,) = torch.autograd.grad(prior.sum(), z)
            (of_fit,) = torch.autograd.grad(fit.sum(), z)
        return State(z.detach(), prior.detach(), fit.detach(), of_prior, of_fit)


class Walk:
    """Chains of some items, their random numbers, and their transitions."""

    def __init__(self, items: Items, chains: int, leaps: int, seed: int, purpose: str) -> None:
        self.items, self.chains, self.leaps, self.seed = items, chains, leaps, seed
        self.generator = torch.Generator().manual_seed(key(seed, "annealing", purpose, items.first))

    def start(self) -> State:
        """Draws from the prior."""
        count, like = len(self.items.x), self.items.x.new_empty(0)
        noise: Noise
        if self.items.first is None:
            noise = FixedNoise(count, self.chains, like, self.chains, key(self.seed, "prior"))
        else:
            first = self.items.first * self.chains
            noise = ItemNoise(range(first, first + count * self.chains), like, f"prior of {self.seed}")
        return self.items.at(self.items.net.draw(noise), self.chains)

    def numbers(self, *shape: int, normal: bool = True) -> Tensor:
        """Numbers for every chain, ``(R, *shape)``: the same for every item, or of its own."""
        draw = torch.randn if normal else torch.rand
        alike, count = self.items.first is None, len(self.items.x)
        rows = self.chains * (1 if alike else count)
        drawn = draw(rows, *shape, generator=self.generator, dtype=torch.float64).to(self.items.x)
        return drawn.repeat(count, *(1 for _ in shape)) if alike else drawn

    def move(self, state: State, beta: float, size: Tensor) -> tuple[State, Tensor]:
        """One transition of Hamiltonian Monte Carlo that leaves the distribution at ``beta`` as it is.

        Args:
            state: where chains are.
            beta: the temperature.
            size: of a leap, in widths of the distribution, one for each item ``(N,)``.

        Returns:
            Where they are then, and the mean acceptance of each item ``(N,)``.
        """
        scale = self.items.scale(beta, self.chains) * size.repeat_interleave(self.chains)[:, None]
        start = self.numbers(state.z.shape[1])
        momentum, there = start + 0.5 * scale * state.slope(beta), state
        for leap in range(self.leaps):
            there = self.items.at(there.z + scale * momentum, self.chains)
            momentum = momentum + (0.5 if leap == self.leaps - 1 else 1.0) * scale * there.slope(beta)
        change = there.value(beta) - state.value(beta)
        change = change - 0.5 * (momentum.square().sum(1) - start.square().sum(1))
        accepted = torch.nan_to_num(change.clamp(max=0.0).exp(), nan=0.0)  # a leap that leaves the finite is refused
        taken = self.numbers(normal=False) < accepted
        return state.where(taken, there), accepted.view(-1, self.chains).mean(1)


def pilot(items: Items, ladder: Ladder, seed: int) -> list[Tensor]:
    """The size of a leap at each temperature for each item, ``(N,)`` each, from a few chains that count for nothing."""
    chains = min(PILOTS, ladder.chains)
    walk = Walk(items, chains, ladder.leaps, key(seed, "pilot"), "pilot")
    state = walk.start()
    longest = QUARTER / ladder.leaps
    size, sizes = items.x.new_full((len(items.x),), longest), []
    for beta in ladder.betas[1:]:
        state, accepted = walk.move(state, beta, size)
        size = (size.log() + GAIN * (accepted - WANTED)).exp().clamp(1e-4 * longest, longest)
        sizes.append(size)
    return sizes


def climb(items: Items, ladder: Ladder, seed: int, sizes: list[Tensor], progress: Told | None = None) -> Array:
    """Log weights of chains that walk from the prior to the posterior, ``(N, chains)``."""
    walk = Walk(items, ladder.chains, ladder.leaps, seed, "up")
    state, betas = walk.start(), ladder.betas
    weights = torch.zeros(len(state.z), dtype=torch.float64)
    for step, (before, beta) in enumerate(itertools.pairwise(betas)):
        weights += (beta - before) * state.fit.double().cpu()
        state, _ = walk.move(state, beta, sizes[step])
        if progress is not None:
            progress(step + 1, ladder.steps)
    return np.asarray(weights.view(-1, ladder.chains).numpy())


def descend(items: Items, z: Tensor, ladder: Ladder, seed: int, sizes: list[Tensor]) -> Array:
    """Log weights of chains that walk back to the prior from draws from the posterior, ``(N, chains)``."""
    walk = Walk(items, ladder.chains, ladder.leaps, seed, "down")
    state, betas = items.at(z.repeat_interleave(ladder.chains, 0), ladder.chains), ladder.betas
    weights = torch.zeros(len(state.z), dtype=torch.float64)
    for step in reversed(range(ladder.steps)):
        state, _ = walk.move(state, betas[step + 1], sizes[step])
        weights -= (betas[step + 1] - betas[step]) * state.fit.double().cpu()
    return np.asarray(weights.view(-1, ladder.chains).numpy())
