import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score, roc_auc_score

from latentia.errors import BadData
from latentia.metrics.ranking import area_error, area_under_roc, average_precision

SCORES = arrays(np.float64, st.integers(1, 15), elements=st.integers(-4, 4).map(float))


@given(SCORES, SCORES)
def test_areas_are_scikit_learn_s_with_ties(good, bad):
    truth, scores = np.repeat([0, 1], [len(good), len(bad)]), np.concatenate([good, bad])
    assert area_under_roc(good, bad) == pytest.approx(roc_auc_score(truth, scores))
    assert average_precision(good, bad) == pytest.approx(average_precision_score(truth, scores))


def test_the_error_of_the_area_is_its_spread():
    generator = np.random.default_rng(0)
    draws = [(generator.normal(size=60), generator.normal(1, 1.5, size=40)) for _ in range(1500)]
    spread = np.std([area_under_roc(*each) for each in draws])
    assert np.mean([area_error(*each) for each in draws]) == pytest.approx(spread, rel=0.05)
    assert area_error([0.0], [1.0, 2.0]) == math.inf


def test_one_side_alone_is_refused():
    with pytest.raises(BadData, match="3 good and 0 bad items"):
        area_under_roc([1, 2, 3], [])
