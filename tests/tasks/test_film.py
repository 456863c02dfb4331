"""The contract of films: what a film that is made has in common with the film it is made from."""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from pathlib import Path

import pytest
import torch
from PIL import Image

from latentia.data.colour import Tags
from latentia.data.flipbook import look, read
from latentia.errors import BadData, BadField
from latentia.tasks.film import translate_video
from tests.tasks.clips import QUARTER, av, film, heard, picture

ALL_BUT = ("path", "codec", "rate")  # the rate is a guess; times are compared
SAME = {
    "constant rate": {},
    "variable rate, beginning late": {"times": (700, 1000, 1512, 5000, 5100, 9000), "sound": True},
    "turned, wide pixels": {"matrix": QUARTER, "aspect": Fraction(4, 3), "sound": True},
    "BT.709 limited": {"tags": Tags(1, 1, 1, 1)},
    "BT.601 full": {"tags": Tags(5, 6, 5, 2)},
    "JPEG's range": {"form": "yuvj420p", "tags": Tags(1, 13, 1, 2)},
    "10 bits of BT.2020": {"form": "yuv420p10le", "tags": Tags(9, 14, 9, 1)},
    "4:2:2": {"form": "yuv422p"},
    "grey": {"form": "gray", "tags": Tags(1, 1, 1, 1)},
    "odd 4:4:4": {"size": (25, 33), "form": "yuv444p"},
    "odd 4:2:0 of VP9": {"size": (25, 33), "codec": "libvpx-vp9"},
    "subtitles": {"subtitles": "mov_text", "sound": True},
}


def same(x):
    return x


def negative(x):
    return 1 - x


def described(path):
    """All that the contract names, as a dictionary."""
    clip = look(path)
    told = {name: value for name, value in vars(clip).items() if name not in ALL_BUT}
    told["form"] = clip.form.replace("yuvj", "yuv")
    times = [(frame.time, frame.lasts) for frame in read(clip, hdr="keep")]
    return told | {"times": times, "sound": heard(path), "words": heard(path, "subtitle")}


def pictures(path):
    return torch.stack([frame.x for frame in read(look(path))])


@pytest.mark.parametrize("name", SAME)
def test_all_but_the_pictures_is_the_same(tmp_path, name):
    source = film(tmp_path / "in.mp4", **SAME[name])
    made = translate_video(same, source, tmp_path / "out.mp4", crf=8)
    assert described(made.path) == described(source)
    assert float((pictures(made.path) - pictures(source)).abs().mean()) < 0.02
    assert sorted(each.name for each in tmp_path.iterdir()) == ["in.mp4", "out.mp4"]


def test_a_container_that_counts_milliseconds(tmp_path):
    settings = {"tick": Fraction(1, 1000), "times": (0, 41, 77, 300, 301, 302), "last": 40}
    source = film(tmp_path / "in.mkv", subtitles="subrip", sound=True, **settings)
    said = []
    translate_video(same, source, tmp_path / "out.mkv", say=said.append)
    assert described(tmp_path / "out.mkv") == described(source)
    assert heard(source, "subtitle")[1] == 1
    assert said == []
    translate_video(same, film(tmp_path / "in.mp4"), tmp_path / "other.mkv", say=said.append)
    assert said == ["a .mkv counts milliseconds: frames appear at most half of one earlier or later"]


def test_frames_are_handed_over_upright_and_stored_as_they_were(tmp_path):
    source = film(tmp_path / "in.mp4", matrix=QUARTER)
    seen = []

    def marked(x):
        seen.append(x)
        x = x.clone()
        x[:, :, :6] = 1  # the top, as shown
        return x

    made = translate_video(marked, source, tmp_path / "out.mp4", batch=4, crf=1)
    assert [tuple(x.shape) for x in seen] == [(4, 3, 32, 24), (2, 3, 32, 24)]
    assert (made.frames, made.size, made.seconds) == (6, (32, 24), Fraction(6, 25))
    frames = pictures(made.path)
    assert float(frames[:, :, :4].min()) > 0.9
    assert float((frames - torch.cat(seen)).abs()[:, :, 8:].mean()) < 0.02


