import math
import zlib

import numpy as np
import pytest
import scipy.stats
import torch

from latentia.core import Batch
from latentia.metrics.ranking import area_under_roc
from latentia.tasks.oddness import Ways, code_length, normal_scores, survival, ways_of
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

    reference, good = Ways(ways(500)), ways(400)
    for name in good:
        for side in (-1, 1):
            bad = ways(400) | {name: side * 5 + generator.normal(size=400)}
            assert area_under_roc(reference.combined(good), reference.combined(bad)) > 0.98
    assert np.isfinite(reference.combined({name: np.array([1e12]) for name in good})).all()


def test_ways_that_do_not_go_together_are_odd_where_they_always_did():
    """The energy of normal scores whose correlation is known; each way alone would see nothing."""
    generator = np.random.default_rng(2)

    def pair(count, sign):
        one, noise = generator.normal(size=(2, count))
        return {"one": np.exp(one), "other": sign * 0.9 * one + math.sqrt(1 - 0.9**2) * noise}  # whatever the units

    reference = Ways(pair(4000, 1))
    asked = pair(300, -1)
    scores = np.stack([np.log(asked["one"]), asked["other"]])
    energy = 0.5 * np.einsum("in,ij,jn->n", scores, np.linalg.inv([[1, 0.9], [0.9, 1]]), scores)
    inside = np.abs(scores).max(0) < 2
    np.testing.assert_allclose(reference.combined(asked)[inside], energy[inside], rtol=0.2, atol=0.6)
    assert area_under_roc(reference.combined(pair(400, 1)), reference.combined(asked)) > 0.75


def test_normal_scores_are_those_of_ranks_and_go_on_outside():
    known = np.random.default_rng(3).exponential(size=5000)
    asked = np.array([0.1, 0.5, 1.0, 3.0])
    np.testing.assert_allclose(
        normal_scores(known, asked), scipy.stats.norm.ppf(scipy.stats.expon.cdf(asked)), atol=0.06
    )
    far = normal_scores(known, np.array([-1e9, -0.1, 20.0, 30.0, 1e9]))
    assert (np.diff(far) > 0).all()
    assert far[2] == pytest.approx(scipy.stats.norm.isf(np.exp(-20)), rel=0.1)


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
