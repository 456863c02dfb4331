"""Penalties on the slope of a critic, one value per example."""

from __future__ import annotations

import torch
from torch import Tensor


def squared_slope(logits: Tensor, inputs: Tensor) -> Tensor:
    """|| d logit_i / d input_i ||^2 of each example, ``(N,)``, in float32 or wider.

    With reals as inputs this is R1, with fakes R2 (Mescheder et al. 2018, "Which Training Methods for GANs do actually
    Converge?", equation 9 and below). It takes logits that were made already: a second pass of the critic would double
    the cost.

    Args:
        logits: ``(N,)``, each computed from its own row of ``inputs`` alone.
        inputs: ``(N, *shape)``, requiring gradients.
    """
    return _slope(logits, inputs).square().sum(1)


def slope_off_one(logits: Tensor, inputs: Tensor) -> Tensor:
    """(|| d logit_i / d input_i || - 1)^2 of each example: WGAN-GP (Gulrajani et al. 2017, equation 3)."""
    # the square root's slope at 0 is infinite
    length = (_slope(logits, inputs).square().sum(1) + 1e-12).sqrt()
    return (length - 1).square()


def _slope(logits: Tensor, inputs: Tensor) -> Tensor:
    if not torch.is_grad_enabled():  # nothing to take a slope of: in validation under no_grad
        return torch.zeros(len(inputs), 1, device=inputs.device)
    (slope,) = torch.autograd.grad(logits.sum(), inputs, create_graph=True)
    return slope.flatten(1).to(torch.promote_types(slope.dtype, torch.float32))
