import math
import zlib

import numpy as np
import pytest
import scipy.stats
import torch

from latentia.core import Batch
from latentia.metrics.ranking import area_under_roc
from latentia.tasks.oddness import Ways, code_length, survival, ways_of
from latentia.tasks.score import DENSITY, Scores

from .nets import LinearGaussian, normal


def test_the_code_of_a_picture_is_that_of_its_pixels():
    generator = torch.Generator().manual_seed(0)
    noise, flat = torch.rand(1, 1, 32, 32, generator=generator), torch.full((1, 1, 32, 32), 0.3)
    assert code_length(noise)[0] == pytest.approx(8 * 1024, rel=0.06)  # nothing to save
    assert code_length(flat)[0] < 8 * 60
    rows = (flat[0, 0] * 255).round().to(torch.uint8).numpy()
    plain = b"".join(b"\0" + row.tobytes() for row in rows)
    assert code_length(flat)[0] <= 8 * len(zlib.compress(plain, 9)) + 64
    assert code_length(torch.rand(2, 3, 8, 8, generator=generator)).shape == (2,)


def test_survival_counts_inside_and_goes_on_outside():
    known = np.sort(np.random.default_rng(0).exponential(2.0, 4000))
    inside = np.linspace(0, 4, 9)
    np.testing.assert_allclose(survival(known, inside), scipy.stats.expon.sf(inside, scale=2), atol=0.02)
    outside = survival(known, np.array([20.0, 40.0, 1e9]))
    np.testing.assert_allclose(np.log(outside[:2]), [-10, -20], rtol=0.15)
    assert (np.diff(survival(known, np.linspace(-1, 60, 500))) <= 1e-12).all()
    assert outside[2] > 0
    np.testing.assert_allclose(survival(np.array([1.0]), np.array([0.0, 1.0])), [1, 1])


def test_a_picture_that_is_odd_in_one_way_is_odd_whichever_it_is():
    generator = np.random.default_rng(1)

    def ways(count):
        return {name: generator.normal(size=count) for name in ("typicality", "complexity", "code")}

    reference, good = Ways.of(ways(500)), ways(400)
    for name in good:
        for side in (-1, 1):
            bad = ways(400) | {name: side * 5 + generator.normal(size=400)}
            assert area_under_roc(reference.combined(good), reference.combined(bad)) > 0.98
    assert np.isfinite(reference.combined({name: np.array([1e12]) for name in good})).all()


def test_the_ways_are_told_by_the_score_and_the_picture():
    net = LinearGaussian(4, 2, shape=(1, 2, 2))
    x = normal(3, 1, 2, 2).clamp(0, 1)
    found = Scores(np.array([15.0, 2, 3]), DENSITY, np.ones((3, 4)), np.array([5.0, 1, 2]))
    ways = ways_of(net, found, Batch(x))
    np.testing.assert_array_equal(ways["typicality"], found.value)
    np.testing.assert_array_equal(ways["code"], found.latent)
    made = net.decode(net.encode(x)).detach().float()
    np.testing.assert_allclose(ways["reconstruction"], (made - x).square().sum((1, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(ways["complexity"], found.value / math.log(2) - code_length(x))
