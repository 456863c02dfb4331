import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from latentia.errors import BadData
from latentia.metrics.similarity import WEIGHTS, diversity, scales_of, similarity, structural_similarity


def pictures(count, *shape, seed=0):
    smooth = gaussian_filter(np.random.default_rng(seed).uniform(size=(count, *shape)), (0, 0, 1, 1))
    return torch.from_numpy((smooth - smooth.min()) / (smooth.max() - smooth.min()))


def by_scipy(x, y, scales, deviation):
    """Wang et al. 2003, equation 7, for one channel; contrast where the window is inside, the last scale everywhere."""
    weights = np.array(WEIGHTS[:scales]) / sum(WEIGHTS[:scales])
    border, found = int(3.5 * deviation + 0.5), 1.0
    inside = slice(border, -border)
    for scale, weight in enumerate(weights):
        mean_x, mean_y, xx, yy, xy = (
            gaussian_filter(each, deviation, truncate=3.5, mode="mirror") for each in (x, y, x * x, y * y, x * y)
        )
        contrast = (2 * (xy - mean_x * mean_y) + 0.03**2) / (xx - mean_x**2 + yy - mean_y**2 + 0.03**2)
        light = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
        term = (light * contrast).mean() if scale == scales - 1 else contrast[inside, inside].mean()
        found *= max(term, 0) ** weight
        x, y = (each.reshape(len(each) // 2, 2, -1, 2).mean((1, 3)) for each in (x, y))
    return found


@pytest.mark.parametrize("side", [8, 16, 28, 48, 64])
def test_it_is_the_published_formula_at_the_scales_that_fit(side):
    x = pictures(3, 1, side, side)
    y = 0.7 * x + 0.3 * pictures(3, 1, side, side, seed=1)
    expected = [by_scipy(a[0].numpy(), b[0].numpy(), *scales_of(side, side)) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(similarity(x, y), expected, rtol=1e-3)


@pytest.mark.parametrize("side", [8, 28])
def test_ssim_is_the_published_formula(side):
    x = pictures(3, 1, side, side)
    y = 0.7 * x + 0.3 * pictures(3, 1, side, side, seed=1)
    deviation = scales_of(side, side)[1]
    expected = []
    for a, b in zip(x[:, 0].numpy(), y[:, 0].numpy(), strict=True):
        mean_a, mean_b, aa, bb, ab = (
            gaussian_filter(each, deviation, truncate=3.5, mode="mirror") for each in (a, b, a * a, b * b, a * b)
        )
        over = (2 * mean_a * mean_b + 0.01**2) * (2 * (ab - mean_a * mean_b) + 0.03**2)
        under = (mean_a**2 + mean_b**2 + 0.01**2) * (aa + bb - mean_a**2 - mean_b**2 + 0.03**2)
        expected.append((over / under).mean())
    np.testing.assert_allclose(structural_similarity(x, y), expected, rtol=1e-6)
    assert torch.equal(structural_similarity(x, x), torch.ones(3, dtype=torch.float64))


def test_scales_by_size():
    sizes = [5, 8, 11, 22, 28, 32, 44, 64, 99, 128, 176, 256]
    assert [scales_of(side, 2 * side)[0] for side in sizes] == [1, 1, 1, 2, 2, 2, 3, 3, 4, 4, 5, 5]
    assert scales_of(8, 8)[1] == 0.5
    for side in sizes[:8]:
        x = pictures(1, 3, side, side)
        assert similarity(x, x).item() == pytest.approx(1)


def test_diversity_falls_when_pictures_look_alike():
    varied = pictures(60, 1, 28, 28)
    alike = varied[:1] + 0.02 * varied
    found, same = diversity(varied), diversity(alike.clamp(0, 1))
    assert found.high < 0.3
    assert same.low > 0.9
    assert found.note == "30 pairs, 2 scales, window of 11 pixels"
    assert diversity(varied, seed=1) != found == diversity(varied)
    assert diversity(varied, pairs=4).note.startswith("4 pairs")


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(BadData, match="at least 2"):
        diversity(torch.zeros(1, 1, 8, 8))
    with pytest.raises(BadData, match="from 5 pixels; these have 4 x 9"):
        similarity(torch.zeros(2, 1, 4, 9), torch.zeros(2, 1, 4, 9))
    with pytest.raises(BadData, match="one shape"):
        similarity(torch.zeros(2, 1, 8, 8), torch.zeros(2, 3, 8, 8))
