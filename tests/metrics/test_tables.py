"""How far made tables are from real ones, against closed forms and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from latentia.errors import BadData
from latentia.metrics.tables import nearer, shapes, told_apart, trends

DRAW = np.random.default_rng(0)


def test_the_error_of_numbers_is_that_of_kolmogorov_and_smirnov():
    one, other = DRAW.normal(size=300), DRAW.normal(0.5, 1.3, 200)
    with_gaps = np.concatenate([one, [np.nan, np.nan]])
    found = shapes([one, with_gaps], [other, other], [False, False])
    np.testing.assert_allclose(found, stats.ks_2samp(one, other).statistic)
    assert shapes([one], [np.full(5, np.nan)], [False])[0] == 1


def test_the_error_of_names_is_half_the_distance_of_their_shares():
    real = np.array(["a", "a", "b", None], dtype=object)
    made = np.array(["a", "c"], dtype=object)
    assert shapes([real], [made], [True])[0] == pytest.approx((0 + 0.25 + 0.25 + 0.5) / 2)
    assert shapes([real], [real], [True])[0] == 0


def test_the_error_of_two_columns_of_numbers_is_half_the_distance_of_the_correlations():
    x = DRAW.normal(size=100)
    y, opposite, alone = x * 2 + 1, -x, DRAW.normal(size=100)
    found = trends([x, y], [x, opposite], [False, False])
    assert found[0, 1] == found[1, 0] == pytest.approx(1)
    assert np.isnan(found[0, 0])
    expected = abs(1 - np.corrcoef(x, alone)[0, 1]) / 2
    assert trends([x, y], [x, alone], [False, False])[0, 1] == pytest.approx(expected)
    assert np.isnan(trends([x, np.ones(100)], [x, y], [False, False])[0, 1])


def test_the_error_of_a_column_beside_names_is_that_of_their_combinations():
    colour = np.array(["r", "r", "g", "g"])
    size = np.array([0.0, 10.0, 0.0, 10.0])  # bins 0 and 9
    assert trends([colour, size], [colour, size], [True, False])[0, 1] == 0
    swapped = np.array([0.0, 0.0, 99.0, 10.0])  # beyond the range is the last bin
    assert trends([colour, size], [colour, swapped], [True, False])[0, 1] == pytest.approx(0.5)
    missing = np.array([np.nan, 10.0, 0.0, 10.0])
    assert trends([colour, size], [colour, missing], [True, False])[0, 1] == pytest.approx(0.25)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 40), st.integers(3, 40))
def test_errors_are_shares_symmetric_in_their_sides_where_both_have_one_range(seed, count, other):
    draw = np.random.default_rng(seed)
    real = [np.append(draw.normal(size=count), [-9, 9]), draw.integers(0, 3, count + 2)]
    made = [np.append(draw.normal(size=other), [-9, 9]), draw.integers(0, 3, other + 2)]
    kinds = [False, True]
    there, back = shapes(real, made, kinds), shapes(made, real, kinds)
    np.testing.assert_allclose(there, back)
    np.testing.assert_allclose(trends(real, made, kinds), trends(made, real, kinds))
    assert (there >= 0).all()
    assert (there <= 1).all()


def test_a_classifier_tells_what_differs_and_nothing_else():
    real, made = DRAW.normal(size=(150, 2)), DRAW.normal(size=(400, 2))
    assert told_apart(real, made).value == pytest.approx(0.5, abs=0.12)
    assert told_apart(real, made + np.array([0.0, 3.0])).value > 0.95
    with pytest.raises(BadData, match="5 folds need as many rows"):
        told_apart(real[:3], made)


def test_copies_of_training_rows_are_nearer_to_them():
    training, held_out, made = DRAW.normal(size=(3, 200, 3))
    assert nearer(training, held_out, made).value == pytest.approx(0.5, abs=0.1)
    assert nearer(training, held_out, training).value == 1
    assert nearer(training, held_out, held_out).value == 0
    assert nearer(training, training, made).value == 0.5
    few = held_out[:20]  # ten times as many training rows are not a reason to be nearer to one
    assert nearer(training, few, made).value == pytest.approx(0.5, abs=0.15)
    assert nearer(training, few, training).value == 1
    assert nearer(training[:20], held_out, made).value == pytest.approx(0.5, abs=0.15)
    assert nearer(training, training[:20], training[:20]).value == pytest.approx(0.5)
    copied = np.concatenate([training[:50], made[:150]])
    assert nearer(training, held_out, copied).value == pytest.approx(0.25 + 0.75 * 0.5, abs=0.1)


def test_distances_are_sums_of_absolute_differences():
    training, held_out = np.array([[3.0, 3.0]]), np.array([[5.0, 0.0]])
    assert nearer(training, held_out, np.zeros((1, 2))).value == 0  # 6 against 5; of squares 18 against 25


def test_tables_of_other_columns_are_refused():
    with pytest.raises(BadData, match="2 and 1 columns"):
        shapes([np.ones(2), np.ones(2)], [np.ones(2)], [False])
    with pytest.raises(BadData, match="without rows"):
        trends([np.ones(0)], [np.ones(2)], [False])
