import math

import numpy as np
import pytest
import torch

from latentia.core import HasDensity
from latentia.distributions.normal import Normal
from latentia.errors import BadData, BadField, CannotDo
from latentia.metrics.likelihood import effective_sample_size, iwae, standard_error
from latentia.metrics.pareto import pareto_shape
from latentia.tasks.draws import AHEAD, DrawNoise
from latentia.tasks.likelihood import exact, explain, log_likelihood, weigh

from .nets import Autoencoder, LinearGaussian, normal


def test_the_net_of_these_tests_has_a_density():
    assert isinstance(LinearGaussian(), HasDensity)
    assert not isinstance(Autoencoder(), HasDensity)


@pytest.mark.parametrize("draws", [1, 3, 200])
def test_the_true_posterior_gives_the_exact_likelihood_with_any_number_of_draws(draws):
    net, x = LinearGaussian(), normal(7, 6)
    found = log_likelihood(net, x, draws)
    np.testing.assert_allclose(found.value, net.log_prob(x), rtol=1e-10)
    np.testing.assert_allclose(found.ess, draws, rtol=1e-9)
    assert [column.dtype for column in found] == [np.float64] * 4


def test_a_wrong_posterior_gives_the_exact_likelihood_within_the_error_that_is_told():
    net, x = LinearGaussian(stretch=1.4), normal(40, 6)
    found = weigh(net, x, 3000).log_prob
    score = (found.value - net.log_prob(x)) / found.error
    assert np.abs(score).max() < 4
    assert 0.6 < score.std() < 1.5  # the error is neither too small nor too large
    assert (found.ess < 2900).all()
    assert (found.ess > 100).all()


def test_one_draw_is_the_elbo_and_more_draws_raise_the_bound():
    net, x = LinearGaussian(stretch=2.0), normal(60, 6)
    bounds = [weigh(net, x, draws).log_prob.value.mean() for draws in (1, 10, 1000)]
    assert bounds[0] < bounds[1] < bounds[2] < net.log_prob(x).mean() + 0.05
    one = weigh(net, x, 1)
    np.testing.assert_allclose(one.log_prob.value, one.elbo, rtol=1e-12)
    assert np.isinf(one.log_prob.error).all()  # one draw says nothing about its own error


def test_terms_of_the_elbo_have_their_closed_form():
    net, x = LinearGaussian(stretch=0.7), normal(30, 6)
    posterior = net.posterior(x)
    kl = posterior.kl_to_standard_normal().sum(1).detach().numpy()
    found = weigh(net, x, 4000)
    np.testing.assert_allclose(found.rate, kl, atol=0.25)
    np.testing.assert_allclose(found.rate.mean(), kl.mean(), atol=0.03)
    np.testing.assert_allclose(found.elbo, -found.distortion - found.rate)


@pytest.mark.parametrize("rows", [1, 5, 64, 100, 1000])
def test_the_rows_of_a_pass_change_nothing(rows):
    net, x = LinearGaussian(stretch=1.3), normal(9, 6)
    for by in (log_likelihood, lambda *a, **b: weigh(*a, **b).log_prob):
        whole, other = by(net, x, 150, seed=3), by(net, x, 150, seed=3, rows=rows)
        for a, b in zip(whole, other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8)


def test_an_item_s_draws_belong_to_its_number_whatever_is_beside_it():
    net, x = LinearGaussian(stretch=1.3), normal(9, 6)
    whole = weigh(net, x, 40).log_prob
    alone = weigh(net, x[4:6], 40, items=[4, 5]).log_prob
    np.testing.assert_allclose(alone.value, whole.value[4:6], rtol=1e-12)
    same = weigh(net, x[[4, 4]], 40).log_prob  # the same item under two numbers has two estimates
    assert same.value[0] != same.value[1]
    assert (weigh(net, x, 40, seed=1).log_prob.value != whole.value).all()


