import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.neighbors import NearestNeighbors

from latentia.errors import BadData
from latentia.metrics import neighbours as module
from latentia.metrics.neighbours import neighbours


def by_scikit_learn(real, samples, k):
    """The definitions, written out over the whole matrix of distances."""
    reach, grasp = (NearestNeighbors(n_neighbors=k + 1).fit(x).kneighbors(x)[0][:, -1] for x in (real, samples))
    apart = cdist(real, samples)
    in_real, in_samples = apart <= reach[:, None], apart <= grasp[None, :]
    return in_real.any(0).mean(), in_samples.any(1).mean(), in_real.sum(0).mean() / k, in_real.any(1).mean()


def values(real, samples, k=5):
    return tuple(each.value for each in neighbours(real, samples, k))


@pytest.mark.parametrize(("k", "block"), [(1, 1), (5, 300), (5, 10**6)])
def test_they_are_what_the_definitions_say(monkeypatch, k, block):
    chunks = module.chunks
    monkeypatch.setattr(module, "chunks", lambda rows, columns: chunks(rows, columns, block))
    generator = np.random.default_rng(0)
    real, samples = generator.normal(size=(80, 4)) + 1e3, generator.normal(size=(60, 4)) * 1.3 + 1e3 + 0.4
    assert values(real, samples, k) == pytest.approx(by_scikit_learn(real, samples, k))


def test_they_tell_blur_from_lost_modes():
    generator = np.random.default_rng(1)
    real = np.concatenate([generator.normal(size=(150, 2)), generator.normal(size=(150, 2)) + 50])
    one = generator.normal(size=(300, 2))  # good items of one mode only
    far = generator.normal(size=(300, 2)) + 500  # nothing like it
    precision, recall, density, coverage = values(real, one)
    assert min(precision, density) > 0.9
    assert (recall, coverage) == pytest.approx((0.5, 0.5), abs=0.1)
    assert values(real, far) == (0, 0, 0, 0)
    precision, recall, density, coverage = values(real, real + 1e-9)
    assert (precision, recall, coverage) == (1, 1, 1)
    assert density == pytest.approx(1, abs=0.25)


def test_an_outlier_raises_precision_but_not_density():
    """The defect of precision that density is made for: Naeem et al. 2020, figure 3."""
    generator = np.random.default_rng(2)
    real, samples = generator.normal(size=(200, 8)), generator.normal(size=(200, 8)) + 4
    before = neighbours(real, samples)
    after = neighbours(np.concatenate([real, np.full((1, 8), 10.0)]), samples)
    assert after.precision.value > before.precision.value + 0.5
    assert after.density.value < before.density.value + 0.25


def test_intervals_lie_around_their_values():
    generator = np.random.default_rng(3)
    found = neighbours(generator.normal(size=(100, 3)), generator.normal(size=(90, 3)))
    assert all(each.low <= each.value <= each.high for each in found)
    assert all(0 < each.high - each.low < 0.4 for each in found)


def test_as_few_items_as_neighbours_are_refused():
    with pytest.raises(BadData, match="5 neighbours need more than 5 items on both sides; there are 5 and 9"):
        neighbours(np.zeros((5, 2)), np.zeros((9, 2)))
