import math

import numpy as np
import pytest
import scipy.special
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latentia.metrics.likelihood import bits_per_dim, effective_sample_size, iwae, logsumexp, standard_error

WEIGHTS = arrays(np.float64, (3, 20), elements=st.floats(-2000, 2000))


@given(WEIGHTS)
@settings(max_examples=60, deadline=None)
def test_iwae_is_scipy_s_logsumexp_less_log_k(weights):
    np.testing.assert_allclose(iwae(weights), scipy.special.logsumexp(weights, axis=1) - math.log(20), atol=1e-9)


@given(WEIGHTS, st.floats(-500, 500))
@settings(max_examples=60, deadline=None)
def test_the_size_is_between_one_and_k_and_does_not_know_the_scale(weights, shift):
    size = effective_sample_size(weights)
    assert ((size > 1 - 1e-6) & (size < 20 + 1e-6)).all()
    np.testing.assert_allclose(effective_sample_size(weights + shift), size, rtol=1e-6)


def test_effective_sample_size_of_known_weights():
    assert effective_sample_size(np.zeros(7)) == pytest.approx(7)
    assert effective_sample_size([0.0, -math.inf, -math.inf]) == pytest.approx(1)
    assert effective_sample_size(np.log([1.0, 2.0, 3.0])) == pytest.approx(36 / 14)


def test_the_standard_error_is_the_spread_of_repeated_estimates():
    generator = np.random.default_rng(0)
    weights = generator.normal(0, 0.7, (4000, 50))
    spread = iwae(weights).std()
    assert standard_error(weights).mean() == pytest.approx(spread, rel=0.05)
    assert standard_error(np.zeros(9)) == 0
    assert math.isinf(standard_error(np.zeros(1)))


def test_the_standard_error_is_the_delta_method_written_out():
    weights = np.array([0.3, -0.2, 1.1, 0.0])
    plain = np.exp(weights)
    assert standard_error(weights) == pytest.approx(plain.std(ddof=1) / plain.mean() / 2)


def test_logsumexp_of_nothing_likely():
    assert logsumexp([-math.inf, -math.inf]) == -math.inf
    np.testing.assert_allclose(logsumexp(np.zeros((2, 3)), axis=0), [math.log(2)] * 3)


def test_bits_per_dim_of_a_fair_coin_and_of_uniform_bytes():
    assert bits_per_dim(784 * math.log(0.5), 784) == pytest.approx(1)
    assert bits_per_dim(-10 * math.log(256), 10) == pytest.approx(8)
