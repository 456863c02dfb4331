"""Rows with given columns, against the conditional distribution of a linear Gaussian model in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentia.core import Column, Spec
from latentia.distributions.gaussian import Gaussian
from latentia.errors import CannotDo
from latentia.tasks.conditional import PROPOSALS, effective, sample_given
from tests.tasks.nets import LinearGaussian

SIZE = 3
SPEC = Spec("table", (SIZE + 1,), columns=tuple(Column(f"x{i}", "numeric", missing=i == 0) for i in range(SIZE)))


class Columns(LinearGaussian):
    """The same with a likelihood of one term for each column, and a flag of the first that is always 1."""

    def likelihood(self, z):
        mean = super().likelihood(z).mean
        return Flagged(torch.cat([mean, mean.new_ones(*mean.shape[:-1], 1)], -1), torch.tensor(self.sigma).log())


class Flagged(Gaussian):
    def terms(self, value):
        return super().terms(value)[..., :SIZE]


@pytest.fixture(scope="module")
def net():
    return Columns(size=SIZE, latent=2, sigma=0.4)


def test_the_others_follow_their_conditional_distribution(net):
    given = 1.2
    drawn = sample_given(net, SPEC, 600, {0: given}, seed=3)
    weight, bias = net.weight.detach().numpy(), net.bias.detach().numpy()
    covariance = weight @ weight.T + net.sigma**2 * np.eye(SIZE)
    mean = bias[1:] + covariance[1:, 0] / covariance[0, 0] * (given - bias[0])
    rest = covariance[1:, 1:] - np.outer(covariance[1:, 0], covariance[0, 1:]) / covariance[0, 0]
    found = drawn.x[:, 1:SIZE].double().numpy()
    error = np.sqrt(np.diag(rest) / 600)
    assert (np.abs(found.mean(0) - mean) < 4 * error).all()
    assert np.allclose(np.cov(found.T), rest, atol=5 * rest.max() / np.sqrt(600))
    assert (drawn.x[:, 0] == torch.tensor(given)).all()
    assert (drawn.x[:, SIZE] == 1).all()


def test_a_row_depends_on_its_own_seed_alone(net):
    many, one = sample_given(net, SPEC, 40, {0: 0.5}, seed=0), sample_given(net, SPEC, 1, {0: 0.5}, seed=35)
    assert torch.allclose(many.x[35], one.x[0])
    assert not torch.allclose(many.x[34], one.x[0])


def test_few_proposals_count_where_what_is_given_is_rare(net):
    likely, rare = (sample_given(net, SPEC, 8, {0: value}).ess for value in (-1.0, 12.0))
    assert PROPOSALS > likely > 100 > 10 > rare >= 1
    assert "is rare" in effective(rare)
    assert effective(likely).endswith("count (effective sample size)")


def test_what_is_given_as_missing_is_missing(net):
    drawn = sample_given(net, SPEC, 2, {0: None})
    assert drawn.x[:, [0, SIZE]].tolist() == [[0, 0], [0, 0]]


def test_a_density_without_terms_is_refused():
    with pytest.raises(CannotDo, match="given columns need a likelihood that is a sum over columns"):
        sample_given(WithoutTerms(size=SIZE, latent=2), SPEC, 1, {0: 0.0})


class WithoutTerms(LinearGaussian):
    def likelihood(self, z):
        return object()
