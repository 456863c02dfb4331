"""Parts of nets from pictures to pictures, against plain computations."""

import pytest
import torch
from torch.nn.functional import conv2d, interpolate

from latentia.core import Noise, moments_of
from latentia.nn.blocks import ExactConv, InstanceNorm, SmoothUp, dropped, padded, up


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def numbers(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_smooth_up_is_repeated_pixels_and_a_convolution():
    layer = SmoothUp(5, 3, bias=True).double()
    torch.nn.init.normal_(layer.bias)
    x = numbers(2, 5, 7, 6)
    kernel = layer.weight.flip(2, 3).transpose(0, 1)
    expected = conv2d(interpolate(x, scale_factor=2, mode="nearest"), kernel, layer.bias, padding=1)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("transposed", [False, True])
def test_of_a_plain_surface_smooth_up_makes_no_checkerboard(transposed):
    """Transposed convolutions do: this is what they are replaced for."""
    inside = up(4, 2, False, transposed)(torch.ones(1, 4, 8, 8)).detach()[:, :, 2:-2, 2:-2]
    assert (float(inside.std((2, 3)).max()) > 1e-3) == transposed


@pytest.mark.parametrize("affine", [True, False])
def test_instance_norm_is_per_picture_and_channel(affine):
    norm = InstanceNorm(3, affine).double()
    x = 2 + 3 * numbers(4, 3, 5, 6)
    if affine:
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    plain = (x - x.mean((2, 3), keepdim=True)) / (x.var((2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
    if affine:
        plain = plain * norm.weight[:, None, None] + norm.bias[:, None, None]
    torch.testing.assert_close(norm(x), plain)
    torch.testing.assert_close(norm(x, moments_of), plain)
    assert torch.equal(norm(x)[1:2], norm(x[1:2]))


def test_instance_norm_takes_the_moments_it_is_given_and_measures_in_float32():
    norm, seen = InstanceNorm(2), []

    def moments(features):
        seen.append(features)
        mean, square = moments_of(features)
        return torch.full_like(mean, 1.0), torch.full_like(square, 5.0)  # deviation 2

    x = numbers(3, 2, 4, 4).bfloat16()
    torch.testing.assert_close(norm(x, moments).float(), (x.float() - 1) / 2, rtol=1e-2, atol=1e-2)
    (features,) = seen
    assert features.dtype == torch.float32
    assert torch.equal(features, x.float())


def test_a_map_of_one_pixel_is_no_error():
    assert torch.equal(InstanceNorm(2).train()(torch.ones(3, 2, 1, 1)), torch.zeros(3, 2, 1, 1))


def test_dropout_draws_from_its_noise_alone_and_keeps_the_mean():
    x = torch.ones(64, 3, 8, 8)
    made = dropped(x, 0.25, Noise(0, 0, slice(None), 64))
    assert made.unique().tolist() == pytest.approx([0, 4 / 3])
    assert float(made.mean()) == pytest.approx(1, abs=0.02)
    assert torch.equal(made, dropped(x, 0.25, Noise(0, 0, slice(None), 64)))
    assert torch.equal(made[8:24], dropped(x[8:24], 0.25, Noise(0, 0, slice(8, 24), 64)))
    assert dropped(x, 0.25, None) is x
    assert dropped(x, 0.0, Noise(0, 0, slice(None), 64)) is x


def test_padding_repeats_the_last_row_and_column():
    x = numbers(2, 3, 5, 8)
    wide = padded(x, 4)
    assert wide.shape == (2, 3, 8, 8)
    assert torch.equal(wide[:, :, :5], x)
    assert torch.equal(wide[:, :, 5:], x[:, :, 4:].expand(-1, -1, 3, -1))
    assert padded(wide, 4) is wide


def test_a_last_layer_is_computed_in_float32_under_autocast():
    layer, x = ExactConv(2, 3, 3, padding=1), torch.randn(1, 2, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        made = layer(x.bfloat16())
    torch.testing.assert_close(made, layer(x.bfloat16().float()))
