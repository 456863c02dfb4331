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
    p_values,
    rate_interval,
    reachable,
    threshold,
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