def test_fixed_draws_know_the_item_alone():
    net, x = LinearGaussian(stretch=1.3), normal(9, 6)
    whole, order = log_likelihood(net, x, 40), [5, 5, 2]
    for told, again in zip(whole, log_likelihood(net, x[order], 40), strict=True):
        np.testing.assert_allclose(again, told[order], rtol=1e-9)
    assert (log_likelihood(net, x, 40, seed=1).value != whole.value).all()


class Askew(LinearGaussian):
    """Its posterior is off by more the farther out the code lies."""

    def posterior(self, x):
        true = super().posterior(x)
        return Normal(1.25 * true.mean, true.log_scale)


def test_a_tolerance_gives_each_item_the_draws_that_it_needs_and_no_other_says_how_many():
    net, x = Askew(stretch=0.7), normal(40, 6)
    by = {count: log_likelihood(net, x, count) for count in (32, 64, 100)}
    good = {count: (told.error <= 0.3) & (told.k <= 0.7) for count, told in by.items()}
    wanted = np.where(good[32], by[32].value, np.where(good[64], by[64].value, by[100].value))
    assert 3 < good[32].sum() < 37
    assert (~good[32] & good[64]).any()
    assert (~good[32] & (by[32].error <= 0.3)).any(), "an error that the tail of the weights makes doubtful"
    found = log_likelihood(net, x, 100, tolerance=0.3)
    np.testing.assert_allclose(found.value, wanted, rtol=1e-12)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))[:11]
    alone = log_likelihood(net, x[order], 100, tolerance=0.3)
    for told, again in zip(found, alone, strict=True):
        np.testing.assert_allclose(again, told[order.numpy()], rtol=1e-9)
    np.testing.assert_array_equal(log_likelihood(net, x, 20, tolerance=0.3).value, log_likelihood(net, x, 20).value)
    with pytest.raises(BadField, match="tolerance is -1"):
        log_likelihood(net, x, tolerance=-1.0)


def test_fixed_draws_err_by_what_they_tell_and_by_less_than_random_ones():
    """One item under many seeds: the spread is the error that is told, and the truth lies within two of it."""
    net, x = LinearGaussian(stretch=1.5), normal(3, 6)
    told = [log_likelihood(net, x, 256, seed) for seed in range(120)]
    away = np.stack([each.value for each in told]) - net.log_prob(x)
    error = np.stack([each.error for each in told])
    assert away.std(0) == pytest.approx(np.sqrt((error**2).mean(0)), rel=0.2)
    assert np.mean(np.abs(away) < 2 * error) == pytest.approx(0.95, abs=0.035)
    random = np.stack([weigh(net, x, 256, seed).log_prob.value for seed in range(120)]) - net.log_prob(x)
    assert away.std() < 0.5 * random.std()


def test_where_a_score_comes_from_has_its_closed_form_and_adds_up():
    net, x = LinearGaussian(stretch=1.4), normal(8, 6)
    told = explain(net, x, 4096)
    np.testing.assert_allclose(told.terms.sum(1) + told.latent, -told.log_prob.value, rtol=1e-12)
    with torch.no_grad():
        true = LinearGaussian().posterior(x)  # that of stretch 1 is the true one
        spread = (net.weight**2 @ (true.standard_deviation[0] ** 2)).expand(8, 6)
        missed = (x - net.bias - true.mean @ net.weight.T) ** 2 + spread
        terms = 0.5 * missed / net.sigma**2 + math.log(net.sigma) + 0.5 * math.log(2 * math.pi)
    np.testing.assert_allclose(told.terms, terms, atol=0.02)
    np.testing.assert_allclose(told.latent, true.kl_to_standard_normal().sum(1).detach(), atol=0.02)


