"""The verbs on a VAE of labels: the codes file keeps them, and another label there is the same style."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

import latentia as lt
from latentia.cli.main import main
from tests.cli.conftest import TINY


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "given"
    assert main(["train", "vae", "digits", "--labels", "--run", str(folder), "--quiet", *TINY]) == 0
    return folder


def test_codes_keep_the_labels_and_decode_reads_them(given, call):
    assert call("encode", given, "digits:test", "-o", "codes.csv")[0] == 0
    model = lt.load(given)
    labels = [model.spec.classes[each] for each in model.data().test.read(slice(None)).label]
    with open("codes.csv") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["item", "label", "z1", "z2", "z3"]
    assert [row["label"] for row in rows] == labels
    assert call("encode", given, "digits:test", "-o", "codes.npz")[0] == 0
    wanted = model.reconstruct("digits:test").numpy()
    for file in ("codes.csv", "codes.npz"):
        code, _, err = call("decode", given, file, "-o", "made.npy")
        assert (code, err) == (0, "")
        np.testing.assert_allclose(np.load("made.npy"), wanted, atol=1e-5)
    assert call("reconstruct", given, "digits:test", "-n", 3, "-o", "made.npy")[0] == 0
    np.testing.assert_allclose(np.load("made.npy"), wanted[:3], atol=1e-5)


def test_a_style_in_every_class(given, call):
    code, told, _ = call("encode", given, "digits:test", "--json")
    assert code == 0
    rows = [{**row, "label": "3"} for row in json.loads(told)[:4]]
    with open("some.json", "w") as file:
        json.dump(rows, file)
    assert call("decode", given, "some.json", "--label", "all", "-o", "all.npy")[0] == 0
    made = np.load("all.npy")
    assert made.shape == (40, 1, 8, 8)
    assert call("decode", given, "some.json", "-o", "threes.npy")[0] == 0
    assert np.array_equal(made[12:16], np.load("threes.npy"))
    assert call("decode", given, "some.json", "--label", "8", "-o", "eights.npy")[0] == 0
    assert np.array_equal(made[32:36], np.load("eights.npy"))


def test_what_is_not_said_is_said(given, call):
    assert call("sample", given, "-n", 1, "-o", "one.png")[2].startswith("each seed has a label of its own")
    assert call("sample", given, "-n", 2, "--label", "all", "-o", "all.npz")[0] == 0
    code, _, err = call("encode", given, "one.png")
    assert code == 2
    assert "give data that brings labels, or say the label of all items (--label)" in err
    assert call("encode", given, "one.png", "--label", "3", "--std")[0] == 0
    code, _, err = call("reconstruct", given, "one.png", "--label", "x", "-o", "again.png")
    assert code == 2
    assert "the label 'x' was never trained; known: 0, 1" in err
    assert "each seed has a label of its own" in call("traverse", given, "-o", "t.png")[2]
    for words in (["--at", "row:3"], ["--label", "3"]):
        assert "of its own" not in call("traverse", given, *words, "-o", "t.png")[2]
    with open("bare.csv", "w") as file:
        file.write("item,z1,z2,z3\na,0,0,0\n")
    assert "items of no class in particular" in call("decode", given, "bare.csv", "-o", "bare.npy")[2]
    with open("half.csv", "w") as file:
        file.write("item,label,z1,z2,z3\na,3,0,0,0\nb,,0,0,0\n")
    code, _, err = call("decode", given, "half.csv", "-o", "half.npy")
    assert code == 2
    assert "has a column label, and item 2 has none; every item needs one" in err


def test_a_model_without_labels_has_none_in_its_codes(run, call):
    assert call("encode", run, "digits:test", "-o", "codes.csv")[0] == 0
    with open("codes.csv") as file:
        assert file.readline().startswith("item,z1")
    code, _, err = call("decode", run, "codes.csv", "--label", "all", "-o", "made.npy")
    assert code == 2
    assert "not trained with labels" in err
    code, _, err = call("encode", run, "digits:test", "--label", "3")
    assert code == 2
    assert "not trained with labels" in err
