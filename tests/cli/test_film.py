"""Films at the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentia.cli.film import VIDEOS, WRITTEN, Filming, is_film
from latentia.cli.main import main
from latentia.data import collection
from latentia.data.flipbook import look
from latentia.tasks.film import ENDINGS
from tests.tasks.clips import film, heard

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cyclegan that has seen a few noisy pictures."""
    place = tmp_path_factory.mktemp("films")
    generator = np.random.default_rng(0)
    for number in range(24):
        for side in ("night", "day"):
            (place / side).mkdir(exist_ok=True)
            array = generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(array).save(place / side / f"{number}.png")
    budget = ["--images", "8", "--batch", "4", "--every", "8", "--device", "cpu", "--held-out", "0.25", "--quiet"]
    nets = ["--width", "4", "--blocks", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTIA_CACHE", str(place / "cache"))
        words = ["train", "cyclegan", str(place / "night"), str(place / "day"), "--run", str(place / "run")]
        assert main([*words, *budget, *nets]) == 0
    return place / "run"


def test_a_video_becomes_a_video(call: Call, run: Path, tmp_path: Path) -> None:
    film(tmp_path / "in.mp4", size=(24, 30), sound=True)
    code, out, err = call("translate", run, "in.mp4", "out.mp4", "--to", "day", "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"out": "out.mp4", "frames": 6, "width": 30, "height": 24, "seconds": 0.24}
    assert heard("out.mp4") == heard("in.mp4")
    code, out, err = call("translate", run, "in.mp4", "out.mp4", "--to", "day")
    assert (code, out, err) == (2, "", "latentia: out.mp4 is there already; --overwrite replaces it\n")
    words = ["--to", "night", "--overwrite", "--side-by-side", "--steady", "frozen", "--frames", "2", "--crf", "30"]
    code, out, err = call("translate", run, "in.mp4", "out.mp4", *words)
    assert (code, out, err) == (0, "", "out.mp4: 2 frames, 60 x 24, 0.08 s\n")
    assert look("out.mp4").frames == 2
    words = ["--to", "night", "--overwrite", "--start", "1", "--sheet", "sheet.png", "--quiet"]
    assert call("translate", run, "in.mp4", "out.mp4", *words) == (0, "", "")
    with Image.open("sheet.png") as sheet:
        assert (sheet.width > 5 * 30, sheet.height > 2 * 24) == (True, True)


def test_gifs_and_folders(call: Call, run: Path, tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    for number in range(3):
        Image.new("RGB", (16, 12), (60 * number, 90, 30)).save(tmp_path / "frames" / f"{number}.png")
    assert call("translate", run, "frames", "a.gif", "--to", "day", "--fps", "10", "--quiet") == (0, "", "")
    assert look("a.gif").frames == 3
    assert call("translate", run, "a.gif", "pages/", "--to", "day", "--quiet") == (0, "", "")
    assert sorted(os.listdir("pages")) == ["000000.png", "000001.png", "000002.png"]
    assert call("translate", run, "frames", "steady", "--to", "day", "--steady", "smooth", "--quiet") == (0, "", "")
    assert sorted(os.listdir("steady")) == ["0.png", "1.png", "2.png"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["in.mp4", "out.mp4"], "this model translates to night and to day: say which with --to"),
        (["in.mp4", "out.mp4", "--to", "dya"], "there is no domain 'dya' in this model; did you mean 'day'?"),
        (["in.mp4", "out.png", "--to", "day"], "out.png ends in '.png'; a film can be written as .mp4, .m4v, .mov"),
        (["in.mp4", "out.webm", "--to", "day", "--codec", "h264"], "a .webm holds vp9 or av1, not h264"),
        (["in.mp4", "out.mp4", "--to", "day", "--sheet", "a.gif"], "--sheet is a.gif; a contact sheet is a picture"),
        (["in.mp4", "out.mp4", "--to", "day", "--sheet", "one.png"], "one.png is there already; --overwrite"),
        (["in.mp4", "out.mp4", "--to", "day", "-n", "3"], "-n is for pictures: a film has one answer"),
        (["text.mp4", "out.mp4", "--to", "day"], "text.mp4 is no video that can be read: "),
        (["no.mp4", "out.mp4", "--to", "day"], "there is no file no.mp4"),
        (["one.png", "out.png", "--to", "day", "--fps", "3"], "--fps: for films, which end in .mp4, .m4v, .mov, .mkv"),
    ],
)
def test_bad_input_ends_with_2_and_one_line(call: Call, run: Path, tmp_path: Path, words: list, text: str) -> None:
    film(tmp_path / "in.mp4")
    (tmp_path / "text.mp4").write_text("once upon a time\n")
    Image.new("RGB", (16, 12)).save(tmp_path / "one.png")
    before = sorted(os.listdir(tmp_path))
    code, out, err = call("translate", run, *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"latentia: {text}")
    assert len(err.splitlines()) <= 2
    assert sorted(os.listdir(tmp_path)) == before


def test_what_is_a_film(tmp_path: Path) -> None:
    assert is_film("a.mp4", "b.mp4")
    assert is_film("a.avi", "frames")
    assert is_film(str(tmp_path), "b.gif")
    assert is_film("a.GIF", "frames/")
    assert is_film(str(tmp_path), "out", Filming(steady="off"))
    assert not is_film(str(tmp_path), "out")
    assert not is_film("a.gif", "a.png")
    assert not is_film("a.png", "b.png")


def test_the_command_line_knows_the_endings_without_importing_them() -> None:
    assert WRITTEN == ENDINGS
    assert set(WRITTEN) - set(VIDEOS) == {".gif"}
    assert VIDEOS == collection.VIDEOS  # said twice: the command line's flags come without torch
