"""Flow against pictures that are moved exactly, by the Fourier shift theorem, and the measures made of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentia.errors import BadData
from latentia.metrics.flow import flow, flow_difference, seen_again, warped, warping_error


def clouds(height=80, width=112, seed=0):
    """A periodic picture of soft clouds, as its spectrum."""
    generator = np.random.default_rng(seed)
    down, across = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None]
    return np.fft.fft2(generator.standard_normal((height, width))) * np.exp(-90 * (down**2 + across**2))


def moved(spectrum, right, below):
    """The picture moved by so many pixels, exactly, in [0, 1]."""
    height, width = spectrum.shape
    turn = np.exp(-2j * np.pi * (np.fft.fftfreq(width)[None] * right + np.fft.fftfreq(height)[:, None] * below))
    x = np.fft.ifft2(spectrum * turn).real
    still = np.fft.ifft2(spectrum).real
    return torch.tensor((x - still.min()) / (still.max() - still.min()), dtype=torch.float32)[None, None]


INSIDE = (slice(None), slice(None), slice(16, -16), slice(16, -16))  # away from where it goes round


@pytest.mark.parametrize(("right", "below"), [(0, 0), (1, 0), (0.4, -0.7), (-3.3, 2), (5, 4.5)])
def test_flow_is_how_far_pictures_were_moved(right, below):
    spectrum = clouds()
    found = flow(moved(spectrum, 0, 0), moved(spectrum, right, below))[INSIDE]
    error = (found - torch.tensor([right, below]).reshape(1, 2, 1, 1)).abs()
    assert float(error.mean()) < 0.03
    assert float(error.flatten().quantile(0.99)) < 0.5, "flat places are guessed from those around them"


def test_warped_by_the_flow_the_second_is_the_first():
    one, two = moved(clouds(), 0, 0), moved(clouds(), 2.3, -1.6)
    torch.testing.assert_close(warped(two, flow(one, two))[INSIDE], one[INSIDE], atol=0.02, rtol=0)
    whole = torch.zeros(1, 2, 80, 112)
    whole[:, 0], whole[:, 1] = 3, -2
    torch.testing.assert_close(warped(one, whole)[:, :, 2:, :-3], one[:, :, :-2, 3:], atol=1e-4, rtol=0)


def test_what_leaves_the_picture_is_not_seen_again():
    right = torch.zeros(1, 2, 8, 10)
    right[:, 0] = 3
    seen = seen_again(right, -right)
    assert seen[..., :7].all()
    assert not seen[..., 7:].any()
    assert not seen_again(right, right)[..., :7].any(), "there and not back"


def walk(frames=5):
    spectrum = clouds()
    return torch.cat([moved(spectrum, 1.5 * number, -0.8 * number) for number in range(frames)])


def test_a_film_that_moves_has_hardly_a_warping_error_and_flicker_has():
    film = walk()
    gains = torch.tensor([1.0, 0.8, 1.0, 0.7, 0.9]).reshape(-1, 1, 1, 1)
    own, flicker, constant = warping_error(film, film), warping_error(gains * film, film), warping_error(0 * film, film)
    assert own.shape == (4,)
    assert float(own.max()) < 1e-4
    assert float(flicker.min()) > 20 * float(own.max())
    assert float(constant.max()) == 0, "which is why it is never read alone"
    still = film[:1].expand(5, -1, -1, -1)
    expected = ((gains[:-1] - gains[1:]) * film[:1]).square().mean((1, 2, 3))
    torch.testing.assert_close(warping_error(gains * film[:1], still), expected, rtol=1e-3, atol=1e-7)


def test_a_known_map_keeps_the_flow_and_a_frozen_film_does_not():
    film = walk()
    assert float(flow_difference(1 - film, film).max()) < 1e-3
    frozen = flow_difference(film[:1].expand(5, -1, -1, -1), film)
    torch.testing.assert_close(frozen, torch.full((4,), (1.5**2 + 0.8**2) ** 0.5), atol=0.15, rtol=0)


def test_colours_are_seen_as_grey():
    one, two = (moved(clouds(), 2 * number, 0).expand(-1, 3, -1, -1) for number in range(2))
    torch.testing.assert_close(flow(one, two), flow(one[:, :1], two[:, :1]), atol=1e-3, rtol=0)


def test_what_is_no_film():
    with pytest.raises(BadData, match=r"^flow is from \(N, 1 or 3, H, W\) to as many; these are \(2, 2, 8, 8\), "):
        flow(torch.zeros(2, 2, 8, 8), torch.zeros(2, 2, 8, 8))
    with pytest.raises(BadData, match=r"^frames \(1, 3, 8, 8\) of frames \(1, 3, 8, 8\): as many, as large, two or"):
        warping_error(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8))
    with pytest.raises(BadData, match=r"as many, as large, two or more$"):
        flow_difference(torch.zeros(3, 1, 8, 8), torch.zeros(3, 1, 8, 9))
