import math

import numpy as np
import pytest
import torch

from latentia.tasks.maps import heat, overlaid, smoothed


def test_a_blur_keeps_what_is_constant_and_spreads_a_point_as_a_normal_distribution():
    flat = smoothed(torch.full((2, 9, 12), 3.0, dtype=torch.float64), 1.5)
    torch.testing.assert_close(flat, torch.full((2, 9, 12), 3.0, dtype=torch.float64))
    point = torch.zeros(1, 41, 41, dtype=torch.float64)
    point[0, 20, 20] = 1
    blurred = smoothed(point, 2.0)[0]
    assert float(blurred.sum()) == pytest.approx(1)
    assert float(blurred[20, 23] / blurred[20, 20]) == pytest.approx(math.exp(-9 / 8), rel=1e-3)
    torch.testing.assert_close(blurred, blurred.T)


def test_the_warm_place_is_where_the_contribution_is():
    contributions = np.random.default_rng(0).normal(size=(2, 16 * 20)) * 3
    contributions[1].reshape(16, 20)[4:8, 10:15] += 20
    maps = heat(contributions, np.full(320, 3.0), (2, 1, 16, 20))
    assert maps.shape == (2, 16, 20)
    assert divmod(int(maps[1].argmax()), 20)[0] in range(4, 8)
    assert float(maps[1].max()) > 4 > float(maps[0].abs().max())
    silent = heat(np.ones((1, 4)), np.array([0.0, 1, 1, 1]), (1, 1, 2, 2))  # a pixel that never varies
    assert torch.isfinite(silent).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_cold_map_leaves_the_picture_grey_and_a_hot_one_warms_it(channels):
    x = torch.full((1, channels, 4, 5), 0.5)
    maps = torch.zeros(1, 4, 5, dtype=torch.float64)
    maps[0, 1, 2] = 9
    pair = overlaid(x, maps)
    assert pair.shape == (1, 3, 4, 10)
    assert (pair[..., :5] == 0.5).all()
    assert (pair[0, :, 0, 5:] == 0.5).all()
    red, green, _ = pair[0, :, 1, 7]
    assert red > 0.6 > 0.3 > green
