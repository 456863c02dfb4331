import numpy as np
import pytest
import torch

from latentia.errors import BadData, CannotDo
from latentia.tasks.encode import decode, deviations, encode
from latentia.tasks.reconstruct import reconstruct

from .nets import Autoencoder, LinearGaussian, Pictures, normal


def test_codes_are_the_means_of_the_posterior_whatever_the_batch():
    net, x = LinearGaussian(), normal(11, 6)
    codes = encode(net, x)
    assert (codes.dtype, codes.shape) == (np.float64, (11, 3))
    np.testing.assert_allclose(codes, net.posterior(x).mean.detach().numpy())
    np.testing.assert_allclose(encode(net, x, batch=3), codes, rtol=1e-12)
    assert encode(net, x[:0]).shape == (0, 3)


def test_deviations_are_those_of_the_posterior_and_may_be_estimated():
    net, x = LinearGaussian(), normal(5, 6)
    exact = 1 / net.precision.sqrt().expand(5, 3).numpy()
    np.testing.assert_allclose(deviations(net, x), exact)

    class Silent(LinearGaussian):
        def posterior(self, x):
            known = super().posterior(x)

            class Posterior:
                mean, sample, log_prob = known.mean, known.sample, known.log_prob

            return Posterior

    np.testing.assert_allclose(deviations(Silent(), x), exact, rtol=0.4)
    with pytest.raises(CannotDo):
        deviations(Autoencoder(), x.float())


def test_decode_takes_arrays_and_tensors_of_any_precision():
    net, z = LinearGaussian(), normal(7, 3)
    made = decode(net, z)
    assert (made.dtype, made.shape) == (torch.float32, (7, 6))
    for codes in (z.numpy(), z.float(), z.numpy().tolist()):
        assert torch.allclose(decode(net, codes, batch=2), made, atol=1e-6)


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        (np.zeros((2, 4)), r"\(2, 4\); this model takes \(N, 3\)"),
        (np.zeros(3), "takes"),
        (np.zeros((0, 3)), "takes"),
        (np.array([[0.0, np.nan, np.inf]]), "2 numbers that are not finite"),
        ("codes.csv", "'codes.csv'; give numbers"),
    ],
)
def test_codes_that_are_none_are_refused(codes, told):
    with pytest.raises(BadData, match=told):
        decode(LinearGaussian(), codes)


def test_nets_without_the_capability_are_refused():
    with pytest.raises(CannotDo, match="encode needs a model that has an encoder; this one does not"):
        encode(Pictures(), normal(1, 1, 8, 8))
    with pytest.raises(CannotDo, match="decode"):
        decode(torch.nn.Linear(2, 2), np.zeros((1, 2)))
    with pytest.raises(CannotDo, match="reconstruct"):
        reconstruct(Pictures(), normal(1, 1, 8, 8))


def test_a_reconstruction_is_the_decoded_code():
    net, x = LinearGaussian(), normal(5, 6)
    assert torch.equal(reconstruct(net, x), decode(net, encode(net, x)))
    assert torch.allclose(reconstruct(Autoencoder(), x.float())[:, :3], x[:, :3].float())


def test_drawn_reconstructions_scatter_as_the_posterior_does():
    net, x = LinearGaussian(), normal(4, 6)
    drawn = reconstruct(net, x, draws=2000)
    assert drawn.shape == (4, 2000, 6)
    weight = net.weight.detach()
    spread = (weight.square() / net.precision).sum(1).sqrt()
    assert torch.allclose(drawn.mean(1), reconstruct(net, x), atol=0.06)
    assert torch.allclose(drawn.std(1).double(), spread.expand(4, 6), atol=0.05)


def test_draws_of_an_item_do_not_depend_on_the_batch_and_differ_between_seeds():
    net, x = LinearGaussian(), normal(5, 6)
    drawn = reconstruct(net, x, draws=3)
    assert torch.allclose(reconstruct(net, x, draws=3, batch=2), drawn)
    assert torch.allclose(reconstruct(net, x, draws=2), drawn[:, :2])
    assert not torch.allclose(reconstruct(net, x, draws=3, seed=1), drawn)
    with pytest.raises(BadData, match="draws is 0"):
        reconstruct(net, x, draws=0)
    with pytest.raises(CannotDo, match="reconstruct with draws"):
        reconstruct(Autoencoder(), x.float(), draws=2)
