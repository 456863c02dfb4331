"""Lower bounds of log p(x), in nats, one value per item. Higher is better; a training lowers their negative.

Log weights are log w_k = log p(x|z_k) + log p(z_k) - log q(z_k|x), ``(K, N)`` for K draws of N items.
"""

from __future__ import annotations

import math

from torch import Tensor


def elbo(log_likelihood: Tensor, kl: Tensor, beta: Tensor | float = 1.0) -> Tensor:
    """The evidence lower bound E[log p(x|z)] - beta KL(q(z|x) || p(z)) of each item (Kingma & Welling 2014).

    It bounds log p(x) for beta >= 1 only. Both terms are sums in nats, ``(N,)``.
    """
    return log_likelihood - beta * kl


def importance_bound(log_weights: Tensor) -> Tensor:
    """Log (1/K sum of w_k), the bound of Burda, Grosse & Salakhutdinov 2016, equation 8: ``(K, N)`` to ``(N,)``."""
    return log_weights.logsumexp(0) - math.log(len(log_weights))


def effective_sample_size(log_weights: Tensor) -> Tensor:
    """(sum of w_k)^2 / sum of w_k^2, between 1 and K: ``(K, N)`` to ``(N,)``."""
    return (2 * log_weights.logsumexp(0) - (2 * log_weights).logsumexp(0)).exp()


def doubly_reparameterised_bound(log_weights: Tensor, z: Tensor) -> Tensor:
    """The importance bound in value, with the doubly reparameterised gradient of Tucker et al. 2019 (equation 8).

    The plain gradient of the bound teaches the encoder less the more draws there are. Here, with w the normalised
    weights, the generative side gets sum of w times the gradient of log w (as before), and the encoder sum of w^2 times
    the gradient that comes through z: unbiased, with less variance.

    Args:
        log_weights: ``(K, N)``, computed with q *detached*: its parameters are reached through ``z`` alone.
        z: the draws ``(K, N, latent)`` that the log weights were computed from; a hook on it scales every gradient
            that reaches it, so nothing else may be computed from it.

    Returns:
        ``(N,)``; without gradients (in validation) simply the bound.
    """
    weights = log_weights.detach().softmax(0)
    if z.requires_grad:
        z.register_hook(lambda gradient: gradient * weights.unsqueeze(-1))  # type: ignore[no-untyped-call]
    surrogate = (weights * log_weights).sum(0)
    return surrogate + (importance_bound(log_weights) - surrogate).detach()
