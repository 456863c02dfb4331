from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
import torch
from torch.utils.data import IterableDataset, TensorDataset

import latentia.data as data
from latentia.errors import BadData

RANDOM = np.random.default_rng(0)


def bytes_of(*shape):
    return RANDOM.integers(0, 256, shape, dtype=np.uint8)


def everything(found):
    """All items in the order they were given."""
    rows = torch.cat([split.rows for split in (found.train, found.validation, found.test)])
    x = torch.cat([split.read(slice(None)).x for split in (found.train, found.validation, found.test)])
    return x[rows.argsort()]


@pytest.mark.parametrize(
    ("array", "shape", "levels"),
    [
        (bytes_of(10, 9, 8), (1, 9, 8), 256),
        (bytes_of(10, 9, 8, 3), (3, 9, 8), 256),
        (bytes_of(10, 4, 9, 8), (4, 9, 8), 256),
        (bytes_of(10, 9, 8).astype(np.uint16) * 257, (1, 9, 8), 65536),
        (bytes_of(10, 9, 8) > 100, (1, 9, 8), 2),
        ((bytes_of(10, 9, 8) > 100).astype(np.uint8) * 255, (1, 9, 8), 2),
        ((bytes_of(10, 9, 8) > 100).astype(np.uint8), (1, 9, 8), 2),
        ((bytes_of(10, 9, 8) > 100).astype(np.float32), (1, 9, 8), 2),
        (RANDOM.random((10, 9, 8)), (1, 9, 8), None),
        (RANDOM.random((10, 3, 9, 8), dtype=np.float32), (3, 9, 8), None),
    ],
)
def test_pictures_in_arrays(array, shape, levels):
    found = data.open(array)
    assert (found.spec.kind, found.spec.shape, found.spec.levels) == ("image", shape, levels)
    x = everything(found)
    top = {np.dtype("uint8"): 255 if array.max() > 1 else 1, np.dtype("uint16"): 65535}.get(array.dtype, 1)
    expected = array.astype(np.float32) / np.float32(top)
    if array.ndim == 3:
        expected = expected[:, None]
    elif array.shape[-1] == 3:
        expected = np.moveaxis(expected, -1, 1)
    assert x.dtype == torch.float32
    assert np.array_equal(x.numpy(), expected)


def test_tensors_tables_and_pairs_with_labels():
    table = RANDOM.normal(size=(30, 4)) * 100
    found = data.open(torch.from_numpy(table))
    assert (found.spec.kind, found.spec.shape, found.spec.levels) == ("table", (4,), None)
    assert np.allclose(data.table(everything(found), found.spec, extrapolate=True), table, atol=1e-4)
    x = found.train.read(slice(None)).x
    assert (found.spec.low, found.spec.high) == (x.min(), x.max())
    pair = data.open((table, np.array(["b", "a"] * 15)), labels=True)
    assert pair.spec.classes == ("a", "b")
    assert pair.train.read([0]).label.tolist() == [1 - int(pair.train.rows[0]) % 2]


def test_classes_that_are_numbers_are_in_the_order_of_numbers():
    for labels in ([10, 9, 2] * 4, ["10", "9", "2"] * 4, [10.0, 9.0, 2.0] * 4):
        found = data.open((bytes_of(12, 8, 8), labels), labels=True)
        assert found.spec.classes == ("2", "9", "10")
        codes = torch.cat([each.read(slice(None)).label for each in (found.train, found.validation, found.test)])
        rows = torch.cat([each.rows for each in (found.train, found.validation, found.test)])
        assert codes[rows.argsort()].tolist() == [2, 1, 0] * 4


def test_a_torch_dataset_of_pairs_and_of_items():
    x, y = torch.from_numpy(bytes_of(12, 1, 8, 8)), torch.arange(12) % 3
    found = data.open(TensorDataset(x, y), labels=True)
    assert found.name == "tensordataset"
    assert found.spec.classes == ("0", "1", "2")
    assert torch.equal(everything(found), x / 255)
    assert torch.equal(everything(data.open(TensorDataset(x))), x / 255)


def test_a_torch_dataset_without_a_length_is_refused():
    class Stream(IterableDataset):
        def __iter__(self):
            return iter([])

    with pytest.raises(BadData, match="Stream is a stream without a length"):
        data.open(Stream())


def test_lists_of_pillow_pictures(picture):
    from PIL import Image

    pictures = [Image.fromarray(picture(channels=3, seed=seed)) for seed in range(5)]
    found = data.open(pictures)
    assert found.spec.shape == (3, 12, 10)
    assert np.array_equal((everything(found)[2] * 255).numpy().transpose(1, 2, 0).round(), picture(channels=3, seed=2))


def test_numpy_files_are_maps_and_equal_their_arrays(tmp_path):
    array = bytes_of(20, 8, 8, 3)
    np.save(tmp_path / "a.npy", array)
    found = data.open(tmp_path / "a.npy")
    assert isinstance(found.train.values.array.base, np.memmap)
    assert torch.equal(everything(found), everything(data.open(array)))
    np.savez(tmp_path / "b.npz", X=array, y=np.arange(20) % 2)
    assert data.open(tmp_path / "b.npz", labels=True).spec.classes == ("0", "1")


def idx(array):
    kinds = {"|u1": 0x08, ">i4": 0x0C, ">f4": 0x0D}
    return struct.pack(f">HBB{array.ndim}I", 0, kinds[array.dtype.str], array.ndim, *array.shape) + array.tobytes()


