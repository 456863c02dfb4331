"""Nets that grow: the schedule, continuity of fades, only the phase's blocks are computed, what mixes rows."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from latentia.errors import BadField
from latentia.nn.growing import (
    EqualConv,
    EqualLinear,
    GrowingCritic,
    GrowingGenerator,
    Growth,
    PixelNorm,
    enlarged,
    growing_sizes,
    level_of,
    seen_at,
    shrunk,
    uneven,
    variety,
)

SIZES = [(4, 5), (8, 10), (16, 20)]
CHANNELS = (7, 6, 5)


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


def numbers(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def nets():
    generator = GrowingGenerator(3, 2, SIZES, CHANNELS).double()
    critic = GrowingCritic(2, SIZES, CHANNELS).double()
    return generator, critic


def test_sizes_are_the_datas_halved():
    assert growing_sizes(28, 28) == [(7, 7), (14, 14), (28, 28)]
    assert growing_sizes(64, 64) == [(4, 4), (8, 8), (16, 16), (32, 32), (64, 64)]
    assert growing_sizes(32, 32, 2) == [(8, 8), (16, 16), (32, 32)]
    assert growing_sizes(10, 16) == [(5, 4), (5, 8), (10, 16)]
    assert [uneven(growing_sizes(*each)) for each in ((28, 28), (10, 16), (9, 16), (30, 30))] == [0, 0, 1, 1]
    with pytest.raises(BadField, match="8 pixels or more, these have 6 x 7"):
        growing_sizes(6, 7)
    with pytest.raises(BadField, match="levels is 3, and pictures of 28 x 28 can be halved at most 2 x"):
        growing_sizes(28, 28, 3)


def test_phases_in_images():
    growth = Growth(levels=2, stabilise=100, fade=50)
    begins = [next(seen for seen in range(1000) if growth.phase(seen) == phase) for phase in range(5)]
    assert begins == [0, 100, 150, 250, 300]
    assert growth.ends == 300
    assert growth.phase(10**9) == 4
    assert growth.share(3, torch.tensor(260)) == pytest.approx(0.2)
    assert growth.share(4, torch.tensor(400)) is None
    assert {Growth(2, 0, 0).phase(seen) for seen in range(9)} == {4}
    assert [Growth(1, 10, 0).phase(seen) for seen in (9, 10)] == [0, 2]


@settings(max_examples=50)
@given(st.integers(1, 8), st.integers(0, 50), st.integers(0, 50), st.integers(0, 1000))
def test_the_share_rises_with_the_phase(levels, stabilise, fade, seen):
    growth = Growth(levels, stabilise, fade)
    phase = growth.phase(seen)
    assert phase <= growth.phase(seen + 1) <= 2 * levels
    share = growth.share(phase, torch.tensor(seen))
    assert (share is None) == (phase % 2 == 0)
    assert share is None or 0 <= share < 1
    assert (phase == 2 * levels) == (seen >= growth.ends)


@pytest.mark.parametrize("phase", [1, 3])
def test_a_fade_goes_from_the_level_before_to_the_level(phase):
    generator, critic = nets()
    zero, one = torch.zeros(()), torch.ones(())
    z, level = numbers(4, 3), level_of(phase)
    x = numbers(4, 2, *SIZES[level])
    assert torch.equal(generator(z, phase, zero), enlarged(generator(z, phase - 1, None), SIZES[level]))
    assert torch.equal(generator(z, phase, one), generator(z, phase + 1, None))
    assert torch.equal(critic(x, phase, zero, 2), critic(shrunk(x, SIZES[level - 1]), phase - 1, None, 2))
    assert torch.equal(critic(x, phase, one, 2), critic(x, phase + 1, None, 2))


def test_reals_have_the_detail_of_the_phase():
    x = numbers(3, 2, 16, 20)
    boxes = x.reshape(3, 2, 8, 2, 10, 2).mean((3, 5))
    small = x.reshape(3, 2, 4, 4, 5, 4).mean((3, 5))
    torch.testing.assert_close(seen_at(x, SIZES, 0, None), small)
    torch.testing.assert_close(seen_at(x, SIZES, 2, None), boxes)
    assert torch.equal(seen_at(x, SIZES, 4, None), x)
    repeated = small.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(seen_at(x, SIZES, 1, torch.tensor(0.25)), 0.75 * repeated + 0.25 * boxes)


def test_boxes_of_uneven_sides_overlap_and_keep_constants():
    x = torch.arange(9.0).expand(1, 1, 3, 9)
    assert shrunk(x, (3, 4))[0, 0, 0].tolist() == [1, 3, 5, 7]  # boxes 0 to 2, 2 to 4, 4 to 6, 6 to 8
    assert torch.equal(shrunk(torch.ones(1, 1, 9, 9), (4, 4)), torch.ones(1, 1, 4, 4))
    assert enlarged(torch.ones(1, 1, 4, 4), (9, 9)).shape == (1, 1, 9, 9)


def multiplications(phase):
    """Of one item through the generator: dense, first, two convolutions of each level, to-picture layers."""
    level, layers = level_of(phase), [(3, CHANNELS[0] * 20, 1), (CHANNELS[0], CHANNELS[0], 9 * 20)]
    for (before, after), (height, width) in zip(itertools.pairwise(CHANNELS), SIZES[1:], strict=True):
        layers += [(before, after, 9 * height * width), (after, after, 9 * height * width)]
    layers = layers[: 2 + 2 * level]
    pictures = (level - 1, level) if phase % 2 else (level,)
    layers += [(CHANNELS[each], 2, math.prod(SIZES[each])) for each in pictures]
    return sum(math.prod(layer) for layer in layers)


@pytest.mark.parametrize("phase", range(5))
def test_only_the_blocks_of_the_phase_are_computed(phase):
    generator, critic = nets()
    share = torch.tensor(0.5) if phase % 2 else None
    with FlopCounterMode(display=False) as counted:
        generator(numbers(1, 3), phase, share)
    assert counted.get_total_flops() == 2 * multiplications(phase)
    x = generator(numbers(4, 3), phase, share)
    critic(x, phase, share, 4).sum().backward()
    reached = level_of(phase)
    for net in (generator, critic):
        for level, block in enumerate(net.blocks, start=1):
            assert all((weight.grad is not None) == (level <= reached) for weight in block.parameters())
        for level, layer in enumerate(net.pictures):
            used = level == reached or (phase % 2 == 1 and level == reached - 1)
            assert all((weight.grad is not None) == used for weight in layer.parameters())


def test_nets_that_do_not_grow_have_no_layers_for_smaller_pictures():
    generator, critic = GrowingGenerator(3, 2, SIZES, CHANNELS, 2), GrowingCritic(2, SIZES, CHANNELS, 2)
    for net in (generator, critic):
        assert [len(list(layer.parameters())) for layer in net.pictures] == [0, 0, 2]
    critic(generator(numbers(4, 3).float(), 4, None), 4, None, 4).sum().backward()
    assert all(weight.grad is not None for net in (generator, critic) for weight in net.parameters())


def test_equalised_layers_scale_standard_normal_weights_by_he():
    conv, dense = EqualConv(50, 60), EqualLinear(400, 300, gain=1.0)
    assert conv.weight.detach().std() == pytest.approx(1, abs=0.02)
    assert dense.weight.detach().std() == pytest.approx(1, abs=0.02)
    x, v = numbers(2, 50, 5, 5).float(), numbers(4, 400).float()
    plain = torch.nn.functional.conv2d(x, conv.weight * math.sqrt(2 / 450), padding=1)
    torch.testing.assert_close(conv(x), plain)
    torch.testing.assert_close(dense(v), v @ dense.weight.T / 20, rtol=1e-4, atol=1e-5)
    assert dense(v).detach().std() == pytest.approx(1, abs=0.1)


def test_exact_layers_stay_out_of_autocast():
    conv, dense = EqualConv(3, 2, 1, exact=True), EqualLinear(3, 2, exact=True)
    with torch.autocast("cpu", torch.bfloat16):
        assert conv(torch.ones(1, 3, 2, 2).bfloat16()).dtype == torch.float32
        assert dense(torch.ones(1, 3).bfloat16()).dtype == torch.float32
        assert EqualConv(3, 2)(torch.ones(1, 3, 2, 2)).dtype == torch.bfloat16


def test_pixel_norm_gives_every_pixel_a_mean_square_of_one():
    x = PixelNorm()(7 * numbers(3, 8, 2, 2))
    torch.testing.assert_close(x.square().mean(1), torch.ones(3, 2, 2, dtype=torch.float64))


def test_variety_is_that_of_each_block_of_rows():
    x = numbers(6, 3, 2, 2)
    made = variety(x, 3)
    assert torch.equal(made[:, :3], x)
    for rows in (slice(0, 3), slice(3, 6)):
        expected = x[rows].std(0, unbiased=False).mean()
        torch.testing.assert_close(made[rows, 3], expected.expand(3, 2, 2))
        torch.testing.assert_close(variety(x[rows], 3), made[rows])  # other rows do not matter
    assert float(variety(x, 1)[:, 3].max()) == pytest.approx(1e-4)
    same = variety(torch.ones(4, 1, 2, 2, requires_grad=True), 4)
    assert float(same[:, 1].detach().max()) < 1e-3
