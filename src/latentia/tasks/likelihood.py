"""How likely items are: the importance-weighted estimate of log p(x), item by item, with its error.

Items are encoded once; draws from their posteriors then stream through the decoder in passes of a fixed number of rows
and are folded into running sums, so memory does not grow with the number of draws. When there are fewer items than rows
in a pass, each item fills several rows with draws of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentia.core import HasDensity, Noise, key
from latentia.errors import BadField
from latentia.metrics.likelihood import error_from_size
from latentia.tasks.working import Net, check_given, given, parts, place, require, still

__all__ = ["LogProb", "Weighed", "log_likelihood", "weigh"]

Array = NDArray[np.float64]
AHEAD = 64  # draws of an item made at once; part of what a seed means, so it never changes
ROWS = {"cpu": 512}  # rows of one pass: on a processor, what the activations of the common nets leave in its cache
MANY = 8192  # and on an accelerator


class LogProb(NamedTuple):
    """Log-likelihoods of items, one entry each."""

    value: Array  # log p(x) in nats; a lower bound in expectation that tightens with more draws
    error: Array  # Monte-Carlo standard error in nats
    ess: Array  # effective sample size: how many draws from the true posterior these were worth


class Weighed(NamedTuple):
    """All that one pass over the draws tells about items, one entry each, in nats."""

    log_prob: LogProb
    distortion: Array  # E_q[-log p(x|z)]
    rate: Array  # E_q[log q(z|x) - log p(z)], the KL from prior to posterior

    @property
    def elbo(self) -> Array:
        """E_q[log p(x|z) + log p(z) - log q(z|x)]."""
        return -self.distortion - self.rate


def log_likelihood(
    net: Net,
    x: Tensor,
    draws: int = 1000,
    seed: int = 0,
    items: Sequence[int] | None = None,
    rows: int | None = None,
    label: Tensor | None = None,
) -> LogProb:
    """``log p(x) ~ log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x)`` with K draws from q (Burda et al. 2016, equation 8).

    With labels it is log p(x|label): p(x|z_k, label) and q(z_k|x, label) stand in their places. The net computes in its
    own precision, never under autocast; everything after it is float64.

    Args:
        net: has a density.
        x: items, ``(N, *shape)``.
        draws: K.
        seed: of the draws; those of an item depend on ``(seed, its number)`` and on nothing else.
        items: the items' numbers; 0, 1, 2, ... when they are not given.
        rows: rows of one pass through the decoder; 512, or 8192 on an accelerator.
        label: those of the items ``(N,)``, for a net that takes labels.

    Raises:
        CannotDo: the net has no density, or takes no labels.
        BadData: the net takes labels and the items have none.
        BadField: less than one draw.
    """
    return weigh(net, x, draws, seed, items, rows, label).log_prob


def weigh(
    net: Net,
    x: Tensor,
    draws: int = 1000,
    seed: int = 0,
    items: Sequence[int] | None = None,
    rows: int | None = None,
    label: Tensor | None = None,
) -> Weighed:
    """:func:`log_likelihood` and the terms of the ELBO, from the same draws."""
    require(net, HasDensity, "the likelihood of items")
    check_given(net, label, len(x))
    rows = ROWS.get(place(net).device.type, MANY) if rows is None else rows
    for name, count in (("draws", draws), ("rows", rows)):
        if count < 1:
            raise BadField(f"{name} is {count}; it must be at least 1")
    numbers = range(len(x)) if items is None else items
    with still(net):
        done = [
            _pass(net, x[some], given(label, place(net), some), draws, [key(seed, i) for i in numbers[some]], rows)
            for some in parts(len(x), rows)
        ]
    columns = [np.concatenate(column) for column in zip(*done, strict=True)] if done else [np.empty(0)] * 4
    value, ess, distortion, rate = columns
    return Weighed(LogProb(value, error_from_size(ess, draws), ess), distortion, rate)


def _pass(
    net: Net, x: Tensor, label: tuple[Tensor, ...], draws: int, seeds: Sequence[int], rows: int
) -> tuple[Array, ...]:
    """Value, effective sample size, distortion and rate of items that fit into one pass."""
    count = len(x)
    each = max(1, min(rows // count, AHEAD, draws))  # rows an item fills
    like = place(net)
    repeated = x.to(like).repeat_interleave(each, dim=0)
    label = tuple(own.repeat_interleave(each, dim=0) for own in label)
    posterior, prior = net.posterior(repeated, *label), net.prior()
    noise = DrawNoise(seeds, each, like)
    sums = Sums(count, torch.device("cpu") if like.device.type == "mps" else like.device)  # no float64 on MPS
    for first in range(0, draws, each):
        z = posterior.sample(noise)
        fit = net.likelihood(z, *label).log_prob(repeated).view(count, each)
        rate = (posterior.log_prob(z) - prior.log_prob(z)).view(count, each)
        sums.add(fit[:, : draws - first], rate[:, : draws - first])
    return sums.result(draws)


class Sums:
    """Running sums over draws in float64: weights relative to the largest so far, and the terms of the ELBO."""

    def __init__(self, count: int, device: torch.device) -> None:
        zeros = torch.zeros(count, dtype=torch.float64, device=device)
        self.top = torch.full_like(zeros, -math.inf)
        self.first, self.second, self.fit, self.rate = (zeros.clone() for _ in range(4))

    def add(self, fit: Tensor, rate: Tensor) -> None:
        """Fold in log p(x|z) and log q(z|x) - log p(z) of some draws, ``(count, draws)``."""
        fit, rate = fit.to(self.top), rate.to(self.top)
        weights = fit - rate
        top = torch.maximum(self.top, weights.amax(1))
        # where no draw has a weight yet, the top is -inf: nothing is taken off, and the sums stay 0
        base = torch.where(torch.isfinite(top), top, 0.0)
        shrink = torch.exp(self.top - base)
        scaled = torch.exp(weights - base[:, None])
        self.first = self.first * shrink + scaled.sum(1)
        self.second = self.second * shrink**2 + scaled.square().sum(1)
        self.top = top
        self.fit += fit.sum(1)
        self.rate += rate.sum(1)

    def result(self, draws: int) -> tuple[Array, ...]:
        """Value, effective sample size, distortion and rate."""
        base = torch.where(torch.isfinite(self.top), self.top, 0.0)
        value = base + torch.log(self.first) - math.log(draws)
        size = self.first.square() / self.second
        return tuple(np.asarray(each.cpu().numpy()) for each in (value, size, -self.fit / draws, self.rate / draws))


class DrawNoise(Noise):
    """Noise for passes over draws: row ``i * each + j`` of pass t is draw ``t * each + j`` of item i's own stream.

    Streams are read :data:`AHEAD` draws at a time, however the passes are cut: one call for many numbers is far cheaper
    than many calls, and draw k of an item is the same whatever the rows of a pass.
    """

    def __init__(self, seeds: Sequence[int], each: int, like: Tensor) -> None:
        self.each, self.like = each, like
        self.rows, self.total, self.device, self.dtype = slice(None), len(seeds) * each, str(like.device), like.dtype
        self.seeds = [key(seed, "likelihood") for seed in seeds]
        self.streams: dict[Any, list[torch.Generator]] = {}
        self.stock: dict[Any, Tensor] = {}

    def _draw(self, draw: Any, shape: tuple[int, ...]) -> Tensor:
        kind = (draw.__name__, shape)
        if kind not in self.streams:
            self.streams[kind] = [torch.Generator().manual_seed(key(seed, kind)) for seed in self.seeds]
            self.stock[kind] = torch.empty(0, len(self.seeds), *shape)
        while len(self.stock[kind]) < self.each:
            fresh = [draw(AHEAD, *shape, generator=stream) for stream in self.streams[kind]]
            self.stock[kind] = torch.cat([self.stock[kind], torch.stack(fresh, dim=1)])
        taken, self.stock[kind] = self.stock[kind][: self.each], self.stock[kind][self.each :]
        return taken.transpose(0, 1).reshape(self.total, *shape).to(self.like)
