"""Discretised logistics and their mixtures: probabilities that sum to one, in float32, at any extreme."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentia.core import Noise, Spec
from latentia.distributions.likelihoods import likelihood
from latentia.distributions.logistic import DiscretisedLogistic, Levels
from latentia.distributions.mixture import ColourMixture, LogisticMixture


def every_level(levels, dtype=torch.float64):
    return torch.linspace(levels.low, levels.high, levels.count, dtype=dtype)[:, None]


@given(st.sampled_from([2, 3, 16, 256]), st.floats(-2, 3), st.floats(-12, 4))
def test_probabilities_of_all_levels_sum_to_one(count, location, log_scale):
    levels = Levels(count, -1.0, 1.0)
    p = DiscretisedLogistic(torch.tensor([[location]]).double(), torch.tensor([[log_scale]]).double(), levels)
    assert p.log_prob(every_level(levels)).exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_probabilities_are_differences_of_the_distribution_function():
    special = pytest.importorskip("scipy.stats")
    levels, location, scale = Levels(8), 0.4, 0.15
    edges = [0.0, *special.logistic.cdf((torch.arange(7).double() + 0.5) / 7, location, scale), 1.0]
    expected = torch.tensor(edges).diff().log()
    p = DiscretisedLogistic(torch.tensor([[location]]).double(), torch.tensor([[scale]]).double().log(), levels)
    torch.testing.assert_close(p.log_prob(every_level(levels)), expected.double())


@pytest.mark.parametrize("count", [256, 65_536])
def test_float32_is_finite_and_right_at_extremes(count):
    """Far from the location the difference of two sigmoids is 0 in float32; its logarithm must not be."""
    levels = Levels(count)
    location = torch.tensor([-3.0, 0.0, 0.31, 1.0, 40.0]).repeat(5).requires_grad_()
    log_scale = torch.tensor([-16.0, -8.0, -3.0, 2.0, 30.0]).repeat_interleave(5).requires_grad_()
    for value in (0.0, 77 / (count - 1), 1.0):
        x = torch.full((1, 25), value)
        terms = levels.log_prob(x, location, log_scale)
        exact = levels.log_prob(x.double(), location.detach().double(), log_scale.detach().double())
        torch.testing.assert_close(terms.double(), exact, rtol=2e-3, atol=2e-2)
        gradients = torch.autograd.grad(terms.sum(), (location, log_scale))
        assert all(gradient.isfinite().all() for gradient in (terms, *gradients))


def test_sixteen_bit_probabilities_sum_to_one_in_float32():
    levels = Levels(65_536)
    p = DiscretisedLogistic(torch.tensor([[0.37]]), torch.tensor([[-6.0]]), levels)
    assert p.log_prob(every_level(levels, torch.float32)).double().exp().sum().item() == pytest.approx(1, abs=1e-3)


def test_gradients_are_right():
    levels = Levels(16)
    x = torch.tensor([[0.0, 5 / 15, 1.0]], dtype=torch.float64)
    location = torch.tensor([[0.1, 0.3, 0.8]], dtype=torch.float64, requires_grad=True)
    log_scale = torch.tensor([[-2.0, -1.0, 0.5]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda m, s: levels.log_prob(x, m, s), (location, log_scale))


@given(st.floats(-0.5, 1.5), st.floats(-8, 2))
def test_the_mean_is_that_of_the_levels(location, log_scale):
    levels = Levels(256)
    p = DiscretisedLogistic(torch.tensor([[location]]).double(), torch.tensor([[log_scale]]).double(), levels)
    exact = (p.log_prob(every_level(levels)).exp() * every_level(levels).flatten()).sum()
    assert abs(p.mean.item() - exact.item()) < 0.5 * levels.step


def test_draws_are_levels_with_their_probabilities():
    levels = Levels(4)
    count = 40_000
    p = DiscretisedLogistic(torch.full((count, 1), 0.7), torch.full((count, 1), -1.5), levels)
    draws = p.sample(Noise(0, 0, slice(None), count))
    shares = torch.bincount((draws.flatten() * 3).round().long(), minlength=4) / count
    torch.testing.assert_close((draws * 3).round() / 3, draws)
    one = DiscretisedLogistic(torch.tensor([[0.7]]), torch.tensor([[-1.5]]), levels)
    torch.testing.assert_close(shares, one.log_prob(every_level(levels, torch.float32)).exp(), atol=0.01, rtol=0)


def numbers(*shape, seed=0):
    return Noise(seed, 0, slice(None), shape[0], dtype=torch.float64).normal(*shape[1:])


@settings(max_examples=20)
@given(st.integers(1, 6), st.integers(0, 100))
def test_a_mixture_sums_to_one_and_is_the_sum_of_its_components(components, seed):
    levels = Levels(32)
    logits, location, log_scale = numbers(1, 3, components, 1, seed=seed).unbind(1)
    p = LogisticMixture(logits, location, log_scale, levels, 1)
    x = every_level(levels)
    assert p.log_prob(x).exp().sum().item() == pytest.approx(1, abs=1e-12)
    each = levels.log_prob(x.unsqueeze(1), location, log_scale).exp()
    torch.testing.assert_close(p.terms(x).exp(), (logits.softmax(1) * each).sum(1))
    exact = (p.log_prob(x).exp() * x.flatten()).sum()
    assert abs(p.mean.item() - exact.item()) < 0.5 * levels.step


def colour_mixture(levels, components=3):
    logits = numbers(1, components, 1, 1, seed=1)
    location, log_scale, coupling = numbers(1, 3, components, 3, 1, 1, seed=2).unbind(1)
    return ColourMixture(logits, location, log_scale, coupling.tanh(), levels)


def test_a_colour_mixture_sums_to_one_over_all_colours():
    levels = Levels(5)
    grid = torch.cartesian_prod(*[every_level(levels).flatten()] * 3)[:, :, None, None]
    assert colour_mixture(levels).log_prob(grid).exp().sum().item() == pytest.approx(1, abs=1e-12)


def test_colour_channels_know_of_each_other_within_a_component():
    """Written out for one pixel: p(r) p(g|r) p(b|r,g) in each component, weighted."""
    levels = Levels(5)
    p, x = colour_mixture(levels), torch.tensor([0.25, 1.0, 0.5]).double()
    expected = 0.0
    for k in range(3):
        m, s, c = (part[0, k, :, 0, 0] for part in (p.location, p.log_scale, p.coupling))
        places = m[0], m[1] + c[0] * (x[0] - 0.5), m[2] + c[1] * (x[0] - 0.5) + c[2] * (x[1] - 0.5)
        log_prob = sum(levels.log_prob(x[i], places[i], s[i]) for i in range(3))
        expected += p.logits.softmax(1)[0, k, 0, 0] * log_prob.exp()
    assert p.log_prob(x.reshape(1, 3, 1, 1)).exp().item() == pytest.approx(expected.item(), rel=1e-12)


def test_colour_draws_follow_the_probabilities():
    levels, count = Levels(2), 40_000
    p = colour_mixture(levels)
    many = ColourMixture(
        *(part.expand(count, *part.shape[1:]) for part in vars(p).values() if part is not levels), levels
    )
    draws = many.sample(Noise(0, 0, slice(None), count))
    assert draws.shape == (count, 3, 1, 1)
    codes = (draws.flatten(1) * torch.tensor([4, 2, 1])).sum(1).long()
    grid = torch.cartesian_prod(*[every_level(levels).flatten()] * 3)[:, :, None, None]
    torch.testing.assert_close(
        torch.bincount(codes, minlength=8).double() / count, p.log_prob(grid).exp(), atol=0.01, rtol=0
    )


def test_bright_sixteen_bit_pictures_have_finite_scores_from_any_decoder_output():
    for name in ("logistic", "logistic-mixture:3"):
        module = likelihood(name, Spec("image", (3, 2, 2), 65_536))
        raw = (1e3 * numbers(4, *module.shape)).float().requires_grad_()
        score = module(raw).log_prob(torch.ones(4, 3, 2, 2)).sum()
        score.backward()
        assert score.isfinite()
        assert raw.grad.isfinite().all()
