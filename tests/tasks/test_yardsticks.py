"""Likelihood ratio and regret against closed forms; what excludes what."""

import numpy as np
import pytest

from latentia.core import Batch, Spec
from latentia.errors import BadField, CannotDo
from latentia.tasks.ratio import Ratio
from latentia.tasks.regret import Regret
from latentia.tasks.score import DENSITY
from latentia.tasks.yardsticks import yardstick_for

from .nets import Autoencoder, LinearGaussian, normal

SPEC = Spec("image", (1, 2, 3))
NET = LinearGaussian(shape=(1, 2, 3))


def drawn(count, seed=0):
    return Batch(normal(count, 1, 2, 3, seed=seed).double())


def test_a_ratio_is_the_difference_of_both_log_densities_term_by_term():
    wider = LinearGaussian(sigma=1.0, shape=(1, 2, 3))
    batch = drawn(12)
    told = Ratio(SPEC, 64, 0, wider, "other").scores(NET, batch, {})
    np.testing.assert_allclose(told.value, wider.log_prob(batch.x) - NET.log_prob(batch.x), atol=1e-6)
    np.testing.assert_allclose(told.terms.sum(1) + told.latent, told.value, atol=1e-9)
    assert told.terms.shape == (12, 6)
    same = Ratio(SPEC, 64, 0, NET, "itself").scores(NET, batch, {})
    np.testing.assert_allclose(same.value, 0)


class Misled(LinearGaussian):
    """Its encoder is off by a step in every direction of the codes."""

    def posterior(self, x):
        true = super().posterior(x)
        return type(true)(true.mean + 0.5, true.log_scale)


@pytest.mark.parametrize("net", [LinearGaussian(stretch=1.6, shape=(1, 2, 3)), Misled(stretch=0.7, shape=(1, 2, 3))])
def test_regret_is_how_far_the_encoder_is_from_the_true_posterior(net):
    """The best posterior is the true one, whose ELBO is log p(x): the gain is KL(q || p(z|x))."""
    batch = drawn(5, seed=4)
    told = Regret(SPEC, 0).scores(net, batch, {})
    shift = 0.5 if isinstance(net, Misled) else 0.0
    s = net.stretch
    gap = float((0.5 * (s**2 - 1) - np.log(s) + 0.5 * shift**2 * net.precision).sum())
    np.testing.assert_allclose(told.value, gap, rtol=0.1)
    np.testing.assert_allclose(told.terms.sum(1) + told.latent, told.value, atol=1e-9)
    one = Regret(SPEC, 0).scores(net, Batch(batch.x[[3]]), {})
    np.testing.assert_allclose(one.value, told.value[[3]], rtol=1e-6)  # rows do not know each other
    assert all(each.grad is None for each in net.parameters())


def test_a_perfect_encoder_regrets_nothing():
    told = Regret(SPEC, 0).scores(NET, drawn(5), {})
    assert np.abs(told.value).max() < 0.03


def test_the_usual_yardsticks():
    pictures, table = (yardstick_for(NET, spec, 8, 0) for spec in (SPEC, Spec("table", (6,))))
    assert (pictures.kind.name, table.kind) == ("oddness", DENSITY)
    assert yardstick_for(NET, SPEC, 8, 0, "likelihood").kind is DENSITY
    assert yardstick_for(Autoencoder(), SPEC, 8, 0).kind.name == "squared error"
    assert yardstick_for(Autoencoder(), Spec("image", (1, 8, 8)), 8, 0, features="patches").name == "features patches"


@pytest.mark.parametrize(
    ("words", "error", "told"),
    [
        ({"by": "regrets"}, BadField, "by is 'regrets'; did you mean 'regret'"),
        ({"by": "ratio"}, BadField, "a ratio needs one: another run"),
        ({"background": (NET, "x")}, BadField, "a background model is for by ratio"),
        ({"by": "regret", "features": "pixels"}, BadField, "by regret and features were both given"),
        ({"by": "regret", "net": Autoencoder()}, CannotDo, "by regret needs a model that gives a probability to data"),
        ({"by": "ratio", "background": (Autoencoder(), "x")}, CannotDo, "a background model needs a model that gives"),
        ({"by": "regret", "spec": Spec("table", (6,))}, BadField, "by regret is for pictures"),
    ],
)
def test_refusals(words, error, told):
    with pytest.raises(error, match=told):
        yardstick_for(**{"net": NET, "spec": SPEC, "draws": 8, "seed": 0, **words})
