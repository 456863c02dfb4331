import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latentia.errors import BadData
from latentia.tasks.pictures import animate, cut, grid, picture, pixels, strip


def test_bytes_come_back_as_the_bytes_they_were():
    every = torch.arange(256, dtype=torch.float32).reshape(1, 1, 16, 16) / 255
    assert pixels(every).reshape(-1).tolist() == list(range(256))


def test_numbers_are_rounded_and_never_wrap():
    x = torch.tensor([-3.0, 0.0019, 0.0020, 0.5, 0.9981, 1.0, 7.0]).reshape(1, 1, 1, 7)
    assert pixels(x).reshape(-1).tolist() == [0, 0, 1, 128, 255, 255, 255]


@given(
    count=st.integers(1, 7),
    channels=st.sampled_from([1, 3, 4]),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    columns=st.one_of(st.none(), st.integers(1, 9)),
    numbered=st.booleans(),
)
@settings(max_examples=40, deadline=None)
def test_every_cell_of_a_grid_is_where_it_should_be(count, channels, height, width, columns, numbered):
    x = torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(0))
    made = grid(x, columns, padding=2, numbers=range(count) if numbered else None, cell=1)
    assert made.mode == {1: "L", 3: "RGB", 4: "RGBA"}[channels]
    array = np.asarray(made).reshape(made.height, made.width, channels)
    across = (made.width - 2) // (width + 2)
    foot = 16 if numbered else 0
    for i, cell in enumerate(pixels(x)):
        left, top = 2 + i % across * (width + 2), 2 + i // across * (height + 2 + foot)
        assert (array[top : top + height, left : left + width] == cell).all()
    assert made.height == -(-count // across) * (height + 2 + foot) + 2


def test_small_pictures_are_enlarged_by_repeating_pixels():
    x = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).reshape(1, 1, 2, 2)
    made = np.asarray(grid(x, padding=0, cell=8))
    assert made.shape == (8, 8)
    assert (made[:4, :4] == 0).all()
    assert (made[:4, 4:] == 255).all()
    assert grid(torch.zeros(1, 3, 100, 64), padding=0).size == (64, 100)
    assert picture(torch.zeros(3, 9, 7), 20).size == (21, 27)
    assert picture(torch.zeros(1, 9, 7)).size == (7, 9)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 20, 9), (4, 70, 64)])
def test_a_grid_is_cut_back_into_its_items(shape):
    items = torch.rand(11, *shape, generator=torch.Generator().manual_seed(0))
    back = cut(grid(items, 4), shape)
    torch.testing.assert_close(back[:11], items, atol=0.5 / 255 + 1e-6, rtol=0)
    assert back.shape == (12, *shape)
    assert bool((back[11] == 1).all())
    with pytest.raises(BadData, match="is no grid of items"):
        cut(grid(items, 4), (1, 17, 5))


def test_numbers_leave_ink_under_their_cells():
    wide = grid(torch.ones(2, 1, 20, 20), 2, numbers=["Ankle boot, left", ""])
    assert wide.width // 2 > 76, "a caption of 76 pixels does not run into the next"
    plain = np.asarray(grid(torch.ones(2, 1, 20, 20), 2, numbers=["", ""]))
    inked = np.asarray(grid(torch.ones(2, 1, 20, 20), 2, numbers=[17, ""]))
    assert (plain == 255).all()
    rows, columns = np.nonzero(inked < 200)
    assert len(rows)
    assert rows.min() > 60
    assert columns.max() < inked.shape[1] // 2


def test_a_strip_is_one_row_and_a_grid_about_square():
    x = torch.zeros(12, 1, 10, 10)
    assert strip(x, padding=0, cell=1).size == (120, 10)
    assert grid(x[:9], padding=0, cell=1).size == (30, 30)


@pytest.mark.parametrize(
    ("x", "told"),
    [
        (torch.zeros(4, 12), r"rows of a table, \(4, 12\), are no pictures; write them as \.csv"),
        (torch.zeros(4, 8, 8), r"shape \(N, 1, 3 or 4, height, width\); this has \(4, 8, 8\)"),
        (torch.zeros(4, 2, 8, 8), "4, 2, 8, 8"),
        (torch.full((1, 1, 2, 2), torch.nan), "4 numbers of these pictures are not finite"),
        (torch.zeros(0, 1, 8, 8), "a grid of 0 items"),
    ],
)
def test_what_is_no_picture_is_refused(x, told):
    with pytest.raises(BadData, match=told):
        grid(x)


def test_numbers_that_do_not_match_are_refused():
    with pytest.raises(BadData, match="a grid of 2 items and 3 numbers"):
        grid(torch.zeros(2, 1, 8, 8), numbers=[1, 2, 3])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_film_has_its_frames_and_goes_round(tmp_path, channels):
    frames = torch.linspace(0, 1, 5)[:, None, None, None].expand(5, channels, 8, 8)
    path = animate(frames, tmp_path / "walk.gif", fps=20, cell=16)
    with Image.open(path) as film:
        assert (film.n_frames, film.size, film.info["duration"], film.info["loop"]) == (5, (16, 16), 50, 0)
        film.seek(4)
        assert film.convert("RGB").getpixel((3, 3)) == (255, 255, 255)
    assert [each.name for each in tmp_path.iterdir()] == ["walk.gif"]


def test_a_film_of_nothing_is_refused(tmp_path):
    with pytest.raises(BadData, match="0 frames"):
        animate(torch.zeros(0, 1, 8, 8), tmp_path / "a.gif")
    with pytest.raises(BadData, match="at 0 a second"):
        animate(torch.zeros(2, 1, 8, 8), tmp_path / "a.gif", fps=0)
