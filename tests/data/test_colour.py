"""Colour of video, against the numbers that the standards give and against smooth pictures."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentia.data.colour import BT601, BT709, BT2020, Coding, Tags, coding, from_rgb, to_rgb
from latentia.errors import BadData

KNOWN = [  # matrix, full, bits, RGB, planes: from the standards' own formulas, rounded
    (BT709, False, 8, (1, 1, 1), (235, 128, 128)),
    (BT709, False, 8, (0, 0, 0), (16, 128, 128)),
    (BT709, False, 8, (1, 0, 0), (63, 102, 240)),
    (BT709, False, 8, (0, 1, 0), (173, 42, 26)),
    (BT709, False, 8, (0, 0, 1), (32, 240, 118)),
    (BT601, False, 8, (1, 0, 0), (81, 90, 240)),
    (BT601, False, 8, (0, 1, 0), (145, 54, 34)),
    (5, False, 8, (0, 0, 1), (41, 240, 110)),
    (BT709, False, 10, (1, 1, 1), (940, 512, 512)),
    (BT2020, False, 10, (1, 0, 0), (294, 387, 960)),
    (BT601, True, 8, (1, 0, 0), (76, 85, 255)),
    (BT601, True, 8, (1, 1, 1), (255, 128, 128)),
    (0, True, 8, (1, 0.6, 0), (153, 0, 255)),
]


@pytest.mark.parametrize(("matrix", "full", "bits", "rgb", "expected"), KNOWN)
def test_colours_have_the_numbers_of_their_standard(matrix, full, bits, rgb, expected):
    colour = torch.tensor(rgb, dtype=torch.float32).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    planes = from_rgb(colour, Coding(matrix, full, bits))
    assert tuple(int(plane[0, 0, 0]) for plane in planes) == expected
    back = to_rgb(planes, Coding(matrix, full, bits))
    torch.testing.assert_close(back, colour, atol=2.5 / 2**bits, rtol=0)


SIDE = st.integers(1, 9)


@given(st.sampled_from([1, 4, 5, 6, 7, 9]), st.booleans(), st.sampled_from([8, 10, 12]), SIDE, SIDE, st.integers(0, 99))
def test_all_colours_come_back_where_chroma_is_whole(matrix, full, bits, height, width, seed):
    x = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(seed))
    form = Coding(matrix, full, bits)
    torch.testing.assert_close(to_rgb(from_rgb(x, form), form), x, atol=2.5 / 2**bits, rtol=0)


@given(st.booleans(), st.booleans(), SIDE, SIDE, st.integers(0, 99))
def test_one_colour_stays_it_where_chroma_is_halved_whatever_the_size(down, across, height, width, seed):
    x = torch.rand(1, 3, 1, 1, generator=torch.Generator().manual_seed(seed)).expand(1, 3, height, width)
    form = Coding(BT709, False, 8, (down, across))
    planes = from_rgb(x, form)
    halves = (-(-height // 2) if down else height, -(-width // 2) if across else width)
    assert tuple(planes[1].shape) == (1, *halves)
    torch.testing.assert_close(to_rgb(planes, form), x, atol=2.5 / 256, rtol=0)


def test_halved_chroma_is_sited_beside_even_columns_and_between_rows():
    """A plane of colour that rises evenly is met exactly inside: no half a pixel is lost to either side."""
    across, down = torch.linspace(0.2, 0.7, 16).expand(12, 16), torch.linspace(0.3, 0.6, 12)[:, None].expand(12, 16)
    x = torch.stack([across, 0.5 * torch.ones(12, 16), down])[None]
    form = Coding(BT709, True, 16, (True, True))
    inside = (slice(None), slice(None), slice(2, -2), slice(2, -2))
    torch.testing.assert_close(to_rgb(from_rgb(x, form), form)[inside], x[inside], atol=1e-4, rtol=0)
    luma, _blue, red = from_rgb(x, Coding(BT709, True, 16))
    halved = from_rgb(x, form)
    assert torch.equal(halved[0], luma)
    torch.testing.assert_close(halved[2][0, :, 1:], (red[0, ::2, 2::2] + red[0, 1::2, 2::2]) // 2, atol=1, rtol=0)


def test_grey_is_luma_alone():
    x = torch.rand(1, 1, 5, 7, generator=torch.Generator().manual_seed(0)).expand(-1, 3, -1, -1)
    planes = from_rgb(x, Coding(BT601, False), grey=True)
    assert len(planes) == 1
    torch.testing.assert_close(to_rgb(planes, Coding(BT601, False)), x, atol=0.5 / 219 + 1e-6, rtol=0)


def test_what_tags_mean():
    assert coding(Tags(), 1080) == Coding(BT709, False)
    assert coding(Tags(), 576) == Coding(BT601, False)
    assert coding(Tags(matrix=10, range=2), 576, 10, (True, True)) == Coding(BT2020, True, 10, (True, True))
    assert coding(Tags(matrix=5), 1080).matrix == 5, "what is tagged is believed"


def test_numbers_outside_the_range_are_cut_off():
    planes = [torch.tensor([[[255.0]]]), torch.tensor([[[255.0]]]), torch.tensor([[[0.0]]])]
    x = to_rgb(planes, Coding(BT709, False))
    assert float(x.min()) >= 0
    assert float(x.max()) == 1


def test_a_matrix_that_is_not_read_is_named():
    with pytest.raises(BadData, match=r"^its colours are coded by matrix 14 of H\.273, which is not read; BT\.601, "):
        to_rgb([torch.zeros(1, 2, 2)] * 3, Coding(14, False))
