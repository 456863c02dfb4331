"""How likely items are: the importance-weighted estimate of log p(x), item by item, with its error.

Items are encoded once; draws from their posteriors then stream through the decoder in passes of a fixed number of rows
and are folded into running sums, so memory does not grow with the number of draws. When there are fewer items than rows
in a pass, each item fills several rows with draws of its own.

There are two kinds of draws. :func:`log_likelihood` and :func:`explain` take fixed quasi-random points, the same for
every item: what they tell of an item depends on the item alone. :func:`weigh` takes draws of its own for each item,
whose errors average out over items: it is for means over a data set.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentia.core import Distribution, HasDensity, key
from latentia.errors import BadData, BadField
from latentia.metrics.likelihood import error_from_size
from latentia.metrics.pareto import GOOD, shape_of_excesses, tail_length
from latentia.tasks.draws import DrawNoise, FixedNoise, replicates
from latentia.tasks.proposal import Proposal
from latentia.tasks.working import Net, check_given, given, parts, place, require, still

__all__ = [
    "DRAWS",
    "Explained",
    "LogProb",
    "Weighed",
    "averaged",
    "exact",
    "explain",
    "fit_of",
    "log_likelihood",
    "weigh",
]

Array = NDArray[np.float64]
FEWEST = 32  # draws of an item with a tolerance: two of each scrambling, and enough for the shape of a tail
DRAWS = 128  # of a score: as many as a stream of many rows can bear
ROWS = {"cpu": 512}  # rows of one pass: on a processor, what the activations of the common nets leave in its cache
MANY = 8192  # and on an accelerator


class LogProb(NamedTuple):
    """Log-likelihoods of items, one entry each."""

    value: Array  # log p(x) in nats; a lower bound in expectation that tightens with more draws
    error: Array  # Monte-Carlo standard error in nats
    ess: Array  # effective sample size: how many draws from the true posterior these were worth
    k: Array  # shape of the tail of the weights: above 0.7 value and error are not to be trusted; NaN for few draws


class Weighed(NamedTuple):
    """All that one pass over the draws tells about items, one entry each, in nats."""

    log_prob: LogProb
    distortion: Array  # E_q[-log p(x|z)]
    rate: Array  # E_q[log q(z|x) - log p(z)], the KL from prior to posterior

    @property
    def elbo(self) -> Array:
        """E_q[log p(x|z) + log p(z) - log q(z|x)]."""
        return -self.distortion - self.rate


class Explained(NamedTuple):
    """Where -log p(x) of items comes from: ``terms.sum(1) + latent = -log_prob.value``, in nats."""

    log_prob: LogProb
    # (N, terms): E[-log p(x_c|z)] of each term of the likelihood under the true posterior p(z|x); infinite where the
    # term alone makes an item impossible, whatever its code
    terms: Array
    latent: Array  # (N,): the rest, KL(p(z|x) || p(z)): how far out in latent space the item lies


def exact(net: Net) -> Net:
    """A copy of ``net`` that computes in float64, on the processor where its device cannot."""
    copied = copy.deepcopy(net)
    return (copied.cpu() if place(net).device.type == "mps" else copied).double()


def log_likelihood(
    net: Net,
    x: Tensor,
    draws: int = 1024,
    seed: int = 0,
    rows: int | None = None,
    label: Tensor | None = None,
    mask: Tensor | None = None,
    tolerance: float = 0.0,
) -> LogProb:
    """``log p(x) ~ log 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x)`` with K draws from q (Burda et al. 2016, equation 8).

    The draws are fixed scrambled Sobol points (Owen 1997), the same for every item: the estimate depends on the item
    and on nothing that is beside it, and two calls give the same. Its error is the spread of up to 16 independent
    scramblings. Errors of several items are not independent of each other; for the mean over a data set take
    :func:`weigh`.

    With labels it is log p(x|label): p(x|z_k, label) and q(z_k|x, label) stand in their places. The net computes in its
    own precision (:func:`exact` makes that float64), never under autocast; everything after it is float64.

    Args:
        net: has a density.
        x: items, ``(N, *shape)``.
        draws: K; a multiple of 16 spreads them evenly.
        seed: of the draws.
        rows: rows of one pass through the decoder; 512, or 8192 on an accelerator.
        label: those of the items ``(N,)``, for a net that takes labels.
        mask: which entries are known, one for each term of the likelihood, ``(N, terms)``: the terms of the others are
            left out, which integrates over them (given z, entries are independent). Where ``x`` is not known it holds
            what the encoder is to see there.
        tolerance: the standard error in nats with which an item needs no more draws. Above 0 every item has 32, and
            those that are not yet told so well twice as many, again and again, up to ``draws``: still a function of the
            item alone, and several times as fast where most posteriors are close.

    Raises:
        CannotDo: the net has no density, or takes no labels.
        BadData: the net takes labels and the items have none, or a mask that does not fit.
        BadField: less than one draw, or a tolerance below 0.
    """
    if not tolerance >= 0:
        raise BadField(f"tolerance is {tolerance:g}; it is an error in nats, 0 or more")
    count = min(draws, FEWEST) if tolerance else draws
    found = _shared(net, x, count, seed, rows, label, mask)
    while count < draws:
        count = min(draws, 2 * count)
        left = np.flatnonzero(~((found.error <= tolerance) & (found.k <= GOOD)))
        at = torch.from_numpy(left)
        slots = (None if slot is None else slot[at.to(slot.device)] for slot in (label, mask))
        for column, better in zip(found, _shared(net, x[at.to(x.device)], count, seed, rows, *slots), strict=True):
            column[left] = better
    return found


def _shared(
    net: Net, x: Tensor, draws: int, seed: int, rows: int | None, label: Tensor | None, mask: Tensor | None
) -> LogProb:
    """The estimate by draws that all items share."""
    return _log_prob([each.log_prob(draws) for each in _run(net, x, draws, seed, None, rows, label, mask)])


def explain(
    net: Net,
    x: Tensor,
    draws: int = DRAWS,
    seed: int = 0,
    rows: int | None = None,
    label: Tensor | None = None,
    mask: Tensor | None = None,
) -> Explained:
    """:func:`log_likelihood` and where it comes from, term by term of the likelihood, from the same draws.

    ``-log p(x) = sum_c E[-log p(x_c|z)] + KL(p(z|x) || p(z))`` with the expectation under the true posterior, for which
    the importance weights stand in. The likelihood tells its terms, ``(N, *terms)``, by its method ``terms``.

    Raises:
        CannotDo, BadData, BadField: as :func:`log_likelihood`.
    """
    sums = _run(net, x, draws, seed, None, rows, label, mask, whole=True)
    told = _log_prob([each.log_prob(draws) for each in sums])
    terms = np.concatenate([each.explained() for each in sums]) if sums else np.empty((0, 0))
    whole = terms.sum(1)
    impossible = np.isinf(whole)
    return Explained(told, terms, np.where(impossible, 0.0, -told.value - np.where(impossible, 0.0, whole)))


def weigh(
    net: Net,
    x: Tensor,
    draws: int = 1000,
    seed: int = 0,
    items: Sequence[int] | None = None,
    rows: int | None = None,
    label: Tensor | None = None,
) -> Weighed:
    """Log p(x) as :func:`log_likelihood` tells it, and the terms of the ELBO, from draws that each item has for itself.

    Those of an item depend on ``(seed, its number)`` and on nothing else; ``items`` are the numbers, 0, 1, 2, ... when
    they are not given. Errors of several items are independent.

    Raises:
        CannotDo, BadData, BadField: as :func:`log_likelihood`.
    """
    numbers = range(len(x)) if items is None else items
    sums = _run(net, x, draws, seed, numbers, rows, label, None)
    ends = [each.terms(draws) for each in sums]
    distortion, rate = (np.concatenate(column) for column in zip(*ends, strict=True)) if ends else np.empty((2, 0))
    return Weighed(_log_prob([each.log_prob(draws) for each in sums]), distortion, rate)


def averaged(members: Sequence[LogProb]) -> tuple[LogProb, Array]:
    """Log of the mean of the members' densities, and the share that each member has in it, ``(members, N)``.

    Its error is at most the mean of theirs by these shares, which is told; its k is the worst.
    """
    values = np.stack([each.value for each in members])
    top = np.where(np.isfinite(values.max(0)), values.max(0), 0.0)  # impossible for all: their shares are even
    with np.errstate(divide="ignore"):
        value = top + np.log(np.exp(values - top).mean(0))
    shares = np.where(np.isfinite(value), np.exp(values - np.where(np.isfinite(value), value, 0.0)), 1.0) / len(members)
    held = ([getattr(each, name) for each in members] for name in ("error", "ess"))
    error, size = ((shares * np.where(shares > 0, np.stack(each), 0.0)).sum(0) for each in held)
    return LogProb(value, error, size, np.stack([each.k for each in members]).max(0)), shares


def _log_prob(found: Sequence[LogProb]) -> LogProb:
    return LogProb(*(np.concatenate(column) for column in zip(*found, strict=True)) if found else np.empty((4, 0)))


def _run(
    net: Net,
    x: Tensor,
    draws: int,
    seed: int,
    numbers: Sequence[int] | None,
    rows: int | None,
    label: Tensor | None,
    mask: Tensor | None,
    whole: bool = False,
) -> list[Sums]:
    """The sums over draws of all items, a pass's worth of items each; without ``numbers`` all items share the draws."""
    require(net, HasDensity, "the likelihood of items")
    check_given(net, label, len(x))
    rows = ROWS.get(place(net).device.type, MANY) if rows is None else rows
    for name, count in (("draws", draws), ("rows", rows)):
        if count < 1:
            raise BadField(f"{name} is {count}; it must be at least 1")
    done = []
    with still(net):
        like = place(net)
        for some in parts(len(x), rows):
            count = len(range(len(x))[some])
            each = max(1, min(rows // count, 64, draws))  # rows an item fills
            noise: DrawNoise | FixedNoise
            if numbers is None:
                noise = FixedNoise(count, each, like, draws, seed)
            else:
                noise = DrawNoise([key(seed, i) for i in numbers[some]], each, like)
            known = None if mask is None else mask[some]
            done.append(_pass(net, x[some], given(label, like, some), known, noise, draws, whole))
    return done


def _pass(
    net: Net,
    x: Tensor,
    label: tuple[Tensor, ...],
    mask: Tensor | None,
    noise: DrawNoise | FixedNoise,
    draws: int,
    whole: bool,
) -> Sums:
    """The sums over draws of items that fit into one pass."""
    count, each, like = len(x), noise.each, place(net)
    repeated = x.to(like).repeat_interleave(each, dim=0)
    label = tuple(own.repeat_interleave(each, dim=0) for own in label)
    mask = None if mask is None else mask.to(like.device).flatten(1).repeat_interleave(each, dim=0)
    proposal = Proposal(net.posterior(repeated, *label), net.prior(), mask, draws, each)
    device = torch.device("cpu") if like.device.type == "mps" else like.device  # no float64 on MPS
    sums = Sums(count, device, tail_length(draws), replicates(draws) if isinstance(noise, FixedNoise) else 0)
    for first in range(0, draws, each):
        z, rate = proposal.draw(noise, first)
        fit, terms = _fit(net.likelihood(z, *label), repeated, mask, whole)
        left = draws - first
        parted = None if terms is None else terms.view(count, each, -1)[:, :left]
        sums.add(fit.view(count, each)[:, :left], rate.view(count, each)[:, :left], parted)
    return sums


def fit_of(likelihood: Distribution, x: Tensor, mask: Tensor | None) -> Tensor:
    """Log p(x|z) ``(N,)`` without the terms that a mask ``(N, terms)`` says are unknown.

    Raises:
        BadData: a mask that does not fit.
    """
    return _fit(likelihood, x, mask, whole=False)[0]


def _fit(likelihood: Distribution, x: Tensor, mask: Tensor | None, whole: bool) -> tuple[Tensor, Tensor | None]:
    """Log p(x|z) ``(N,)`` and, where they are asked for or some are unknown, its terms ``(N, terms)``."""
    if mask is None and not whole:
        return likelihood.log_prob(x), None
    if not hasattr(likelihood, "terms"):
        if mask is not None:
            raise BadData("rows with missing entries need a likelihood of several terms; this one has none")
        whole_value = likelihood.log_prob(x)
        return whole_value, whole_value[:, None]
    terms: Tensor = likelihood.terms(x).flatten(1)
    if mask is not None:
        if mask.shape != terms.shape:
            raise BadData(f"a mask of {mask.shape[1]} entries for a likelihood of {terms.shape[1]} terms; one for each")
        terms = torch.where(mask.bool(), terms, 0.0)
    return terms.sum(1), terms


class Sums:
    """Running sums over draws in float64: weights relative to the largest so far, and the terms of the ELBO.

    Args:
        count: items.
        device: where the sums are.
        tail: how many of the largest weights are kept, beside one more that they exceed.
        sets: how many independent sets of draws take turns; 0 where all draws are independent.
    """

    def __init__(self, count: int, device: torch.device, tail: int = 0, sets: int = 0) -> None:
        zeros = torch.zeros(count, dtype=torch.float64, device=device)
        self.top = torch.full_like(zeros, -math.inf)
        self.first, self.second, self.fit, self.rate = (zeros.clone() for _ in range(4))
        self.sets = zeros.new_zeros(count, sets)
        self.tail, self.waiting, self.largest = tail, zeros.new_empty(count, 0), zeros.new_empty(count, 0)
        self.told = self.best = zeros.new_zeros(count, 0)
        self.draws = 0

    def add(self, fit: Tensor, rate: Tensor, terms: Tensor | None = None) -> None:
        """Fold in log p(x|z) and log q(z|x) - log p(z) of some draws, ``(count, draws)``, and terms of the former."""
        fit, rate = fit.to(self.top), rate.to(self.top)
        weights = fit - rate
        top = torch.maximum(self.top, weights.amax(1))
        # where no draw has a weight yet, the top is -inf: nothing is taken off, and the sums stay 0
        base = torch.where(torch.isfinite(top), top, 0.0)
        shrink = torch.exp(self.top - base)
        scaled = torch.exp(weights - base[:, None])
        self.first = self.first * shrink + scaled.sum(1)
        self.second = self.second * shrink**2 + scaled.square().sum(1)
        if self.sets.shape[1]:
            turn = torch.arange(self.draws, self.draws + weights.shape[1], device=top.device) % self.sets.shape[1]
            self.sets = (self.sets * shrink[:, None]).index_add_(1, turn, scaled)
        if terms is not None:
            share = torch.where(scaled[..., None] > 0, scaled[..., None] * terms.to(self.top), 0.0).sum(1)
            self.told = self.told * shrink[:, None] + share if self.told.shape[1] else share
            most = terms.to(self.top).amax(1)
            self.best = torch.maximum(self.best, most) if self.best.shape[1] else most
        self.top, self.draws = top, self.draws + weights.shape[1]
        self.fit += fit.sum(1)
        self.rate += rate.sum(1)
        self._keep(weights)

    def _keep(self, weights: Tensor) -> None:
        """Keep the largest weights, which are picked out when there are about as many others."""
        if self.tail:
            self.waiting = torch.cat([self.waiting, weights], 1)
            if self.waiting.shape[1] > 2 * self.tail:
                self._pick()

    def _pick(self) -> None:
        both = torch.cat([self.largest, self.waiting], 1)
        self.largest = both.topk(min(self.tail + 1, both.shape[1]), dim=1).values
        self.waiting = self.waiting[:, :0]

    def log_prob(self, draws: int) -> LogProb:
        """The estimate with all that tells how good it is."""
        base = torch.where(torch.isfinite(self.top), self.top, 0.0)
        value = base + torch.log(self.first) - math.log(draws)
        size = _array(self.first.square() / self.second)
        if self.tail:
            self._pick()
            shape = shape_of_excesses(_array(self.largest.flip(1)))
        else:
            shape = np.full(len(size), math.nan)
        told = LogProb(_array(value), self._error(draws, size), size, shape)
        if (none := ~np.isfinite(told.value)).any():  # no draw has a weight: nothing is known of the truth
            told.error[none], told.ess[none], told.k[none] = math.inf, 0.0, math.inf
        return told

    def _error(self, draws: int, size: Array) -> Array:
        """By the spread of the sets' estimates; of independent draws by their effective sample size."""
        if not (count := self.sets.shape[1]):
            return error_from_size(size, draws)
        if count < 2:
            return np.full_like(size, math.inf)
        each = torch.bincount(torch.arange(draws, device=self.sets.device) % count)
        means = self.sets / each
        return _array(means.std(1) / math.sqrt(count) / (self.first / draws))

    def explained(self) -> Array:
        """The weighted means of -terms ``(count, terms)``; of an item of density 0 the least that each costs."""
        return _array(torch.where(self.first[:, None] > 0, -self.told / self.first[:, None], -self.best))

    def terms(self, draws: int) -> tuple[Array, Array]:
        """Distortion and rate."""
        return _array(-self.fit / draws), _array(self.rate / draws)


def _array(values: Tensor) -> Array:
    return np.asarray(values.cpu().numpy())
