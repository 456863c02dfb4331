"""Reading videos: what they are, their frames, and what is wrong with bad ones."""

from __future__ import annotations

import itertools
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch
from tests.tasks.clips import QUARTER, av, film, picture

from latentia.data.clip import look, read, stored, upright
from latentia.data.colour import Tags
from latentia.errors import BadData, BadField

LOSSLESS = {"codec": "ffv1", "options": {}, "tick": Fraction(1, 1000), "times": tuple(range(0, 240, 40)), "last": 40}


def test_what_a_video_is(tmp_path):
    tags = Tags(1, 1, 1, 1)
    path = film(tmp_path / "a.mp4", matrix=QUARTER, aspect=Fraction(4, 3), tags=tags, sound=True)
    clip = look(path)
    assert (clip.kind, clip.size, clip.shown, clip.frames, clip.whole) == ("video", (24, 32), (32, 24), 6, 6)
    assert (clip.rate, clip.tick, clip.tags, clip.matrix) == (25, Fraction(1, 12800), tags, QUARTER)
    assert (clip.aspect, clip.codec, clip.form, clip.bits, clip.halves) == (
        *(Fraction(4, 3), "h264", "yuv420p", 8),
        (True, True),
    )
    assert clip.others == ("aac audio",)
    assert clip.hdr == ""


@pytest.mark.parametrize("form", ["bgr0", "yuv444p", "yuv420p", "yuv422p10le", "gray"])
@pytest.mark.parametrize("size", [(24, 32), (25, 33)])
def test_frames_are_the_pictures_that_were_filmed(tmp_path, form, size):
    tags = Tags(range=2) if form == "gray" else None
    path = film(tmp_path / "a.mkv", size=size, form=form, tags=tags, **LOSSLESS)
    frames = list(read(look(path)))
    assert [frame.time for frame in frames] == [Fraction(number, 25) for number in range(6)]
    for number, frame in enumerate(frames):
        x = picture(number, *size)
        if form == "gray":
            x = (x * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(0, keepdim=True).expand(3, -1, -1)
        error = (frame.x - x).abs()
        assert float(error.mean()) < (0.02 if form.startswith("yuv42") else 0.003), "colour runs over the square's edge"
        # swscale takes halved chroma from between two columns; by the standards it lies beside the even ones
        assert float(error[:, 16:-2, 2:-2].max()) < (0.025 if form.startswith("yuv42") else 0.01)
    if form == "bgr0":
        assert torch.equal((frames[3].x * 255).round(), (picture(3, *size) * 255).round())


def test_the_matrix_and_the_range_are_those_of_the_stream(tmp_path):
    """The same numbers tagged otherwise are other colours; swscale, told explicitly, is the reference."""
    for tags, matrix, full in ((Tags(1, 1, 1, 1), 1, False), (Tags(5, 6, 5, 2), 5, True), (Tags(), 5, False)):
        path = film(tmp_path / f"{matrix}{full}.mkv", form="yuv444p", tags=tags, **LOSSLESS)
        (mine, *_) = read(look(path))
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
        exact = av.video.reformatter.Interpolation
        theirs = frame.reformat(
            format="gbrp",
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=2 if full else 1,
            dst_color_range=2,
            interpolation=exact.BICUBIC | exact.ACCURATE_RND | exact.FULL_CHR_H_INT,
        ).to_ndarray()
        torch.testing.assert_close(mine.x.permute(1, 2, 0), torch.from_numpy(theirs) / 255, atol=2.1 / 255, rtol=0)


def test_times_of_a_variable_rate_and_how_long_frames_stay(tmp_path):
    times = (0, 300, 1512, 5000, 5100, 9000)
    frames = list(read(look(film(tmp_path / "a.mp4", times=times, last=700, movie_timescale="12800"))))
    assert [frame.time * 12800 for frame in frames] == list(times)
    assert [frame.lasts * 12800 for frame in frames] == [300, 1212, 3488, 100, 3900, 700]


def test_a_part_of_the_frames(tmp_path):
    clip = look(film(tmp_path / "a.mp4"))
    every, some = list(read(clip)), list(read(clip, start=2, frames=3))
    assert [frame.time for frame in some] == [frame.time for frame in every[2:5]]
    assert all(torch.equal(one.x, two.x) for one, two in zip(some, every[2:5], strict=True))
    assert some[-1].lasts == Fraction(1, 25)


def corners(matrix):
    """The eight ways up by the definition of a display matrix: where each pixel goes."""
    a, b, c, d = (int(np.sign(matrix[i])) for i in (0, 1, 3, 4))
    x = torch.arange(6.0).reshape(2, 3)
    places = {(a * col + c * row, b * col + d * row): x[row, col] for row in range(2) for col in range(3)}
    left, top = min(place[0] for place in places), min(place[1] for place in places)
    shown = torch.zeros(max(p[1] for p in places) - top + 1, max(p[0] for p in places) - left + 1)
    for (to_x, to_y), value in places.items():
        shown[to_y - top, to_x - left] = value
    return x, shown


ONE = 1 << 16
EIGHT = [
    *((s * ONE, 0, 0, 0, t * ONE, 0, 0, 0, 1 << 30) for s, t in itertools.product((1, -1), repeat=2)),
    *((0, s * ONE, 0, t * ONE, 0, 0, 0, 0, 1 << 30) for s, t in itertools.product((1, -1), repeat=2)),
]


@pytest.mark.parametrize("matrix", EIGHT)
def test_eight_ways_up(matrix):
    x, shown = corners(matrix)
    assert torch.equal(upright(x, matrix), shown)
    assert torch.equal(stored(upright(x, matrix), matrix), x)


def test_a_slant_is_left_to_the_player():
    x = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(0))
    slanted = (46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30)
    assert torch.equal(upright(x, slanted), x)
    assert torch.equal(stored(x, slanted), x)
    assert torch.equal(upright(x, None), x)


