"""Each change of a picture against its closed form; no change, no difference; first and second derivatives."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck, gradgradcheck

from latentia.core import Noise
from latentia.nn.augment import (
    adaptive,
    brightened,
    contrasted,
    differentiable,
    holed,
    mirrored,
    moved,
    saturated,
    turned,
    warped,
)

SHAPES = [(1, 8, 8), (3, 9, 14), (4, 16, 10)]


def pictures(count=4, shape=(3, 9, 14), dtype=torch.float64):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(3), dtype=dtype) * 2 - 1


def noise(count=4, seed=0, total=None, rows=slice(None), dtype=torch.float64):
    return Noise(seed, 0, rows, total or count, dtype=dtype)


def chance(p, dtype=torch.float64):
    return torch.tensor(p, dtype=dtype)


@given(down=st.integers(-9, 9), right=st.integers(-14, 14))
@settings(max_examples=30, deadline=None)
def test_a_picture_moves_by_whole_pixels_and_what_comes_in_is_zero(down, right):
    x = pictures(1)
    wanted = torch.zeros_like(x)
    for row in range(9):
        for column in range(14):
            if 0 <= row - down < 9 and 0 <= column - right < 14:
                wanted[..., row, column] = x[..., row - down, column - right]
    assert torch.equal(moved(x, torch.tensor([down]), torch.tensor([right])), wanted)


def test_each_picture_moves_by_its_own():
    x = pictures(2)
    both = moved(x, torch.tensor([0, 3]), torch.tensor([0, -2]))
    assert torch.equal(both[0], x[0])
    assert torch.equal(both[1, :, 3:, :-2], x[1, :, :-3, 2:])


def test_a_hole_has_half_of_each_side_and_lies_where_it_is_told():
    x = torch.ones(3, 2, 8, 12)
    cut = holed(x, torch.tensor([0.5, 0.0, 1.0]), torch.tensor([0.5, 0.0, 0.5]))
    wanted = torch.ones(3, 2, 8, 12)
    wanted[0, :, 2:6, 3:9] = 0
    wanted[1, :, :2, :3] = 0  # a corner: the rest of the hole lies outside
    wanted[2, :, 6:, 3:9] = 0
    assert torch.equal(cut, wanted)


def test_colours_are_what_their_names_say():
    x, times = pictures(2), torch.tensor([2.0, 0.5], dtype=torch.float64)
    torch.testing.assert_close(brightened(x, times), x + times[:, None, None, None])
    more = contrasted(x, times)
    torch.testing.assert_close(more.mean((1, 2, 3)), x.mean((1, 2, 3)))
    torch.testing.assert_close(more.std((1, 2, 3)), times * x.std((1, 2, 3)))
    vivid = saturated(x, times)
    torch.testing.assert_close(vivid.mean(1), x.mean(1))
    torch.testing.assert_close(vivid.std(1), times[:, None, None] * x.std(1))
    grey = saturated(x, torch.zeros(2, dtype=torch.float64))
    torch.testing.assert_close(grey[:, 0], grey[:, 2])


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_pictures_of_other_than_three_channels_have_no_saturation(channels):
    x = pictures(2, (channels, 8, 8))
    assert torch.equal(saturated(x, torch.tensor([0.0, 3.0])), x)


def test_mirror_images_and_turns():
    x = pictures(4, (1, 8, 8))
    assert torch.equal(
        mirrored(x, torch.tensor([True, False, True, False])), torch.stack([x[0].flip(-1), x[1], x[2].flip(-1), x[3]])
    )
    for quarters in range(4):
        assert torch.equal(turned(x, torch.full((4,), quarters)), x.rot90(quarters, (-2, -1)))
    wide = pictures(4)  # has no quarter turn
    assert torch.equal(turned(wide, torch.arange(4)), torch.cat([wide[:2], wide[2:].rot90(2, (-2, -1))]))


def test_a_warp_by_whole_pixels_a_quarter_turn_and_a_mirrored_edge_are_exact():
    x = pictures(1, (2, 9, 9))
    unit = torch.eye(2, dtype=torch.float64)[None]
    assert torch.equal(warped(x, unit, torch.zeros(1, 2)), x)
    assert torch.equal(warped(x, unit, torch.tensor([[2.0, 0.0]]))[..., :-2, :], x[..., 2:, :])
    assert torch.equal(warped(x, unit, torch.tensor([[2.0, 0.0]]))[..., -2:, :], x[..., [-2, -3], :])
    quarter = torch.tensor([[[0.0, 1.0], [-1.0, 0.0]]], dtype=torch.float64)
    assert torch.equal(warped(x, quarter, torch.zeros(1, 2)), x.rot90(1, (-2, -1)))


def test_between_pixels_a_warp_is_linear():
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(14.0), indexing="ij")
    plane = (0.3 * rows - 0.2 * columns).double()[None, None]
    matrix = torch.tensor([[[0.5, 0.1], [-0.2, 0.6]]], dtype=torch.float64)  # stays inside: a plane goes on as one
    offset = torch.tensor([[0.25, -0.75]], dtype=torch.float64)
    seen = torch.stack([rows - 4, columns - 6.5], -1).double() @ matrix[0].T + offset[0]
    wanted = 0.3 * (seen[..., 0] + 4) - 0.2 * (seen[..., 1] + 6.5)
    torch.testing.assert_close(warped(plane, matrix, offset)[0, 0], wanted)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_at_a_chance_of_zero_nothing_changes_to_the_last_bit(shape, dtype):
    x = pictures(8, shape, dtype)
    assert torch.equal(adaptive(x, noise(8, dtype=dtype), chance(0.0, dtype)), x)


@pytest.mark.parametrize("shape", [*SHAPES, (1, 1, 5)])
def test_both_kinds_keep_shape_type_and_size_of_numbers(shape):
    x = pictures(64, shape, torch.float32)
    for seen in (differentiable(x, noise(64)), adaptive(x, noise(64), chance(1.0))):
        assert seen.shape == x.shape
        assert seen.dtype == torch.float32
        assert seen.isfinite().all()
        assert not any(torch.equal(one, other) for one, other in zip(seen, x, strict=True))


def test_the_share_of_pictures_that_change_is_that_of_ten_chances():
    x, p = pictures(2000, (3, 8, 8)), 0.1
    same = (adaptive(x, noise(2000), chance(p)) == x).flatten(1).all(1).double().mean()
    # on, yet without effect: a mirror image half the time, 1 of 4 quarters, 1 of 9 moves of 8 pixels by up to 1
    wanted = (1 - p / 2) * (1 - 3 * p / 4) * (1 - p * 8 / 9) * (1 - p) ** 7
    assert abs(same - wanted) < 4 * math.sqrt(wanted * (1 - wanted) / 2000)


def test_differentiable_changes_have_the_stated_ranges():
    seen = differentiable(torch.full((3000, 3, 16, 16), 5.0), noise(3000))  # flat: no contrast and no colour
    brightness = seen.flatten(1).max(1).values
    assert 4.5 <= brightness.min() < 4.51
    assert 5.49 < brightness.max() <= 5.5 + 1e-5
    empty = (seen == 0).float().mean((1, 2, 3))
    assert empty.max() <= 1 - (14 * 14 - 8 * 8) / 256  # moved by 2 pixels each way, and a quarter cut out
    assert empty.min() >= 4 * 4 / 256  # at the least a hole in a corner


def test_rows_have_the_changes_of_the_global_batch_and_each_its_own():
    x = pictures(8)
    for view in (differentiable, lambda x, n: adaptive(x, n, chance(0.7))):
        whole = view(x, noise(8))
        assert torch.equal(whole[2:5], view(x[2:5], noise(total=8, rows=slice(2, 5))))
        alike = view(x[:1].expand(8, -1, -1, -1), noise(8))
        assert len({tuple(each.flatten().tolist()) for each in alike}) == 8


def test_first_and_second_derivatives():
    x = pictures(3, (3, 8, 5)).requires_grad_()
    for view in (
        lambda x: differentiable(x, noise(3)).pow(2),
        lambda x: adaptive(x, noise(3), chance(0.8)).pow(2),
    ):
        assert gradcheck(view, (x,), fast_mode=True)
        assert gradgradcheck(view, (x,), fast_mode=True)


def test_coordinates_are_exact_under_autocast():
    x = pictures(8, (1, 32, 32), torch.float32)
    plain = adaptive(x, noise(8), chance(0.8))
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(adaptive(x, noise(8), chance(0.8)), plain)


class Told(Noise):
    """Noise whose numbers are given: which of the ten changes are made, and with what draws."""

    def __init__(self, count, on, uniform=(0.0,) * 5, normal=(0.0,) * 7):
        super().__init__(0, 0, slice(None), count, dtype=torch.float64)
        self.numbers = [[0.0 if i in on else 0.9 for i in range(10)], list(uniform), list(normal)]

    def _draw(self, draw, shape):
        return torch.tensor(self.numbers.pop(0), dtype=torch.float64).expand(self.total, *shape)


TURN, LONG = torch.tensor([[0.0, -1.0], [1.0, 0.0]]).double(), torch.tensor([2.0, 0.5]).double()
CHANGES = {
    "mirror": ({0}, {"uniform": (0.4, 0, 0, 0, 0)}, lambda x: x.flip(-1)),
    "mirror, the other half": ({0}, {"uniform": (0.6, 0, 0, 0, 0)}, lambda x: x),
    "quarter": ({1}, {"uniform": (0, 0.3, 0, 0, 0)}, lambda x: x.rot90(1, (-2, -1))),
    "angle": ({2}, {"uniform": (0, 0, 0.25, 0, 0)}, lambda x: x.rot90(3, (-2, -1))),
    "size": ({3}, {"normal": (5, 0, 0, 0, 0, 0, 0)}, lambda x: by(x, 2 * torch.eye(2).double())),
    "share": ({4}, {"normal": (0, 5, 0, 0, 0, 0, 0)}, lambda x: by(x, LONG.diag())),
    "share, turned": (
        {2, 4},
        {"uniform": (0, 0, 0.25, 0, 0), "normal": (0, 5, 0, 0, 0, 0, 0)},
        lambda x: by(x, TURN @ LONG.diag()),
    ),
    "whole pixels": ({5}, {"uniform": (0, 0, 0, 0.99, 0.4)}, lambda x: by(x, torch.eye(2).double(), (1, 0))),
    "parts of pixels": (
        {6},
        {"normal": (0, 0, 0.5, -0.3, 0, 0, 0)},
        lambda x: by(x, torch.eye(2).double(), (0.5, -0.3)),
    ),
    "brightness": ({7}, {"normal": (0, 0, 0, 0, 2, 0, 0)}, lambda x: x + 0.4),
    "contrast": ({8}, {"normal": (0, 0, 0, 0, 0, 2, 0)}, lambda x: contrasted(x, torch.tensor(2.0).expand(4))),
    "saturation": ({9}, {"normal": (0, 0, 0, 0, 0, 0, 1)}, lambda x: saturated(x, torch.tensor(2.0).expand(4))),
    "nothing": (set(), {"uniform": (0.4, 0.9, 0.2, 0.9, 0.9), "normal": (1,) * 7}, lambda x: x),
}


def by(x, matrix, offset=(0, 0)):
    return warped(x, matrix.expand(4, 2, 2), torch.tensor(offset, dtype=torch.float64).expand(4, 2))


@pytest.mark.parametrize("name", CHANGES)
def test_each_of_the_ten_changes_is_made_by_its_own_draws(name):
    on, draws, wanted = CHANGES[name]
    x = pictures(4, (3, 8, 8))
    torch.testing.assert_close(adaptive(x, Told(4, on, **draws), chance(0.5)), wanted(x))
