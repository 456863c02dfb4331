import math

import numpy as np
import pytest
import scipy.stats

from latentia.metrics.pareto import pareto_shape, shape_of_excesses, tail_length


def zhang_stephens(x):
    """One sample, written with loops from the paper (section 3), then drawn towards 0.5 as in PSIS."""
    x, n = sorted(x), len(x)
    m = 30 + int(math.sqrt(n))
    theta = [1 / x[-1] + (1 - math.sqrt(m / (j - 0.5))) / (3 * x[int(n / 4 + 0.5) - 1]) for j in range(1, m + 1)]

    def shape(t):
        return sum(math.log1p(-t * each) for each in x) / n

    likely = [n * (math.log(-t / shape(t)) - shape(t) - 1) for t in theta]
    weight = [1 / sum(math.exp(other - own) for other in likely) for own in likely]
    k = shape(sum(t * w for t, w in zip(theta, weight, strict=True)))
    return (n * k + 5) / (n + 10)


@pytest.mark.parametrize("shape", [-0.3, 0.2, 0.7, 1.2])
def test_the_shape_of_a_known_tail_is_found(shape):
    x = np.sort(scipy.stats.genpareto.rvs(shape, size=(20, 2000), random_state=1), axis=1)
    found = shape_of_excesses(np.log(np.concatenate([np.full((20, 1), 1.0), 1.0 + x], axis=1)))
    assert found.mean() == pytest.approx(shape, abs=0.02)
    fitted = scipy.stats.genpareto.fit(x[0], floc=0)[0]
    assert found[0] == pytest.approx(fitted, abs=0.02)  # maximum likelihood, another estimate of the same


@pytest.mark.parametrize("draws", [25, 64, 1000])
def test_the_shape_is_that_of_the_paper_written_with_loops(draws):
    weights = np.random.default_rng(0).standard_t(4, size=(3, draws))
    length = tail_length(draws)
    for found, row in zip(pareto_shape(weights), np.sort(weights, axis=1), strict=True):
        plain = np.exp(row - row[-1])
        wanted = zhang_stephens(plain[-length:] - plain[-length - 1])
        assert found == pytest.approx(wanted, rel=1e-8)


def test_neither_order_nor_scale_of_the_weights_matters():
    generator = np.random.default_rng(1)
    weights = generator.normal(0, 2, (2, 200))
    np.testing.assert_allclose(pareto_shape(generator.permuted(weights, axis=1) - 900), pareto_shape(weights))


def test_heavier_weights_have_a_larger_shape():
    weights = np.random.default_rng(2).normal(size=(50, 1000))
    light, heavy = (pareto_shape(weights * spread).mean() for spread in (0.3, 3.0))
    assert light < 0.4
    assert heavy > 0.9


def test_ends():
    assert pareto_shape(np.zeros(1000)) == 0  # the true posterior: all weights alike
    assert np.isnan(pareto_shape(np.zeros((2, 20)))).all()  # too few to tell
    assert np.isfinite(pareto_shape([-math.inf] * 900 + [0.0] * 100))
    assert pareto_shape([-math.inf] * 999 + [0.0]) > 0.7  # one draw is all there is
    assert tail_length(1000) == 95
    assert [tail_length(20), tail_length(21)] == [0, 5]
