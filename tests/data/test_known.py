from __future__ import annotations

import dataclasses
import gzip
import hashlib
import io
import struct
import tarfile
import threading
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler

import numpy as np
import pytest
import torch

import latentia.data as data
from latentia.data.download import fetch
from latentia.data.known import KNOWN, File
from latentia.errors import BadData


def idx(array):
    return struct.pack(f">HBB{array.ndim}I", 0, 0x08, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The known set ``mnist``, but small and published in a folder on this machine."""
    monkeypatch.delenv("LATENTIA_DATA", raising=False)
    random, files = np.random.default_rng(0), []
    (tmp_path / "site").mkdir()
    for file, shape in zip(KNOWN["mnist"].files, [(20, 28, 28), (20,), (6, 28, 28), (6,)], strict=True):
        top = 256 if len(shape) == 3 else 10
        content = gzip.compress(idx(random.integers(0, top, shape, dtype=np.uint8)))
        (tmp_path / "site" / file.name).write_bytes(content)
        files.append(File(file.name, hashlib.sha256(content).hexdigest(), len(content)))
    known = dataclasses.replace(KNOWN["mnist"], files=tuple(files), address=f"{(tmp_path / 'site').as_uri()}/")
    monkeypatch.setitem(KNOWN, "mnist", known)
    return tmp_path / "site"


def test_a_known_set_is_downloaded_once_and_kept(small, cache):
    assert next(each for each in data.known() if each.name == "mnist").where == "download"
    found = data.open("mnist", labels=True)
    assert (len(found.train), len(found.validation), len(found.test)) == (18, 2, 6)
    assert found.options["what"] == found.name == "mnist"
    assert next(each for each in data.known() if each.name == "mnist").where == "cache"
    for file in small.iterdir():
        file.unlink()
    assert data.open("mnist", labels=True).signature == found.signature
    assert {path.name for path in (cache / "mnist").iterdir()} == {file.name for file in KNOWN["mnist"].files}


def test_the_folder_of_real_data_comes_first(small, tmp_path, monkeypatch, cache):
    small.rename(tmp_path / "mnist")
    monkeypatch.setenv("LATENTIA_DATA", str(tmp_path))
    assert next(each for each in data.known() if each.name == "mnist").where == "LATENTIA_DATA"
    assert len(data.open("mnist").test) == 6
    assert not cache.exists()


def test_a_file_whose_hash_differs_is_refused_and_nothing_is_kept(small, cache):
    path = small / KNOWN["mnist"].files[0].name
    path.write_bytes(path.read_bytes() + b"!")
    with pytest.raises(BadData, match=rf"{path.name} has the SHA-256 \w+, not \w+: it changed .*; nothing was kept"):
        data.open("mnist")
    assert not [path for path in cache.rglob("*") if path.is_file()]


def test_a_damaged_file_in_the_cache_or_mirror_is_refused(small, cache):
    data.open("mnist")
    path = cache / "mnist" / KNOWN["mnist"].files[0].name
    path.write_bytes(b"damaged")
    with pytest.raises(BadData, match=rf"{path} has the SHA-256 \w+, not \w+; remove it and it is fetched again"):
        data.open("mnist")


@pytest.fixture
def server(tmp_path):
    """A web server for a folder on this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    (tmp_path / "web").mkdir()
    server = HTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "web")))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield tmp_path / "web", f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_files_come_over_http_and_others_are_refused(server, tmp_path):
    folder, address = server
    (folder / "a.bin").write_bytes(b"abc" * 1000)
    expected = hashlib.sha256(b"abc" * 1000).hexdigest()
    path = fetch(f"{address}a.bin", tmp_path / "kept" / "a.bin", expected, 3000)
    assert path.read_bytes() == b"abc" * 1000
    with pytest.raises(BadData, match="nothing was kept"):
        fetch(f"{address}a.bin", tmp_path / "kept" / "b.bin", "0" * 64, 3000)
    with pytest.raises(BadData, match=r"none.bin cannot be downloaded \(File not found\); put none.bin into .*kept"):
        fetch(f"{address}none.bin", tmp_path / "kept" / "none.bin", expected, 3000)
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["a.bin"]


def test_a_server_that_is_not_there_is_said(server, tmp_path):
    with pytest.raises(BadData, match=r"cannot be downloaded .*name a folder with it in LATENTIA_DATA"):
        fetch("http://127.0.0.1:9/a.bin", tmp_path / "a.bin", "0" * 64, 3000)


