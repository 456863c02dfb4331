from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentia.data.augment import jittered, mirrored, quantized


def test_mirrored_turns_the_chosen_pictures_and_no_other():
    x = torch.arange(12.0).reshape(2, 1, 2, 3)
    turned = mirrored(x, torch.tensor([True, False]))
    assert turned[0, 0].tolist() == [[2, 1, 0], [5, 4, 3]]
    assert torch.equal(turned[1], x[1])


def test_jitter_is_a_window_of_the_enlarged_picture():
    ramp = torch.arange(8.0).repeat(8, 1)[None, None] / 7  # brighter to the right
    corners = torch.tensor([[0.0, 0.0], [0.0, 0.999]])
    left, right = jittered(ramp.expand(2, -1, -1, -1), corners, 0.5, None)
    wide = torch.nn.functional.interpolate(ramp, (12, 12), mode="bilinear", align_corners=False)[0]
    assert torch.allclose(left, wide[:, :8, :8])
    assert torch.allclose(right, wide[:, :8, 4:])


@settings(max_examples=30, deadline=None)
@given(st.integers(8, 12), st.integers(8, 12), st.floats(0, 1), st.integers(0, 9), st.sampled_from([2, 256, None]))
def test_jitter_keeps_shape_range_and_levels(height, width, share, seed, levels):
    generator = torch.Generator().manual_seed(seed)
    x = quantized(torch.rand(3, 2, height, width, generator=generator), levels)
    found = jittered(x, torch.rand(3, 2, generator=generator), share, levels)
    assert found.shape == x.shape
    assert found.min() >= 0
    assert found.max() <= 1
    assert torch.equal(quantized(found, levels), found)


@pytest.mark.parametrize("levels", [2, 256])
def test_jitter_of_nothing_is_the_picture(levels):
    x = quantized(torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0)), levels)
    assert torch.equal(jittered(x, torch.zeros(2, 2), 0.0, levels), x)


def test_quantized_rounds_to_the_nearest_level():
    x = torch.tensor([0.0, 0.24, 0.26, 0.74, 1.0])
    assert quantized(x, 3).tolist() == [0.0, 0.0, 0.5, 0.5, 1.0]
    assert torch.equal(quantized(x, None), x)
    exact = torch.arange(256) / 255
    assert torch.equal(quantized(exact, 256), exact)
