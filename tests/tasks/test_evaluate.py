import json
import math

import numpy as np
import pytest
import torch

from latentia.errors import CannotDo
from latentia.tasks import evaluate as module
from latentia.tasks.evaluate import Figure, collapse, evaluate
from latentia.tasks.sample import sample

from .nets import Autoencoder, Flat, LinearGaussian, Pictures, Rows, normal

NET = LinearGaussian(stretch=1.2)
X = normal(80, 6)


def named(figures):
    return {figure.name: figure for figure in figures}


def test_figures_of_a_net_with_a_density():
    found = named(evaluate(NET, Rows(X), draws=400))
    assert list(found) == ["ELBO", "nll", "kl", "log-likelihood", "active units", "KL per latent", "mutual information"]
    exact = NET.log_prob(X)
    assert found["log-likelihood"].value == pytest.approx(exact.mean(), abs=0.02)
    assert found["ELBO"].value == pytest.approx(-found["nll"].value - found["kl"].value)
    assert found["ELBO"].value < exact.mean()
    half = 1.96 * exact.std(ddof=1) / math.sqrt(80)
    figure = found["log-likelihood"]
    assert (figure.high - figure.low) / 2 == pytest.approx(half, rel=0.02)
    assert found["active units"].value == 2
    assert len(found["KL per latent"].parts) == 3
    assert sum(found["KL per latent"].parts) == pytest.approx(found["kl"].value, abs=0.05)
    assert all(figure.meaning.endswith(".") for figure in found.values())


def test_bits_per_dim_only_where_levels_have_probabilities(monkeypatch):
    assert "bits/dim" not in named(evaluate(NET, Rows(X, levels=256), draws=5))  # a density has no bits
    monkeypatch.setattr(Flat, "discrete", True)
    found = named(evaluate(NET, Rows(X, levels=256), draws=50))
    bits = found["bits/dim"]
    assert bits.value == pytest.approx(-found["log-likelihood"].value / (6 * math.log(2)))
    assert (bits.unit, bits.better) == ("bits/dim", "lower")
    assert "bits/dim" not in named(evaluate(NET, Rows(X), draws=5))


def test_reading_in_chunks_changes_nothing(monkeypatch):
    whole, told = evaluate(NET, Rows(X), draws=30), []
    monkeypatch.setattr(module, "CHUNK", 30)
    parts = evaluate(NET, Rows(X), draws=30, progress=lambda *done: told.append(done))
    assert told == [(30, 80), (60, 80), (80, 80)]
    for a, b in zip(whole, parts, strict=True):
        assert a.value == pytest.approx(b.value, rel=1e-9)
        assert a.high == pytest.approx(b.high, rel=1e-9)


def test_a_limit_takes_the_first_items():
    found = named(evaluate(NET, Rows(X), draws=300, limit=10))
    assert found["log-likelihood"].value == pytest.approx(NET.log_prob(X[:10]).mean(), abs=0.1)


def test_mutual_information_of_a_linear_gaussian_is_known():
    net = LinearGaussian()
    x = sample(net, Rows(X).spec, 500).double()
    x += 0.5 * normal(500, 6, seed=4)
    found = named(evaluate(net, Rows(x), draws=10))
    exact = 0.5 * net.precision.log().sum().item()  # I(x; z) = 1/2 log det(I + W'W / sigma^2)
    assert found["mutual information"].value == pytest.approx(exact, abs=0.15)


def test_a_collapsed_posterior_is_said_in_a_sentence():
    net = LinearGaussian()
    with torch.no_grad():
        net.weight.zero_()
    net.precision = torch.ones(3)
    found = named(evaluate(net, Rows(X), draws=5))
    assert found["active units"].value == 0
    assert "The posterior has collapsed: 0 of 3 latents are in use" in found["active units"].meaning
    assert collapse(3, 3, 0.05) is not None
    assert collapse(1, 3, 0.2) is None


def test_squared_error_of_a_net_that_only_reconstructs():
    x = X.float()
    found = named(evaluate(Autoencoder(), Rows(x)))
    assert list(found) == ["squared error", "mean squared error"]
    expected = x[:, 3:].square().sum(1)
    assert found["squared error"].value == pytest.approx(expected.mean().item(), rel=1e-5)
    assert found["mean squared error"].value == pytest.approx(expected.mean().item() / 6, rel=1e-5)


def test_one_item_has_no_interval_and_json_stays_json():
    figure = named(evaluate(NET, Rows(X[:1]), draws=5))["ELBO"]
    assert math.isinf(figure.high)
    plain = json.loads(json.dumps(figure.to_json(), allow_nan=False))
    assert (plain["name"], plain["high"]) == ("ELBO", None)
    assert str(Figure("a", 1.5, 1.25, 1.75, "nats", "")) == "a 1.5 [1.25, 1.75] nats"


def test_a_net_that_cannot_is_refused():
    with pytest.raises(CannotDo, match="evaluate needs a model that encodes and decodes; this one does not"):
        evaluate(Pictures(), Rows(np.zeros((2, 1, 8, 8))))
