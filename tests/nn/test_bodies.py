"""Fully connected and convolutional bodies: sizes from the data, precision of the last layer, layouts."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from latentia.errors import BadField
from latentia.nn.conv import ConvDecoder, ConvEncoder, Up, sizes_of
from latentia.nn.heads import LOG_SCALE_BOUND, GaussianHead, OutputHead
from latentia.nn.mlp import ACTIVATIONS, MLP, MLPDecoder


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def numbers(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


@settings(max_examples=15)
@given(st.integers(1, 4), st.integers(8, 70), st.integers(1, 70), st.lists(st.integers(1, 5), min_size=1, max_size=5))
def test_pictures_of_any_size_go_down_and_come_back(colours, height, width, channels):
    encoder = ConvEncoder((colours, height, width), channels)
    decoder = ConvDecoder(3, (5, height, width), channels[::-1])
    assert encoder(numbers(2, colours, height, width)).shape == (2, encoder.features)
    assert decoder(numbers(2, 3)).shape == (2, 5, height, width)


def test_levels_end_between_four_and_seven_pixels():
    assert sizes_of(28, 28) == [(28, 28), (14, 14), (7, 7)]
    assert sizes_of(8, 33) == [(8, 33), (4, 16), (4, 8), (4, 4)]
    assert sizes_of(64, 64, 2) == [(64, 64), (32, 32), (16, 16)]
    assert sizes_of(9, 16, 3) == [(9, 16), (4, 8), (4, 4), (4, 4)]
    assert all(4 <= sizes_of(side, side)[-1][0] <= 7 for side in range(8, 600))
    with pytest.raises(BadField, match="8 pixels or more, these have 6 x 5"):
        ConvEncoder((1, 6, 5), (4,))


@pytest.mark.parametrize("decoder", [MLPDecoder(3, (8,), (2, 9, 8)), ConvDecoder(3, (2, 9, 8), (4,))])
def test_decoders_take_several_draws_and_start_at_given_numbers(decoder):
    z = numbers(5, 4, 3)
    torch.testing.assert_close(decoder(z)[2], decoder(z[2]))
    start = numbers(2, 9, 8)
    before = decoder(z)
    decoder.start(start)
    torch.testing.assert_close(decoder(z) - before, start.expand(5, 4, 2, 9, 8))


@pytest.mark.parametrize("act", ACTIVATIONS)
def test_every_activation_carries_signal_and_gradient(act):
    encoder, decoder = MLP(12, (20, 16), act), MLPDecoder(16, (20,), (3, 2), act)
    y = decoder(encoder(numbers(50, 3, 4)))
    y.square().mean().backward()
    assert 0.02 < y.std() < 5
    weights = [*encoder.parameters(), *decoder.parameters()]
    assert all(weight.grad.abs().sum() > 0 for weight in weights)


def test_an_unknown_activation_gets_a_hint():
    with pytest.raises(BadField, match="did you mean 'relu'"):
        MLP(3, (4,), "rleu")


def test_a_body_without_layers_flattens():
    body = MLP(12, ())
    assert body.features == 12
    assert body(numbers(5, 3, 4)).shape == (5, 12)


def nets():
    shape = (1, 12, 9)
    return [
        (MLP(108, (16,)), numbers(4, *shape), MLPDecoder(16, (16,), shape)),
        (ConvEncoder(shape, (4,)), numbers(4, *shape), ConvDecoder(ConvEncoder(shape, (4,)).features, shape, (4,))),
    ]


@pytest.mark.parametrize("pair", [0, 1])
def test_under_autocast_bodies_run_in_bf16_and_nets_return_float32(pair):
    body, x, decoder = nets()[pair]
    head = GaussianHead(body.features, 3)
    with torch.autocast("cpu", torch.bfloat16):
        features = body(x)
        mean, log_scale = head(features)
        y = decoder(features)
    assert features.dtype == torch.bfloat16
    assert mean.dtype == log_scale.dtype == y.dtype == torch.float32
    torch.testing.assert_close(mean, head(features.float())[0], atol=0, rtol=0, msg="the last layer ran in bf16")


@pytest.mark.parametrize("pair", [0, 1])
def test_a_double_net_is_double_throughout(pair):
    body, x, decoder = nets()[pair]
    features = body.double()(x.double())
    assert (
        decoder.double()(features).dtype == GaussianHead(body.features, 3).double()(features)[0].dtype == torch.float64
    )


def test_channels_last_changes_no_number():
    body, x, decoder = nets()[1]
    expected = decoder(body(x))
    body, decoder = body.to(memory_format=torch.channels_last), decoder.to(memory_format=torch.channels_last)
    actual = decoder(body(x.to(memory_format=torch.channels_last)))
    torch.testing.assert_close(actual, expected, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(("small", "large"), [((4, 5), (8, 11)), ((4, 4), (9, 4)), ((7, 7), (14, 14))])
def test_one_channel_is_the_same_transposed_convolution(small, large):
    layer = Up(3, 1, small, large, bias=False).double()
    x = numbers(2, 3, *small).double().requires_grad_()
    expected = nn.ConvTranspose2d.forward(layer, x)
    torch.testing.assert_close(layer(x), expected)
    slope = numbers(*expected.shape).double()
    for actual, wanted in zip(
        torch.autograd.grad(layer(x), [x, layer.weight], slope),
        torch.autograd.grad(expected, [x, layer.weight], slope),
        strict=True,
    ):
        torch.testing.assert_close(actual, wanted)


def test_log_scales_are_bounded_softly():
    head = GaussianHead(1, 1).double()
    with torch.no_grad():
        head.layer.weight.copy_(torch.tensor([[0.0], [1.0]]))
    x = torch.tensor([[-1e6], [0.0], [1e-3], [20.0]], dtype=torch.float64, requires_grad=True)
    log_scale = head(x)[1]
    torch.testing.assert_close(log_scale[2], x[2], rtol=1e-6, atol=0)
    assert log_scale.abs().max() <= LOG_SCALE_BOUND
    log_scale[3].sum().backward()
    assert x.grad[3] > 0, "a hard clamp has no way back"


def test_building_uses_the_seed_of_the_build_alone():
    def build():
        torch.manual_seed(5)
        return [
            *ConvDecoder(3, (1, 9, 9), (4,)).parameters(),
            *OutputHead(3, (2,)).parameters(),
            *MLP(3, (4,)).parameters(),
        ]

    assert all(torch.equal(one, two) for one, two in itertools.zip_longest(build(), build()))
