"""The Gaussian likelihood: its density, its two sigmas."""

import math

import pytest
import torch
from torch import distributions as reference

from latentia.core import Noise, Spec
from latentia.distributions.gaussian import Gaussian, OptimalGaussian
from latentia.distributions.likelihoods import likelihood

NOISE = Noise(1, 0, slice(None), 5, dtype=torch.float64)
MEAN, X = NOISE.normal(2, 3), NOISE.normal(2, 3)
SPEC = Spec("image", (1, 2, 3))


def test_density_equals_the_reference():
    log_sigma = torch.tensor(-0.7, dtype=torch.float64)
    theirs = reference.Normal(MEAN, log_sigma.exp())
    torch.testing.assert_close(Gaussian(MEAN, log_sigma).log_prob(X), theirs.log_prob(X).flatten(1).sum(1))


def test_optimal_sigma_is_the_root_of_the_mean_squared_error():
    """-log p = D/2 (log 2 pi MSE + 1) on average, and no other sigma does better."""
    error = (X - MEAN).square().mean()
    best = OptimalGaussian(MEAN, torch.tensor(0.0)).log_prob(X).mean()
    assert best.item() == pytest.approx(-3 * (math.log(2 * math.pi * error) + 1), rel=1e-4)
    for log_sigma in (0.5 * error.log() - 0.1, 0.5 * error.log() + 0.1):
        assert Gaussian(MEAN, log_sigma).log_prob(X).mean() < best


def test_the_gradient_flows_through_the_optimal_sigma():
    """d/dmean of D/2 log MSE is D (mean - x) / (n MSE), whichever way the terms are written; checked numerically."""
    mean = MEAN.clone().requires_grad_()
    function = lambda m: OptimalGaussian(m, torch.tensor(0.0)).log_prob(X).mean()  # noqa: E731
    assert torch.autograd.gradcheck(function, (mean,))


def test_a_perfect_reconstruction_is_not_worth_any_number_of_nats():
    terms = OptimalGaussian(X, torch.tensor(0.0)).terms(X)
    assert terms.max() < 6.0


def test_optimal_sigma_is_fixed_for_evaluation():
    module = likelihood("gaussian-optimal", SPEC)
    numbers = torch.zeros(4, 1, 2, 3)
    module.settle(0.25)
    module.eval()
    p = module(numbers)
    assert p.log_sigma.exp().item() == pytest.approx(0.5, rel=1e-4)
    together = p.log_prob(torch.arange(24.0).reshape(4, 1, 2, 3))
    alone = module(numbers[:1]).log_prob(torch.arange(6.0).reshape(1, 1, 2, 3))
    assert together[0] == alone[0], "the score of an item depends on what is scored beside it"
    assert module.train()(numbers).sample(Noise(0, 0, slice(None), 4)).std().item() == pytest.approx(0.5, abs=0.2)
    assert "log_sigma" in module.state_dict()


def test_a_learnt_sigma_is_a_weight_that_a_training_moves():
    module = likelihood("gaussian", SPEC)
    module(torch.zeros(4, 1, 2, 3)).log_prob(torch.ones(4, 1, 2, 3)).sum().backward()
    assert module.log_sigma.grad.abs() > 0
