"""Motions by chance: known exactly, smooth, and the same at any resolution."""

from __future__ import annotations

import pytest
import torch

from latentia.core import Noise
from latentia.nn.motion import BEND, SHIFT, Motion, motion


def drawn(height, width, count=6, seed=0, dtype=torch.float64):
    x = torch.zeros(count, 1, height, width, dtype=dtype)
    return motion(Noise(0, seed, slice(None), count, dtype=dtype), x)


def test_a_motion_is_the_same_at_any_resolution():
    coarse, fine = drawn(12, 20), drawn(36, 60)
    torch.testing.assert_close(fine.places[:, 1::3, 1::3], coarse.places)


def test_pixels_are_moved_where_it_says():
    height, width = 40, 56
    found = drawn(height, width)
    down, across = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    ramp = torch.stack([2 * across / width - 1, 2 * down / height - 1]).double().expand(6, -1, -1, -1)
    seen = (found.places.abs() <= 0.95).all(-1)[:, None].expand(-1, 2, -1, -1)
    torch.testing.assert_close(found.of(ramp)[seen], found.places.permute(0, 3, 1, 2)[seen])
    off = (found.places - ramp.permute(0, 2, 3, 1)).abs() * torch.tensor([width, height]) / 2 / height  # of a side
    assert 0.5 * SHIFT < float(off.mean()) < 2 * SHIFT
    assert float(off.max()) < SHIFT + 1.5 * BEND + 0.12 * (width / height)  # and by scale and turn at the corners
    assert float(found.places.diff(dim=1).diff(dim=1).abs().max()) < 0.01  # smooth
    assert len({round(float(each[0, 0, 0]), 6) for each in found.places}) == 6


def test_only_what_was_inside_counts():
    places = torch.zeros(1, 2, 2, 2)
    places[0, 0, 0, 0] = 1.5
    move = Motion(places, (places.abs() <= 1).all(-1)[:, None].float())
    one, two = torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2)
    two[:, :, 0, 0] = 100
    assert move.error(one, two).tolist() == pytest.approx([1.0])
    assert float(drawn(16, 16).inside.mean()) > 0.75


@pytest.mark.parametrize("rows", [slice(0, 2), slice(2, 6)])
def test_a_process_has_its_rows_of_the_batchs_motions(rows):
    part = motion(Noise(0, 0, rows, 6, dtype=torch.float64), torch.zeros(rows.stop - rows.start, 1, 12, 20).double())
    assert torch.equal(part.places, drawn(12, 20).places[rows])
