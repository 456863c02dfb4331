from __future__ import annotations

import io
import os
import struct
import tarfile
import threading
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

import latentia.data as data
from latentia.data.folders import splits_and_classes
from latentia.errors import BadData

NAMES = [f"{kind}/{index}.png" for kind in ("cat", "dog", "eel") for index in range(4)]


def pack(root, path, mode=None):
    names = sorted(each.relative_to(root).as_posix() for each in root.rglob("*.*"))
    if mode is None:
        with zipfile.ZipFile(path, "w") as file:
            for name in reversed(names):
                file.write(root / name, name)
    else:
        with tarfile.open(path, mode) as file:
            for name in reversed(names):
                file.add(root / name, name)
    return path


def everything(found):
    return torch.cat([split.read(slice(None)).x for split in (found.train, found.validation, found.test)])


def test_a_folder_gives_its_pixels_names_and_spec(folder, picture):
    found = data.open(folder(10))
    assert found.spec.to_json() == {**found.spec.to_json(), "shape": [3, 12, 10], "levels": 256, "classes": []}
    names = found.train.names()
    x = found.train.read(slice(None)).x
    for name, each in zip(names, x, strict=True):
        expected = torch.from_numpy(picture(channels=3, seed=int(name[:3]))).permute(2, 0, 1) / 255
        assert torch.equal(each, expected)


def test_folders_are_classes(folder):
    found = data.open(folder(names=NAMES), labels=True)
    assert found.spec.classes == ("cat", "dog", "eel")
    for split in (found.train, found.validation, found.test):
        labels = split.read(slice(None)).label
        assert labels.dtype == torch.int64
        assert [found.spec.classes[code] for code in labels] == [name.split("/")[0] for name in split.names()]
    assert data.open(folder(names=NAMES)).train.take(0, 0, 2).label is None


@pytest.mark.parametrize(("ending", "mode"), [(".zip", None), (".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz")])
def test_archives_are_read_like_the_folder_they_hold(folder, tmp_path, ending, mode):
    root = folder(names=NAMES)
    packed = data.open(pack(root, tmp_path / f"My Set{ending}", mode), labels=True)
    plain = data.open(root, labels=True)
    assert packed.name == "my-set"
    assert packed.spec == plain.spec
    for split in ("train", "validation", "test"):
        one, other = getattr(packed, split), getattr(plain, split)
        assert one.names() == other.names()
        assert torch.equal(one.read(slice(None)).x, other.read(slice(None)).x)
        assert torch.equal(one.read(slice(None)).label, other.read(slice(None)).label)


def test_folders_called_train_and_test_are_the_splits(folder):
    names = [f"set/{split}/{kind}/{i}.png" for split in ("train", "val", "test") for kind in "ab" for i in range(3)]
    found = data.open(folder(names=names), labels=True)
    for split, top in (("train", "train"), ("validation", "val"), ("test", "test")):
        assert getattr(found, split).names() == [name for name in sorted(names) if f"/{top}/" in name]
    assert found.spec.classes == ("a", "b")
    assert "the folders' own splits are used: 6 train, 6 validation, 6 test" in found.notes


@pytest.mark.parametrize(
    ("names", "splits", "classes"),
    [
        (["a.png", "b.png"], ["train"] * 2, ["", ""]),
        (["train/a.png", "train/b.png"], ["train"] * 2, ["train", "train"]),
        (["train/a.png", "test/b.png"], ["train", "test"], ["", ""]),
        (["train/x/a.png", "other/x/b.png"], ["train"] * 2, ["train/x", "other/x"]),
        (["s/x/1/a.png", "s/x/2/a.png", "s/y/1/a.png"], ["train"] * 3, ["x/1", "x/2", "y/1"]),
    ],
)
def test_what_the_names_of_folders_say(names, splits, classes):
    assert splits_and_classes(names) == (splits, classes)