def test_terms_of_missing_entries_are_integrated_out():
    from scipy.stats import multivariate_normal

    net, x = LinearGaussian(), normal(5, 6)
    mask = torch.ones(5, 6, dtype=torch.bool)
    mask[1, 2] = mask[3, 0] = mask[3, 5] = False
    found = log_likelihood(net, torch.where(mask, x, net.bias.detach()), 4096, mask=mask)
    weight, bias = net.weight.detach().numpy(), net.bias.detach().numpy()
    covariance = weight @ weight.T + net.sigma**2 * np.eye(6)
    for row, known in enumerate(mask.numpy()):
        wanted = multivariate_normal(bias[known], covariance[np.ix_(known, known)]).logpdf(x[row, known].numpy())
        assert found.value[row] == pytest.approx(wanted, abs=0.02 + 4 * found.error[row])
    assert (explain(net, x, 16, mask=mask).terms[1] == 0).nonzero()[0].tolist() == [2]
    with pytest.raises(BadData, match="a mask of 4 entries for a likelihood of 6 terms"):
        log_likelihood(net, x, mask=mask[:, :4])


def test_weights_without_a_variance_are_told_by_the_shape_of_their_tail():
    x = normal(30, 6)
    narrow, right = (log_likelihood(LinearGaussian(stretch=stretch), x, 1024).k for stretch in (0.4, 1.0))
    assert np.median(narrow) > 0.6
    assert (right == 0).all()  # the true posterior: all weights are the same
    assert np.isnan(log_likelihood(LinearGaussian(), x, 16).k).all()


def test_an_exact_copy_computes_in_float64_and_leaves_the_net_as_it_is():
    net, x = LinearGaussian(stretch=1.2).float(), normal(6, 6)
    np.testing.assert_allclose(
        log_likelihood(exact(net), x, 64).value, log_likelihood(LinearGaussian(stretch=1.2), x, 64).value, atol=1e-5
    )
    assert net.weight.dtype == torch.float32
    assert exact(net).weight.dtype == torch.float64


def test_more_draws_begin_with_the_draws_of_fewer():
    like = torch.empty(0)
    first = DrawNoise([7], 1, like)
    many = DrawNoise([7, 8], 50, like)
    singles = torch.cat([first.normal(3) for _ in range(AHEAD + 40)])
    fifties = torch.cat([many.normal(3)[:50] for _ in range(3)])
    assert torch.equal(singles, fifties[: AHEAD + 40])


def test_streaming_equals_the_metrics_on_all_weights_at_once():
    net, x = LinearGaussian(stretch=1.5), normal(5, 6)
    noise = DrawNoise([0, 1, 2, 3, 4], 1, x)
    posterior, weights = net.posterior(x), []
    from latentia.core import key

    noise.seeds = [key(key(0, i), "likelihood") for i in range(5)]
    for _ in range(130):
        z = posterior.sample(noise)
        weights.append(net.likelihood(z).log_prob(x) + net.prior().log_prob(z) - posterior.log_prob(z))
    stacked = torch.stack(weights, 1).detach().numpy()
    found = weigh(net, x, 130).log_prob
    np.testing.assert_allclose(found.value, iwae(stacked), rtol=1e-10)
    np.testing.assert_allclose(found.ess, effective_sample_size(stacked), rtol=1e-8)
    np.testing.assert_allclose(found.error, standard_error(stacked), rtol=1e-8)
    np.testing.assert_allclose(found.k, pareto_shape(stacked), rtol=1e-8)


def test_weights_far_below_the_smallest_number_still_count():
    net, x = LinearGaussian(sigma=0.5), normal(3, 6) + 500
    found = log_likelihood(net, x, 20)
    assert (found.value < -1e4).all()
    np.testing.assert_allclose(found.value, net.log_prob(x), rtol=1e-9)


def test_nets_of_float32_are_summed_up_in_float64():
    net, x = LinearGaussian(stretch=1.2), normal(6, 6)
    whole = log_likelihood(net, x, 60)
    rough = log_likelihood(net.float(), x, 60)
    assert rough.value.dtype == np.float64
    np.testing.assert_allclose(rough.value, whole.value, rtol=1e-4)


def test_no_items_give_empty_columns():
    assert [len(column) for column in log_likelihood(LinearGaussian(), torch.empty(0, 6), 5)] == [0] * 4


