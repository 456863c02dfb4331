"""Likelihood regret: how much better a picture could be told than the encoder tells it.

Xiao, Yan & Amit 2020, "Likelihood regret: an out-of-distribution detection score for variational auto-encoder",
equation 5: the gain of the ELBO when the posterior of that picture alone is made the best one, by gradients from where
the encoder put it. The encoder has learnt where pictures of the training belong; to others its posterior fits badly,
however likely they are. The mean and scale of the posterior itself are moved here, not a copy of the encoder.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from latentia.core import Batch, HasDensity, Spec, key
from latentia.distributions.normal import Normal
from latentia.errors import CannotDo
from latentia.tasks.draws import FixedNoise
from latentia.tasks.score import Kind, Scores, folded
from latentia.tasks.working import Net, check_given, given, label_of, parts, place, require, still
from latentia.tasks.yardstick import Array, Reference

__all__ = ["REGRET", "Regret"]

STEPS, RATE = 100, 0.05  # of Adam, and its rate at the beginning, which falls to 0
DRAWS = 8  # of each posterior in a step, other ones in each: a posterior fits points that stay too well
CHECKED = 128  # draws, other ones, by which both posteriors are judged in the end
ROWS = 512  # of a pass through the decoder
REGRET = Kind(
    "likelihood regret",
    "nats",
    "by how much the ELBO of the picture grows when its posterior alone is optimised",
    "KL from the prior to the encoder's posterior, less that to the best one",
)


@dataclass(frozen=True)
class Regret:
    """By the gain in ELBO of each picture's own best posterior over the encoder's."""

    spec: Spec
    seed: int
    kind: ClassVar[Kind] = REGRET
    name: ClassVar[str] = REGRET.name
    reads: ClassVar[str] = ""
    trained: ClassVar[bool] = True

    def reference(self, net: Net, batches: Iterable[Batch]) -> Reference:
        return {}

    def fits(self, reference: Reference) -> bool:
        return True

    def scores(self, net: Net, batch: Batch, reference: Reference) -> Scores:
        require(net, HasDensity, "likelihood regret")
        label = label_of(net, batch)
        check_given(net, label, len(batch.x))
        like, found = place(net), []
        with still(net):
            for some in parts(len(batch.x), ROWS // DRAWS):
                beside = given(label, like, some)
                found.append(self._block(net, batch.x[some].to(like), beside))
        terms, latent = (np.concatenate(column) for column in zip(*found, strict=True))
        return Scores(terms.sum(1) + latent, REGRET, terms, latent)

    def _block(self, net: Net, x: Tensor, label: tuple[Tensor, ...]) -> tuple[Array, Array]:
        """The gain of each term of the likelihood, and of the KL."""
        first = net.posterior(x, *label)
        if not isinstance(first, Normal):
            raise CannotDo(f"likelihood regret moves a normal posterior; this one is a {type(first).__name__}")
        best = self._best(net, x, label, first)
        (cost, rate), (least, lower) = (self._told(net, x, label, own) for own in (first, best))
        return folded(cost - least, self.spec), rate - lower

    def _best(self, net: Net, x: Tensor, label: tuple[Tensor, ...], first: Normal) -> Normal:
        """The posterior of each picture that Adam ends at; rows do not know each other."""
        with torch.enable_grad():
            moved = [each.detach().clone().requires_grad_() for each in (first.mean, first.log_scale)]
            adam = torch.optim.Adam(moved, lr=RATE)
            for step in range(STEPS):
                adam.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
                cost, rate = _elbo(net, x, label, Normal(*moved), DRAWS, key(self.seed, "search", step))
                for each, gradient in zip(moved, torch.autograd.grad(cost.sum() + rate.sum(), moved), strict=True):
                    each.grad = gradient
                adam.step()
        return Normal(*moved).detach()

    def _told(self, net: Net, x: Tensor, label: tuple[Tensor, ...], own: Normal) -> tuple[Array, Array]:
        """Minus both parts of the ELBO, by draws that had no part in the search."""
        seed, done = key(self.seed, "gain"), []
        for some in parts(len(x), ROWS // CHECKED):
            part = Normal(own.mean[some], own.log_scale[some])
            done.append(_elbo(net, x[some], tuple(each[some] for each in label), part, CHECKED, seed))
        cost, rate = (torch.cat(column).double().cpu().numpy() for column in zip(*done, strict=True))
        return cost, rate


def _elbo(net: Net, x: Tensor, label: tuple[Tensor, ...], own: Normal, draws: int, seed: int) -> tuple[Tensor, Tensor]:
    """``E[-log p(x_c|z)]`` of each term ``(N, terms)``, and ``E[log q(z) - log p(z)]``, ``(N,)``."""
    count = len(x)
    wide = Normal(*(each.repeat_interleave(draws, 0) for each in (own.mean, own.log_scale)))
    z = wide.sample(FixedNoise(count, draws, own.mean.detach(), draws, seed))
    beside = tuple(each.repeat_interleave(draws, 0) for each in label)
    rate = (wide.log_prob(z) - net.prior().log_prob(z)).view(count, draws).mean(1)
    terms = net.likelihood(z, *beside).terms(x.repeat_interleave(draws, 0)).flatten(1)
    return -terms.view(count, draws, -1).mean(1), rate
