from __future__ import annotations

import numpy as np
import pytest
import torch

import latentia.data as data
from latentia.errors import BadData

ARRAY = np.random.default_rng(0).integers(0, 256, (12, 8, 8), dtype=np.uint8)


def names_of(found):
    splits = (found.train, found.validation, found.test)
    rows = torch.cat([split.rows for split in splits]).argsort()
    codes = torch.cat([split.read(slice(None)).label for split in splits])[rows]
    return [found.spec.classes[code] for code in codes]


def test_rows_of_labels_follow_the_items(tmp_path):
    (tmp_path / "a.csv").write_text("kind,size\n" + "".join(f"{'ab'[i % 2]},{i}\n" for i in range(12)))
    found = data.open(ARRAY, labels_from=f"{tmp_path / 'a.csv'}:kind")
    assert names_of(found) == ["a", "b"] * 6
    other = data.open(ARRAY, labels_from=f"{tmp_path / 'a.csv'}:size")
    assert names_of(other) == [str(i) for i in range(12)]
    assert found.signature != other.signature


def test_a_file_of_one_column_needs_no_name(tmp_path):
    (tmp_path / "a.csv").write_text("".join(f"{i % 3}\n" for i in range(12)))
    assert names_of(data.open(ARRAY, labels_from=str(tmp_path / "a.csv"))) == ["0", "1", "2"] * 4


@pytest.mark.parametrize("shown", [lambda name: name, lambda name: f"0{name}"[1:].removesuffix(".png")])
def test_a_column_of_names_is_matched_by_name(folder, tmp_path, shown):
    root = folder(8)
    lines = [f"{shown(f'{i:03}.png')}\t{'ab'[i % 2]}\n" for i in range(8)]
    (tmp_path / "a.tsv").write_text("filename\tclass\n" + "".join(reversed(lines)) + "unused.png\tz\n")
    assert names_of(data.open(root, labels_from=str(tmp_path / "a.tsv"))) == ["a", "b"] * 4


def test_labels_of_a_set_with_a_test_set_go_on_with_the_test_items(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=ARRAY, x_test=ARRAY[:4])
    (tmp_path / "a.csv").write_text("".join(f"{i // 12}\n" for i in range(16)))
    found = data.open(tmp_path / "a.npz", labels_from=str(tmp_path / "a.csv"))
    assert found.train.read(slice(None)).label.unique().tolist() == [0]
    assert found.test.read(slice(None)).label.tolist() == [1] * 4


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("1\n2\n", "", r"a.csv has 2 labels and array has 12 items; one label per item is needed"),
        ("a,kind\n1,2\n", ":kid", r"a.csv has no column 'kid'; did you mean 'kind'\?"),
        ("a,b\n1,2\n", "", r"a.csv has the columns a, b; say which holds the labels: a.csv:COLUMN"),
        (None, "", r"labels_from is '.*a.csv', and there is no such file; write FILE.csv or FILE.csv:COLUMN"),
    ],
)
def test_labels_that_do_not_match_are_refused(tmp_path, text, column, message):
    if text is not None:
        (tmp_path / "a.csv").write_text(text)
    with pytest.raises(BadData, match=message):
        data.open(ARRAY, labels_from=f"{tmp_path / 'a.csv'}{column}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,class\n000.png,a\n001.png,\n002.png,b\n003.png,b\n", "a.csv has 4 labels, and none for 001.png"),
        ("class\na\nb\n,\nb\n".replace(",", '""'), r"a.csv has no label in row 3"),
    ],
)
def test_labels_that_say_nothing_are_refused(folder, tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(BadData, match=message):
        data.open(folder(4), labels_from=str(tmp_path / "a.csv"))


def test_an_item_without_a_label_is_named(folder, tmp_path):
    root = folder(4)
    (tmp_path / "a.csv").write_text("file,class\n" + "".join(f"{i:03}.png,a\n" for i in range(3)))
    with pytest.raises(BadData, match=r"a.csv has 3 labels, and none for 003.png"):
        data.open(root, labels_from=str(tmp_path / "a.csv"))
