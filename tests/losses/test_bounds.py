"""Bounds of log p(x) in a model whose log p(x) is known: z ~ N(0, 1), x|z ~ N(a z, 1), so x ~ N(0, a^2 + 1)."""

import math
from functools import partial

import pytest
import torch
from torch import distributions as reference

from latentia.losses.bounds import doubly_reparameterised_bound, effective_sample_size, elbo, importance_bound
from latentia.losses.divergence import free_bits
from latentia.losses.schedules import at
from tests.distributions.host import NoHostRead

X = torch.tensor([0.3, -1.2, 2.0], dtype=torch.float64)


def weights_of(generative, mean, log_scale, draws, seed=0, detach=False):
    """log weights (K, N) and z (K, N, 1) with q(z|x) = N(mean x, scale^2)."""
    normal = partial(reference.Normal, validate_args=False)  # its checks read the device from the host
    numbers = torch.randn(draws, 3, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    place, scale = mean * X[:, None], log_scale.exp()
    z = place + scale * numbers
    q = normal(place.detach(), scale.detach()) if detach else normal(place, scale)
    standard = normal(torch.zeros_like(mean), 1.0)
    log_weights = normal(generative * z, 1.0).log_prob(X[:, None]) + standard.log_prob(z) - q.log_prob(z)
    return log_weights.squeeze(-1), z


def parameters():
    values = (0.9, 0.3, -0.1)
    return [torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in values]


def evidence(generative):
    return reference.Normal(torch.zeros_like(X), (generative.detach() ** 2 + 1).sqrt()).log_prob(X)


def test_bounds_rise_to_the_evidence():
    log_weights, _ = weights_of(*parameters(), draws=200_000)
    exact = evidence(parameters()[0])
    one = importance_bound(log_weights[None, :1000].flatten(0, 1).reshape(1, -1)).reshape(1000, 3).mean(0)
    ten = importance_bound(log_weights[:100_000].reshape(10, 10_000, 3).flatten(1)).reshape(10_000, 3).mean(0)
    torch.testing.assert_close(importance_bound(log_weights), exact, atol=5e-3, rtol=0)
    assert (one < ten).all()
    assert (ten < exact).all()


def test_the_exact_posterior_gives_the_evidence_with_one_draw():
    a = torch.tensor(0.9, dtype=torch.float64)
    log_weights, _ = weights_of(a, a / (1 + a**2), -0.5 * (1 + a**2).log(), draws=4)
    torch.testing.assert_close(log_weights, evidence(a).expand(4, 3))
    torch.testing.assert_close(importance_bound(log_weights), evidence(a))
    torch.testing.assert_close(effective_sample_size(log_weights), torch.full((3,), 4.0).double())


def test_the_effective_sample_size_of_one_good_draw_is_one():
    log_weights = torch.tensor([[0.0], [-200.0], [-300.0]])
    assert effective_sample_size(log_weights).item() == pytest.approx(1)
    assert effective_sample_size(log_weights - 1e4).item() == pytest.approx(1)


def test_the_evidence_lower_bound_is_likelihood_minus_weighted_kl():
    assert elbo(torch.tensor([-80.0, -90.0]), torch.tensor([20.0, 10.0]), 0.5).tolist() == [-90, -95]


def test_the_doubly_reparameterised_bound_has_the_bound_s_value():
    plain, _ = weights_of(*parameters(), draws=5)
    log_weights, z = weights_of(*parameters(), draws=5, detach=True)
    torch.testing.assert_close(doubly_reparameterised_bound(log_weights, z), importance_bound(plain))
    with torch.no_grad():
        log_weights, z = weights_of(*parameters(), draws=5, detach=True)
        torch.testing.assert_close(doubly_reparameterised_bound(log_weights, z), importance_bound(plain))


def gradients(doubly, seed, draws=5):
    values = parameters()
    log_weights, z = weights_of(*values, draws=draws, seed=seed, detach=doubly)
    bound = doubly_reparameterised_bound(log_weights, z) if doubly else importance_bound(log_weights)
    return torch.stack(torch.autograd.grad(bound.sum(), values))


def test_the_generative_gradient_is_the_plain_one_and_the_encoder_s_is_unbiased_with_less_variance():
    plain = torch.stack([gradients(False, seed) for seed in range(1500)])
    doubly = torch.stack([gradients(True, seed) for seed in range(1500)])
    torch.testing.assert_close(plain[:, 0], doubly[:, 0], msg="the generative side")
    error = ((plain.var(0) + doubly.var(0)) / 1500).sqrt()
    assert ((plain.mean(0) - doubly.mean(0)).abs() < 4 * error)[1:].all()
    assert (doubly.var(0) < 0.6 * plain.var(0))[1:].all()


def test_one_draw_is_the_plain_reparameterised_gradient_without_the_score_term():
    mean = gradients(True, 3, draws=1)
    assert mean.isfinite().all()
    values = parameters()
    log_weights, _ = weights_of(*values, draws=1, seed=3, detach=True)
    torch.testing.assert_close(mean, torch.stack(torch.autograd.grad(log_weights.sum(), values)))


def test_no_loss_reads_the_device_from_the_host():
    values, seen, kl = parameters(), torch.tensor(77), torch.linspace(0, 1, 12).reshape(4, 3).requires_grad_()
    with NoHostRead():
        log_weights, z = weights_of(*values, draws=5, detach=True)
        beta = at("0:1@1k~cosine", seen)
        loss = beta * free_bits(kl, at("1:0@1k", seen)) - doubly_reparameterised_bound(log_weights, z).sum()
        (loss - elbo(kl[:, 0], kl[:, 1], beta).sum() - importance_bound(log_weights.detach()).sum()).backward()
    assert math.isfinite(values[0].grad)