def test_what_the_function_makes_is_what_is_written(tmp_path):
    source = film(tmp_path / "in.mp4")
    translate_video(negative, source, tmp_path / "out.mp4", crf=4)
    torch.testing.assert_close(pictures(tmp_path / "out.mp4"), 1 - pictures(source), atol=0.12, rtol=0)
    translate_video(lambda x: x[:, :1], source, tmp_path / "grey.mp4", crf=4)
    frames = pictures(tmp_path / "grey.mp4")
    torch.testing.assert_close(frames, frames[:, :1].expand_as(frames), atol=0.02, rtol=0)


def test_side_by_side(tmp_path):
    source = film(tmp_path / "in.mp4", matrix=QUARTER)
    made = translate_video(negative, source, tmp_path / "out.mp4", side_by_side=True, crf=1)
    assert made.size == (32, 48)
    left, right = pictures(made.path).split(24, -1)
    assert float((left - pictures(source)).abs().mean()) < 0.03
    assert float((right - (1 - left)).abs().mean()) < 0.03


def test_a_part_begins_at_0_and_its_sound_with_it(tmp_path):
    source = film(tmp_path / "in.mp4", sound=True)
    made = translate_video(same, source, tmp_path / "out.mp4", start=2, frames=3, crf=4)
    assert made.frames == 3
    assert [frame.time * 25 for frame in read(look(made.path))] == [0, 1, 2]
    torch.testing.assert_close(pictures(made.path), pictures(source)[2:5], atol=0.1, rtol=0)
    with av.open(str(source)) as container:
        packets = [packet for packet in container.demux(audio=0) if packet.size]
    inside = [bytes(each) for each in packets if Fraction(2, 25) <= each.pts * each.time_base < Fraction(5, 25)]
    with av.open(str(made.path)) as container:
        copied = [packet for packet in container.demux(audio=0) if packet.size]
    assert [bytes(each) for each in copied] == inside
    first = next(each.pts * each.time_base for each in packets if bytes(each) == inside[0])
    assert copied[0].pts * copied[0].time_base == pytest.approx(float(first - Fraction(2, 25)), abs=1e-4)


def test_odd_sides_of_halved_chroma_are_written_in_full_and_said(tmp_path):
    lossless = {"codec": "ffv1", "options": {}, "tick": Fraction(1, 1000), "times": range(0, 240, 40), "last": 40}
    source = film(tmp_path / "in.mkv", size=(25, 33), **lossless)
    said = []
    translate_video(same, source, tmp_path / "out.mp4", crf=1, say=said.append)
    assert said == [
        "in.mkv is coded by ffv1; out.mp4 is by h264",
        "33 x 25 is odd, and libx264 halves no odd side: colour is written in full, as yuv444p",
    ]
    clip = look(tmp_path / "out.mp4")
    assert (clip.size, clip.form) == ((25, 33), "yuv444p")
    torch.testing.assert_close(pictures(clip.path), pictures(source), atol=0.08, rtol=0)


HEVC = {"codec": "libx265", "form": "yuv420p10le", "options": {"x265-params": "log-level=none", "crf": "4"}}


def test_high_dynamic_range_is_kept_if_asked(tmp_path):
    source, said = film(tmp_path / "in.mp4", tags=Tags(9, 16, 9, 1), **HEVC), []
    translate_video(same, source, tmp_path / "out.mp4", hdr="keep", say=said.append)
    assert described(tmp_path / "out.mp4") == described(source)
    assert said[0].startswith("in.mp4 has high dynamic range (PQ, 10 bits), which is kept")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].codec_context.codec_tag == "hvc1"


