"""Directions, edits, the map and the weights of nets and clouds whose answer is known."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import roc_auc_score
from torch import nn

from latentia.errors import BadData, BadField
from latentia.tasks.directions import between, orthogonal, principal, separation
from latentia.tasks.edit import amounts_to, arithmetic, edit
from latentia.tasks.map import drawn, latent_map
from latentia.tasks.weights import balance, histogram
from tests.tasks.nets import Autoencoder, LinearGaussian, Pictures, normal


def test_a_direction_is_the_discriminant_of_its_groups():
    spread = normal(4, 4, seed=2)
    away = normal(3000, 4) @ spread
    towards = normal(2000, 4, seed=1) @ spread + torch.tensor([3.0, 0, 0, 0])
    found = between(towards, away, along="discriminant")
    known = LinearDiscriminantAnalysis(solver="lsqr").fit(torch.cat([towards, away]).numpy(), [1] * 2000 + [0] * 3000)
    assert abs(np.corrcoef(found.vector.numpy(), known.coef_[0])[0, 1]) > 0.999
    vector = found.vector.double()
    apart = towards.mean(0) - away.mean(0)
    assert float(vector @ vector) == pytest.approx(float(vector @ apart), rel=1e-5)  # moved by 1: from mean to mean
    assert vector.norm() < apart.norm()
    told = torch.cat([towards, away]) @ vector
    assert found.separation == pytest.approx(roc_auc_score([1] * 2000 + [0] * 3000, told))
    assert "from the mean of 3,000 items to that of 2,000" in str(found)
    assert separation(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0])) == 0.875  # a tie counts half


def test_a_direction_leaves_alone_what_only_goes_along_with_the_attribute():
    """The second latent follows the first in both groups; it tells nothing more of them."""
    first = torch.cat([normal(4000, 1), normal(4000, 1, seed=1) + 2])
    codes = torch.cat([first, first + 0.5 * normal(8000, 1, seed=2)], 1)
    towards, away = codes[4000:], codes[:4000]
    means = towards.mean(0) - away.mean(0)
    assert float(means[1] / means[0]) == pytest.approx(1, abs=0.05)
    torch.testing.assert_close(between(towards, away).vector.double(), means)
    found = between(towards, away, along="discriminant").vector
    assert abs(float(found[1] / found[0])) < 0.1


def test_a_direction_of_few_items_is_the_difference_of_their_means():
    one, other = normal(1, 30), normal(1, 30, seed=1)
    torch.testing.assert_close(between(one, other, along="discriminant").vector, (one - other)[0].float())
    few, more = normal(5, 30) + 1, normal(5, 30, seed=1)  # fewer items than latents
    found, apart = between(few, more, along="discriminant").vector.double(), few.mean(0) - more.mean(0)
    assert float(found @ apart / found.norm() / apart.norm()) > 0.9


def test_another_way_is_refused():
    with pytest.raises(BadField, match="did you mean 'means'"):
        between(normal(3, 2), normal(3, 2, seed=1), along="mean")


def test_what_is_kept_is_taken_out():
    vector, others = normal(5), [normal(5, seed=1), normal(5, seed=2), 2 * normal(5, seed=1)]
    left = orthogonal(vector, others)
    assert max(abs(float(left @ other)) for other in others) < 1e-9
    q = torch.linalg.qr(torch.stack(others[:2], 1))[0]
    torch.testing.assert_close(left, vector - q @ (q.T @ vector))
    with pytest.raises(BadData, match="nothing is left to move along"):
        orthogonal(others[0], others)


@pytest.mark.parametrize(
    ("towards", "away", "said"),
    [
        (torch.zeros(0, 2), torch.ones(3, 2), "no items to go towards"),
        (torch.ones(3, 2), torch.zeros(0, 2), "no items to come from"),
        (torch.ones(3, 2), torch.ones(5, 2), "the same mean code"),
    ],
)
def test_groups_without_a_way_between_them_are_refused(towards, away, said):
    with pytest.raises(BadData, match=said):
        between(towards, away)


class Generator(nn.Module):
    """A layer whose answers stretch latents by known factors, then something that is not linear."""

    latent = 4

    def __init__(self):
        super().__init__()
        self.turn = torch.linalg.qr(normal(4, 4).float())[0]
        self.first = nn.Linear(4, 9, bias=False)
        self.second = nn.Linear(9, 3)
        with torch.no_grad():
            wide = torch.linalg.qr(normal(9, 4, seed=1).float())[0]
            self.first.weight.copy_(wide @ torch.diag(torch.tensor([8.0, 4.0, 2.0, 1.0])) @ self.turn.T)

    def draw(self, noise):
        return noise.normal(4)

    def decode(self, z):
        return self.second(self.first(z).relu())


def test_principal_directions_are_the_first_layer_s_singular_vectors():
    net = Generator()
    for place, found in enumerate(principal(net, 3)):
        assert abs(float(found.vector @ net.turn[:, place])) == pytest.approx(1, abs=0.02)
        assert float(found.vector.norm()) == pytest.approx(1, abs=0.03)  # one deviation of the noise
    assert len(principal(Pictures(), 2)) == 2  # convolutions behind it are not asked
    assert not net.first._forward_hooks
    with pytest.raises(BadField, match="this model has 4 latents"):
        principal(net, 5)


def test_an_edit_moves_latents_by_each_amount():
    net = LinearGaussian()
    z, vector = normal(2, 3).float(), torch.tensor([1.0, 0.0, 2.0])
    found = edit(net, z, vector, (0, -1.5))
    torch.testing.assert_close(found[:, 0], net.decode(z.double()).float())
    torch.testing.assert_close(found[1, 1], net.decode((z[1:] - 1.5 * vector).double())[0].float())
    assert found.shape == (2, 2, 6)
    for amounts in ((), (float("nan"),)):
        with pytest.raises(BadField, match="the amounts are"):
            edit(net, z, vector, amounts)
    with pytest.raises(BadData, match="the direction has"):
        edit(net, z, vector[:2], (1,))


def test_arithmetic_adds_and_takes_away():
    plus, minus = normal(2, 3).float(), normal(2, 3, seed=1).float()
    torch.testing.assert_close(arithmetic(plus, minus), plus[0] + plus[1] - minus[0] - minus[1])
    with pytest.raises(BadData, match="2 items to add and 1 to take away"):
        arithmetic(plus, minus[:1])
    assert amounts_to(-2, 3) == [0, -1, -2]
    assert amounts_to(2, 1) == [2]
    with pytest.raises(BadField, match="steps is 0"):
        amounts_to(2, 0)


def test_the_map_is_the_plane_of_the_largest_axes():
    net = LinearGaussian(latent=3)
    codes = normal(500, 3).numpy() * [3.0, 1.0, 0.1] + [1.0, 2.0, 3.0]
    found = latent_map(net, codes, cells=4)
    np.testing.assert_allclose(np.abs(np.corrcoef(found.places[:, 0], codes[:, 0])[0, 1]), 1, atol=1e-3)
    np.testing.assert_allclose(found.places.mean(0), 0, atol=1e-9)
    assert found.share == pytest.approx(10 / 10.01, abs=1e-3)
    left, right, bottom, top = found.edges
    inside = ((found.places >= [left, bottom]) & (found.places <= [right, top])).all(1)
    assert 0.97 < inside.mean() < 1
    # the cell at the top right stands for the latents there
    sign = (
        np.sign(np.corrcoef(found.places[:, 0], codes[:, 0])[0, 1]),
        np.sign(np.corrcoef(found.places[:, 1], codes[:, 1])[0, 1]),
    )
    step = np.array([(right - left) / 8, (top - bottom) / 8])
    place = np.array([right, top]) - step
    z = codes.mean(0) + np.array([sign[0] * place[0], sign[1] * place[1], 0.0])
    expected = net.decode(torch.as_tensor(z)[None])[0]
    torch.testing.assert_close(found.cells[0, -1].double(), expected, atol=0.15, rtol=0.05)
    assert found.cells.shape == (4, 4, 6)


def test_two_latents_are_the_map_themselves():
    codes = normal(50, 2).numpy() + 5
    found = latent_map(Autoencoder(latent=2), codes, cells=2)
    np.testing.assert_allclose(found.places, codes)
    assert found.share == 1
    with pytest.raises(BadData, match="only pictures can be shown"):
        drawn(found)
    pictures = latent_map(Pictures(latent=2), codes, cells=3)
    assert len(drawn(pictures, ["a", "b"] * 25).axes[0].collections) == 2
    for wrong, said in ((codes[:2], "2 items make no map"), (np.ones((5, 3)), "the same code")):
        with pytest.raises(BadData, match=said):
            latent_map(Autoencoder(), wrong)
    with pytest.raises(BadField, match="cells is 1"):
        latent_map(Autoencoder(), codes, cells=1)


def two_kinds(common=950, rare=50):
    """A common and a rare cluster of the same width, far apart."""
    codes = normal(common + rare, 2).numpy()
    codes[common:] += 30
    return codes, np.arange(common + rare) >= common


def test_rare_kinds_weigh_as_much_as_common_ones():
    codes, rare = two_kinds()
    found = balance(codes, largest=1000)
    assert found.weights.mean() == pytest.approx(1)
    ratio = found.weights[rare].mean() / found.weights[~rare].mean()
    assert ratio > 6  # 19 times as rare; the edges of the common cluster are rare, too
    half = balance(codes, largest=1000, strength=0.5)
    assert 1 < half.weights[rare].mean() / half.weights[~rare].mean() < ratio
    np.testing.assert_allclose(balance(codes, strength=0).weights, 1)
    capped = balance(codes, largest=2)
    assert capped.weights.max() <= 2.0001
    assert capped.weights.mean() == pytest.approx(1, abs=0.01)
    assert found.effective < capped.effective < len(codes)
    np.testing.assert_allclose(balance(7 * codes + 1).weights, balance(codes).weights)  # no unit of latents


def test_within_labels_each_label_keeps_its_share():
    codes, rare = two_kinds()
    even = np.arange(1000) % 2 == 0
    labels = np.where(even, "even", "odd").tolist()
    found = balance(codes, labels)
    assert found.weights[even].sum() == pytest.approx(even.sum(), rel=0.01)
    assert found.weights[rare & even].mean() > 3 * found.weights[~rare & even].mean()
    figure = histogram(found, labels)
    assert [patch.get_height() for patch in figure.axes[1].patches][:2] == [0.5, 0.5]
    assert len(histogram(found).axes) == 1


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: balance(normal(30, 2), largest=0.5), BadField, "largest is 0.5"),
        (lambda: balance(normal(30, 2), strength=2), BadField, "strength 2"),
        (lambda: balance(normal(30, 2), ["a"]), BadData, "1 labels for 30 items"),
        (lambda: balance(normal(5, 2)), BadData, "5 items are too few"),
        (lambda: balance(np.ones((30, 2))), BadData, "most items have the same code"),
    ],
)
def test_weights_that_cannot_be_had_are_refused(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_weights_of_many_items_take_the_memory_of_a_part_of_their_distances():
    codes = np.random.default_rng(1).normal(size=(14_000, 2))
    codes[:700] += 8  # a twentieth lies apart
    tracemalloc.start()
    found = balance(codes)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.5 * 8 * 10_000**2
    own, few = found.weights[:700].mean(), balance(codes[::2]).weights[:350].mean()
    assert own == pytest.approx(few, rel=0.05), "many items weigh as a half of them do"
    assert own > 2 * found.weights[700:].mean()
