from __future__ import annotations

import logging
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

import latentia.data as data
from latentia.errors import BadData, BadField, Refused


@pytest.fixture
def sides(tmp_path, monkeypatch, picture):
    """Makes folders A (colour) and B (grey): pictures whose names they are given, with the sizes they are given."""
    monkeypatch.chdir(tmp_path)

    def make(names=tuple(f"{number}.png" for number in range(6)), others=None, size=(10, 12), other_size=None):
        for root, found, channels, sizes in (("A", names, 3, size), ("B", others or names, None, other_size or size)):
            for number, name in enumerate(found):
                width, height = sizes[number] if isinstance(sizes, list) else sizes
                path = tmp_path / root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                seed = number if root == "A" else number + 50
                Image.fromarray(picture(height, width, channels, seed)).save(path)

    return make


@pytest.fixture
def beside(tmp_path, monkeypatch, picture):
    """Makes a folder AB of pictures, A on their left and B on their right, and returns them."""
    monkeypatch.chdir(tmp_path)

    def make(count=6, width=20, height=12, ending=".png", root="AB"):
        made = {}
        for number in range(count):
            path = tmp_path / root / f"{number}{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            made[path.name] = picture(height, width, 3, number)
            Image.fromarray(made[path.name]).save(path)
        return made

    return make


def everything(found):
    """x, y and names of all splits."""
    parts = [(split.read(slice(None)), split.names()) for split in (found.train, found.validation, found.test)]
    return (
        torch.cat([batch.x for batch, _ in parts]),
        torch.cat([batch.y for batch, _ in parts]),
        [name for _, names in parts for name in names],
    )


def pixels(array):
    return torch.from_numpy(np.atleast_3d(array)).permute(2, 0, 1) / 255


def test_two_folders_are_matched_by_name_whatever_the_ending_and_the_order(sides, picture):
    names = ["x/1.png", "x/2.png", "3.png", "4.png", "5.png", "6.png"]
    sides(names, [name.replace(".png", ".tif" if name > "5" else ".png") for name in names])
    found = data.open("A", "B", pairing="pairs")
    assert (found.name, found.spec.sides) == ("a-b", ("b", "a"))
    assert (found.spec.shape, found.spec.y.shape) == ((1, 12, 10), (3, 12, 10))
    for x, y, name in zip(*everything(found), strict=True):
        number = names.index(name.replace(".tif", ".png"))
        assert torch.equal(y, pixels(picture(12, 10, 3, number)))
        assert torch.equal(x, pixels(picture(12, 10, None, number + 50)))


@pytest.mark.parametrize("direction", ["AtoB", "BtoA"])
def test_pictures_side_by_side_are_cut_in_the_middle(beside, direction):
    made = beside()
    found = data.open("AB", pairing="pairs", direction=direction)
    assert "pictures of 20 x 12 are cut in the middle: a is the left half, b the right one" in found.notes
    assert found.spec.shape == found.spec.y.shape == (3, 12, 10)
    for x, y, name in zip(*everything(found), strict=True):
        a, b = (y, x) if direction == "AtoB" else (x, y)
        assert torch.equal(a, pixels(made[name][:, :10]))
        assert torch.equal(b, pixels(made[name][:, 10:]))


def test_halves_are_resized_each_for_itself(beside, tmp_path):
    """Resizing the whole first would bleed over the seam: black beside white must stay black and white."""
    (tmp_path / "AB").mkdir()
    array = np.zeros((40, 80, 3), np.uint8)
    array[:, 40:] = 255
    for number in range(4):
        Image.fromarray(array).save(tmp_path / "AB" / f"{number}.jpg", quality=95)
    for fit in ("crop", "pad", "stretch"):
        x, y, _ = everything(data.open(tmp_path / "AB", pairing="pairs", size="9x10", fit=fit, background="white"))
        assert x.min() > 0.98
        assert y.max() < 0.02 or fit == "pad"
    assert data.open(tmp_path / "AB", pairing="pairs", size=16).train.take(0, 0, 2).y.shape == (2, 3, 16, 16)


def test_a_jpeg_is_cut_where_its_middle_is(tmp_path):
    """The decoder may shrink by a power of two, which leaves an odd width here: the halves would mix."""
    array = np.zeros((134, 268, 3), np.uint8)
    array[:, 134:] = 255
    for number in range(3):
        Image.fromarray(array).save(tmp_path / f"{number}.jpg", quality=95)
    x, y, _ = everything(data.open(tmp_path, pairing="pairs", size=16))
    assert x.min() > 0.95
    assert y.max() < 0.05


