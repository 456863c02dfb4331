"""Completeness and continuity of nets whose latent space is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from latentia.errors import BadData, CannotDo
from latentia.metrics.features import pixels
from latentia.tasks.latent import latent_figures, space_of
from tests.tasks.nets import Autoencoder, LinearGaussian, Rows, normal

COUNT = 400


def figures(net, x, **options):
    return {figure.name: figure for figure in latent_figures(net, Rows(x), pixels, **options)}


@pytest.fixture(scope="module")
def exact():
    """A model whose posterior is right: codes together are the prior."""
    net = LinearGaussian(size=6, latent=2)
    z = normal(2 * COUNT, 2, seed=3)
    x = z @ net.weight.detach().T + net.bias.detach() + net.sigma * normal(2 * COUNT, 6, seed=4)
    return net, x, figures(net, x)


def test_a_model_that_is_right_has_no_holes(exact):
    _, _, found = exact
    assert found["KL of codes and prior"].value == pytest.approx(0, abs=0.12)
    assert found["MMD of codes and prior"].low < 0.01
    assert found["holes"].value == pytest.approx(found["holes"].floor, abs=0.03)
    assert all(figure.low <= figure.value <= figure.high for figure in found.values())


def test_stretch_of_a_linear_decoder_is_the_length_of_its_columns(exact):
    """||W L v|| over directions v, with L the deviations of the codes; W has one column of length 2, one of 0."""
    net, x, found = exact
    white = space_of(net, Rows(x)).white
    jacobian = net.weight.detach().numpy() @ white.outward.T
    v = np.random.default_rng(0).normal(size=(100_000, 2))
    speeds = np.linalg.norm(v / np.linalg.norm(v, axis=1, keepdims=True) @ jacobian.T, axis=1) / np.sqrt(6)
    assert found["stretch"].low <= np.median(speeds) <= found["stretch"].high
    expected = np.quantile(speeds, 0.99) / np.median(speeds)
    assert found["worst stretch over median"].value == pytest.approx(expected, abs=0.06)


def test_an_autoencoder_is_given_the_normal_of_its_codes():
    """Codes in two clusters far apart: the normal between them falls into the gap, and its middles are no items."""
    side = torch.where(torch.arange(2 * COUNT) % 2 == 0, 5.0, -5.0)[:, None]
    x = torch.cat([side + 0.3 * normal(2 * COUNT, 1, seed=1), 0.3 * normal(2 * COUNT, 5, seed=2)], 1).float()
    net = Autoencoder(size=6, latent=3)
    space = space_of(net, Rows(x))
    np.testing.assert_allclose(space.white.back(space.prior).std(0), space.white.back(space.codes).std(0), rtol=0.15)
    found = figures(net, x)
    assert found["holes"].value > 0.5
    assert found["KL of codes and prior"].low > 0.3
    assert found["prior draws that look real (pixels)"].high < 0.7 < found["prior draws that look real (pixels)"].floor
    assert found["midpoints that look real (pixels)"].value == pytest.approx(0.5, abs=0.12)  # half the pairs


class Bent(Autoencoder):
    """Decodes with a jump where the first latent changes sign."""

    def decode(self, z):
        return super().decode(torch.cat([torch.tanh(20 * z[:, :1]), z[:, 1:]], 1))


def test_a_jump_is_a_stretch_and_a_long_path():
    x = normal(2 * COUNT, 6).float()
    plain, bent = figures(Autoencoder(), x), figures(Bent(), x)
    assert bent["worst stretch over median"].low > 2 * plain["worst stretch over median"].high
    assert bent["path length"].low > plain["path length"].high


def test_axes_and_scale_of_latents_do_not_count():
    """A net whose latents are turned and stretched, with the decoder that undoes it, has the same space."""

    class Turned(Autoencoder):
        def __init__(self):
            super().__init__()
            self.turn = nn.Parameter(torch.linalg.qr(normal(3, 3, seed=9).float())[0] * torch.tensor([100.0, 1.0, 0.1]))

        def encode(self, x):
            return super().encode(x) @ self.turn

        def decode(self, z):
            return super().decode(z @ torch.linalg.inv(self.turn))

    x = normal(2 * COUNT, 6).float()
    plain, turned = figures(Autoencoder(), x), figures(Turned(), x)
    for name in ("holes", "stretch", "path length", "KL of codes and prior"):
        assert turned[name].value == pytest.approx(plain[name].value, rel=0.1, abs=0.03)


def test_the_same_seed_gives_the_same_figures(exact):
    net, x, found = exact
    assert figures(net, x) == found
    assert figures(net, x, seed=1)["holes"] != found["holes"]


@pytest.mark.parametrize(("items", "count"), [(30, None), (100, 60), (100, 5)])
def test_too_few_items_are_refused(items, count):
    with pytest.raises(BadData, match="draws from the prior and the floors need"):
        latent_figures(Autoencoder(), Rows(normal(items, 6).float()), pixels, count=count)


def test_a_net_without_an_encoder_is_refused_in_one_sentence():
    class Generator(nn.Module):
        latent = 2

        def draw(self, noise):
            return noise.normal(2)

        def decode(self, z):
            return z

    with pytest.raises(CannotDo, match="the metric latent needs a model that encodes and decodes; this one does not"):
        latent_figures(Generator(), Rows(normal(100, 6)), pixels)
