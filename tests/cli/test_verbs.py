"""Each verb through the real entry point, on a tiny VAE of digits."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import latentia
from latentia.cli.main import VERBS

from .conftest import TINY, Call


def test_train_leaves_a_whole_run(run: Path) -> None:
    names = {path.name for path in run.iterdir()}
    assert {"recipe.json", "log.jsonl", "weights.safetensors", "weights-last.safetensors", "report.html"} <= names
    facts = json.loads((run / "recipe.json").read_text())
    assert facts["recipe"]["latent"] == 3
    assert facts["recipe"]["hidden"] == [16]


def test_the_same_command_on_a_finished_run_changes_nothing(run: Path, call: Call) -> None:
    before = (run / "weights.safetensors").read_bytes()
    code, out, err = call("train", "vae", "digits", "--run", run, *TINY)
    assert code == 0, err
    assert str(run) in out
    assert "is finished" in err
    assert (run / "weights.safetensors").read_bytes() == before


def test_another_recipe_in_the_same_folder_names_the_field(run: Path, call: Call) -> None:
    code, _, err = call("train", "vae", "digits", "--run", run, "--latent", "5", *TINY[2:])
    assert (code, "was trained with latent = 3, now it is 5" in err) == (2, True)
    assert len(err.strip().splitlines()) <= 2
    code, _, err = call("train", "vae", "digits", "--run", run, *TINY, "--size", "16", "--quiet")
    assert (code, "was trained on other data: size was None, now it is '16'" in err) == (2, True)
    code, _, err = call("train", "vae", "shapes", "--run", run, *TINY, "--rate", "1e-4", "--quiet")
    assert (code, "was trained on other data: name was 'digits', now it is 'shapes'" in err) == (2, True)


def test_a_run_goes_on_with_a_larger_budget_and_its_own_folder(call: Call, tmp_path: Path) -> None:
    code, out, err = call("train", "vae", "digits", *TINY, "--json")
    assert code == 0, err
    folder = Path(json.loads(out)["run"])
    assert folder == Path("runs/vae-digits")
    assert "held out" in err
    code, _, err = call("train", "--run", folder, "--images", "1.5k", "--quiet")
    assert (code, err) == (0, "")
    assert json.loads((tmp_path / folder / "recipe.json").read_text())["budget"] >= 1500
    code, _, err = call("train", "--run", folder, "--latent", "5")
    assert code == 2
    assert "--latent was decided when runs/vae-digits began" in err
    code, out, err = call("train", "vae", "digits", *TINY, "--fresh", "--quiet")
    assert (code, out.split()[1]) == (0, "runs/vae-digits-2"), err


def test_flags_win_over_a_file_of_fields(call: Call, tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(
        'model = "vae"\ndata = "digits"\nlatent = 7\nhidden = [16]\nimages = "300"\ndevice = "cpu"\nbeta = "0:1@200"\n'
    )
    code, out, err = call("train", "--config", "small.toml", "--latent", "2", "--quiet")
    assert code == 0, err
    facts = json.loads((tmp_path / out.split()[1] / "recipe.json").read_text())
    assert (facts["recipe"]["latent"], facts["recipe"]["hidden"], facts["recipe"]["beta"]) == (2, [16], "0:1@200")
    (tmp_path / "wrong.toml").write_text("latnt = 7\n")
    code, _, err = call("train", "vae", "digits", "--config", "wrong.toml")
    assert code == 2
    assert "no field 'latnt'; did you mean 'latent'" in err


def test_sample_is_a_picture_of_seeds(run: Path, call: Call, tmp_path: Path) -> None:
    assert call("sample", run, "-n", "6", "--seed", "4", "--numbers", "-o", "a.png") == (0, "", "")
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size[0] > 8
    assert call("sample", run, "-n", "6", "--seed", "4", "-o", "a.npz")[0] == 0
    assert call("sample", run, "-n", "2", "--seed", "8", "-o", "b.npy")[0] == 0
    with np.load(tmp_path / "a.npz") as found:
        assert found["x"].shape == (6, 1, 8, 8)
        assert found["item"].tolist()[0] == "seed:4"
        np.testing.assert_array_equal(found["x"][4:], np.load(tmp_path / "b.npy"))
    _, out, _ = call("sample", run, "-n", "2")
    assert out.splitlines()[0].split() == ["item", "shape", "lowest", "mean", "highest"]
    _, out, _ = call("sample", run, "-n", "2", "--json")
    assert np.array(json.loads(out)[1]["x"]).shape == (1, 8, 8)


def test_every_form_of_items(run: Path, call: Call, tmp_path: Path) -> None:
    for out in ("a.png", "a.gif", "a.npz", "a.npy", "a.csv", "a.json", "a/"):
        assert call("sample", run, "-n", "3", "-o", out) == (0, "", ""), out
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 3
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == [f"{i}-seed-{i}.png" for i in range(3)]
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 4
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_number_edited_in_the_codes_file_moves_one_item(run: Path, call: Call, tmp_path: Path) -> None:
    assert call("encode", run, "digits", "-o", "codes.csv") == (0, "", "")
    rows = list(csv.DictReader((tmp_path / "codes.csv").read_text().splitlines()))
    assert list(rows[0]) == ["item", "z1", "z2", "z3"]
    assert len(rows) == 180
    assert call("decode", run, "codes.csv", "-o", "before.npy")[0] == 0
    rows[5]["z2"] = "2.5"
    with (tmp_path / "codes.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert call("decode", run, "codes.csv", "-o", "after.npy")[0] == 0
    before, after = np.load(tmp_path / "before.npy"), np.load(tmp_path / "after.npy")
    moved = np.abs(before - after).reshape(180, -1).max(1)
    assert moved[5] > 1e-3
    assert np.delete(moved, 5).max() < 1e-5
    model = latentia.load(run, device="cpu")
    np.testing.assert_allclose(before, model.reconstruct("digits").numpy(), atol=1e-5)


@pytest.mark.parametrize("ending", ["csv", "json", "npz", "npy"])
def test_codes_come_back_from_every_form(ending: str, run: Path, call: Call, tmp_path: Path) -> None:
    assert call("encode", run, "digits", "--std", "-o", f"codes.{ending}")[0] == 0
    assert call("decode", run, f"codes.{ending}", "-o", "x.npz")[0] == 0
    with np.load(tmp_path / "x.npz") as found:
        assert found["x"].shape == (180, 1, 8, 8)
        np.testing.assert_allclose(found["x"], latentia.load(run, device="cpu").reconstruct("digits"), atol=1e-5)


def test_deviations_stand_beside_the_codes(run: Path, call: Call) -> None:
    code, out, _ = call("encode", run, "digits", "--std", "--json")
    row = json.loads(out)[0]
    assert code == 0
    assert list(row) == ["item", "z1", "z2", "z3", "std1", "std2", "std3"]
    assert all(0 < row[f"std{i}"] < 10 for i in (1, 2, 3))


BROKEN = [
    ("a.csv", "item,z1,z2,z3\na,1,2,x\n", "item 1: z3 is 'x'; it must be a number"),
    ("a.csv", "item,z1,z2,z3\na,1,2,nan\n", "finite"),
    ("a.csv", "item,x,y\na,1,2\n", "no column z1"),
    ("a.csv", "item,z1,z2\na,1,2\n", "(N, 3)"),
    ("a.json", "{", "is no codes file"),
    ("a.json", '[{"z1": 1, "z2": 2, "z3": 3}, {"z1": 1}]', "rows of [1, 3] latents"),
    ("a.npy", "no array", "is no codes file"),
    ("a.txt", "1 2 3", "ends in '.txt'"),
]


@pytest.mark.parametrize(("name", "text", "said"), BROKEN, ids=lambda value: value if len(value) < 12 else "")
def test_a_broken_codes_file_is_refused(name: str, text: str, said: str, run: Path, call: Call, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    code, _, err = call("decode", run, name, "-o", "x.png")
    assert said in err
    assert code == 2
    assert not (tmp_path / "x.png").exists()


def test_a_codes_file_never_runs_code(run: Path, call: Call, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{"z1": 1}], dtype=object), allow_pickle=True)
    code, _, err = call("decode", run, "a.npy")
    assert code == 2
    assert "is no codes file" in err


OUTS = [
    (
        ["sample"],
        "a.jpg",
        "a.jpg ends in '.jpg'; this can be written as .png, .gif, .mp4, .npz, .npy, .csv, .parquet, .json, folder/",
    ),
    (["sample"], "a", "a has no ending"),
    (["sample"], "none/a.png", "there is no folder none"),
    (["evaluate"], "a.png", "a.png ends in '.png'; this can be written as .csv, .json"),
    (["encode", "digits"], "a/", "a/ is a folder; this can be written as .csv, .json, .npz, .npy"),
]


@pytest.mark.parametrize(("words", "out", "said"), OUTS)
def test_an_unknown_form_is_refused_before_the_work(
    words: list[str], out: str, said: str, run: Path, call: Call, tmp_path: Path
) -> None:
    code, _, err = call(words[0], run, *words[1:], "-o", out)
    assert said in err
    assert code == 2
    assert not list(tmp_path.iterdir())


def test_nothing_half_written_is_left(run: Path, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(b"old")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    code, _, err = call("sample", run, "-o", "a.png")
    assert (code, err) == (2, "latentia: cannot write a.png: No space left on device\n")
    assert (tmp_path / "a.png").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_reconstruct_sets_items_beside_what_was_made_of_them(run: Path, call: Call, tmp_path: Path) -> None:
    code, _, err = call("reconstruct", run, "digits", "-o", "a.png")
    assert code == 0
    assert "the first 32 of 180" in err
    assert call("reconstruct", run, "digits", "-n", "5", "-o", "a.npy")[0] == 0
    assert call("reconstruct", run, "digits", "-n", "5", "--draws", "4", "-o", "b.npy")[0] == 0
    assert np.load(tmp_path / "a.npy").shape == (5, 1, 8, 8)
    draws = np.load(tmp_path / "b.npy").reshape(5, 4, -1)
    assert draws.std(1).max() > 0


def test_interpolate_meets_its_ends(run: Path, call: Call, tmp_path: Path) -> None:
    assert call("interpolate", run, "3", "seed:8", "row:2", "--steps", "5", "-o", "a.npy")[0] == 0
    assert call("sample", run, "-n", "9", "-o", "b.npy")[0] == 0
    way, seeds = np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy")
    assert len(way) == 9
    np.testing.assert_allclose(way[[0, 4]], seeds[[3, 8]], atol=1e-5)
    code, _, err = call("interpolate", run, "3", "8", "--how", "slrp")
    assert (code, 'Did you mean "slerp"?' in err) == (2, True)
    code, _, err = call("interpolate", run, "3", "row:9999")
    assert (code, "rows 0 to 179" in err) == (2, True)
    code, _, err = call("interpolate", run, "3", "nothing.png")
    assert (code, "nothing.png" in err) == (2, True)


@pytest.mark.parametrize("words", [(), ("--loop",), ("--even", "--loop")])
def test_a_picture_of_a_walk_has_a_row_for_each_leg(run: Path, call: Call, tmp_path: Path, words: tuple[str]) -> None:
    assert call("interpolate", run, 3, 8, 5, "--steps", 5, "-o", "a.png", *words)[0] == 0
    assert call("sample", run, "-n", 9, "-o", "b.npy")[0] == 0
    seeds = (np.load(tmp_path / "b.npy")[:, 0] * 255).round()
    legs = [(3, 8), (8, 5), (5, 3)][: 3 if "--loop" in words else 2]
    with Image.open(tmp_path / "a.png") as image:
        cells = np.asarray(image, dtype=float)
    assert cells.shape[0] == 2 + 58 * len(legs)  # 8 pixels, enlarged to 56, and a gap of 2
    for row, (first, last) in enumerate(legs):
        found = [cells[2 + 58 * row :, 2 + 58 * i :][:56:7, :56:7] for i in range((cells.shape[1] - 2) // 58)]
        shown = [cell for cell in found if cell.min() < 255]
        np.testing.assert_allclose(shown[0], seeds[first], atol=1)
        np.testing.assert_allclose(shown[-1], seeds[last], atol=1)
        assert "--even" in words or len(shown) == 5


def test_bad_pictures_can_be_left_out_by_the_verbs_that_advise_it(run: Path, call: Call, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        Image.new("L", (8, 8), 90).save(tmp_path / f"{name}.png")
    (tmp_path / "b.png").write_bytes(b"")
    for verb in ("encode", "reconstruct"):
        code, _, err = call(verb, run, ".", "--json")
        assert (code, "--skip-bad" in err) == (2, True)
        code, out, err = call(verb, run, ".", "--skip-bad", "--json")
        assert code == 0, err
        assert [row["item"] for row in json.loads(out)] == ["a.png", "c.png"]


def test_a_file_is_read_as_the_data_of_the_run_was(run: Path) -> None:
    """Not square: ``fit`` decides what the net sees, for the ends of a walk as for encode."""
    model = latentia.load(run)
    model.folder.facts["data"]["options"]["fit"] = "pad"
    wide = np.tile(np.linspace(0, 255, 24, dtype=np.uint8), (8, 1))
    path = run.parent / "wide.png"
    Image.fromarray(wide).save(path)
    np.testing.assert_allclose(model.latents([str(path)]).numpy(), model.encode(str(path)), atol=1e-6)


def test_traverse_moves_one_latent_at_a_time(run: Path, call: Call, tmp_path: Path) -> None:
    assert call("traverse", run, "--at", "row:3", "--latents", "3,z1", "--steps", "4", "-o", "a.npz")[0] == 0
    with np.load(tmp_path / "a.npz") as found:
        assert found["x"].shape == (8, 1, 8, 8)
        assert {name.partition("=")[0] for name in found["item"]} == {"z1", "z3"}
    for wrong, said in (("z7", "names z7; this model has z1 to z3"), ("0", "names z0;"), ("a", "is 'a'; write their")):
        code, _, err = call("traverse", run, "--latents", wrong)
        assert (code, f"--latents {said}" in err) == (2, True), err
    code, _, err = call("traverse", run, "--steps", "1")
    assert (code, "--steps is 1; it must be at least 2" in err) == (2, True)


def test_a_film_of_a_traversal_moves_all_latents_there_and_back(run: Path, call: Call, tmp_path: Path) -> None:
    assert call("traverse", run, "--steps", "5", "-o", "a.gif")[0] == 0
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == 8
        frames = []
        for place in range(8):
            film.seek(place)
            frames.append(np.array(film.convert("L"), dtype=float))
    size = 2 * 8 + 1  # three latents in a square of four
    assert frames[0].shape[0] % size == frames[0].shape[1] % size == 0
    assert all(np.abs(frames[i] - frames[8 - i]).mean() < 1 for i in (1, 2, 3))
    assert np.abs(frames[0] - frames[4]).mean() > 1
    moved = latentia.load(run, device="cpu").traverse(steps=5)[2]
    factor = frames[0].shape[0] // size
    corner = frames[4][: 8 * factor : factor, : 8 * factor : factor] / 255
    np.testing.assert_allclose(corner, moved[0, 4, 0].clamp(0, 1), atol=0.02)


def test_a_latent_has_the_same_name_in_a_codes_file_and_in_a_traversal(run: Path, call: Call, tmp_path: Path) -> None:
    assert call("traverse", run, "--at", "row:0", "--latents", "z2", "--steps", "3", "-o", "a.npz")[0] == 0
    with np.load(tmp_path / "a.npz") as found:
        moved = [float(name.removeprefix("z2=")) for name in found["item"]]
        held = latentia.load(run, device="cpu").encode(latentia.data.open("digits").test.read([0]).x)[0]
        (tmp_path / "codes.csv").write_text(
            "item,z1,z2,z3\n" + "".join(f"a,{held[0]},{value},{held[2]}\n" for value in moved)
        )
        assert call("decode", run, "codes.csv", "-o", "b.npy")[0] == 0
        np.testing.assert_allclose(np.load(tmp_path / "b.npy"), found["x"], atol=0.02)  # names round to 3 digits


def test_evaluate_says_what_each_figure_means(run: Path, call: Call, tmp_path: Path) -> None:
    code, out, _ = call("evaluate", run, "--draws", "20")
    assert code == 0
    assert "ELBO" in out
    assert "bits/dim" in out
    _, out, _ = call("evaluate", run, "--draws", "20", "--json")
    figures = {row["name"]: row for row in json.loads(out)}
    assert figures["log-likelihood"]["value"] > figures["ELBO"]["value"]
    assert call("evaluate", run, "--draws", "20", "-o", "a.csv") == (0, "", "")
    rows = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert float(rows[0]["value"]) == pytest.approx(figures["ELBO"]["value"], rel=1e-6)
    code, _, err = call("evaluate", run, "--split", "tset")
    assert (code, "test" in err) == (2, True)


def test_compare_sets_runs_side_by_side(run: Path, call: Call) -> None:
    code, out, err = call("compare", run, run, "--draws", "10")
    assert code == 0, err
    assert "ELBO" in out
    code, out, _ = call("compare", run, run, "--draws", "10", "--json")
    row = json.loads(out)[0]
    assert row["figure"] == "ELBO"
    assert row[f"{run} (1)"] == row[f"{run} (2)"]


def test_runs_of_different_data_are_not_compared(run: Path, call: Call) -> None:
    assert call("train", "vae", "digits", *TINY, "--binarize", "static", "--run", "other", "--quiet")[0] == 0
    code, _, err = call("compare", run, "other")
    assert code == 2
    assert "other were trained on different data: digits with other options" in err


def test_info_of_a_run_shows_the_hourglass(run: Path, call: Call) -> None:
    code, out, _ = call("info", run)
    assert code == 0
    wanted = ("x ", "z ", "x-hat", "1x8x8", "latent 3", "hidden 16", "average 100000,", "1,000 images")
    assert [word for word in wanted if word not in out] == []
    told = "".join(line for line in out.splitlines() if line.split()[0] in ("fields", "items", "training", "budget"))
    assert not re.search(r"[\[\](){}]|None|False|\.0\b", told)
    _, out, _ = call("info", run, "--json")
    found = json.loads(out)
    assert (found["fields"]["hidden"], found["items"]["test"]) == ([16], 180)
    weights = sum(tensor.numel() for tensor in latentia.load(run, device="cpu").net.parameters())
    assert found["weights"] == weights == sum(row["weights"] for row in found["layers"])


def test_info_of_data(call: Call, tmp_path: Path) -> None:
    code, out, _ = call("info", "digits", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["shape"], found["train"], found["validation"], found["test"]) == ("1x8x8", 1437, 180, 180)
    assert len(found["classes"]) == 10
    np.save(tmp_path / "a.npy", np.zeros((20, 9, 10), dtype=np.uint8))
    code, out, _ = call("info", "a.npy")
    assert code == 0
    assert "1x9x10" in out
    code, out, _ = call("info", "a.npy", "--size", "12x16", "--color", "rgb")
    assert code == 0
    assert "3x16x12" in out


def test_info_draws_the_data_as_a_training_sees_it(run: Path, call: Call, tmp_path: Path) -> None:
    assert call("info", "digits", "-n", "6", "-o", "a.png")[0] == 0
    assert call("info", "digits", "-n", "6", "-o", "b.png", "--no-labels")[0] == 0
    with Image.open(tmp_path / "a.png") as named, Image.open(tmp_path / "b.png") as bare:
        assert named.size[0] == bare.size[0]
        assert named.size[1] == bare.size[1] + 3 * 16  # the class stands under each of three rows
    np.save(tmp_path / "t.npy", np.random.default_rng(0).normal(size=(20, 3)))
    for words, said in (
        (("t.npy", "-o", "c.png"), "t is a table; -o draws pictures"),
        ((run, "--size", "16"), "--size is for data"),
        ((run, "-o", "c.png"), "-o is for data"),
        (("digits", "-o", "c.gif"), "c.gif ends in '.gif'; this can be written as .png"),
        (("digits", "-o", "c.png", "-n", "0"), "--count is 0"),
    ):
        code, _, err = call("info", *words)
        assert (code, said in err) == (2, True), err
    assert not list(tmp_path.glob("c.*"))


def test_what_happens_to_items_on_their_way_is_said(run: Path, call: Call, tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((4, 32, 24), dtype=np.uint8))
    brought = "the pictures are brought from 24 x 32"
    assert call("encode", run, "a.npy")[2] == f"a: {brought} grey to 8 x 8 grey, as the model takes them\n"
    assert call("encode", run, "a.npy", "--quiet")[2] == ""
    (tmp_path / "pictures").mkdir()
    for name in "abcd":
        Image.new("L", (24, 32), 50).save(tmp_path / "pictures" / f"{name}.png")
    assert call("encode", run, "pictures/a.png")[2] == f"{brought} to 8 x 8, as the model takes them\n"
    first, second = (call("encode", run, "pictures")[2].splitlines() for _ in range(2))
    assert second == [f"{brought} to 8 x 8"]
    assert [first[0].startswith("decoding 4 pictures into a cache of"), first[1:]] == [True, second]
    assert call("encode", run, "digits")[2] == ""


def test_the_size_of_the_cache_is_said_once_and_before_it_is_written(call: Call, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in "abcdef":
        Image.new("L", (8, 8), 10 * ord(name) % 255).save(tmp_path / "pictures" / f"{name}.png")
    tiny = ["--latent", "3", "--hidden", "16", "--images", "30", "--batch", "3", "--every", "30", "--device", "cpu"]
    code, _, err = call("train", "vae", "pictures", *tiny)
    assert code == 0, err
    assert err.count("decoding 6 pictures into a cache of 0 kB") == 1
    assert err.startswith("decoding")


def test_models_and_datasets_are_listed(call: Call) -> None:
    _, out, _ = call("models", "--json")
    rows = {row["name"]: row["can"].split(", ") for row in json.loads(out)}
    assert rows.keys() >= {"autoencoder", "vae"}
    assert {verb for can in rows.values() for verb in can} <= VERBS.keys()
    assert all(len(can) == len(set(can)) for can in rows.values())
    assert all("" not in can for can in rows.values())  # each can do something
    assert {"translate", "evaluate"} <= set(rows["pix2pix"]) & set(rows["cyclegan"])
    assert "evaluate" in rows["vae"]
    _, out, _ = call("datasets")
    assert "digits" in out
    assert "terms:" in out


def test_a_damaged_run_is_refused(run: Path, call: Call, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "recipe.json").write_text((run / "recipe.json").read_text())
    code, _, err = call("sample", "broken")
    assert (code, "no weights yet" in err) == (2, True)
    (broken / "weights.safetensors").write_bytes((run / "weights.safetensors").read_bytes()[:200])
    code, _, err = call("sample", "broken")
    assert (code, "weights.safetensors" in err) == (2, True)
    (broken / "recipe.json").write_text("{")
    code, _, err = call("sample", "broken")
    assert (code, "recipe.json is damaged" in err) == (2, True)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
@pytest.mark.parametrize("verb", ["sample", "evaluate", "traverse"])
def test_a_device_that_is_not_there(verb: str, run: Path, call: Call) -> None:
    code, _, err = call(verb, run, "--device", "cuda")
    assert code == 2
    assert "cuda" in err
    assert len(err.strip().splitlines()) <= 2


def test_the_batch_changes_nothing_but_memory(run: Path, call: Call, tmp_path: Path) -> None:
    assert call("reconstruct", run, "digits", "-o", "a.npy")[0] == 0
    assert call("reconstruct", run, "digits", "--batch", "7", "-o", "b.npy")[0] == 0
    np.testing.assert_allclose(np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy"), atol=1e-5)


@pytest.mark.parametrize(
    "words",
    [
        ("sample", "{run}", "-n", "2", "-o", "{out}.png"),
        ("encode", "{run}", "digits:test", "-o", "{out}.csv"),
        ("encode", "{run}", "digits:test", "-o", "{out}.npz"),
        ("reconstruct", "{run}", "digits:test", "-n", "2", "-o", "{out}.png"),
        ("traverse", "{run}", "-o", "{out}.gif"),
    ],
    ids=lambda words: " ".join([words[0], words[-1][-4:]]),
)
def test_json_tells_a_program_where_the_result_is(
    words: tuple[str, ...], run: Path, call: Call, tmp_path: Path
) -> None:
    own = [word.format(run=run, out=tmp_path / "made") for word in words]
    code, out, _ = call(*own, "--json")
    assert code == 0
    assert json.loads(out) == [{"out": own[-1]}]
    assert Path(own[-1]).exists()
