"""Distances of clouds of latents against closed forms."""

import numpy as np
import pytest

from latentia.errors import BadData
from latentia.metrics.completeness import discrepancy, holes, neighbour_divergence, whitening
from latentia.metrics.continuity import median, worst_over_median

GENERATOR = np.random.default_rng(0)


def normal(count, width, shift=0.0, scale=1.0):
    return shift + scale * GENERATOR.normal(size=(count, width))


def test_whitening_gives_mean_0_and_covariance_1_and_goes_back():
    cloud = normal(400, 3) @ np.array([[2.0, 1, 0], [0, 0.1, 0], [0, 0, 5]]) + 7
    white = whitening(cloud)
    np.testing.assert_allclose(np.cov(white.whiten(cloud).T), np.eye(3), atol=1e-9)
    np.testing.assert_allclose(white.back(white.whiten(cloud)), cloud)
    flat = whitening(np.concatenate([cloud, np.zeros((400, 1))], 1))  # a latent that never moves
    assert np.isfinite(flat.whiten(flat.back(np.ones((2, 4))))).all()


def test_divergence_of_normals_is_the_closed_form():
    """KL(N(m, s^2 I) || N(0, I)) = D (s^2 + m^2 - 1 - log s^2) / 2."""
    found = neighbour_divergence(normal(3000, 2, 0.5, 0.6), normal(3000, 2))
    assert found.value == pytest.approx(0.6**2 + 0.25 - 1 - np.log(0.36), abs=0.08)
    assert found.low < found.value < found.high
    assert neighbour_divergence(normal(3000, 2), normal(3000, 2)).value == pytest.approx(0, abs=0.06)


def test_discrepancy_is_0_for_one_distribution_and_sees_more_than_two_moments():
    """Two clusters with mean 0 and variance 1 differ from a normal only from the fourth moment on."""
    clusters = np.sign(normal(1500, 2)) * 0.95 + normal(1500, 2, 0, np.sqrt(1 - 0.95**2))
    white = whitening(clusters)
    assert discrepancy(white.whiten(clusters), normal(1500, 2)).low > 0.005
    same = discrepancy(normal(1500, 2), normal(1500, 2))
    assert same.low < 0 < same.high


def test_discrepancy_is_the_sum_by_hand():
    x, y = normal(9, 2), normal(8, 2, 1)

    def kernel(a, b):
        return np.mean([4 * s / (4 * s + ((a - b) ** 2).sum()) for s in (0.1, 0.2, 0.5, 1, 2, 5, 10)])

    inside = [np.mean([kernel(a, b) for i, a in enumerate(z) for j, b in enumerate(z) if i != j]) for z in (x, y)]
    assert discrepancy(x, y).value == pytest.approx(sum(inside) - 2 * np.mean([kernel(a, b) for a in x for b in y]))


def test_holes_are_where_no_code_is():
    ring = normal(2000, 2)
    ring /= np.linalg.norm(ring, axis=1, keepdims=True)
    cloud, held_out = ring[:1000], ring[1000:]
    draws = normal(1000, 2, 0, 0.7)
    apart = np.abs(np.linalg.norm(draws, axis=1) - 1)
    share = holes(draws, cloud, held_out)
    assert share.value == pytest.approx((apart > 0.015).mean(), abs=0.03)  # beside the ring is a hole, its middle too
    assert holes(held_out, cloud, held_out).value == pytest.approx(0.05, abs=1e-3)


def test_median_and_worst():
    speeds = np.linspace(1, 3, 2001)
    assert median(speeds).value == 2
    assert 1.9 < median(speeds).low < 2 < median(speeds).high < 2.1
    found = worst_over_median(speeds)
    assert found.value == pytest.approx(2.98 / 2)
    assert found.low < found.value < found.high
    assert worst_over_median(np.ones(50)).value == 1
    covered = [
        (lambda e: e.low <= 0 <= e.high)(median(np.random.default_rng(seed).normal(size=101))) for seed in range(200)
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.04)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: whitening(np.ones((5, 2))), "all latents are the same"),
        (lambda: whitening(np.ones((1, 2))), "1 row has no covariance"),
        (lambda: discrepancy(np.ones((5, 2)), np.ones((5, 2))), "too few to compare"),
        (lambda: neighbour_divergence(np.ones((5, 2)), np.ones((5, 2))), "5 neighbours need more"),
        (lambda: worst_over_median(np.zeros(9)), "does not follow its latents"),
        (lambda: median([]), "no places"),
    ],
)
def test_what_cannot_be_measured_is_refused(call, said):
    with pytest.raises(BadData, match=said):
        call()