def test_a_phone_held_upright(tmp_path):
    """PyAV counts the same turn in degrees, against the clock."""
    path = film(tmp_path / "a.mkv", **LOSSLESS | {"codec": "libx264"}, matrix=QUARTER)
    with av.open(str(path)) as container:
        turned = next(container.decode(video=0)).rotation
    assert turned == -90
    plain = film(tmp_path / "b.mkv", **LOSSLESS | {"codec": "libx264"})
    one, two = (next(read(look(each))).x for each in (path, plain))
    assert torch.equal(one, torch.rot90(two, turned // 90, (1, 2)))


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_known_and_tone_mapped(tmp_path, transfer, name):
    path = film(tmp_path / "a.mkv", form="yuv444p10le", tags=Tags(9, transfer, 9, 1), **LOSSLESS)
    clip = look(path)
    assert (clip.hdr, clip.bits) == (name, 10)
    mapped, kept = (next(read(clip, hdr=how)).x for how in ("tone-map", "keep"))
    inside = (slice(None), slice(14, None), slice(2, -2))
    torch.testing.assert_close(kept[inside], picture(0)[inside], atol=0.01, rtol=0)
    assert not torch.allclose(mapped, kept, atol=0.05)


# --- bad input -------------------------------------------------------------------------------------------------------


def test_a_text_that_is_called_mp4(tmp_path):
    (tmp_path / "a.mp4").write_text("once upon a time\n")
    with pytest.raises(BadData, match=r"a\.mp4 is no video that can be read: invalid data found .*; is it whole"):
        look(tmp_path / "a.mp4")


def test_no_file_and_a_folder(tmp_path):
    with pytest.raises(BadData, match=r"^there is no file .*a\.mp4$"):
        look(tmp_path / "a.mp4")
    with pytest.raises(BadData, match=r" is a folder$"):
        look(tmp_path)


def test_sound_alone(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as output:
        stream = output.add_stream("aac", rate=48000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate = 48000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with pytest.raises(BadData, match=r"a\.mp4 has no video stream; it has aac audio$"):
        look(tmp_path / "a.mp4")


def test_a_video_without_frames(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        stream = output.add_stream("libx264", rate=25)
        stream.height, stream.width = 24, 32
        output.start_encoding()
    with pytest.raises(BadData, match=r"a\.mkv (has a video stream \(h264\), but no frames|is no video)"):
        look(tmp_path / "a.mkv")


def test_a_file_cut_short_is_measured(tmp_path):
    path = film(tmp_path / "a.mp4", times=tuple(range(0, 40 * 512, 512)), movflags="+faststart")
    (tmp_path / "b.mp4").write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.7)])
    clip = look(tmp_path / "b.mp4")
    assert clip.frames == 40
    assert 0 < clip.whole < 40
    assert len(list(read(clip, frames=clip.whole // 2))) == clip.whole // 2


def test_a_video_that_changes_its_size(tmp_path):
    one, two = (film(tmp_path / f"{side}.ts", size=(side, side), tick=Fraction(1, 90000)) for side in (32, 48))
    (tmp_path / "a.ts").write_bytes(one.read_bytes() + two.read_bytes())
    with pytest.raises(BadData, match=r"a\.ts changes at frame 6 from 32 x 32 yuv420p to 48 x 48 yuv420p; cut it"):
        list(read(look(tmp_path / "a.ts")))


def test_colours_that_are_not_read(tmp_path):
    path = film(tmp_path / "a.mkv", form="yuv444p", tags=Tags(9, 16, 14, 1), **LOSSLESS)
    with pytest.raises(BadData, match=r"matrix 14 of H\.273, which is not read"):
        look(path)


def test_without_the_extra_one_line_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(BadField, match=r"^an \.mp4 needs an extra: pip install 'latentia\[video\]'"):
        look(tmp_path / "a.mp4")
