"""Traverse: move one latent at a time and watch what it stands for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentia.core import HasDensity, Samples
from latentia.distributions.normal import Normal
from latentia.errors import BadField
from latentia.metrics.latents import gaussian_divergence
from latentia.tasks.encode import decode, deviation, encode
from latentia.tasks.working import ItemNoise, Net, check_given, given, parts, place, require, still

__all__ = ["importance", "latent_divergence", "name_of", "prior_quantiles", "traverse"]

Array = NDArray[np.float64]
LOW, HIGH = 0.05, 0.95
DRAWS = 8192


def traverse(
    net: Net,
    at: Tensor | None = None,
    steps: int = 9,
    order: Tensor | Array | None = None,
    latents: Sequence[int] | None = None,
    label: Tensor | None = None,
) -> tuple[list[int], Tensor, Tensor]:
    """Each latent moved alone over the prior's 5 % to 95 % quantiles, the others held.

    Args:
        net: samples and decodes.
        at: where the others are held, ``(latent,)``; the prior's median when it is not given.
        steps: values of each latent.
        order: how much each latent carries, ``(latent,)``, as :func:`importance` tells: largest first.
        latents: indices of latents, from 0 as in an array of codes; all when they are not given.
        label: shares of the classes ``(classes,)`` that all items are given, for a net that takes labels.

    Returns:
        the indices of the latents in the order of the rows, for which :func:`name_of` gives the names that people see;
        their values ``(rows, steps)``; the items ``(rows, steps, *shape)``.

    Raises:
        CannotDo: the net does not sample.
        BadField: fewer than 2 steps, or a latent that is not there.
    """
    require(net, Samples, "traverse")
    rows = _rows(int(net.latent), order, latents)
    if steps < 2:
        raise BadField(f"steps is {steps}; it takes at least 2")
    marks = prior_quantiles(net, torch.cat([torch.tensor([0.5]), torch.linspace(LOW, HIGH, steps)]))
    values = marks[1:, rows].T.contiguous()
    codes = (marks[0] if at is None else at.reshape(-1).cpu().float()).repeat(len(rows), steps, 1)
    for row, latent in enumerate(rows):
        codes[row, :, latent] = values[row]
    given_all = None if label is None else label.reshape(1, -1).expand(len(rows) * steps, -1)
    items = decode(net, codes.flatten(0, 1), label=given_all)
    return rows, values, items.reshape(len(rows), steps, *items.shape[1:])


def _rows(count: int, order: Tensor | Array | None, latents: Sequence[int] | None) -> list[int]:
    chosen = list(range(count)) if latents is None else list(latents)
    for latent in chosen:
        if not 0 <= latent < count:
            raise BadField(
                f"there is no latent with the index {latent}; this model has the indices 0 to {count - 1}, "
                f"which people see as {name_of(0)} to {name_of(count - 1)}"
            )
    if order is not None and len(order) != count:
        raise BadField(f"the order has {len(order)} numbers; this model has {count} latents")
    return chosen if order is None else sorted(chosen, key=lambda latent: -float(order[latent]))


def name_of(latent: int) -> str:
    """What a person calls the latent with this index, in files and pictures alike: they count from 1.

    >>> name_of(0)
    'z1'
    """
    return f"z{latent + 1}"


def prior_quantiles(net: Net, levels: Tensor) -> Tensor:
    """Quantiles of each latent under the prior, ``(len(levels), latent)``: exact for a normal, else from draws."""
    with still(net):
        prior = net.prior() if isinstance(net, HasDensity) else None
        if isinstance(prior, Normal):
            return prior.quantile(levels[:, None]).cpu().float()
        return torch.quantile(_prior_draws(net), levels.float(), dim=0)


def importance(net: Net, x: Tensor, label: Tensor | None = None) -> Array:
    """What puts latents in order, ``(latent,)``: their KL on the items ``x``; without a density their codes' variance.

    Raises:
        CannotDo: the net has no encoder.
    """
    return latent_divergence(net, x, label=label) if isinstance(net, HasDensity) else encode(net, x, label=label).var(0)


def latent_divergence(net: Net, x: Tensor, batch: int = 256, label: Tensor | None = None) -> Array:
    """How much each latent carries: the mean over items of KL(q(z_j|x) || p(z_j)) in nats, ``(latent,)``.

    A prior that is not normal stands in by a normal with its means and deviations: good enough to put latents in order.

    Raises:
        CannotDo: the net has no density.
    """
    require(net, HasDensity, "the KL of each latent")
    check_given(net, label, len(x))
    total = np.zeros(int(net.latent))
    with still(net):
        base, spread = _prior_moments(net)
        for rows in parts(len(x), batch):
            posterior = net.posterior(x[rows].to(place(net)), *given(label, place(net), rows))
            mean = posterior.mean.cpu().double().numpy()
            total += gaussian_divergence(mean, deviation(posterior, place(net)), base, spread).sum(0)
    return total / len(x)


def _prior_moments(net: Net) -> tuple[Array, Array]:
    prior = net.prior()
    if isinstance(prior, Normal):
        return prior.mean.cpu().numpy(), prior.standard_deviation.cpu().numpy()
    draws = _prior_draws(net)
    return draws.mean(0).numpy(), draws.std(0).numpy()


def _prior_draws(net: Net) -> Tensor:
    draws: Tensor = net.draw(ItemNoise(range(DRAWS), place(net), "traverse"))
    return draws.cpu().float()