def test_high_dynamic_range_is_tone_mapped_if_not(tmp_path):
    source, said = film(tmp_path / "in.mp4", tags=Tags(9, 18, 9, 1), **HEVC), []
    translate_video(same, source, tmp_path / "out.mp4", codec="h264", crf=4, say=said.append)
    assert said == [
        "in.mp4 has high dynamic range (HLG, 10 bits), which is tone-mapped to BT.709 in 8 bits; "
        "--hdr keep leaves it as it is"
    ]
    clip = look(tmp_path / "out.mp4")
    assert (clip.tags, clip.form, clip.bits) == (Tags(1, 1, 1, 1), "yuv420p", 8)
    assert float((pictures(clip.path) - pictures(source)).abs().mean()) < 0.02, "what the function was shown"


def test_what_is_left_out_is_said(tmp_path):
    source = film(tmp_path / "in.mov", codec="png", form="rgba", options={})
    said = []
    translate_video(same, source, tmp_path / "out.mp4", say=said.append)
    assert said == [
        "in.mov has transparency, which is left out",
        "in.mov is coded by png; out.mp4 is by h264",
        "libx264 does not take gbrp; yuv444p is written",
    ]
    with av.open(str(tmp_path / "two.mkv"), "w") as output:
        output.metadata["title"] = "a title"
        told = {"id": 0, "start": 0, "end": 40, "time_base": Fraction(1, 1000), "metadata": {"title": "one"}}
        output.set_chapters([told])
        output.add_attachment("font.ttf", "font/ttf", b"abc")
        streams = [output.add_stream("libx264", rate=25, width=32, height=24) for _ in range(2)]
        for stream in streams:
            frame = av.VideoFrame(32, 24, "yuv420p")
            frame.pts, frame.time_base = 0, Fraction(1, 25)
            output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    said.clear()
    translate_video(same, tmp_path / "two.mkv", tmp_path / "out.mkv", say=said.append)
    assert said == ["not copied: second video"]
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert sorted(stream.type for stream in container.streams) == ["attachment", "video"]
        assert container.metadata["title"] == "a title"
        assert container.chapters()[0]["metadata"] == {"title": "one"}
    said.clear()
    translate_video(same, tmp_path / "out.mkv", tmp_path / "again.mp4", say=said.append)
    assert said == ["not copied: attachment"]
    translate_video(same, tmp_path / "again.mp4", tmp_path / "third.mp4", say=said.append)
    assert said == ["not copied: attachment"], "chapters of an .mp4 are no other stream"
    with av.open(str(tmp_path / "third.mp4")) as container:
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["one"]


def test_progress_and_batches(tmp_path):
    told = []
    translate_video(same, film(tmp_path / "in.mp4"), tmp_path / "o.mp4", batch=4, progress=lambda *x: told.append(x))
    assert told == [(4, 6), (6, 6)]


# --- GIFs and folders ------------------------------------------------------------------------------------------------


