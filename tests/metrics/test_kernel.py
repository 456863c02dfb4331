import numpy as np
import pytest
import torch
from sklearn.metrics.pairwise import polynomial_kernel

from latentia.errors import BadData
from latentia.metrics.kernel import _sums, kernel_distance


def unbiased(x, y):
    """Equation 4 of Gretton et al. 2012, with scikit-learn's kernel."""
    inner = [polynomial_kernel(each, degree=3, gamma=1 / each.shape[1], coef0=1) for each in (x, y)]
    own = [(kernel.sum() - np.trace(kernel)) / (len(kernel) * (len(kernel) - 1)) for kernel in inner]
    return sum(own) - 2 * polynomial_kernel(x, y, degree=3, gamma=1 / x.shape[1], coef0=1).mean()


def test_it_is_the_mean_of_scikit_learn_s_kernel_over_all_subsets():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(6, 3)), generator.normal(size=(6, 3)) + 1
    found = kernel_distance(x, y, subsets=20000, size=5)
    assert found.value == pytest.approx(unbiased(x, y), rel=0.02)  # a subset's mean is the whole's
    assert found.low < found.value < found.high


def test_both_ways_to_sum_agree():
    generator = np.random.default_rng(1)
    x, y = generator.normal(size=(40, 5)), generator.normal(size=(30, 5))
    few = [np.stack([generator.permutation(len(each))[:4] for _ in range(3)]) for each in (x, y)]
    many = [np.tile(places, (40, 1)) for places in few]
    np.testing.assert_allclose(_sums(x, y, *many)[:3], _sums(x, y, *few), rtol=1e-12)
    expected = [(x[i] @ y[j].T / 5 + 1) ** 3 for i, j in zip(*few, strict=True)]
    np.testing.assert_allclose(_sums(x, y, *few), np.sum(expected, axis=(1, 2)), rtol=1e-12)


def test_closed_form_of_a_mean_that_moved():
    """One column, N(m, 1) against N(0, 1): the kernel is a sum of powers, so KID is a sum over moments."""
    m = 0.7
    moments = np.array([1, m, m**2 + 1, m**3 + 3 * m]) - np.array([1, 0, 1, 0])  # E x^k - E y^k
    expected = np.sum(np.array([1, 3, 3, 1]) * moments**2)  # (xy + 1)^3 = sum of binomials times x^k y^k
    generator = np.random.default_rng(2)
    x, y = generator.normal(size=(20000, 1)) + m, generator.normal(size=(20000, 1))
    found = kernel_distance(x, y, subsets=100, size=1000)
    assert found.value == pytest.approx(expected, rel=0.05)
    assert found.low < expected < found.high


def test_intervals_hold_the_truth_and_values_of_one_world_lie_on_both_sides_of_nothing():
    values, held = [], 0
    for seed in range(60):
        generator = np.random.default_rng(seed)
        x, y = generator.normal(size=(80, 4)), generator.normal(size=(120, 4))
        found = kernel_distance(x, y, seed=seed)
        values.append(found.value)
        held += found.low <= 0 <= found.high
    assert abs(np.mean(values)) < 3 * np.std(values) / np.sqrt(len(values))
    assert min(values) < 0 < max(values)
    assert held >= 54


def test_the_seed_decides_and_the_kind_of_array_does_not():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(50, 3, generator=generator), torch.rand(40, 3, generator=generator)
    assert kernel_distance(x, y, seed=1) == kernel_distance(x.double().numpy(), y.double().numpy(), seed=1)
    assert kernel_distance(x, y, seed=1) != kernel_distance(x, y, seed=2)


@pytest.mark.parametrize(("rows", "size"), [(3, None), (50, 50), (50, 1)])
def test_too_few_rows_are_refused(rows, size):
    with pytest.raises(BadData, match="KID needs 2 subsets of at least 2 rows"):
        kernel_distance(np.ones((rows, 2)), np.ones((60, 2)), size=size)


def test_each_subset_is_torchmetrics():
    from torchmetrics.image.kid import poly_mmd

    generator = np.random.default_rng(4)
    x, y = generator.normal(size=(21, 6)), generator.normal(size=(21, 6)) + 0.5
    every = [poly_mmd(*(torch.from_numpy(np.delete(each, place, 0)) for each in (x, y))) for place in range(21)]
    found = kernel_distance(x, y, subsets=3000, size=20)  # leaves one row of each out, as the list does pair by pair
    assert found.value == pytest.approx(float(np.mean(every)), rel=0.02)
