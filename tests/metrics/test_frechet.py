import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from latentia.errors import BadData
from latentia.metrics.frechet import frechet, frechet_distance, frechet_spread, moments


def covariance(generator, size, rank=None):
    factor = generator.normal(size=(size, rank or size))
    return factor @ factor.T


def by_scipy(mean1, cov1, mean2, cov2):
    root = scipy.linalg.sqrtm(cov1 @ cov2)
    return np.sum((mean1 - mean2) ** 2) + np.trace(cov1 + cov2 - 2 * np.real(root))


@given(st.integers(0, 2**31), st.integers(1, 12))
def test_it_is_what_scipy_s_matrix_root_gives(seed, size):
    generator = np.random.default_rng(seed)
    means = generator.normal(size=(2, size))
    first, second = (covariance(generator, size) + 0.1 * np.eye(size) for _ in range(2))
    expected = by_scipy(means[0], first, means[1], second)
    assert frechet_distance(means[0], first, means[1], second) == pytest.approx(expected, rel=1e-6, abs=1e-8)


def test_closed_form_of_covariances_that_commute():
    first, second = np.array([4.0, 9.0, 0.0]), np.array([1.0, 25.0, 16.0])
    rotation = scipy.stats.ortho_group.rvs(3, random_state=0)
    turned = [rotation @ np.diag(each) @ rotation.T for each in (first, second)]
    expected = np.sum((np.sqrt(first) - np.sqrt(second)) ** 2) + 3 * 0.5**2
    assert frechet_distance(np.zeros(3), turned[0], np.full(3, 0.5), turned[1]) == pytest.approx(expected, rel=1e-7)


@pytest.mark.parametrize(("first", "second"), [(2, 5), (5, 2), (2, 2), (0, 5), (0, 0)])
def test_covariances_without_full_rank(first, second):
    generator = np.random.default_rng(3)
    one, two = (covariance(generator, 5, rank) if rank else np.zeros((5, 5)) for rank in (first, second))
    found = frechet_distance(np.zeros(5), one, np.ones(5), two)
    assert found == pytest.approx(frechet_distance(np.zeros(5), two, np.ones(5), one), rel=1e-6, abs=1e-6)
    nudged = by_scipy(np.zeros(5), one + 1e-12 * np.eye(5), np.ones(5), two + 1e-12 * np.eye(5))
    assert found == pytest.approx(nudged, abs=1e-3)


def test_moments_are_numpy_s_also_when_rows_count_several_times():
    generator = np.random.default_rng(1)
    rows, times = generator.normal(size=(30, 4)), generator.integers(0, 3, 30)
    mean, cov = moments(rows, times.astype(float))
    np.testing.assert_allclose(cov, np.cov(np.repeat(rows, times, 0).T), rtol=1e-10)
    np.testing.assert_allclose(mean, np.repeat(rows, times, 0).mean(0), rtol=1e-10)
    np.testing.assert_allclose(moments(rows)[1], np.cov(rows.T), rtol=1e-10)


def test_clouds_at_distance_nothing_and_moved():
    rows = np.random.default_rng(2).normal(size=(200, 6)) * 100 + 1e4  # far from 0, where float32 loses it
    assert frechet(rows, rows[::-1]) == pytest.approx(0, abs=1e-6)
    assert frechet(rows, rows + 3) == pytest.approx(6 * 9, rel=1e-6)


def test_as_many_items_as_features_are_refused_with_the_number_needed():
    rows = np.random.default_rng(0).normal(size=(8, 8))
    with pytest.raises(BadData, match=r"more than 8 items on both sides; there are 8 and 64\. Give at least 9"):
        frechet(rows, np.repeat(rows, 8, 0))


def test_other_widths_and_numbers_that_are_not_finite_are_refused():
    rows = np.ones((20, 2))
    with pytest.raises(BadData, match="2 and 3 columns"):
        frechet(rows, np.ones((20, 3)))
    rows[4] = np.nan
    with pytest.raises(BadData, match=r"1 of 20 rows .* row 4"):
        frechet(rows, np.ones((20, 2)))


def test_the_bootstrap_s_spread_is_that_of_repeated_draws():
    generator = np.random.default_rng(5)
    clouds = [generator.normal(size=(400, 3)) for _ in range(40)]
    other = generator.normal(size=(4000, 3)) + 1
    repeated = np.std([frechet(cloud, other) for cloud in clouds], ddof=1)
    claimed = np.mean([frechet_spread(cloud, other, draws=30, seed=i) for i, cloud in enumerate(clouds[:5])])
    assert claimed == pytest.approx(repeated, rel=0.35)
    assert frechet_spread(clouds[0], other, seed=1) == frechet_spread(clouds[0], other, seed=1)


def test_it_is_torchmetrics_with_the_same_features():
    """Its covariances are divided by N - 1 as well; its root is taken by general eigenvalues."""
    import torch
    from torchmetrics.image.fid import _compute_fid

    generator = np.random.default_rng(6)
    a, b = generator.normal(size=(100, 16)), generator.normal(size=(90, 16)) * 1.2 + 0.3
    first, second = (tuple(torch.from_numpy(each) for each in moments(cloud)) for cloud in (a, b))
    assert frechet(a, b) == pytest.approx(float(_compute_fid(*first, *second)), rel=1e-8)