def test_the_binary_version_of_cifar_is_read_once_into_maps(tmp_path, monkeypatch, cache):
    monkeypatch.delenv("LATENTIA_DATA", raising=False)
    random = np.random.default_rng(0)
    records = {f"data_batch_{i}.bin": random.integers(0, 10, (10, 3073), dtype=np.uint8) for i in range(1, 6)}
    records["test_batch.bin"] = random.integers(0, 10, (10, 3073), dtype=np.uint8)
    path = tmp_path / "cifar-10-binary.tar.gz"
    with tarfile.open(path, "w:gz") as file:
        for name, array in records.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = array.nbytes
            file.addfile(member, io.BytesIO(array.tobytes()))
    file = File(path.name, hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
    known = dataclasses.replace(KNOWN["cifar-10"], files=(file,), address=f"{tmp_path.as_uri()}/")
    monkeypatch.setitem(KNOWN, "cifar-10", known)
    found = data.open("cifar-10", labels=True)
    assert (len(found.train), len(found.validation), len(found.test)) == (45, 5, 10)
    batch = found.test.read(slice(None))
    expected = records["test_batch.bin"]
    assert batch.label.tolist() == expected[:, 0].tolist()
    assert torch.equal(
        (batch.x * 255).round().long(), torch.from_numpy(expected[:, 1:].astype(int).reshape(10, 3, 32, 32))
    )
    path.unlink()
    (cache / "cifar-10" / path.name).unlink()
    assert torch.equal(data.open("cifar-10").test.read(slice(None)).x, batch.x)


def test_digits_are_those_of_scikit_learn():
    from sklearn.datasets import load_digits

    found = data.open("digits", labels=True)
    assert (found.spec.shape, found.spec.levels, len(found.spec.classes)) == ((1, 8, 8), 17, 10)
    splits = (found.train, found.validation, found.test)
    order = torch.cat([split.rows for split in splits]).argsort()
    x = torch.cat([split.read(slice(None)).x for split in splits])[order]
    labels = torch.cat([split.read(slice(None)).label for split in splits])[order]
    assert np.array_equal(x[:, 0].numpy() * 16, load_digits().images)
    assert labels.tolist() == load_digits().target.tolist()


def test_every_known_set_says_what_it_is_and_on_which_terms():
    found = data.known()
    assert [each.name for each in found] == ["digits", "shapes", "mnist", "fashion-mnist", "cifar-10", "adult"]
    assert all(each.line and each.terms and each.items and len(each.shape) in (1, 3) for each in found)
    assert [each.where for each in found[:2]] == ["built in"] * 2
    assert all(len(file.sha256) == 64 for known in KNOWN.values() for file in known.files)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("minst", "there is no data set and no path 'minst'; did you mean 'mnist'?"),
        ("fashion", "there is no data set and no path 'fashion'; did you mean 'fashion-mnist'?"),
        ("zzz", "known: adult, cifar-10, digits, fashion-mnist, mnist, shapes"),
        ("nowhere/at/all", "there is no 'nowhere/at/all': its folder 'nowhere/at' does not exist either"),
    ],
)
def test_names_that_are_not_known_get_the_nearest(name, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadData) as error:
        data.open(name)
    assert message in str(error.value)


def test_paths_that_are_not_there_get_the_nearest(folder, tmp_path):
    folder(3)
    with pytest.raises(BadData, match=r"there is no '.*pictured'; did you mean '.*pictures'\?"):
        data.open(tmp_path / "pictured")
    with pytest.raises(BadData, match=r"there is no '.*other.zip' in '"):
        data.open(tmp_path / "other.zip")
    with pytest.raises(BadData, match=r"000.png is one picture; data is a folder of them: .*pictures"):
        data.open(tmp_path / "pictures" / "000.png")
    (tmp_path / "a.doc").write_text("x")
    with pytest.raises(BadData, match=r"a.doc has an ending that is not known; data is a folder of pictures, .zip"):
        data.open(tmp_path / "a.doc")


@pytest.mark.parametrize(("name", "first"), [("mnist", 5), ("fashion-mnist", 9)])
def test_the_real_files_are_those_that_are_published(real, name, first):
    found = data.open(name, labels=True)
    assert (len(found.train), len(found.validation), len(found.test)) == (54_000, 6_000, 10_000)
    assert found.spec.shape == (1, 28, 28)
    assert int(found.train.labels[0]) == first  # the first training item of the published files
    assert found.test.read([0]).label.tolist() == [{"mnist": 7, "fashion-mnist": 9}[name]]


def test_real_pictures_in_an_archive(real):
    found = data.open(real / "facades" / "facades.zip", size="32x16", cache=None)
    assert (len(found.train), len(found.validation), len(found.test)) == (400, 100, 106)
    assert found.spec.shape == (3, 16, 32)
    assert 0.2 < float(found.test.read(slice(None)).x.mean()) < 0.8


def test_a_folder_of_real_data_that_is_not_there_is_said(small, monkeypatch, tmp_path):
    monkeypatch.setenv("LATENTIA_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(BadData, match=r"LATENTIA_DATA names '.*nowhere', which is no folder; correct it, or unset it"):
        data.open("mnist")
    assert data.open("digits").name == "digits"
