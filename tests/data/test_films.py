"""Films as data: which frames, in which split, for every kind of film; and what cannot be learnt from."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import latentia.data as data
from latentia.data.stretches import held_out
from latentia.errors import BadData, BadField


def page(number, size=(12, 10)):
    """A frame that tells its number."""
    return Image.new("RGB", size, (number, 255 - number, 100))


def numbers(split):
    return [round(float(value) * 255) for value in split.read(slice(None)).x[:, 0, 0, 0]]


def gif(path, count, first=0, size=(12, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    pages = [page(first + number, size) for number in range(count)]
    pages[0].save(path, save_all=True, append_images=pages[1:], duration=40)
    return path


def frames(folder, count, first=0):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        page(first + number).save(folder / f"shot{number}.png")
    return folder


@settings(max_examples=60)
@given(st.lists(st.integers(1, 90), min_size=1, max_size=15), st.floats(0.02, 0.4), st.integers(1, 20))
def test_no_frame_is_learnt_from_beside_one_that_is_held_out(clips, share, apart):
    found, _ = held_out(clips, [f"clip{number}" for number in range(len(clips))], share, apart)
    assert len(found) == sum(clips)
    whole = len(clips) * share >= 1
    start = 0
    for count in clips:
        words = found[start : start + count]
        start += count
        if whole:
            assert len(set(words)) == 1
        elif count >= 3:
            met = [words[0], *(two for one, two in itertools.pairwise(words) if one != two)]
            assert [word for word in met if word] == ["train", "validation", "test"]
            assert words.count("validation") == words.count("test") == max(1, round(share * count))
            if count * (1 - 2 * share) >= 2 * apart + 3 and share * count >= 2 * apart + 1:
                assert met == ["train", "", "validation", "", "test"]
                assert words.count("") == 2 * apart


def test_a_clip_is_held_out_in_stretches_with_a_gap(tmp_path):
    found = data.open(gif(tmp_path / "walk.gif", 60), frames_every=1)
    assert (found.name, found.spec.shape, found.spec.levels) == ("walk", (3, 10, 12), 256)
    assert sorted(numbers(found.train)) == list(range(42))
    assert numbers(found.validation) == list(range(45, 51))
    assert numbers(found.test) == list(range(54, 60))
    assert found.test.names()[0] == "walk.gif#54"
    assert any("6 frames between are left out" in note for note in found.notes)
    assert any("order is not learnt" in note for note in found.notes)
    again = data.open(tmp_path / "walk.gif", frames_every=1)
    assert again.signature == found.signature
    third = data.open(tmp_path / "walk.gif", frames_every=3)
    assert sorted([*numbers(third.train), *numbers(third.validation)])[:4] == [0, 3, 6, 9]
    assert third.signature != found.signature
    assert len(data.items(str(tmp_path / "walk.gif:all"), found.spec, frames_every=3)[0]) == 60
    test, names = data.items(str(tmp_path / "walk.gif:test"), found.spec, frames_every=3)
    assert names == third.test.names()
    assert len(test) == len(third.test)


def test_a_folder_of_frames_is_what_the_film_is(tmp_path):
    frames(tmp_path / "walk", 60)
    found, film = data.open(tmp_path / "walk", frames_every=2), data.open(gif(tmp_path / "a.gif", 60), frames_every=2)
    for name in ("train", "validation", "test"):
        assert sorted(numbers(getattr(found, name))) == sorted(numbers(getattr(film, name)))
    items = data.items(f"{tmp_path / 'walk'}:test", found.spec, frames_every=2)[1]
    assert items == found.test.names() == [f"shot{number}.png" for number in (54, 56, 58)]
    plain = data.open(tmp_path / "walk")
    assert len(plain.train) == 48  # without the word they are pictures


def test_of_many_clips_whole_ones_are_held_out(tmp_path):
    for clip in range(12):
        frames(tmp_path / "shots" / f"take{clip}", 4, 10 * clip)
        gif(tmp_path / "films" / f"take{clip}.gif", 4, 10 * clip)
    for place in (tmp_path / "shots", tmp_path / "films"):
        found = data.open(place, frames_every=1)
        held = [{number // 10 for number in numbers(split)} for split in (found.train, found.validation, found.test)]
        assert [len(each) for each in held] == [8, 2, 2]
        assert len(set.union(*held)) == 12
        assert sum(map(len, (found.train, found.validation, found.test))) == 48
    assert any("of 12 clips, 2 validate and 2 test" in note for note in found.notes)


def test_two_films_are_domains_or_pairs_by_their_frames(tmp_path):
    a, b = gif(tmp_path / "day.gif", 40), gif(tmp_path / "night.gif", 40, 100)
    domains = data.open(a, b)
    assert domains.spec.sides == ("day", "night")
    assert max(numbers(domains.train.of_x)) < min(numbers(domains.test.of_x))
    pairs = data.open(a, b, pairing="pairs")
    for split in (pairs.train, pairs.validation, pairs.test):
        assert [number - 100 for number in numbers(split.of_x)] == numbers(split.of_y)
    frames(tmp_path / "one", 30)
    frames(tmp_path / "two", 30, 100)
    shown = data.open(tmp_path / "one", tmp_path / "two", pairing="pairs", frames_every=2)
    assert max(numbers(shown.train.of_y)) < min(numbers(shown.validation.of_y))
    assert [number - 100 for number in numbers(shown.test)] == numbers(shown.test.of_y)
    with pytest.raises(BadData, match="day of day has 40 frames and short of short 30"):
        data.open(a, gif(tmp_path / "short.gif", 30), pairing="pairs")


def test_sizes_colours_and_what_is_no_film(tmp_path):
    gif(tmp_path / "mixed" / "a.gif", 5)
    gif(tmp_path / "mixed" / "b.gif", 5, size=(24, 20))
    with pytest.raises(BadData, match="2 sizes"):
        data.open(tmp_path / "mixed")
    found = data.open(tmp_path / "mixed", size=8, color="grey")
    assert found.spec.shape == (1, 8, 8)
    page(3).save(tmp_path / "mixed" / "poster.gif")  # one that does not move: a heap of pictures, as before
    assert data.open(tmp_path / "mixed", size=8).train.names()[0].endswith(".gif")
    page(3).save(tmp_path / "still.gif")
    with pytest.raises(BadData, match="is one picture"):
        data.open(tmp_path / "still.gif")
    with pytest.raises(BadField, match="frames_every is for films and folders of frames"):
        data.open(np.zeros((9, 8, 8), np.uint8), frames_every=2)
    with pytest.raises(BadField, match="frames_every is 0"):
        data.open(tmp_path / "mixed", frames_every=0)


def test_videos_and_those_that_cannot_be_read(tmp_path):
    pytest.importorskip("av", reason="films need PyAV: pip install 'latentia[video]'")
    from tests.tasks.clips import film, picture

    (tmp_path / "clips").mkdir()
    film(tmp_path / "clips" / "a.mp4")
    found = data.open(tmp_path / "clips" / "a.mp4", held_out=0.2)
    assert [len(each) for each in (found.train, found.validation, found.test)] == [2, 1, 1]
    assert float((found.test.read([0]).x[0] - picture(5)).abs().mean()) < 0.02
    (tmp_path / "clips" / "cut.mp4").write_bytes((tmp_path / "clips" / "a.mp4").read_bytes()[:-300])
    with pytest.raises(BadData, match=r"cut\.mp4"):
        data.open(tmp_path / "clips")
    left = data.open(tmp_path / "clips", skip_bad=True)
    assert any("1 films left out: cut.mp4" in note for note in left.notes)
    assert {name.partition("#")[0] for name in left.train.names()} == {"a.mp4"}
