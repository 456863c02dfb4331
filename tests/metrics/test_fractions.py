import math

import numpy as np
import pytest
from scipy.stats import binomtest, sem

from latentia.errors import BadData
from latentia.metrics.fractions import average_of, fraction


@pytest.mark.parametrize(("hits", "count"), [(0, 10), (10, 10), (3, 17), (500, 1000), (1, 1)])
def test_a_fraction_has_the_interval_that_scipy_gives(hits, count):
    found = fraction(np.arange(count) < hits)
    known = binomtest(hits, count).proportion_ci(0.95, method="wilson")
    assert (found.value, found.low, found.high) == pytest.approx((hits / count, known.low, known.high), abs=1e-4)
    assert found.low <= found.value <= found.high


def test_a_mean_has_its_standard_error():
    values = np.random.default_rng(0).normal(size=50)
    found = average_of(values)
    assert found.high - found.value == pytest.approx(1.96 * sem(values))
    assert found.low == pytest.approx(2 * values.mean() - found.high)
    assert math.isinf(average_of([2.0]).high)


def test_nothing_is_refused():
    with pytest.raises(BadData, match="no items"):
        fraction([])
    with pytest.raises(BadData, match="no items"):
        average_of([])
