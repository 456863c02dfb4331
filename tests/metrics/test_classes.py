import math

import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import accuracy_score, recall_score

from latentia.errors import BadData
from latentia.metrics.classes import accuracy, modes, recall_by_class


def test_accuracy_and_recall_are_scikit_learn_s():
    generator = np.random.default_rng(0)
    wanted, predicted = generator.integers(0, 5, 200), generator.integers(0, 5, 200)
    assert accuracy(predicted, wanted).value == pytest.approx(accuracy_score(wanted, predicted))
    assert recall_by_class(predicted, wanted, 5) == pytest.approx(recall_score(wanted, predicted, average=None))
    assert np.isnan(recall_by_class([0, 1], [0, 0], 3)[1:]).all()  # nothing was asked of them


def test_modes_and_their_divergence():
    generator = np.random.default_rng(1)
    labels = generator.choice(7, 500, p=[0.3, 0.3, 0.2, 0.1, 0.1, 0, 0])
    found = modes(labels, 7)
    share = np.bincount(labels, minlength=7) / 500
    assert (found.covered, found.classes, sum(found.counts)) == (5, 7, 500)
    assert found.divergence == pytest.approx(entropy(share, np.full(7, 1 / 7)))
    reference = np.array([4.0, 3, 2, 1, 1, 1, 1])
    assert modes(labels, 7, reference).divergence == pytest.approx(entropy(share, reference / 13))
    assert modes(labels, 7, least=100).covered == 2 + (share[2] >= 0.2)


def test_modes_at_both_ends():
    assert modes(np.arange(1000), 1000).divergence == pytest.approx(0, abs=1e-12)
    collapsed = modes(np.full(50, 3), 1000)
    assert (collapsed.covered, collapsed.divergence) == (1, pytest.approx(math.log(1000)))


@pytest.mark.parametrize("labels", [[0, 3], [-1], [0.5], [], [[1]]])
def test_labels_that_are_no_classes_are_refused(labels):
    with pytest.raises(BadData, match=r"one class per item, whole numbers from 0 to 2"):
        modes(labels, 3)


def test_what_does_not_fit_is_refused():
    with pytest.raises(BadData, match="2 predicted labels and 3 wanted"):
        accuracy([0, 1], [0, 1, 2])
    with pytest.raises(BadData, match="a share above 0"):
        modes([0, 1], 2, reference=[1, 0])
