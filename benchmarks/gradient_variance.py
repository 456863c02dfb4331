"""The variance of the reparameterised against the score-function gradient of the ELBO, on digits.

Protocol: one VAE, trained briefly; the gradient of the ELBO of one fixed batch with respect to the encoder's weights,
estimated again and again from one draw of z per item, by both estimators from the same draws. The KL term is in closed
form on both sides. The baseline of the third estimator is the mean of an item's other log likelihoods, which is
unbiased. The variance is summed over the weights.

References:
    Auto-Encoding Variational Bayes (Kingma & Welling, 2014), section 2.3
    Simple Statistical Gradient-Following Algorithms (Williams, 1992): the score-function estimator and its baseline
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

import latentia as lt
from benchmarks._frame import finish, table
from latentia.core import Noise

ITEMS = 64
CHUNK = 100  # draws whose gradients are made at once


def run(quick: bool, seed: int) -> None:
    """Train, draw, compare."""
    start = time.perf_counter()
    draws = 200 if quick else 1_000
    found = gradients(draws, 5_000 if quick else 50_000, seed)
    variances = {name: float(each.var(0).sum()) for name, each in found.items()}
    least = variances["reparameterised"]
    apart = {name: distance(each, found["reparameterised"]) for name, each in found.items()}
    rows = [[name, variances[name], variances[name] / least, apart[name]] for name in found]
    table(["estimator", "variance", "x reparameterised", "distance of means, in standard errors"], rows)
    ratios = {name: value / least for name, value in variances.items()}
    figures = {"variance": variances, "ratio": ratios, "distance": apart, "draws": draws}
    finish(
        "gradient-variance", figures | {"seconds": time.perf_counter() - start}, " ".join((__doc__ or "").split()), seed
    )


def gradients(draws: int = 1_000, images: int = 50_000, seed: int = 0) -> dict[str, Tensor]:
    """Estimates of the same gradient, ``(draws, encoder's weights)`` for each estimator."""
    recipe = lt.VAE(latent=8, hidden=(128,), prior="normal")
    model = lt.train(recipe, "digits", images=images, every=images, seed=seed, precision="float32")
    x = model.data().train.take(seed, 0, ITEMS).x
    noise = Noise(seed, 0, slice(None), ITEMS, purpose="gradient-variance").normal(draws, model.net.latent)
    return estimates(model.net, x, noise.transpose(0, 1))


def estimates(net: torch.nn.Module, x: Tensor, noise: Tensor) -> dict[str, Tensor]:
    """The gradients of the mean ELBO of ``x`` ``(N, *shape)`` from standard normal ``noise`` ``(draws, N, latent)``."""
    weights = [*net.encoder.parameters(), *net.head.parameters()]
    for weight in weights:
        weight.requires_grad_(True)
    q = net.posterior(x)
    scale = q.standard_deviation.detach()
    z = (q.mean.detach() + scale * noise).requires_grad_()
    value = torch.cat([net.likelihood(part).log_prob(x) for part in z.split(CHUNK)])
    (slope,) = torch.autograd.grad(value.sum(), z)
    value = value.detach().unsqueeze(-1)
    others = (value.sum(0) - value) / (len(value) - 1)
    # of each draw, with respect to the mean and to the log scale of q
    outside = {
        "reparameterised": (slope, slope * scale * noise),
        "score function": (value * noise / scale, value * (noise.square() - 1)),
        "score function, baseline": ((value - others) * noise / scale, (value - others) * (noise.square() - 1)),
    }
    exact = torch.autograd.grad(-q.kl_to_standard_normal().sum(-1).mean(), weights, retain_graph=True)
    return {name: _through(q.mean, q.log_scale, *each, weights, exact) for name, each in outside.items()}


def _through(
    mean: Tensor, log_scale: Tensor, to_mean: Tensor, to_scale: Tensor, weights: list[Tensor], exact: tuple[Tensor, ...]
) -> Tensor:
    """Gradients with respect to q's parameters carried on to the encoder's weights, the exact KL part added."""
    rows = []
    for one, other in zip(to_mean.split(CHUNK), to_scale.split(CHUNK), strict=True):
        parts = torch.autograd.grad(
            (mean, log_scale), weights, (one / len(mean), other / len(mean)), retain_graph=True, is_grads_batched=True
        )
        rows.append(torch.cat([(part + base).flatten(1) for part, base in zip(parts, exact, strict=True)], 1))
    return torch.cat(rows)


def distance(one: Tensor, other: Tensor) -> float:
    """How far two means of estimates lie apart, in root mean square standard errors of their difference."""
    error = (one - other).var(0).sum() / len(one)
    return float(((one.mean(0) - other.mean(0)).square().sum() / error.clamp(min=1e-30)).sqrt())
