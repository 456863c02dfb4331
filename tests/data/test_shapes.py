from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import latentia.data as data
from latentia.data.shapes import FACTORS, SIZES, Shapes


@pytest.fixture(scope="module")
def shapes():
    return Shapes()


def test_there_is_one_picture_per_combination(shapes):
    assert SIZES == (1, 3, 6, 40, 32, 32)
    assert len(shapes) == 737_280 == math.prod(SIZES)


def test_the_index_counts_with_the_vertical_position_fastest(shapes):
    rows = torch.tensor([0, 1, 32, 1024, 40 * 1024, 6 * 40 * 1024, 737_279])
    expected = [
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 1, 0],
        [0, 0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0, 0],
        [0, 1, 0, 0, 0, 0],
        [0, 2, 5, 39, 31, 31],
    ]
    assert shapes.factors(rows).tolist() == expected
    assert torch.equal(shapes.index(np.array(expected)), rows)


def centre(pictures):
    ticks = torch.arange(64.0)
    weight = pictures.sum((1, 2, 3))
    return (pictures.sum((1, 3)) @ ticks / weight, pictures.sum((1, 2)) @ ticks / weight, weight)


def test_positions_move_the_shape_by_one_pixel(shapes):
    steps = torch.arange(32)
    down, right, _ = centre(shapes.gather(5 * 40 * 1024 + steps))
    assert torch.allclose(down.diff(), torch.ones(31), atol=1e-4)
    assert torch.allclose(right.diff(), torch.zeros(31), atol=1e-4)
    down, right, _ = centre(shapes.gather(5 * 40 * 1024 + 32 * steps))
    assert torch.allclose(right.diff(), torch.ones(31), atol=1e-4)
    assert torch.allclose(down.diff(), torch.zeros(31), atol=1e-4)


def test_nothing_leaves_the_frame_and_nothing_is_empty(shapes):
    corners = [[0, s, 5, o, x, y] for s in range(3) for o in range(40) for x in (0, 31) for y in (0, 31)]
    pictures = shapes.gather(shapes.index(np.array(corners)))
    frame = pictures.clone()
    frame[:, :, 1:-1, 1:-1] = 0
    assert frame.sum() == 0
    assert set(pictures.unique().tolist()) == {0.0, 1.0}
    places = [[0, s, 5, o, 16, 16] for s in range(3) for o in range(40)]
    inner = shapes.gather(shapes.index(np.array(places))).sum((1, 2, 3))
    assert torch.equal(pictures.sum((1, 2, 3)), inner.repeat_interleave(4))


def test_areas_follow_the_scale_and_the_formulas(shapes):
    scales = np.array(FACTORS["scale"])
    for shape, area in ((0, 17.0**2), (1, math.pi * 12 * 7.5), (2, 8.8**2 * 3.66)):
        places = [[0, shape, s, o, 16, 16] for s in range(6) for o in range(40)]
        _, _, weight = centre(shapes.gather(shapes.index(np.array(places))))
        assert np.allclose(weight.reshape(6, 40).mean(1).numpy(), area * scales**2, rtol=0.03)


def test_orientations_go_once_round_and_the_ellipse_lies_first(shapes):
    values = np.array(FACTORS["orientation"])
    assert values[0] == 0
    assert values[-1] == 2 * math.pi
    pictures = shapes.gather(shapes.index(np.array([[0, 1, 5, 0, 16, 16], [0, 1, 5, 39, 16, 16]])))
    assert torch.equal(pictures[0], pictures[1])  # as in the original: the first and the last look the same
    wide = pictures[0, 0].any(0).sum()
    high = pictures[0, 0].any(1).sum()
    assert (int(wide), int(high)) == (24, 14)


def test_the_data_set_has_factors_labels_and_needs_little_memory():
    found = data.open("shapes", labels=True)
    assert found.spec.levels == 2
    assert found.spec.classes == ("square", "ellipse", "heart")
    assert len(found.train) + len(found.validation) + len(found.test) == 737_280
    places = torch.tensor([0, 1000, 70_000])
    factors = found.test.factors(places)
    batch = found.test.read(places)
    assert batch.label.tolist() == factors[:, 1].tolist()
    assert torch.equal(Shapes().gather(Shapes.index(factors)), batch.x)


def test_a_thousand_pictures_are_those_of_the_definition(shapes):
    """dSprites' latents by its own bases and linear values, each picture drawn by itself, pixel by pixel centre."""
    generator = np.random.default_rng(0)
    rows = generator.choice(737_280, 1000, replace=False)
    bases = np.array([737_280, 245_760, 40_960, 1024, 32, 1])
    steps = rows[:, None] // bases % np.array([1, 3, 6, 40, 32, 32])
    made = shapes.gather(torch.as_tensor(rows))[:, 0].numpy().astype(bool)
    pixel = np.arange(64) + 0.5
    for picture, (_, shape, scale, turn, x, y) in zip(made, steps, strict=True):
        away = (pixel[None] - (16 + 31 * (x / 31))) + 1j * (pixel[:, None] - (16 + 31 * (y / 31)))
        own = away * np.exp(-2j * math.pi * turn / 39) / (0.5 + 0.1 * scale)
        a, b = own.real / 8.8, 0.118 - own.imag / 8.8
        inside = (
            (np.abs(own.real) <= 8.5) & (np.abs(own.imag) <= 8.5),
            (own.real / 12) ** 2 + (own.imag / 7.5) ** 2 <= 1,
            (a**2 + b**2 - 1) ** 3 - a**2 * b**3 <= 0,
        )[shape]
        assert (picture != inside).sum() <= 4  # a pixel whose centre lies on the edge may fall to either side