def test_archives_and_folders_of_splits(beside, tmp_path):
    for split in ("train", "val", "test"):
        beside(root=f"AB/{split}")
    with zipfile.ZipFile("AB.zip", "w") as file:
        for path in sorted(tmp_path.glob("AB/*/*.png")):
            file.write(path, path.relative_to(tmp_path))
    for what in ("AB", "AB.zip"):
        found = data.open(what, pairing="pairs")
        assert [len(split) for split in (found.train, found.validation, found.test)] == [6, 6, 6]
        assert all("/val/" in f"/{name}" for name in found.validation.names())
        assert "the folders' own splits are used: 6 train, 6 validation, 6 test" in found.notes


def test_one_folder_with_lettered_folders_holds_both_sides(sides, tmp_path):
    sides([f"{number}.png" for number in range(6)])
    for old, new in (("A", "trainA"), ("B", "trainB")):
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / old).rename(tmp_path / "set" / new)
    sides(["7.png", "8.png"])
    (tmp_path / "A").rename(tmp_path / "set" / "testA")
    (tmp_path / "B").rename(tmp_path / "set" / "testB")
    for pairing, shapes in (("pairs", [(1, 12, 10), (3, 12, 10)]), ("domains", [(3, 12, 10), (1, 12, 10)])):
        found = data.open("set", pairing=pairing)
        assert [found.spec.shape, found.spec.y.shape] == shapes
        assert len(found.train) + len(found.validation) == 6
        assert [len(side) for side in (found.test.of_x, found.test.of_y)] == [2, 2]
        assert found.test.names() == ["test/7.png", "test/8.png"]


@pytest.mark.parametrize("header", ["photo,drawing\n", "", "id,output,input\n"])
def test_a_csv_file_names_the_pairs(sides, tmp_path, picture, header):
    sides([f"{number}.png" for number in range(6)])
    order = [(0, 5), (1, 4), (2, 3), (3, 2), (3, 1), (5, 0)]  # 3 is there twice, 4 not at all
    lines = [f"A/{a}.png,B/{b}.png" if "id" not in header else f"i,B/{b}.png,A/{a}.png" for a, b in order]
    (tmp_path / "pairs.csv").write_text(header + "\n".join(lines))
    found = data.open("pairs.csv", pairing="pairs")
    sides_of = {"photo,drawing\n": ("drawing", "photo"), "": ("b", "a"), "id,output,input\n": ("output", "input")}
    assert found.spec.sides == sides_of[header]
    met = set()
    for x, y, name in zip(*everything(found), strict=True):
        b = int(name[2])
        assert torch.equal(x, pixels(picture(12, 10, None, b + 50)))
        a = next(number for number in range(6) if torch.equal(y, pixels(picture(12, 10, 3, number))))
        met.add((a, b))
    assert met == set(order)


def test_arrays_are_paired_row_by_row(tmp_path, picture):
    a = np.stack([picture(seed=number) for number in range(10)])
    b = np.stack([picture(channels=3, seed=number) for number in range(10)])
    np.savez(tmp_path / "both.npz", a=a, b=b)
    np.save(tmp_path / "left.npy", a)
    np.save(tmp_path / "right.npy", b)
    first = everything(data.open(a, b, pairing="pairs"))
    for found in (
        data.open(tmp_path / "both.npz", pairing="pairs"),
        data.open(tmp_path / "left.npy", tmp_path / "right.npy", pairing="pairs"),
        data.open([Image.fromarray(each) for each in a], torch.from_numpy(b), pairing="pairs"),
    ):
        for one, other in zip(first[:2], everything(found)[:2], strict=True):
            assert torch.equal(one, other)
    assert data.open(tmp_path / "left.npy", tmp_path / "right.npy", pairing="pairs").spec.sides == ("right", "left")
    resized = data.open(a, b, pairing="pairs", size=16, color="grey").spec
    assert resized.shape == resized.y.shape == (1, 16, 16)


def test_two_places_are_domains_unless_pairs_are_asked_for(sides):
    sides([f"{number}.png" for number in range(6)], [f"{number}.png" for number in range(9)])
    found = data.open("A", "B")
    assert (found.spec.pairing, found.spec.sides, found.spec.shape) == ("domains", ("a", "b"), (3, 12, 10))
    assert [len(found.train.of_x), len(found.train.of_y)] == [4, 7]
    assert set(found.train.of_x.names()).isdisjoint(found.test.of_x.names())