def test_a_gif_keeps_every_frame_even_those_that_are_the_same(tmp_path):
    pages = [Image.new("P", (9, 7), 0) for _ in range(3)]
    for page, red in zip(pages, (10, 10, 200), strict=True):
        page.putpalette([red, 20, 30])
    pages[0].save(tmp_path / "in.gif", save_all=True, append_images=pages[1:], duration=[30, 70, 200], loop=2)
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(5):
        Image.new("RGB", (9, 7), (10 + 80 * (number // 3), 20, 30)).save(folder / f"{number}.png")
    translate_video(same, folder, tmp_path / "five.gif", rate=12)
    clip = look(tmp_path / "five.gif")
    assert clip.frames == 5
    assert [frame.time * 100 for frame in read(clip)] == [0, 8, 17, 25, 33]
    x = pictures(clip.path)
    assert torch.equal(x, pictures(folder)), "few colours are all kept"
    made = translate_video(same, tmp_path / "in.gif", tmp_path / "out.gif")
    before, after = look(tmp_path / "in.gif"), look(made.path)
    assert (after.frames, after.loop, after.size) == (before.frames, 2, (7, 9))
    times = [[(frame.time, frame.lasts) for frame in read(each)] for each in (before, after)]
    assert times[0] == times[1]
    assert torch.equal(pictures(made.path), pictures(tmp_path / "in.gif"))


def test_a_gif_is_no_faster_than_browsers_and_keeps_time_on_the_whole(tmp_path):
    source, said = film(tmp_path / "in.mp4", times=(0, 128, 256, 5120, 5632)), []
    translate_video(same, source, tmp_path / "a.gif", say=said.append)
    assert [frame.time * 100 for frame in read(look(tmp_path / "a.gif"))] == [0, 2, 4, 40, 44]
    assert said == ["a .gif has 256 colours a frame, counts hundredths of a second and shows at most 50 frames in one"]


def test_from_a_folder_to_a_video_and_back(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    for number in range(4):
        x = (picture(number).permute(1, 2, 0) * 255).round().byte().numpy()
        Image.fromarray(x).save(folder / f"scene {number + 8}.png")
    translate_video(same, folder, tmp_path / "a.mp4", rate=10, crf=2)
    clip = look(tmp_path / "a.mp4")
    assert (clip.frames, clip.rate, clip.tags) == (4, 10, Tags(1, 1, 1, 1))
    assert float((pictures(clip.path) - pictures(folder)).abs().mean()) < 0.02
    translate_video(same, tmp_path / "a.mp4", tmp_path / "back", start=1)
    assert sorted(os.listdir(tmp_path / "back")) == ["000001.png", "000002.png", "000003.png"]
    torch.testing.assert_close(pictures(tmp_path / "back"), pictures(clip.path)[1:], atol=0.51 / 255, rtol=0)
    translate_video(negative, folder, tmp_path / "named/")
    assert sorted(os.listdir(tmp_path / "named")) == sorted(os.listdir(folder))
    torch.testing.assert_close(pictures(tmp_path / "named"), 1 - pictures(folder), atol=1e-6, rtol=0)


def test_folders_and_gifs_need_no_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    folder = tmp_path / "frames"
    folder.mkdir()
    Image.new("RGB", (9, 7), "red").save(folder / "1.png")
    translate_video(same, folder, tmp_path / "a.gif")
    translate_video(same, tmp_path / "a.gif", tmp_path / "out")
    assert os.listdir(tmp_path / "out") == ["000000.png"]
    with pytest.raises(BadField, match=r"pip install 'latentia\[video\]'; a \.gif needs none$"):
        translate_video(same, folder, tmp_path / "a.mp4")
    assert sorted(os.listdir(tmp_path)) == ["a.gif", "frames", "out"]


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return film(tmp_path_factory.mktemp("clip") / "in.mp4", sound=True)


BAD = [
    ("out.xyz", {}, BadData, r"ends in '\.xyz'; a film can be written as \.mp4, .* \.gif or a folder/$"),
    ("no/out.mp4", {}, BadData, r"there is no folder .*no; make it first$"),
    ("out.webm", {}, BadData, r"^a webm file cannot hold the audio of in\.mp4, which is aac; a \.mkv can$"),
    ("out.webm", {"codec": "h264"}, BadField, r"^a \.webm holds vp9 or av1, not h264; \.mkv holds "),
    ("out.mp4", {"codec": "h234"}, BadField, r"^--codec is 'h234'; did you mean 'h264'\?$"),
    ("out.mp4", {"crf": 52}, BadField, r"^--crf is 52; h264 takes 0 \(best\) to 51, 18 by default$"),
    ("out.mkv", {"codec": "ffv1", "crf": 5}, BadField, r"^--crf is 5; ffv1 takes no --crf: it loses nothing$"),
    ("out.gif", {"crf": 5}, BadField, r"^--codec and --crf are of videos"),
    ("out.mp4", {"start": 6}, BadData, r"has 6 frames; --start 6 is past the last, 5$"),
    ("out.mp4", {"start": -1}, BadField, r"^--start is -1; it must be at least 0$"),
    ("out.mp4", {"frames": 0}, BadField, r"^--frames is 0; it must be at least 1$"),
    ("out.mp4", {"batch": 0}, BadField, r"^--batch is 0; it must be at least 1$"),
    ("out.mp4", {"rate": 0}, BadField, r"^--fps is 0; it must be above 0$"),
    ("out.mp4", {"hdr": "keeep"}, BadField, r"^--hdr is 'keeep'; did you mean 'keep'\?$"),
]


@pytest.mark.parametrize(("name", "flags", "error", "text"), BAD)
def test_what_cannot_be_written_is_refused_and_leaves_nothing(tmp_path, clip, name, flags, error, text):
    with pytest.raises(error, match=text):
        translate_video(same, clip, tmp_path / name, **flags)
    assert os.listdir(tmp_path) == []


def test_what_is_there_is_replaced_only_if_asked(tmp_path, clip):
    out = tmp_path / "out.mp4"
    out.write_text("precious")
    with pytest.raises(BadData, match=r"out\.mp4 is there already; --overwrite replaces it$"):
        translate_video(same, clip, out)
    assert out.read_text() == "precious"
    translate_video(same, clip, out, overwrite=True)
    assert look(out).frames == 6
    with pytest.raises(BadData, match=r"is the film that is read; name another for what is made of it$"):
        translate_video(same, out, out, overwrite=True)


def test_a_failure_in_the_middle_leaves_what_was_there(tmp_path, clip):
    calls = []

    def breaks(x):
        calls.append(len(x))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return x

    for name in ("out.mp4", "out.gif", "out"):
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            translate_video(breaks, clip, tmp_path / name, batch=2)
    assert os.listdir(tmp_path) == []
    (tmp_path / "kept.mp4").write_text("precious")
    calls.clear()
    with pytest.raises(KeyboardInterrupt):
        translate_video(breaks, clip, tmp_path / "kept.mp4", batch=2, overwrite=True)
    assert (tmp_path / "kept.mp4").read_text() == "precious"


def test_a_file_cut_short_is_refused_with_what_can_be_had(tmp_path):
    whole = film(tmp_path / "a.mp4", times=range(0, 40 * 512, 512), movflags="+faststart")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: int(whole.stat().st_size * 0.7)])
    count = look(cut).whole
    with pytest.raises(BadData, match=rf"is cut short: {count} of its 40 frames are there; --frames {count} takes tho"):
        translate_video(same, cut, tmp_path / "out.mp4")
    made = translate_video(same, cut, tmp_path / "out.mp4", frames=count)
    assert (made.frames, made.seconds) == (count, Fraction(count, 25))


def test_a_function_that_gives_no_pictures_of_the_size(tmp_path, clip):
    with pytest.raises(BadData, match=r"made \(6, 3, 12, 16\) of frames \(6, 3, 24, 32\); a film keeps their size"):
        translate_video(lambda x: x[:, :, ::2, ::2], clip, tmp_path / "out.mp4")
    with pytest.raises(BadData, match=r"13824 numbers of these frames are not finite"):
        translate_video(lambda x: x * torch.nan, clip, tmp_path / "out.mp4")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif("LATENTIA_DATA" not in os.environ, reason="the clips are in the folder that LATENTIA_DATA names")
@pytest.mark.parametrize("name", ["realshort", "carphone_pristine"])
def test_real_clips(tmp_path, name):
    source = Path(os.environ["LATENTIA_DATA"]) / "video" / f"{name}.mp4"
    translate_video(same, source, tmp_path / "out.mp4", crf=30)
    assert described(tmp_path / "out.mp4") == described(source)
