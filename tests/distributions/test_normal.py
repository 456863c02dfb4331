"""The diagonal normal against torch.distributions and closed forms."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import distributions as reference

from latentia.core import Noise, SeededNoise
from latentia.distributions.normal import Normal

NOISE = Noise(0, 0, slice(None), 6, dtype=torch.float64)
MEAN, LOG_SCALE = NOISE.normal(3), NOISE.normal(3)


def test_log_density_and_kl_equal_the_reference():
    ours, theirs = Normal(MEAN, LOG_SCALE), reference.Normal(MEAN, LOG_SCALE.exp())
    z = NOISE.normal(3)
    torch.testing.assert_close(ours.terms(z), theirs.log_prob(z))
    torch.testing.assert_close(ours.log_prob(z), theirs.log_prob(z).sum(1))
    standard = reference.Normal(torch.zeros_like(MEAN), torch.ones_like(MEAN))
    torch.testing.assert_close(ours.kl_to_standard_normal(), reference.kl_divergence(theirs, standard))
    torch.testing.assert_close(ours.quantile(0.1), theirs.icdf(torch.tensor(0.1)))
    torch.testing.assert_close(ours.cdf(z), theirs.cdf(z))


@given(st.floats(-1e3, 1e3), st.floats(-7, 7))
def test_kl_is_never_negative_and_zero_for_the_prior(mean, log_scale):
    kl = Normal(torch.tensor([[mean]]).double(), torch.tensor([[log_scale]]).double()).kl_to_standard_normal()
    assert kl.item() >= 0
    assert Normal(torch.zeros(1, 1), torch.zeros(1, 1)).kl_to_standard_normal().item() == 0


def test_kl_keeps_its_digits_near_the_prior():
    """0.5 (s^2 - 1) - log s is log_scale^2 for small log scales; exp(2 log_scale) - 1 would lose it in float32."""
    kl = Normal(torch.zeros(1, 1), torch.full((1, 1), 1e-3)).kl_to_standard_normal()
    assert kl.item() == pytest.approx(1e-6, rel=0.1)


def test_draws_have_the_right_moments_and_let_gradients_pass():
    noise = Noise(0, 0, slice(None), 2)
    log_scale = torch.tensor([[0.0], [-1.0]], requires_grad=True)
    draws = Normal(torch.tensor([[3.0], [-2.0]]), log_scale).draws(noise, 20_000)
    assert draws.shape == (20_000, 2, 1)
    torch.testing.assert_close(draws.mean(0).flatten(), torch.tensor([3.0, -2.0]), atol=0.03, rtol=0)
    torch.testing.assert_close(draws.std(0).flatten(), torch.tensor([1.0, math.exp(-1)]), atol=0.03, rtol=0)
    draws.square().mean(0).sum().backward()
    torch.testing.assert_close(log_scale.grad, 2 * (2 * log_scale.detach()).exp(), atol=0.15, rtol=0)


def test_a_draw_of_an_item_depends_on_its_seed_alone():
    q = Normal(torch.zeros(1, 4), torch.zeros(1, 4))
    torch.testing.assert_close(q.sample(SeededNoise([5, 9]))[1:], q.sample(SeededNoise([9])), atol=0, rtol=0)


def test_detached_parameters_get_no_gradient():
    mean = torch.zeros(2, 3, requires_grad=True)
    assert Normal(mean, torch.zeros(2, 3)).log_prob(torch.ones(2, 3)).requires_grad
    assert not Normal(mean, torch.zeros(2, 3)).detach().log_prob(torch.ones(2, 3)).requires_grad
