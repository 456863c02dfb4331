import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from latentia.metrics.latents import active_units, gaussian_divergence, mutual_information


def test_active_units_counts_variances_above_the_threshold():
    means = np.random.default_rng(0).normal(size=(5000, 4)) * [1.0, 0.2, 0.05, 0.0]
    assert active_units(means) == 2
    assert active_units(means, threshold=0.5) == 1
    assert active_units(means + 100) == 2  # a constant far from 0 is not in use


def test_gaussian_divergence_is_torch_s():
    generator = np.random.default_rng(1)
    mean, base = generator.normal(size=(2, 5, 3))
    scale, spread = generator.uniform(0.1, 3, (2, 5, 3))
    expected = kl_divergence(
        Normal(torch.tensor(mean), torch.tensor(scale)), Normal(torch.tensor(base), torch.tensor(spread))
    )
    np.testing.assert_allclose(gaussian_divergence(mean, scale, base, spread), expected, rtol=1e-10)
    assert gaussian_divergence(0, 1) == 0


def test_mutual_information_of_codes_that_say_everything_and_nothing():
    apart = np.where(np.eye(64, dtype=bool), 0.0, -1e3)
    assert mutual_information(apart) == pytest.approx(math.log(64))
    assert mutual_information(np.full((64, 64), -2.5)) == pytest.approx(0)


def test_mutual_information_of_a_gaussian_channel():
    generator = np.random.default_rng(2)
    mean, scale = generator.normal(size=1500) * 2, 1.0
    z = mean + scale * generator.normal(size=1500)
    density = -0.5 * ((z[:, None] - mean) / scale) ** 2 - 0.5 * math.log(2 * math.pi)
    assert mutual_information(density) == pytest.approx(0.5 * math.log(1 + 4), abs=0.06)
