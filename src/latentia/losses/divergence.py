"""Kullback-Leibler divergences in closed form, in nats, and what is done with them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from latentia import core


def kl_normal(mean: Tensor, log_scale: Tensor, other_mean: Tensor, other_log_scale: Tensor) -> Tensor:
    """KL(N(mean, scale^2) || N(other_mean, other_scale^2)) of each entry, in nats.

    The four tensors broadcast; scales are given by their logarithm.
    """
    apart = (mean - other_mean) * (-other_log_scale).exp()
    ratio = log_scale - other_log_scale
    return 0.5 * (apart.square() + torch.expm1(2 * ratio)) - ratio


def kl_bernoulli(logits: Tensor, other_logits: Tensor) -> Tensor:
    """KL(Bernoulli(logits) || Bernoulli(other_logits)) of each entry, in nats."""
    return logits.sigmoid() * (logits - other_logits) + softplus(other_logits) - softplus(logits)


def free_bits(kl: Tensor, floor: float | Tensor) -> Tensor:
    """The KL term of a batch in which no dimension is pushed below ``floor`` nats.

    sum over dimensions of max(floor, mean over the global batch of kl): the mean comes first, as in Kingma et al. 2016,
    "Improved Variational Inference with Inverse Autoregressive Flow", equation 15; a maximum per example would also
    hold down examples that need few bits.

    Args:
        kl: ``(N, latent)``.
        floor: nats per dimension.

    Returns:
        A scalar, global in value.
    """
    average = core.mean(kl)
    return torch.maximum(average, torch.zeros_like(average) + floor).sum()


def off_capacity(kl: Tensor, capacity: float | Tensor) -> Tensor:
    """How far the KL term of a batch is from ``capacity`` nats: ``|mean over the global batch of kl - capacity|``.

    Burgess et al. 2018, "Understanding disentangling in beta-VAE", equation 8. The mean comes first: held to it one by
    one, an example that needs few nats would have to take more.

    Args:
        kl: ``(N,)``.
        capacity: nats of all latents together.

    Returns:
        A scalar, global in value.
    """
    return (core.mean(kl) - capacity).abs()