def test_what_is_recorded_opens_the_same_again(sides, beside):
    sides()
    beside()
    for places, options in (
        (("A", "B"), {"pairing": "pairs", "direction": "BtoA", "mirror": True, "jitter": 0.2}),
        (("A", "B"), {"pairing": "domains", "size": 16}),
        (("AB",), {"pairing": "pairs"}),
        (("digits", "A"), {"size": 16, "color": "grey"}),
    ):
        found = data.open(*places, **options)
        kept = dict(found.options)
        again = data.open(kept.pop("what"), kept.pop("other"), **kept)
        assert again.spec == found.spec
        assert again.signature == found.signature
        assert torch.equal(again.train.take(1, 2, 9).y, found.train.take(1, 2, 9).y)
    assert data.open(np.zeros((9, 8, 8), "uint8"), "A", size=12).options["what"] is None


def test_a_signature_without_the_newer_options_is_what_it_was():
    """Runs that were begun before there were pairs go on."""
    assert data.open("digits").signature == "7b051cf88e66be0a7939753906e9d2d9"


def test_pictures_without_a_partner_are_left_out_on_request(sides, tmp_path, caplog):
    sides([f"{number}.png" for number in range(8)], [f"{number}.png" for number in range(2, 9)])
    (tmp_path / "B" / "5.png").write_bytes(b"no picture")
    with caplog.at_level(logging.INFO, "latentia"):
        found = data.open("A", "B", pairing="pairs", skip_bad=True)
    assert sorted(everything(found)[2]) == ["2.png", "3.png", "4.png", "6.png", "7.png"]
    assert any(note.startswith("left out: 2 of 8 pictures in") and "0.png, 1.png" in note for note in found.notes)


def refused(message, *places, **options):
    with pytest.raises(Refused, match=message) as caught:
        data.open(*places, **options)
    assert len(str(caught.value).splitlines()) <= 2


def test_orphans_are_named_and_counted(sides):
    sides([f"{number}.png" for number in range(6)], [f"{number}.png" for number in range(3, 8)])
    refused(
        r"3 of 6 pictures in .*A have no partner in .*B: 0.png, 1.png, 2.png; 2 of 5 pictures in .*B have no partner "
        r"in .*A: 6.png, 7.png;\npairs are matched by name without its ending, in the same folders; leave them out: "
        r"--skip-bad",
        *("A", "B"),
        pairing="pairs",
    )


def test_names_that_do_not_meet_at_all(sides):
    sides(["1.png"], ["one.png"])
    refused(r"no picture of .*A has the name of one of .*B \(such as 1.png and one.png\)", "A", "B", pairing="pairs")


def test_two_files_of_one_stem(sides):
    sides(["1.png", "1.bmp", "2.png"], ["1.png", "2.png", "3.png"])
    refused(r"A has two pictures called 1: 1.bmp and 1.png; pairs are matched by name", "A", "B", pairing="pairs")


SOME = [(10, 12), (10, 12), (10, 12), (10, 12)]


@pytest.mark.parametrize(
    ("sizes", "others", "options", "message"),
    [
        (SOME, [*SOME[:3], (12, 10)], {}, r"1 of 4 pairs have pictures of two shapes: 3.png \(10 x 12 and 12 x 10\)"),
        (SOME, [*SOME[:3], (12, 10)], {"size": "16"}, r"1 of 4 pairs .*; give them one shape or --fit stretch"),
        (SOME, [(20, 24)] * 4, {}, r"the pictures of a are 10 x 12 and those of b 20 x 24; .*: --size 10x12"),
        ([*SOME[:3], (20, 24)], [*SOME[:3], (20, 24)], {}, r"A has pictures of 2 sizes, .*give one size for all: --si"),
    ],
)
def test_sizes_that_differ(sides, sizes, others, options, message):
    sides([f"{number}.png" for number in range(4)], size=sizes, other_size=others)
    refused(message, "A", "B", pairing="pairs", **options)


def test_sizes_of_one_shape_are_brought_to_one(sides):
    sides([f"{number}.png" for number in range(4)], size=[*SOME[:3], (20, 24)], other_size=[(20, 24)] * 4)
    assert data.open("A", "B", pairing="pairs", size="10x12").spec.y.shape == (3, 12, 10)
    sides([f"{number}.png" for number in range(4)], size=[*SOME[:3], (24, 20)], other_size=[(20, 24)] * 4)
    assert data.open("A", "B", pairing="pairs", size="16", fit="stretch").spec.shape == (1, 16, 16)