def test_pictures_are_decoded_once_into_the_cache_and_its_size_is_said_before(folder, cache, caplog):
    root = folder(10)
    with caplog.at_level("INFO", logger="latentia"):
        first = data.open(root)
    assert f"decoding 10 pictures into a cache of 4 kB: {cache}" in caplog.text
    assert any(note.startswith("decoding 10 pictures") for note in first.notes)
    kept = {path: path.stat().st_mtime_ns for path in (cache / "pictures").iterdir()}
    second = data.open(root, held_out=0.2, mirror=True)
    assert not second.notes
    assert {path: path.stat().st_mtime_ns for path in (cache / "pictures").iterdir()} == kept
    assert sorted(path.suffix for path in kept) == [".json", ".npy"]
    assert isinstance(second.train.values.array, np.memmap)


def test_a_damaged_cache_is_made_again(folder, cache):
    root = folder(6)
    before = everything(data.open(root))
    for path in (cache / "pictures").iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert torch.equal(everything(data.open(root)), before)


def test_two_at_once_make_the_same_cache(folder, cache):
    root, found = folder(20), []
    threads = [threading.Thread(target=lambda: found.append(everything(data.open(root)))) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 3
    assert all(torch.equal(each, found[0]) for each in found)
    assert sorted(path.suffix for path in (cache / "pictures").iterdir()) == [".json", ".npy"]


def test_hidden_and_other_files_are_passed_over_and_counted(folder):
    root = folder(6)
    (root / ".hidden.png").write_bytes(b"x")
    (root / "notes.txt").write_text("x")
    found = data.open(root)
    assert "1 other files are no pictures and are passed over" in found.notes
    assert len(found.train) == 4


def test_a_link_that_leads_back_up_does_not_loop(folder):
    root = folder(names=NAMES)
    (root / "cat" / "up").symlink_to(root, target_is_directory=True)
    assert len(data.open(root).train) == 10


def test_black_and_white_pictures_are_binary(tmp_path):
    for index in range(5):
        Image.fromarray(np.eye(9, dtype=bool)).save(tmp_path / f"{index}.png")
    found = data.open(tmp_path)
    assert found.spec.levels == 2
    assert found.train.read([0]).x.unique().tolist() == [0.0, 1.0]
    assert data.open(tmp_path, size=12).spec.levels == 256


def broken(root):
    good = (root / "000.png").read_bytes()
    (root / "001.png").write_bytes(b"")
    (root / "002.png").write_bytes(good[: len(good) // 2])
    (root / "003.png").write_text("hello, I am a text")


def test_pictures_that_cannot_be_read_are_named_counted_and_refused(folder, cache):
    root = folder(12, height=40, width=40)
    broken(root)
    with pytest.raises(BadData) as error:
        data.open(root)
    message = str(error.value)
    assert f"3 of 12 pictures in {root} cannot be read" in message
    assert "001.png (empty), 002.png (cut short)" in message
    assert "003.png (no picture, it starts with b'hello, I am a te')" in message
    assert "--skip-bad" in message
    assert len(message.splitlines()) <= 2
    assert not list(cache.rglob("*.npy"))


def test_a_picture_cut_short_is_found_while_it_is_decoded(folder, cache):
    root = folder(12, height=40, width=40)
    good = (root / "000.png").read_bytes()
    (root / "002.png").write_bytes(good[: len(good) - 60])
    with pytest.raises(BadData, match=r"1 of 12 pictures in .* cannot be read: 002.png \(cut short\)"):
        data.open(root)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_skip_bad_leaves_them_out_and_says_so(folder, picture):
    root = folder(12, height=40, width=40)
    broken(root)
    found = data.open(root, skip_bad=True)
    splits = (found.train, found.validation, found.test)
    names = [name for split in splits for name in split.names()]
    assert sorted(names) == ["000.png", *(f"{index:03}.png" for index in range(4, 12))]
    assert any(note.startswith("3 pictures left out: 001.png (empty), 002.png (cut short)") for note in found.notes)
    for name, each in zip(names, everything(found), strict=True):
        expected = torch.from_numpy(picture(40, 40, 3, int(name[:3]))).permute(2, 0, 1) / 255
        assert torch.equal(each, expected)


def test_only_broken_pictures_are_refused_even_when_they_may_be_skipped(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(BadData, match=r"1 of 1 pictures .* cannot be read: a.png \(empty\)"):
        data.open(tmp_path, skip_bad=True)


def huge(width, height):
    """A PNG that says it is huge, and holds nothing."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [30_000, 10_000])
def test_a_huge_picture_is_refused_before_it_is_decoded(folder, side):
    root = folder(5)
    (root / "huge.png").write_bytes(huge(side, side))
    with pytest.raises(BadData, match=rf"huge.png \({side**2:,} pixels, at most 89,478,485 are read\)"):
        data.open(root)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(BadData, match=r" is empty; pictures end in \.png \.jpg"):
        data.open(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(BadData, match="holds no pictures, but 1 other file"):
        data.open(tmp_path)


@pytest.mark.parametrize("name", ["../a.png", "/a.png", "b/../../a.png", "..\\a.png", "C:/a.png"])
def test_archives_whose_names_point_out_of_them_are_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(name, b"x")
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        member = tarfile.TarInfo(name)
        member.size = 1
        file.addfile(member, io.BytesIO(b"x"))
    for each in ("a.zip", "a.tar"):
        with pytest.raises(BadData, match="points out of the archive; nothing was read"):
            data.open(tmp_path / each)


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_a_file_that_is_no_archive_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"this is no archive" * 100)
    with pytest.raises(BadData, match=rf"{name} cannot be read as an archive"):
        data.open(tmp_path / name)


def test_an_archive_cut_short_is_refused(folder, tmp_path):
    path = pack(folder(names=NAMES), tmp_path / "a.tar.gz", "w:gz")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BadData, match=r"a\.tar\.gz cannot be read as an archive"):
        data.open(path)


def test_some_pictures_outside_the_class_folders_are_refused_when_classes_are_wanted(folder):
    root = folder(names=[*NAMES, "loose.png"])
    assert len(data.open(root).train) == 11
    with pytest.raises(BadData, match="1 pictures that lie in no class folder, beside 12"):
        data.open(root, labels=True)


def test_a_cache_that_cannot_be_written_is_refused(folder, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadData, match=r"the cache in .*file.* cannot be written: Not a directory; name another folder"):
        data.open(folder(5), cache=tmp_path / "file")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the root user may write everywhere")
def test_a_cache_without_permission_is_refused(folder, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(BadData, match="cannot be written: Permission denied"):
        data.open(folder(5), cache=tmp_path / "locked")


def test_a_full_disk_is_refused_before_anything_is_written(folder, cache, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 1_000_000})())
    with pytest.raises(BadData, match=r"the cache in .* needs 2 kB and the disk has 1.0 MB free; make room"):
        data.open(folder(5))
    assert not [path for path in cache.rglob("*") if path.is_file()]


@pytest.mark.skipif(os.name != "posix", reason="limits on file sizes are POSIX")
def test_a_disk_that_fills_while_writing_leaves_nothing_behind(folder, cache):
    import resource
    import signal

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
        with pytest.raises(BadData, match=r"the cache in .* cannot be written: File too large"):
            data.open(folder(20, height=40, width=40))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_broken_pictures_that_only_decoding_finds_are_named_with_the_others(folder):
    root = folder(12, height=40, width=40)
    broken(root)
    (root / "001.png").unlink()
    (root / "003.png").unlink()
    with pytest.raises(BadData, match=r"1 of 10 pictures in .* cannot be read: 002.png \(cut short\);"):
        data.open(root)


@pytest.mark.skipif(getattr(os, "geteuid", lambda: 0)() == 0, reason="the administrator may read everything")
def test_what_may_not_be_read_is_named(folder):
    root = folder(5)
    (root / "001.png").chmod(0)
    with pytest.raises(BadData, match=r"1 of 5 pictures .* 001\.png \(no permission to read it\)"):
        data.open(root)
    (root / "inner").mkdir(mode=0)
    with pytest.raises(BadData, match="inner cannot be read: Permission denied"):
        data.open(root)
    (root / "inner").chmod(0o700)
