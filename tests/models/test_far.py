"""Rows of a table with one value far beyond all training rows: which column that is, and what nothing changes."""

import numpy as np
import pytest
import torch

import latentia as lt
from latentia import data
from latentia.core import Batch
from latentia.tasks.likelihood import exact, log_likelihood
from latentia.tasks.score import averaged, scores


@pytest.fixture(scope="module")
def begun():
    """Columns that go together, and a VAE of them as it begins: exact for this table, and linear without an end."""
    draw = np.random.default_rng(0)
    code = draw.normal(size=(1500, 2))
    opened = data.open(code @ draw.normal(size=(2, 5)) + 0.3 * draw.normal(size=(1500, 5)))
    recipe = lt.VAE(latent=2, hidden=(8,))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = recipe.build(opened.spec)
    recipe.prepare(net, opened.train)
    return net, opened


def test_the_column_of_a_gross_error_costs_most_whichever_it_is(begun):
    net, opened = begun
    rows = opened.test.read(slice(0, 30))
    usual = scores(exact(net), rows, opened.spec).terms.mean(0)
    for column in (0, 2, 4):
        for size in (30.0, 1e4, -3e37):
            broken = rows.x[:3].clone()
            broken[:, column] = size
            found = scores(exact(net), Batch(broken), opened.spec)
            assert np.isfinite(found.value).all()
            np.testing.assert_allclose(found.terms.sum(1) + found.latent, found.value)
            assert ((found.terms - usual).argmax(1) == column).all()
            assert (found.latent < 0.5 * (found.terms - usual)[:, column]).all()


def test_rows_within_a_range_of_the_training_rows_keep_every_bit(begun, monkeypatch):
    net, opened = begun
    front, x = net.encoder.front, opened.train.read(slice(None)).x
    high = 2 * x.max(0).values - x.min(0).values  # as far out again as all training rows are wide
    inside = torch.stack([*x[:50], 0.999 * high, -0.9 * high])
    assert torch.equal(front.near(inside), inside)
    assert not torch.equal(front.near(1.01 * high), 1.01 * high)
    weights = net.state_dict()
    assert "encoder.front.most" not in weights, "runs that were made before load as they are"
    told = net.posterior(inside)
    monkeypatch.setattr(type(front), "near", lambda self, x: x)
    assert torch.equal(net.posterior(inside).mean, told.mean)


def test_a_row_of_density_0_says_by_which_column(begun):
    net, opened = begun
    rows = opened.test.read(slice(0, 3))
    rows.x[1, 3] = torch.inf
    found = scores(exact(net), rows, opened.spec)
    assert found.value[1] == np.inf
    assert np.isinf(found.terms).nonzero()[0].tolist() == [1]
    assert found.terms[1, 3] == np.inf
    assert found.latent[1] == 0
    told = log_likelihood(exact(net), rows.x, 64)
    assert [each[1] for each in told] == [-np.inf, np.inf, 0, np.inf]
    both = averaged([found, found])
    for name in ("value", "terms", "latent"):
        np.testing.assert_allclose(getattr(both, name), getattr(found, name), atol=1e-12)
    np.testing.assert_allclose(both.log_prob, found.log_prob)
