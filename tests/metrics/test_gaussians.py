import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from latentia.errors import BadData
from latentia.metrics.gaussians import APART, MOST, SHARED, Moments


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def learnt(*blocks):
    found = Moments()
    for block in blocks:
        found.add(block)
    return found.gaussians()


def test_an_energy_is_minus_the_log_density_less_that_at_the_mean():
    """One place: its covariance is drawn towards uncorrelated features, and then towards itself."""
    x = drawn(50, 3) @ drawn(3, 3, seed=1) + 2
    told = learnt(x[:20, :, None, None], x[20:, :, None, None])
    rows = x.numpy()
    scatter = np.cov(rows.T, ddof=0) * 50
    shared = (scatter + APART * 3 * np.diag(np.diag(scatter) / 50)) / (50 + APART * 3)
    normal = multivariate_normal(rows.mean(0), (scatter + SHARED * 3 * shared) / (50 + SHARED * 3))
    asked = drawn(7, 3, seed=2) * 4
    expected = normal.logpdf(normal.mean) - normal.logpdf(asked.numpy())
    energies = told.energies(asked[:, :, None, None])[:, 0, 0]
    np.testing.assert_allclose(energies.numpy(), expected, rtol=1e-9)
    np.testing.assert_allclose(told.shares(asked).sum(1).numpy(), expected, rtol=1e-9)


def test_no_unit_of_a_feature_counts_and_few_pictures_are_enough():
    x, asked = drawn(5, 12, 2, 2), drawn(4, 12, 2, 2, seed=3)  # more features than pictures
    units = torch.logspace(-4, 4, 12, dtype=torch.float64)[:, None, None]
    torch.testing.assert_close(learnt(x).energies(asked), learnt(x * units).energies(asked * units), rtol=1e-6, atol=0)
    flat = x.clone()
    flat[:, 0] = 1.0  # never varies
    assert torch.isfinite(learnt(flat).energies(asked)).all()


def test_every_place_has_a_distribution_of_its_own():
    x = drawn(200, 2, 3, 4)
    x[:, :, 1, 2] += 10
    told, asked = learnt(x), torch.zeros(1, 2, 3, 4, dtype=torch.float64)
    assert divmod(int(told.energies(asked)[0].argmax()), 4) == (1, 2)
    asked[0, :, 1, 2] = 10
    asked[0, :, 0, 3] = 10  # ordinary at one place, and not at the other
    assert divmod(int(told.energies(asked)[0].argmax()), 4) == (0, 3)


def test_positions_of_a_large_map_share_the_distribution_of_their_neighbourhood():
    x, asked = drawn(6, 2, 20, 33), drawn(2, 2, 20, 33, seed=5)
    told = learnt(x)
    assert told.mean.shape == (16, 16, 2)
    own = told.energies(asked)
    assert own.shape == (2, 20, 33)
    down, along = slice(15 * 20 // 16, 20), slice(15 * 33 // 16, 33)  # the last place
    torch.testing.assert_close(told.mean[15, 15], x[:, :, down, along].mean((0, 2, 3)))
    apart = asked[1, :, 19, 32] - told.mean[15, 15]
    assert float(own[1, 19, 32]) == pytest.approx(float(0.5 * (told.whiten[15, 15] @ apart).square().sum()))


@pytest.mark.parametrize(
    ("blocks", "told"),
    [
        ([], "at least two good pictures"),
        ([drawn(1, 2, 1, 1)], "at least two good pictures"),
        ([drawn(3, 2, 1, 1), drawn(3, 4, 1, 1)], r"are \(4, 1, 1\) of some pictures and \(2, 1, 1\) of others"),
        ([drawn(3, 2, 1, 1) / 0], "not a finite number"),
        ([torch.zeros(2, MOST + 1, 1, 1)], "4,097 numbers; at most 4,096"),
    ],
)
def test_refusals(blocks, told):
    with pytest.raises(BadData, match=told):
        learnt(*blocks)
