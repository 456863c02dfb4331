"""GIFs and folders of frames, read as films."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from PIL import Image

from latentia.data.flipbook import look, read
from latentia.errors import BadData


def coloured(folder, names, size=(8, 6)):
    folder.mkdir(exist_ok=True)
    for number, name in enumerate(names):
        Image.new("RGB", size, (10 * number, 100, 255)).save(folder / name)
    return folder


def test_a_folder_is_a_film_in_the_order_of_its_numbers(tmp_path):
    folder = coloured(tmp_path / "frames", ["shot9.png", "shot10.png", "shot100.png"])
    (folder / "notes.txt").write_text("no frame")
    clip = look(folder, rate=24)
    assert (clip.kind, clip.size, clip.frames, clip.rate) == ("folder", (6, 8), 3, 24)
    assert clip.names == ("shot9.png", "shot10.png", "shot100.png")
    frames = list(read(clip, start=1))
    assert [frame.time for frame in frames] == [Fraction(1, 24), Fraction(2, 24)]
    assert [round(255 * float(frame.x[0, 0, 0])) for frame in frames] == [10, 20]
    assert frames[0].x.shape == (3, 6, 8)


def test_a_folder_without_frames_and_one_of_two_sizes(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadData, match=r"empty has no frames: no pictures, which end in \.png"):
        look(tmp_path / "empty")
    folder = coloured(tmp_path / "two", ["1.png", "2.png"])
    Image.new("RGB", (9, 6)).save(folder / "2.png")
    with pytest.raises(BadData, match=r"two: 1\.png has 8 x 6 pixels and 2\.png 9 x 6; frames have one size$"):
        look(folder)


def test_a_gif_has_the_pauses_of_its_frames(tmp_path):
    pages = [Image.new("RGB", (8, 6), colour) for colour in ("red", "lime", "blue")]
    pages[0].save(tmp_path / "a.gif", save_all=True, append_images=pages[1:], duration=[30, 70, 200], loop=3)
    clip = look(tmp_path / "a.gif")
    assert (clip.kind, clip.size, clip.frames, clip.loop) == ("gif", (6, 8), 3, 3)
    frames = list(read(clip))
    assert [frame.time for frame in frames] == [0, Fraction(3, 100), Fraction(1, 10)]
    assert [frame.lasts for frame in frames] == [Fraction(3, 100), Fraction(7, 100), Fraction(1, 5)]
    assert torch.equal(torch.stack([frame.x[:, 0, 0] for frame in frames]), torch.eye(3))


def test_what_is_transparent_is_laid_on_white_and_said(tmp_path):
    page = Image.new("RGBA", (8, 6), (0, 0, 0, 0))
    page.paste((255, 0, 0, 255), (0, 0, 4, 6))
    page.save(tmp_path / "a.gif")
    said = []
    (frame,) = read(look(tmp_path / "a.gif"), say=said.append)
    assert torch.equal(frame.x[:, 0, 0], torch.tensor([1.0, 0, 0]))
    assert torch.equal(frame.x[:, 0, 7], torch.ones(3))
    assert said == ["a.gif is transparent in places, which are laid on white"]


def test_a_damaged_gif(tmp_path):
    (tmp_path / "a.gif").write_bytes(b"no picture at all")
    with pytest.raises(BadData, match=r"a\.gif is no GIF that can be read"):
        look(tmp_path / "a.gif")
    generator = torch.Generator().manual_seed(0)
    pages = [Image.fromarray(torch.randint(0, 255, (40, 40), generator=generator).byte().numpy()) for _ in range(3)]
    pages[0].save(tmp_path / "b.gif", save_all=True, append_images=pages[1:], duration=50)
    whole = (tmp_path / "b.gif").read_bytes()
    (tmp_path / "b.gif").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadData, match=r"b\.gif (cannot be read|is no GIF)"):
        list(read(look(tmp_path / "b.gif")))