def test_an_odd_width_side_by_side(beside):
    beside(width=21)
    refused(
        r"6 of 6 pictures in .* cannot be read: 0.png \(21 pixels wide; two pictures of one width side by side are an "
        r"even number\), .* and 3 more",
        "AB",
        pairing="pairs",
    )


def test_the_same_place_twice(sides, tmp_path):
    sides()
    (tmp_path / "link").symlink_to(tmp_path / "A")
    for pairing in ("pairs", "domains"):
        refused(f"both places are A; {pairing} need two", "A", "./A", pairing=pairing)
        refused(f"both places are link; {pairing} need two", "link", "A", pairing=pairing)
        refused("both places are digits", "digits", "digits", pairing=pairing)
    array = np.zeros((6, 8, 8), "uint8")
    refused("both places are an array", array, array)


def test_domains_that_are_too_small_or_of_two_sizes(sides):
    sides(["1.png"], [f"{number}.png" for number in range(5)])
    refused("a has 1 item; at least 3 are needed: training, validation and test take one each", "A", "B")
    sides([f"{number}.png" for number in range(5)], size=(10, 12), other_size=(8, 8))
    refused(r"the pictures of a are 10 x 12 and those of b 8 x 8; give one size for all: --size 8 ", "A", "B")


def test_csv_files_that_name_no_pairs(sides, tmp_path):
    sides()
    cases = {
        "x,y\nA/0.png,B/0.png\nA/9.png,B/1.png\n": r"names 1 file that is not there: A/9.png; .*from",
        "x,y\nA/9.png,B/9.png\n": r"names 2 files that are not there: A/9.png, B/9.png",
        "only\nA/0.png\n": r"has the column only; pairs need two columns of paths, or columns called a and b",
        "x,y,z\n1,2,3\n": r"has the columns x, y, z; pairs need two columns of paths",
        "x,y\n": r"has no pairs under its header",
    }
    for text, message in cases.items():
        (tmp_path / "pairs.csv").write_text(text)
        refused(f"pairs.csv {message}", "pairs.csv", pairing="pairs")
    refused(r"pairs.csv is one domain; give the other too", "pairs.csv", pairing="domains")


def test_other_things_that_are_no_pairs(sides, tmp_path):
    sides()
    array = np.zeros((6, 8, 8), "uint8")
    np.savez(tmp_path / "x.npz", x=array)
    np.savez(tmp_path / "ab.npz", a=array, b=array[:5])
    refused("x.npz holds x; pairs are looked for under a and b", "x.npz", pairing="pairs")
    refused("a has 6 items and b has 5; pairs need as many of each", "ab.npz", pairing="pairs")
    assert data.open("ab.npz", pairing="domains").spec.pairing == "domains"
    refused("digits has no pairs; give two folders", "digits", pairing="pairs")
    refused("A is one domain; give the other too, or a folder with trainA and trainB", "A", pairing="domains")
    refused("A and an array cannot be matched; pairs are two folders or archives", "A", array, pairing="pairs")
    refused("pairs are given in two places, or as the path of one that holds both", array, pairing="pairs")
    refused("there is no 'C' in|there is no data set and no path 'C'", "A", "C", pairing="pairs")
    refused("array is a table; domains are made of pictures", np.zeros((6, 3)), np.ones((6, 3)))


@pytest.mark.parametrize("option", [{"labels": True}, {"labels_from": "x.csv"}, {"binarize": "static"}])
def test_options_for_one_picture_at_a_time(sides, option):
    sides()
    with pytest.raises(BadField, match=f"{next(iter(option))} is for data of one picture at a time, not for pairs"):
        data.open("A", "B", pairing="pairs", **option)


def test_options_of_the_other_pairing(sides):
    sides()
    with pytest.raises(BadField, match="direction is for pairs; domains are learnt both ways"):
        data.open("A", "B", direction="AtoB")
    with pytest.raises(BadField, match="direction is for pairs; digits was opened as one data set"):
        data.open("digits", direction="AtoB")
    with pytest.raises(BadField, match="jitter is for pictures; array is a table"):
        data.open(np.zeros((6, 3)), jitter=0.1)
    with pytest.raises(BadData, match="at least 8 pixels"):
        data.open(np.zeros((6, 4, 4), "uint8"), np.ones((6, 4, 4), "uint8"), pairing="pairs")