def test_idx_files_gzipped_or_not_with_the_labels_beside_them(tmp_path):
    array, labels = bytes_of(12, 9, 8), np.arange(12, dtype=np.uint8) % 4
    (tmp_path / "some-images-idx3-ubyte").write_bytes(idx(array))
    (tmp_path / "some-labels-idx1-ubyte").write_bytes(idx(labels))
    (tmp_path / "a.idx.gz").write_bytes(gzip.compress(idx(array.astype(">i4")[:, 0])))
    found = data.open(tmp_path / "some-images-idx3-ubyte", labels=True)
    assert np.array_equal((everything(found)[:, 0] * 255).round().numpy(), array)
    assert found.spec.classes == ("0", "1", "2", "3")
    rows = data.open(tmp_path / "a.idx.gz")
    assert np.array_equal(data.table(everything(rows), rows.spec, extrapolate=True), array[:, 0])


def test_a_table_in_a_csv_file(tmp_path):
    (tmp_path / "a.csv").write_text("a;b;class\n" + "".join(f"{i};{i / 2};{'xy'[i % 2]}\n" for i in range(10)))
    found = data.open(tmp_path / "a.csv", labels=True)
    assert (found.spec.shape, found.spec.classes) == ((2,), ("x", "y"))
    row = data.table(everything(found)[3], found.spec, extrapolate=True, label="y").iloc[0]
    assert row.to_dict() == {"a": 3, "b": 1.5, "class": "y"}
    (tmp_path / "b.csv").write_text("".join(f"{i},{i / 2}\n" for i in range(10)))
    assert everything(data.open(tmp_path / "b.csv")).shape == (10, 2)


def infinite(place):
    table = RANDOM.random((2000, 3))
    table[place, 1] = -np.inf
    return table


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (infinite(1234), "array has -inf in row 1234, column 'x1'; numbers are finite, or missing"),
        (np.full((5, 8, 8), np.inf), r"not finite .*, the first in row 0"),
        (np.array([["a", 1]] * 5, dtype=object), "array is an array of Python objects; give numbers"),
        (np.array([["a", "b"]] * 5), "array has the dtype <U1; a table is made of real numbers"),
        (np.ones((5, 2), complex), "array has the dtype complex128; a table is made of real numbers"),
        (np.ones((5, 8, 8), np.int64), r"array has the dtype int64; pictures are uint8, .* \.astype\('uint8'\)"),
        (np.full((5, 8, 8), 255.0), r"array has values from 255 to 255; float pictures lie in \[0, 1\]: scale them"),
        (np.full((5, 8, 8), -0.5), r"array has values from -0.5 to -0.5; float pictures lie in \[0, 1\]"),
        (np.zeros((5, 9, 8, 3)), r"shape \(5, 9, 8, 3\); float pictures are .*numpy.moveaxis\(x, -1, 1\)"),
        (np.zeros((5, 7, 9, 8), np.uint8), r"shape \(5, 7, 9, 8\); pictures have 1, 3 or 4 channels"),
        (np.zeros(5), r"array has the shape \(5,\); pictures are \(N, H, W\)"),
        (np.zeros((5, 7, 7), np.uint8), "array: the pictures are 7 x 7; at least 8 pixels a side"),
        (np.zeros((0, 8, 8), np.uint8), r"array has the shape \(0, 8, 8\): no items"),
        (np.zeros((1, 8, 8), np.uint8), "array has 1 item; at least 3 are needed"),
        ([np.zeros((8, 8)), np.zeros((8, 9))], r"items of different shapes, such as \(8, 8\) and \(8, 9\)"),
        ((np.zeros((5, 8, 8)), [1, 2, 3]), "array has 5 items and 3 labels; one label per item is needed"),
        ((np.zeros((5, 8, 8)), np.zeros((5, 2))), r"5 items and labels of the shape \(5, 2\)"),
        ((np.zeros((5, 8, 8)), [0.5] * 5), "the labels are fractions; labels are whole numbers or names"),
        (object(), "is an array of Python objects"),
        ([[1, 2], [3]], "array has rows of different lengths"),
    ],
)
def test_arrays_that_are_refused(what, message):
    with pytest.raises(BadData, match=message):
        data.open(what)


def test_files_of_objects_are_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "b.npz", x=np.array([{}, []], dtype=object))
    for name in ("a.npy", "b.npz"):
        with pytest.raises(BadData, match=f"{name}: an array of Python objects, which is not read"):
            data.open(tmp_path / name)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.idx", "a-ubyte.gz"])
def test_files_that_are_not_what_they_are_called_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"this is a text, whatever the name says")
    with pytest.raises(BadData, match=name):
        data.open(tmp_path / name)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(BadData, match=name):
        data.open(tmp_path / name)


def test_an_idx_file_cut_short_is_refused(tmp_path):
    (tmp_path / "a.idx").write_bytes(idx(bytes_of(12, 9, 8))[:-5])
    with pytest.raises(BadData, match=r"a\.idx is cut short: 859 of 864 bytes of numbers"):
        data.open(tmp_path / "a.idx")
    (tmp_path / "b.idx.gz").write_bytes(gzip.compress(idx(bytes_of(12, 9, 8)))[:-50])
    with pytest.raises(BadData, match=r"b.idx.gz"):
        data.open(tmp_path / "b.idx.gz")


def test_an_npz_file_without_known_names_says_what_it_holds(tmp_path):
    np.savez(tmp_path / "a.npz", left=np.zeros(3), right=np.zeros(3))
    with pytest.raises(BadData, match=r"a.npz holds left, right; the data is looked for under x, X, images"):
        data.open(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "a.csv has 1 column in line 3 and 2 in the first"),
        ("", "a.csv is empty"),
    ],
)
def test_tables_that_are_refused(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(BadData, match=message):
        data.open(tmp_path / "a.csv")
