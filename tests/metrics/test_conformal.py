import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latentia.metrics.conformal import (
    adjusted,
    among_themselves,
    bonferroni,
    cauchy,
    cross_p_values,
    p_values,
    rate_interval,
    reachable,
    threshold,
    two_sided,
)

FEW = arrays(np.float64, st.integers(1, 12), elements=st.integers(-3, 3).map(float))  # with many ties


@given(FEW, FEW)
def test_p_values_count_what_is_as_high_and_never_leave_their_range(calibration, scores):
    counted = [(1 + sum(known >= score for known in calibration)) / (len(calibration) + 1) for score in scores]
    found = p_values(calibration, scores)
    np.testing.assert_allclose(found, counted)
    assert found.max() <= 1  # alibi-detect's can be 1.25: they divide by n
    assert found.min() >= reachable(len(calibration)) - 1e-15


def test_one_calibration_item_and_none():
    np.testing.assert_allclose(p_values([2.0], [1.0, 2.0, 3.0]), [1.0, 1.0, 0.5])
    np.testing.assert_allclose(p_values([], [1.0, math.inf]), [1.0, 1.0])
    with pytest.raises(ValueError, match="no number"):
        p_values([math.nan], [1.0])


def test_p_values_of_good_items_are_uniform_exactly():
    """Over all orders of n + 1 scores, each p-value comes equally often: the definition of validity."""
    found = [p_values(order[:3], order[3]) for order in itertools.permutations([1.0, 2.0, 3.0, 4.0])]
    values, counts = np.unique(np.round(found, 12), return_counts=True)
    np.testing.assert_allclose(values, [0.25, 0.5, 0.75, 1.0])
    assert set(counts) == {6}


@given(FEW)
def test_among_themselves_is_each_by_the_others(scores):
    alone = [p_values(np.delete(scores, place), score) for place, score in enumerate(scores)]
    np.testing.assert_allclose(among_themselves(scores), alone)


@given(FEW, FEW, st.floats(0.01, 1.0))
def test_the_threshold_and_the_p_value_agree(calibration, scores, rate):
    assert np.array_equal(scores > threshold(calibration, rate), p_values(calibration, scores) <= rate * (1 + 1e-12))


def test_a_rate_that_cannot_be_reached_has_no_threshold():
    assert threshold(np.arange(98.0), 0.01) == math.inf
    assert threshold(np.arange(99.0), 0.01) == 98.0  # 1 of 100: above the largest
    assert reachable(99) == 0.01


def test_the_realised_rate_of_one_calibration_set_lies_in_its_interval():
    generator = np.random.default_rng(0)
    low, high = rate_interval(300, 0.1)
    realised = [1 - threshold(generator.uniform(size=300), 0.1) for _ in range(4000)]  # of uniform scores, exactly
    assert np.mean([low <= rate <= high for rate in realised]) == pytest.approx(0.95, abs=0.012)
    assert rate_interval(50, 0.01) == (0.0, 0.0)
    assert rate_interval(50, 1.0) == (1.0, 1.0)


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(0, 1)))
def test_benjamini_hochberg_is_scipy_s(p):
    np.testing.assert_allclose(adjusted(p), scipy.stats.false_discovery_control(p), atol=1e-12)


def test_cross_conformal_counts_all_folds_together():
    folds = [([1.0, 5.0], [3.0, 9.0]), ([2.0, 4.0, 6.0], [2.0, 9.0])]
    np.testing.assert_allclose(cross_p_values(folds), [(1 + 1 + 3) / 6, 1 / 6])
    np.testing.assert_allclose(cross_p_values(folds[:1]), p_values(*folds[0]))  # one fold is the split


def test_cross_conformal_p_values_of_good_items_are_valid():
    """Scores by the distance to the mean of the other folds: the share of small p-values is near what it claims."""
    generator, found = np.random.default_rng(1), []
    for _ in range(400):
        x, new = generator.normal(size=(5, 8)), generator.normal()
        means = [np.delete(x, fold, 0).mean() for fold in range(5)]
        found.append(cross_p_values([(np.abs(x[k] - means[k]), np.abs([new - means[k]])) for k in range(5)])[0])
    assert np.mean(np.array(found) <= 0.1) == pytest.approx(0.1, abs=0.04)


def test_two_sided_finds_what_is_too_low_too():
    known = np.arange(1.0, 20.0)
    np.testing.assert_allclose(two_sided(known, [0.0, 10.0, 99.0]), [0.1, 1.0, 0.1])


@pytest.mark.parametrize("combined", [bonferroni, cauchy])
def test_combinations_of_p_values_hold_their_rate_under_dependence(combined):
    generator = np.random.default_rng(2)
    z = generator.normal(size=(4, 200_000)) + 1.5 * generator.normal(size=200_000)
    p = scipy.stats.norm.sf(z / math.sqrt(1 + 1.5**2))
    assert np.mean(combined(p) <= 0.01) <= 0.0115


def test_combinations_have_their_closed_forms():
    np.testing.assert_allclose(bonferroni([[0.01, 0.5], [0.2, 0.9]]), [0.02, 1.0])
    np.testing.assert_allclose(cauchy([[0.03], [0.03]]), [0.03])  # equal ones stay as they are
    mean = np.mean(np.tan((0.5 - np.array([0.01, 0.4])) * math.pi))
    np.testing.assert_allclose(cauchy([0.01, 0.4]), 0.5 - math.atan(mean) / math.pi)
    assert 0 < cauchy([1e-200, 1.0]) < 1e-199
    independent = np.random.default_rng(3).uniform(size=(3, 100_000))
    assert np.mean(cauchy(independent) <= 0.05) == pytest.approx(0.05, abs=0.004)
