import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from latentia.errors import BadField, CannotDo
from latentia.tasks.annealing import Ladder, annealed, bracket
from latentia.tasks.likelihood import log_likelihood

from .nets import Autoencoder, LinearGaussian, normal

LADDER = Ladder(chains=16, steps=100, leaps=5)


@pytest.fixture(scope="module")
def told():
    return annealed(LinearGaussian(stretch=0.6), normal(12, 6), LADDER)


def test_the_likelihood_in_closed_form_is_met_without_the_encoder(told):
    net, x = LinearGaussian(stretch=0.6), normal(12, 6)
    away = told.value - net.log_prob(x)
    assert np.abs(away).max() < 0.25
    assert np.abs(away / told.error).max() < 5
    guided = log_likelihood(net, x, 1024)
    assert (told.value >= guided.value - 3 * np.hypot(told.error, guided.error)).all()
    assert (told.ess > 8).all()


def test_an_encoder_that_misses_is_found_out():
    """Its draws lie far from the posterior: importance sampling says too little, annealing does not."""
    net, x = LinearGaussian(), normal(6, 6)
    true = net.posterior
    net.posterior = lambda x: type(true(x))(true(x).mean + 2.5, true(x).log_scale - 1)
    assert (log_likelihood(net, x, 256).value < net.log_prob(x) - 3).all()
    np.testing.assert_allclose(annealed(net, x, LADDER).value, net.log_prob(x), atol=0.5)


def test_what_is_told_of_an_item_depends_on_it_alone(told):
    x = normal(12, 6)
    again = annealed(LinearGaussian(stretch=0.6), x[[7, 2]], LADDER)
    np.testing.assert_allclose(again.value, told.value[[7, 2]], rtol=1e-9)
    assert (annealed(LinearGaussian(stretch=0.6), x[:2], LADDER, seed=1).value != told.value[:2]).all()


def test_missing_entries_are_integrated_out():
    net, x, mask = LinearGaussian(), normal(3, 6), torch.ones(3, 6, dtype=torch.bool)
    mask[:, 4] = False
    weight, bias = net.weight.detach()[mask[0]].numpy(), net.bias.detach()[mask[0]].numpy()
    wanted = multivariate_normal(bias, weight @ weight.T + net.sigma**2 * np.eye(5)).logpdf(x[:, mask[0]].numpy())
    np.testing.assert_allclose(annealed(net, x, LADDER, mask=mask).value, wanted, atol=0.15)


def test_simulated_items_are_bracketed_and_better_chains_close_the_gap():
    rough = bracket(LinearGaussian(), 40, Ladder(chains=2, steps=6, leaps=1))
    fine = bracket(LinearGaussian(), 40, LADDER)
    assert rough.gap > 0.2
    assert -0.02 < fine.gap < 0.1
    assert rough.lower.mean() < fine.lower.mean() < rough.upper.mean()
    assert str(fine).startswith("on 40 simulated items the mean log p(x) lies between")


def test_both_bounds_hold_the_truth():
    """The truth of simulated items, in closed form, lies between the means of the bounds."""
    net, kept = LinearGaussian(), []
    likelihood = net.likelihood

    class Kept:
        def __init__(self, inner):
            self.inner = inner

        def sample(self, noise):
            kept.append(self.inner.sample(noise))
            return kept[-1]

        def log_prob(self, x):
            return self.inner.log_prob(x)

    net.likelihood = lambda z: Kept(likelihood(z))
    found = bracket(net, 40, Ladder(chains=2, steps=6, leaps=1))
    truth = net.log_prob(torch.cat(kept)).mean()
    assert found.lower.mean() < truth < found.upper.mean()


def test_refusals_and_nothing():
    with pytest.raises(BadField, match="steps is 0; it must be at least 1"):
        Ladder(steps=0)
    with pytest.raises(BadField, match="count is 0"):
        bracket(LinearGaussian(), 0)
    with pytest.raises(CannotDo, match="annealed importance sampling needs a model that gives a probability"):
        annealed(Autoencoder(), normal(2, 6))
    assert [len(column) for column in annealed(LinearGaussian(), torch.empty(0, 6))] == [0] * 4
