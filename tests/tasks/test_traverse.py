import numpy as np
import pytest
import torch
from scipy.stats import norm

from latentia.errors import BadField, CannotDo
from latentia.metrics.latents import gaussian_divergence
from latentia.tasks.encode import decode, encode
from latentia.tasks.traverse import importance, latent_divergence, prior_quantiles, traverse

from .nets import Autoencoder, LinearGaussian, Pictures, normal


def test_one_latent_moves_over_the_quantiles_of_the_prior_and_the_others_are_held():
    net, at = LinearGaussian(), normal(1, 3)[0].float()
    rows, values, items = traverse(net, at, steps=5)
    assert rows == [0, 1, 2]
    assert items.shape == (3, 5, 6)
    expected = torch.tensor(norm.ppf(np.linspace(0.05, 0.95, 5)), dtype=torch.float32)
    assert torch.allclose(values, expected.expand(3, 5), atol=1e-5)
    codes = at.repeat(5, 1)
    codes[:, 1] = expected
    assert torch.allclose(items[1], decode(net, codes), atol=1e-5)


def test_without_a_place_the_others_stay_at_the_median():
    net = LinearGaussian()
    _, _, items = traverse(net, steps=3)
    assert torch.allclose(items[:, 1], decode(net, torch.zeros(3, 3)), atol=1e-6)


def test_latents_come_in_the_order_of_what_they_carry():
    net = LinearGaussian()
    order = latent_divergence(net, normal(500, 6))
    assert order[0] > order[1] > order[2]
    assert order[2] == pytest.approx(0, abs=1e-12)  # the last column of W is 0: this latent is not used
    assert traverse(net, order=torch.tensor([0.1, 3.0, 2.0]))[0] == [1, 2, 0]
    rows, values, items = traverse(net, order=order, latents=[2, 1], steps=4)
    assert (rows, values.shape, items.shape) == ([1, 2], (2, 4), (2, 4, 6))


def test_the_kl_of_each_latent_adds_up_to_the_kl():
    net, x = LinearGaussian(stretch=0.6), normal(30, 6)
    whole = net.posterior(x).kl_to_standard_normal().mean(0).detach().numpy()
    np.testing.assert_allclose(latent_divergence(net, x, batch=7), whole)


def test_a_prior_that_is_not_normal_is_known_by_its_draws():
    class Shifted(LinearGaussian):
        def prior(self):
            known = super().prior()

            class Prior:
                sample = staticmethod(lambda noise: known.sample(noise) * 2 + 1)

            return Prior

    net, x = Shifted(), normal(20, 6)
    quantiles = prior_quantiles(net, torch.tensor([0.05, 0.5, 0.95]))
    assert torch.allclose(quantiles, torch.tensor([[-2.29], [1.0], [4.29]]).expand(3, 3), atol=0.2)
    posterior = net.posterior(x)
    expected = gaussian_divergence(posterior.mean.detach(), posterior.standard_deviation.detach(), 1, 2).mean(0)
    np.testing.assert_allclose(latent_divergence(net, x), expected, atol=0.05)


def test_without_a_density_the_variance_of_codes_puts_latents_in_order():
    net, x = Autoencoder(), normal(20, 6).float() * torch.tensor([1.0, 3, 2, 1, 1, 1])
    np.testing.assert_allclose(importance(net, x), encode(net, x).var(0))
    np.testing.assert_array_equal(np.argsort(-importance(net, x)), [1, 2, 0])
    assert traverse(Pictures(), steps=3, latents=[4])[2].shape == (1, 3, 1, 8, 8)


def test_refusals():
    net = LinearGaussian()
    with pytest.raises(BadField, match="index 3; this model has the indices 0 to 2, which people see as z1 to z3"):
        traverse(net, latents=[0, 3])
    with pytest.raises(BadField, match="steps is 1"):
        traverse(net, steps=1)
    with pytest.raises(BadField, match="the order has 2 numbers"):
        traverse(net, order=torch.zeros(2))
    with pytest.raises(CannotDo, match="traverse"):
        traverse(Autoencoder())
    with pytest.raises(CannotDo, match="the KL of each latent"):
        latent_divergence(Autoencoder(), normal(2, 6).float())