def test_refusals():
    with pytest.raises(BadField, match="draws is 0"):
        log_likelihood(LinearGaussian(), normal(2, 6), 0)
    with pytest.raises(CannotDo, match="needs a model that gives a probability to data"):
        log_likelihood(Autoencoder(), normal(2, 6))


def test_neither_mode_nor_default_generator_is_touched():
    net = LinearGaussian().train()
    before = torch.random.get_rng_state()
    found = log_likelihood(net, normal(2, 6), 5)
    assert net.training
    assert torch.equal(before, torch.random.get_rng_state())
    assert math.isfinite(found.value.sum())


class TwoGroups(LinearGaussian):
    """A group (of share 0.3) and a number that goes with it; its encoder never saw a row without the number.

    Its posterior is then a tenth wide, and lies in one of the groups.
    """

    edge = 0.5244005  # 0.3 of N(0, 1) lie beyond

    def __init__(self):
        super().__init__(size=2, latent=1)

    def posterior(self, x):
        mean = self.edge - 0.3 + 0.4 * x[:, 1:]
        return Normal(mean, torch.full_like(mean, -2.3))

    def likelihood(self, z):
        return Halves((z[:, 0] > self.edge).to(z))


class Halves:
    """Which group a row says that it is in, which is wrong in 1 of 10, and its number."""

    def __init__(self, group):
        self.group = group

    def terms(self, x):
        named = torch.where(x[:, 0] == self.group, 0.9, 0.1).log()
        apart = x[:, 1] - (2 * self.group - 1)
        return torch.stack([named, -2 * apart.square() + 0.5 * math.log(2 / math.pi)], 1)

    def log_prob(self, x):
        return self.terms(x).sum(1)


@pytest.fixture(scope="module")
def gaps():
    x = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, -1.0], [1.0, 1.0]], dtype=torch.float64)
    return x, torch.tensor([[True, False], [True, False], [True, True], [True, True]])


def test_the_density_of_what_is_known_is_right_where_the_encoder_looks_in_the_wrong_place(gaps):
    x, mask = gaps
    net, truth = TwoGroups(), np.log([0.9 * 0.7 + 0.1 * 0.3, 0.9 * 0.3 + 0.1 * 0.7])
    for draws, near in ((128, 0.12), (1024, 0.03)):
        told = log_likelihood(net, x[:2], draws, mask=mask[:2])
        assert np.exp(told.value).sum() == pytest.approx(1, abs=0.1)
        np.testing.assert_allclose(told.value, truth, atol=near)
    seeds = [log_likelihood(net, x[:2], 128, seed, mask=mask[:2]) for seed in range(60)]
    away = np.stack([each.value for each in seeds]) - truth
    assert np.abs(away.mean(0)).max() < 0.02
    error = np.stack([each.error for each in seeds])
    assert away.std(0) == pytest.approx(np.sqrt((error**2).mean(0)), rel=0.35)


def test_gaps_beside_it_change_no_row_and_one_draw_is_the_encoder_s(gaps):
    x, mask = gaps
    net = TwoGroups()
    told = log_likelihood(net, x, 100, mask=mask)
    for column, whole in zip(told, log_likelihood(net, x[2:], 100), strict=True):
        np.testing.assert_array_equal(column[2:], whole)
    for rows in (1, 7, 64):
        np.testing.assert_allclose(log_likelihood(net, x, 100, rows=rows, mask=mask).value, told.value, rtol=1e-12)
    alone = log_likelihood(net, x[[1, 0]], 100, mask=mask[[1, 0]])
    np.testing.assert_allclose(alone.value, told.value[[1, 0]], rtol=1e-12)
    part = explain(net, x, 100, mask=mask)
    np.testing.assert_allclose(part.terms.sum(1) + part.latent, -told.value, rtol=1e-12)
    assert np.isfinite(log_likelihood(net, x, 1, mask=mask).value).all()
