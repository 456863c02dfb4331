"""Bernoulli and continuous Bernoulli against torch.distributions, and where that one gives up."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import distributions as reference

from latentia.core import Noise
from latentia.distributions.bernoulli import Bernoulli, ContinuousBernoulli

LOGITS = torch.linspace(-9, 9, 41, dtype=torch.float64)[None]  # holds 0, where the continuous normaliser is 0 / 0


def test_bernoulli_equals_the_reference():
    x = (torch.arange(41)[None] % 2).double()
    theirs = reference.Bernoulli(logits=LOGITS)
    torch.testing.assert_close(Bernoulli(LOGITS).terms(x), theirs.log_prob(x), atol=1e-8, rtol=1e-8)
    torch.testing.assert_close(Bernoulli(LOGITS).log_prob(x), theirs.log_prob(x).sum(1))
    torch.testing.assert_close(Bernoulli(LOGITS).mean, theirs.mean)


def test_bernoulli_is_exact_where_probabilities_round_to_one():
    """Peers clamp at -100 nats; the log probability of a confident mistake is minus its logit."""
    logits = torch.tensor([[500.0, -500.0, 500.0]], requires_grad=True)
    terms = Bernoulli(logits).terms(torch.tensor([[0.0, 1.0, 1.0]]))
    assert terms.tolist() == [[-500.0, -500.0, 0.0]]
    terms.sum().backward()
    assert logits.grad.tolist() == [[-1.0, 1.0, 0.0]]


def test_bernoulli_draws_zeros_and_ones_at_its_rate():
    draws = Bernoulli(torch.full((4000, 2), 1.0)).sample(Noise(0, 0, slice(None), 4000))
    assert set(draws.unique().tolist()) == {0.0, 1.0}
    assert draws.mean().item() == pytest.approx(torch.tensor(1.0).sigmoid().item(), abs=0.02)


def test_continuous_bernoulli_equals_the_reference():
    theirs = reference.ContinuousBernoulli(logits=LOGITS, lims=(0.499999, 0.500001))
    for x in (0.0, 0.3, 1.0):
        value = torch.full_like(LOGITS, x)
        torch.testing.assert_close(ContinuousBernoulli(LOGITS).terms(value), theirs.log_prob(value))
    torch.testing.assert_close(ContinuousBernoulli(LOGITS).mean, theirs.mean, atol=1e-6, rtol=1e-6)


@given(st.floats(-40, 40))
def test_continuous_bernoulli_integrates_to_one_with_its_mean(logit):
    x = torch.linspace(0, 1, 20_001, dtype=torch.float64)[:, None]
    p = ContinuousBernoulli(torch.tensor([[logit]], dtype=torch.float64))
    density = p.terms(x).exp()
    assert torch.trapezoid(density, x, dim=0).item() == pytest.approx(1, abs=1e-6)
    assert torch.trapezoid(density * x, x, dim=0).item() == pytest.approx(p.mean.item(), abs=1e-6)


@pytest.mark.parametrize("logit", [0.0, 1e-8, -1e-4, 0.29999, 0.30001, 0.49999, 0.50001, -30.0, 300.0, -3e4])
def test_continuous_bernoulli_in_float32_equals_float64_with_finite_gradients(logit):
    logits = torch.tensor([[logit]], requires_grad=True)
    p, exact = ContinuousBernoulli(logits), ContinuousBernoulli(logits.detach().double())
    value = torch.tensor([[0.25]])
    torch.testing.assert_close(p.terms(value).double(), exact.terms(value.double()), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(p.mean.double(), exact.mean, atol=1e-6, rtol=1e-6)
    (p.log_prob(value).sum() + p.mean.sum() + p.sample(Noise(0, 0, slice(None), 1)).sum()).backward()
    assert logits.grad.isfinite().all()


def test_continuous_bernoulli_gradient_is_value_minus_mean():
    logits = LOGITS.clone().requires_grad_()
    ContinuousBernoulli(logits).terms(torch.full_like(LOGITS, 0.7)).sum().backward()
    torch.testing.assert_close(logits.grad, 0.7 - ContinuousBernoulli(LOGITS).mean, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("logit", [-8.0, -1e-4, 0.0, 1e-4, 3.0, 200.0])
def test_continuous_bernoulli_draws_have_its_mean(logit):
    p = ContinuousBernoulli(torch.full((20_000, 1), logit))
    draws = p.sample(Noise(0, 0, slice(None), 20_000))
    assert 0 <= draws.min() <= draws.max() <= 1
    assert draws.mean().item() == pytest.approx(p.mean[0].item(), abs=0.01)
