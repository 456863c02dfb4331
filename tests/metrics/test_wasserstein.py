import numpy as np
import pytest
import torch
from scipy.ndimage import convolve, gaussian_filter
from scipy.stats import wasserstein_distance

from latentia.errors import BadData
from latentia.metrics.wasserstein import _distance, _normal, _patches, laplacian, levels_of, sliced_wasserstein

KERNEL = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256


def noise(count, *shape, seed=0, blur=0.0):
    pictures = np.random.default_rng(seed).normal(size=(count, *shape))
    return torch.from_numpy(gaussian_filter(pictures, (0, 0, blur, blur)) if blur else pictures)


def test_levels_of_pictures():
    assert levels_of(28, 28) == [(28, 28), (14, 14)]
    assert levels_of(64, 64) == [(64, 64), (32, 32), (16, 16)]
    assert levels_of(8, 8) == [(8, 8)]
    assert levels_of(33, 100) == [(33, 100), (17, 50)]


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 29, 40), (4, 64, 64)])
def test_the_pyramid_is_scipy_s_and_adds_up(shape):
    pictures = noise(2, *shape)
    levels = laplacian(pictures)
    kernel = KERNEL[None, None]
    first = pictures.numpy()
    for level, found in enumerate(levels[:-1]):
        smaller = convolve(first, kernel, mode="mirror")[:, :, ::2, ::2]
        spread = np.zeros_like(first)
        spread[:, :, ::2, ::2] = smaller
        back = convolve(spread, 4 * kernel, mode="mirror")
        np.testing.assert_allclose(found, first - back, atol=1e-12, err_msg=f"level {level}")
        first = smaller
    np.testing.assert_allclose(levels[-1], first, atol=1e-12)
    assert [tuple(level.shape[2:]) for level in levels] == levels_of(*shape[1:])


def test_each_direction_is_scipy_s_distance():
    generator = np.random.default_rng(0)
    x, y = generator.normal(size=(300, 6)).astype("f4"), (generator.normal(size=(300, 6)) * 1.5).astype("f4")
    directions = np.random.default_rng(7).normal(size=(6, 64))
    directions /= np.linalg.norm(directions, axis=0)
    expected = np.mean([wasserstein_distance(x @ each, y @ each) for each in directions.T])
    assert _distance(x, y, 64, np.random.default_rng(7)) == pytest.approx(expected, rel=1e-5)


def test_patches_are_cut_from_their_pictures_and_brought_to_one_scale():
    ramp = torch.arange(20 * 16).view(1, 1, 20, 16) + 1000 * torch.arange(3).view(3, 1, 1, 1)
    cut = _patches(ramp.expand(3, 1, 20, 16).double(), 5, np.random.default_rng(0))[0]
    assert cut.shape == (15, 1, 7, 7)
    assert (np.diff(cut, axis=3) == 1).all()
    assert (np.diff(cut, axis=2) == 16).all()
    assert (cut[:, 0, 0, 0] // 1000 == np.repeat([0, 1, 2], 5)).all()
    normal = _normal(np.random.default_rng(1).normal(3, 5, size=(4000, 2, 3, 3)).astype("f4") * [[[[1]], [[9]]]])
    np.testing.assert_allclose(normal.reshape(4000, 2, 9).std((0, 2)), 1, rtol=1e-4)
    assert _normal(np.ones((5, 1, 2, 2), "f4")).tolist() == np.zeros((5, 4)).tolist()  # one colour, no division by 0


def test_lost_details_show_at_the_finest_level_only():
    real, again = noise(200, 1, 28, 28, blur=1), noise(200, 1, 28, 28, seed=1, blur=1)
    rough = again + again.std() * noise(200, 1, 28, 28, seed=2)
    floor, found = (sliced_wasserstein(real, other, patches=32, projections=64) for other in (again, rough))
    assert [level[:2] for level in floor] == [(28, 28), (14, 14)]
    assert found[0].distance > 3 * floor[0].distance
    assert found[1].distance < 2 * floor[1].distance


def test_any_channels_seeds_and_numbers_of_pictures():
    real, other = noise(40, 4, 20, 9), noise(70, 4, 20, 9, seed=1)
    found = sliced_wasserstein(real, other, patches=8, projections=32, seed=3)
    assert found == sliced_wasserstein(real, other, patches=8, projections=32, seed=3)
    assert found != sliced_wasserstein(real, other, patches=8, projections=32, seed=4)
    few = sliced_wasserstein(real, other, projections=32, descriptors=80)  # two patches of each picture
    assert few[0].distance < 1000
    assert sliced_wasserstein(real, 3 * other + 7, patches=8, projections=32, seed=3)[0].distance == pytest.approx(
        found[0].distance, rel=1e-4
    )  # blind to brightness and contrast, as published


def test_two_shapes_are_refused():
    with pytest.raises(BadData, match=r"\(4, 1, 8, 8\) and \(4, 3, 8, 8\)"):
        sliced_wasserstein(torch.zeros(4, 1, 8, 8), torch.zeros(4, 3, 8, 8))
