from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import latentia.data as data
from latentia.core import Spec
from latentia.errors import BadData, BadField

GREY, COLOUR = Spec("image", (1, 12, 10), 256), Spec("image", (3, 12, 10), 256)
TABLE = Spec("table", (3,), None, -5, 5)


def test_a_folder_gives_all_its_pictures_in_the_form_of_the_model(folder):
    x, names = data.items(folder(7, height=24, width=20), GREY)
    assert x.shape == (7, 1, 12, 10)
    assert x.dtype == torch.float32
    assert names == [f"{index:03}.png" for index in range(7)]
    assert torch.equal((x * 255).round() / 255, x)


def test_the_same_picture_is_the_same_item_however_it_is_given(folder, picture):
    root = folder(5)
    whole, names = data.items(root, COLOUR)
    given = [
        root / "002.png",
        str(root / "002.png"),
        [root / "002.png"],
        Image.fromarray(picture(channels=3, seed=2)),
        [Image.fromarray(picture(channels=3, seed=2))],
        picture(channels=3, seed=2),
        picture(channels=3, seed=2)[None],
        torch.from_numpy(picture(channels=3, seed=2)).permute(2, 0, 1)[None],
        whole[2],
        whole[[2]].double(),
        [whole[2]],
    ]
    for what in given:
        x, names = data.items(what, COLOUR)
        assert torch.equal(x, whole[[2]])
        assert names == ["002.png" if "Path" in repr(what) or isinstance(what, str) else "0"]


def test_grey_arrays_become_colour_and_other_sizes_are_resized(picture):
    grey = np.stack([picture(seed=seed) for seed in range(4)])
    x, _ = data.items(grey, COLOUR)
    assert torch.equal(x, torch.from_numpy(grey)[:, None].expand_as(x) / 255)
    large, _ = data.items(np.full((2, 30, 40, 3), 51, np.uint8), GREY)
    assert torch.allclose(large, torch.full((2, 1, 12, 10), 0.2))


@pytest.mark.parametrize("fit", ["crop", "pad", "stretch"])
def test_arrays_and_files_are_fitted_alike(tmp_path, fit):
    rows, columns = np.mgrid[0:48, 0:80]
    smooth = (127 + 60 * np.sin(rows / 9) + 60 * np.cos(columns / 11)).astype(np.uint8)
    Image.fromarray(smooth).save(tmp_path / "a.png")
    options = {"fit": fit, "background": "black"}
    one, other = data.items(tmp_path / "a.png", GREY, **options)[0], data.items(smooth, GREY, **options)[0]
    assert (one - other).abs().max() < 0.06
    assert (one - other).abs().mean() < 0.015


def test_known_names_give_their_test_split_and_may_carry_another(folder):
    digits = Spec("image", (1, 8, 8), 17)
    found = data.open("digits")
    assert torch.equal(data.items("digits", digits)[0], found.test.read(slice(None)).x)
    assert torch.equal(data.items("digits:validation", digits)[0], found.validation.read(slice(None)).x)
    assert len(data.items("digits:all", digits)[0]) == 1797
    assert len(data.items("digits:test", digits, held_out=0.2)[0]) == 359
    root = folder(20)
    _, names = data.items(f"{root}:test", COLOUR)
    assert names == data.open(root).test.names()
    with pytest.raises(BadData, match=r"names the split 'tset'; did you mean 'test'\?"):
        data.items("digits:tset", digits)


def test_foreign_items_are_brought_to_the_levels_of_the_model():
    x, _ = data.items("digits", Spec("image", (1, 28, 28), 256))
    assert x.shape == (180, 1, 28, 28)
    assert torch.allclose(x * 255, (x * 255).round(), atol=1e-4)
    binary, _ = data.items("digits", Spec("image", (1, 8, 8), 2))
    assert binary.unique().tolist() == [0.0, 1.0]


def test_binarised_items_are_those_of_the_split():
    found = data.open("digits", binarize="dynamic")
    x, _ = data.items("digits:test", found.spec, binarize="dynamic")
    assert torch.equal(x, found.test.read(slice(None)).x)
    again, _ = data.items(x, found.spec, binarize="dynamic")
    assert torch.equal(again, x)


def test_tables_keep_their_numbers(tmp_path):
    table = np.random.default_rng(0).normal(size=(6, 3))
    np.save(tmp_path / "a.npy", table)
    for what in (table, torch.from_numpy(table), table.tolist(), tmp_path / "a.npy"):
        assert np.allclose(data.items(what, TABLE)[0].numpy(), table)
    assert data.items(table[0], TABLE)[0].shape == (1, 3)


def test_all_options_of_a_run_may_be_passed_on():
    found = data.open("digits", labels=True, held_out=0.2)
    options = {name: value for name, value in found.options.items() if name != "what"}
    assert len(data.items("digits", found.spec, **options)[0]) == len(found.test)
    with pytest.raises(BadField, match=r"there is no data option 'bakground'; did you mean 'background'\?"):
        data.items("digits", found.spec, bakground="black")


@pytest.mark.parametrize(
    ("what", "like", "message"),
    [
        (np.zeros((4, 3)), GREY, r"array holds rows of a table; the model was trained on pictures \(1, 12, 10\)"),
        (np.zeros((4, 8, 8)), TABLE, "array holds pictures; the model was trained on rows of a table"),
        (np.zeros((4, 5)), TABLE, "array has 5 columns; the model was trained on 3"),
        (np.full((4, 1, 12, 10), 200.0), GREY, r"array has values from 200 to 200; float pictures lie in \[0, 1\]"),
        ("digist", GREY, r"there is no data set and no path 'digist'; did you mean 'digits'\?"),
    ],
)
def test_items_that_do_not_fit_the_model_are_refused(what, like, message):
    with pytest.raises(BadData, match=message):
        data.items(what, like)


def test_a_picture_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(BadData, match=r"a.png cannot be read: empty"):
        data.items(tmp_path / "a.png", GREY)
    with pytest.raises(BadData, match=r"b.png cannot be read: No such file"):
        data.items([tmp_path / "b.png"], GREY)


def test_labels_are_places_among_the_classes_of_the_model(tmp_path):
    few = Spec("image", (1, 8, 8), 17, classes=tuple("9876543210"))
    found = data.open("digits", labels=True)
    batch, names = data.labelled("digits:test", few)
    assert torch.equal(9 - batch.label, found.test.read(slice(None)).label)
    assert len(names) == len(batch.x) == 180
    pictures = np.zeros((3, 8, 8, 1), np.uint8)
    own = data.labelled((pictures, ["3", "3", "8"]), few)[0]
    assert own.label.tolist() == [6, 6, 1]
    assert data.labelled(pictures, few)[0].label is None
    assert data.labelled((pictures, ["3", "3", "8"]), Spec("image", (1, 8, 8), 17))[0].label is None
    with pytest.raises(BadData, match="items of the label '11', which was never trained"):
        data.labelled((pictures, ["3", "11", "8"]), few)
    table = tmp_path / "a.csv"
    table.write_text("one,label,two\n1,b,2\n3,a,4\n")
    like = Spec("table", (2,), None, classes=("a", "b", "c"))
    told = data.labelled(str(table), like)[0]
    assert told.x.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert told.label.tolist() == [1, 0]
    assert data.labelled(np.ones((2, 2)), like)[0].label is None
