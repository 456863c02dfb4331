"""latentia translate: pictures and folders through tiny runs of both models, and everything it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import latentia as lt
from latentia.models.cyclegan import CycleGAN
from latentia.models.pix2pix import Pix2Pix

Call = Callable[..., tuple[int, str, str]]
QUICK = {"images": 16, "batch": 4, "every": 16, "device": "cpu", "held_out": 0.25}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with edges (grey), photos (colour), and a run of each model on them."""
    root = tmp_path_factory.mktemp("two")
    generator = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTIA_CACHE", str(root / "cache"))
        for number in range(40):
            grey = generator.integers(0, 256, (16, 16), dtype=np.uint8)
            for side, array in (("edges", grey), ("photos", np.stack([grey, 255 - grey, grey], -1))):
                (root / side / "sub").mkdir(parents=True, exist_ok=True)
                Image.fromarray(array).save(root / side / ("sub" if number % 2 else ".") / f"{number}.png")
        two = [str(root / side) for side in ("edges", "photos")]
        lt.train(Pix2Pix(width=4, levels=2), *two, run=root / "pairs", **QUICK)
        lt.train(CycleGAN(width=4, blocks=1), *two, run=root / "domains", **QUICK)
        yield root


@pytest.fixture
def place(runs: Path, tmp_path: Path) -> Path:
    """An empty folder but for an odd photograph."""
    pixels = np.random.default_rng(1).integers(0, 256, (37, 51, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "odd.jpg")
    return tmp_path


def left(place: Path) -> list[str]:
    return sorted(str(each.relative_to(place)) for each in place.rglob("*"))


def test_a_picture_of_any_size(runs: Path, call: Call, place: Path) -> None:
    for number, ending in enumerate(("png", "jpg", "webp", "tif")):
        code, out, err = call("translate", runs / "pairs", "odd.jpg", f"made.{ending}")
        assert (code, out, "1 picture of photos" in err) == (0, "", True)
        with Image.open(place / f"made.{ending}") as made:
            assert (made.size, made.mode) == ((51, 37), "RGB")
            if number == 0:
                kept = np.asarray(made).copy()
    exact = lt.load(runs / "pairs").translate(place / "odd.jpg")
    rounded = (exact[0].permute(1, 2, 0).clamp(0, 1).double() * 255).numpy()
    assert np.abs(rounded - kept).max() <= 0.5 + 1e-4  # to the nearest level, not to the one below
    assert (kept > rounded).any()
    code, _, err = call("translate", runs / "domains", "odd.jpg", "grey.png", "--to", "edges", "--tile", 32, "--quiet")
    assert (code, err) == (0, "")
    with Image.open(place / "grey.png") as made:
        assert (made.size, made.mode) == ((51, 37), "L")


def test_a_folder_keeps_its_names(runs: Path, call: Call, place: Path) -> None:
    code, out, _ = call("translate", runs / "pairs", runs / "edges", "made", "--json")
    assert code == 0
    names = sorted(str(each.relative_to(runs / "edges").with_suffix(".png")) for each in runs.glob("edges/**/*.png"))
    assert sorted(row["out"] for row in json.loads(out)) == [f"made/{name}" for name in names]
    assert left(place / "made") == sorted([*names, "sub"])
    model = lt.load(runs / "pairs")
    (alone,) = model.translate(runs / "edges" / "sub" / "7.png")
    shown = np.asarray(Image.open(place / "made" / "sub" / "7.png"))
    assert np.array_equal(shown, (alone * 255).round().byte().permute(1, 2, 0).numpy())
    before = (place / "made" / "2.png").read_bytes()
    (place / "made" / "mine.txt").write_text("kept")
    (place / "made" / "2.png").write_text("old")
    code, _, err = call("translate", runs / "pairs", runs / "edges", "made")
    assert (code, "--overwrite" in err) == (2, True)
    assert call("translate", runs / "pairs", runs / "edges", "made", "--overwrite")[0] == 0
    assert (place / "made" / "2.png").read_bytes() == before
    assert (place / "made" / "mine.txt").read_text() == "kept"


def test_variants_and_pictures_of_one_stem(runs: Path, call: Call, place: Path) -> None:
    assert call("translate", runs / "pairs", "odd.jpg", "several", "-n", 3, "--seed", 4)[0] == 0
    assert left(place / "several") == ["odd-4.png", "odd-5.png", "odd-6.png"]
    first, second = (np.asarray(Image.open(place / "several" / f"odd-{seed}.png")) for seed in (4, 5))
    assert not np.array_equal(first, second)
    (place / "both").mkdir()
    for ending in ("jpg", "png"):
        Image.open(place / "odd.jpg").save(place / "both" / f"a.{ending}")
    assert call("translate", runs / "pairs", "both", "out")[0] == 0
    assert left(place / "out") == ["a.jpg.png", "a.png.png"]


def test_from_python(runs: Path) -> None:
    model = lt.load(runs / "domains")
    day = torch.rand(2, 3, 9, 14)
    assert model.translate(day, to="edges").shape == (2, 1, 9, 14)
    assert torch.equal(model.translate(day, to="edges"), model.translate(day, to="a"))
    mixed = [Image.new("RGB", (9, 8)), Image.new("RGB", (20, 11))]
    found = model.translations(mixed, to="edges")
    assert [(name, tuple(x.shape)) for name, x in found] == [("0", (1, 1, 8, 9)), ("1", (1, 1, 11, 20))]
    with pytest.raises(ValueError, match=r"pictures of one size have a tensor.*9 x 8 and 20 x 11"):
        model.translate(mixed, to="edges")


def test_bad_input_is_one_line_and_leaves_nothing(runs: Path, run: Path, call: Call, place: Path) -> None:
    (place / "text.png").write_text("text")
    (place / "there.png").write_text("mine")
    (place / "some").mkdir()
    Image.new("L", (20, 20)).save(place / "some" / "good.png")
    whole = (runs / "edges" / "0.png").read_bytes()
    (place / "some" / "short.png").write_bytes(whole[: len(whole) // 2])
    before = left(place)
    pairs, domains = runs / "pairs", runs / "domains"
    refused = {
        (run, "odd.jpg", "x.png"): "cannot translate; models that can: cyclegan, pix2pix",
        (domains, "odd.jpg", "x.png"): "--to",
        (domains, "odd.jpg", "x.png", "--to", "photo"): "did you mean 'photos'",
        (domains, "odd.jpg", "x", "--to", "a", "-n", 2): "one answer",
        (pairs, "odd.jpg", "there.png"): "--overwrite",
        (pairs, "odd.jpg", "x.pdf"): "can be written as .png",
        (pairs, "odd.jpg", "no/x.png"): "there is no folder no",
        (pairs, "odd.jpg", "x.png", "-n", 2): "give a folder: x/",
        (pairs, "odd.jpg", "x.png", "--tile", 9): "at least 32",
        (pairs, "odd.jpg", "x", "-n", 0): "at least 1",
        (pairs, "some", "x.png"): "2 pictures are to be written",
        (pairs, "some", "x"): "short.png in some cannot be read",
        (pairs, "some", "some/in"): "lies in some",
        (pairs, "some", "."): "--overwrite",
        (pairs, "text.png", "x.png"): "no picture",
        (pairs, "none.png", "x.png"): "there is no 'none.png'",
    }
    for words, said in refused.items():
        code, out, err = call("translate", *words)
        assert (code, out, said in err, len(err.splitlines()) < 4) == (2, "", True, True), (words, err)
    assert left(place) == before
    assert (place / "there.png").read_text() == "mine"
    code, _, err = call("translate", pairs, "some", "x", "--skip-bad")
    assert (code, "short.png" in err, left(place / "x")) == (0, True, ["good.png"])


def test_evaluate_on_pairs_that_were_not_seen(runs: Path, call: Call) -> None:
    code, out, err = call(
        "evaluate", runs / "domains", runs / "edges", runs / "photos", "--metrics", "l1,cycle", "--json"
    )
    rows = {row["figure" if "figure" in row else "name"]: row for row in json.loads(out)}
    assert code == 0
    assert {"L1 to edges", "L1 to photos, copy-input", "cycle error of edges"} <= rows.keys()
    assert 0 < rows["L1 to edges"]["samples"] < 40
    assert f"{rows['L1 to edges']['samples']} of 40 pairs" in err
    code, _, err = call("evaluate", runs / "domains", "--metrics", "l1")
    assert (code, "give pairs" in err) == (2, True)
    code, out, _ = call("evaluate", runs / "pairs", "--metrics", "psnr", "--json")
    assert (code, [row["name"] for row in json.loads(out)]) == (0, ["PSNR", "PSNR, copy-input", "PSNR, mean-colour"])


@pytest.mark.parametrize(
    ("model", "fields", "title"),
    [
        ("pix2pix", ["--levels", 2], "Translations to photos"),
        ("cyclegan", ["--blocks", 1], "From edges to photos and back"),
    ],
)
def test_a_training_ends_with_a_report(
    runs: Path, call: Call, place: Path, model: str, fields: list, title: str
) -> None:
    quick = ["--images", 16, "--batch", 4, "--every", 8, "--device", "cpu", "--held-out", 0.25, "--width", 4]
    code, _, err = call("train", model, runs / "edges", runs / "photos", "--run", "made", *fields, *quick)
    assert (code, "report" in err or (place / "made" / "report.html").exists()) == (0, True)
    page = (place / "made" / "report.html").read_text()
    assert all(f"<h2>{each}</h2>" in page for each in (title, "How translations came about", "Held-out figures"))
    assert left(place / "made" / "pictures") == ["0000000008.png", "0000000016.png"]


def test_too_few_held_out_pictures_are_refused_before_training(runs: Path, call: Call, place: Path) -> None:
    code, _, err = call("train", "pix2pix", runs / "edges", runs / "photos", "--held-out", "0.05", "--run", "few")
    assert (code, "--held-out" in err, "here are 2" in err) == (2, True, True)
    assert not (place / "few").exists()


def test_a_run_of_pictures_side_by_side_takes_their_input_half(runs: Path, call: Call, place: Path) -> None:
    (place / "ab").mkdir()
    for number in range(40):
        name = f"{'sub/' * (number % 2)}{number}.png"
        sides = [np.asarray(Image.open(runs / side / name).convert("RGB")) for side in ("edges", "photos")]
        Image.fromarray(np.concatenate(sides, 1)).save(place / "ab" / f"{number}.png")
    data = lt.data.open(place / "ab", pairing="pairs", direction="BtoA", held_out=0.25)
    lt.train(Pix2Pix(width=4, levels=2), data, run=place / "run", images=8, batch=4, every=8, device="cpu")
    with Image.open(place / "ab" / "3.png") as both:
        both.save(place / "both.png")
        both.crop((16, 0, 32, 16)).save(place / "alone.png")
    for words, half in (([], True), (["--halves"], True), (["--no-halves"], False)):
        code, _, err = call("translate", place / "run", "both.png", "made.png", "--overwrite", *words)
        assert (code, "the picture is halved: the right half is the input" in err) == (0, half)
        with Image.open(place / "made.png") as made:
            assert made.size == (16 if half else 32, 16)
        assert call("translate", place / "run", "alone.png", "other.png", "--overwrite")[0] == 0
        if half:
            assert (place / "made.png").read_bytes() == (place / "other.png").read_bytes()
    assert len(lt.load(place / "run").translate(place / "ab")) == 40
    code, _, err = call("translate", runs / "domains", "both.png", "no.png", "--to", "a", "--halves")
    assert (code, "--halves is for models of pairs" in err) == (2, True)
