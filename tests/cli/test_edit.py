"""``edit``, ``map`` and ``weights`` through the real entry point, on a tiny VAE of digits."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import latentia as lt
from latentia.errors import BadData

from .conftest import TINY, Call


@pytest.fixture(scope="module")
def gan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gan") / "gan"
    lt.train(lt.GAN(latent=3, hidden=(8,)), "digits", images=256, batch=64, run=folder, device="cpu")
    return folder


def test_an_edit_goes_towards_a_label_that_the_data_brings(run: Path, call: Call, tmp_path: Path) -> None:
    words = ("edit", run, "row:3", "5", "--towards", "7", "--amount", "-1,0,1.5", "-o", "e.npz")
    code, _, err = call(*words)
    assert code == 0, err
    assert "7: from the mean of" in err
    with np.load(tmp_path / "e.npz") as found:
        assert found["item"].tolist()[:4] == ["row:3 -1", "row:3 +0", "row:3 +1.5", "5 -1"]
        edited = found["x"]
    model = lt.load(run, device="cpu")
    np.testing.assert_allclose(edited[4], model.sample(1, 5)[0], atol=1e-5)
    z = model.latents(["5"]) + 1.5 * model.direction("7").vector
    np.testing.assert_allclose(edited[5], model.decode(z)[0], atol=1e-5)
    kept = model.direction("7", keep=["1", "3"])
    for other in ("1", "3"):
        assert abs(float(kept.vector @ model.direction(other).vector)) < 1e-4


def test_groups_may_be_folders_and_an_edit_a_film(run: Path, call: Call, tmp_path: Path) -> None:
    model = lt.load(run, device="cpu")
    for name, rows in (("a", range(4)), ("b", range(4, 9))):
        (tmp_path / name).mkdir()
        for row, x in zip(rows, model.data().test.read(list(rows)).x, strict=True):
            lt.grid(x[None], cell=8, padding=0).save(tmp_path / name / f"{row}.png")
    words = ("edit", run, "row:3", "--towards", "a", "--away", "b", "--steps", "5", "-o", "e.gif")
    code, _, err = call(*words)
    assert code == 0, err
    assert "a: from the mean of 5 items to that of 4" in err
    with Image.open(tmp_path / "e.gif") as film:
        assert film.n_frames == 5


def test_arithmetic_of_items(run: Path, call: Call, tmp_path: Path) -> None:
    code, _, err = call("edit", run, "1", "--plus", "2", "--minus", "3", "--amount", "1", "-o", "e.npy")
    assert code == 0, err
    model = lt.load(run, device="cpu")
    one, two, three = model.latents(["1", "2", "3"])
    np.testing.assert_allclose(np.load(tmp_path / "e.npy")[0], model.decode((one + two - three)[None])[0], atol=1e-5)


def test_principal_directions_need_no_encoder(gan: Path, call: Call) -> None:
    assert call("edit", gan, "3", "--towards", "principal:2", "--amount", "2", "--steps", "4", "-o", "e.png")[0] == 0
    code, _, err = call("edit", gan, "3", "--towards", "7")
    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "needs a model that has an encoder, and this one has none" in err
    for verb in ("map", "weights"):
        code, _, err = call(verb, gan, "digits")
        assert code == 2
        assert f"{verb} needs a model that" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["1"], "goes towards a group, or adds items"),
        (["1", "--towards", "7", "--plus", "2"], "goes towards a group, or adds items"),
        ([], "edit takes one item or more"),
        (["1", "--towards", "seven"], "'seven' is no label of the data and no file or folder"),
        (["1", "--towards", "principal:9"], "this model has principal:1 to principal:3"),
        (["1", "--towards", "principal:1", "--away", "3"], "comes from no group"),
        (["1", "--plus", "2", "--keep", "3"], "belong to a group"),
        (["1", "--plus", "2"], "1 items to add and 0 to take away"),
        (["1", "--towards", "7", "--amount", "far"], "'far' is no number"),
        (["1", "--towards", "7", "--amount", "1,2", "--steps", "3"], "--steps goes to one amount"),
        (["row:999", "--towards", "7"], "the test split has the rows"),
    ],
)
def test_edits_that_cannot_be_are_refused(run: Path, call: Call, words: list[str], said: str) -> None:
    code, _, err = call("edit", run, *words)
    assert code == 2
    assert said in err
    assert len(err.strip().splitlines()) <= 2


def test_one_label_is_no_direction(tmp_path: Path) -> None:
    x = (np.random.default_rng(0).random((60, 8, 8, 1)) * 255).astype(np.uint8)
    (tmp_path / "all" / "a").mkdir(parents=True)
    for place, each in enumerate(x):
        Image.fromarray(each[..., 0]).save(tmp_path / "all" / "a" / f"{place}.png")
    model = lt.train(lt.VAE(latent=2, hidden=(8,)), tmp_path / "all", images=64, device="cpu")
    with pytest.raises(BadData, match=r"all items of .* are a: a direction needs two groups"):
        model.direction("a")


def test_map_is_a_picture_or_places(run: Path, call: Call, tmp_path: Path) -> None:
    assert call("map", run, "digits", "--cells", "5", "-o", "m.png")[0] == 0
    with Image.open(tmp_path / "m.png") as picture:
        assert min(picture.size) > 500
    assert call("map", run, "digits", "-o", "m.csv")[0] == 0
    rows = list(csv.DictReader((tmp_path / "m.csv").read_text().splitlines()))
    assert (len(rows), list(rows[0])) == (180, ["item", "label", "right", "up"])
    assert call("map", run, "digits", "--cells", "5", "-o", "m.npz")[0] == 0
    with np.load(tmp_path / "m.npz") as found:
        assert found["cells"].shape == (5, 5, 1, 8, 8)
        np.testing.assert_allclose(found["places"][7], [float(rows[7]["right"]), float(rows[7]["up"])])
    assert call("map", run, "digits", "--cells", "1")[0] == 2


def test_weights_are_a_table_and_a_histogram(run: Path, call: Call, tmp_path: Path) -> None:
    code, _, err = call("weights", run, "digits:train", "--within", "-o", "w.csv", "--histogram", "h.png")
    assert code == 0, err
    rows = list(csv.DictReader((tmp_path / "w.csv").read_text().splitlines()))
    assert list(rows[0]) == ["item", "label", "weight", "density"]
    weights = np.array([float(row["weight"]) for row in rows])
    assert weights.mean() == pytest.approx(1, abs=0.01)
    assert (tmp_path / "h.png").stat().st_size > 5_000
    code, _, err = call("weights", run, "digits:train", "--largest", "0.1")
    assert (code, "largest is 0.1" in err) == (2, True)
    np.save(tmp_path / "plain.npy", np.random.default_rng(0).random((20, 1, 8, 8)).astype(np.float32))
    code, _, err = call("weights", run, "plain.npy", "--within")
    assert (code, "--within needs labels, and plain.npy brings none" in err) == (2, True)


def test_a_model_of_labels_is_edited_within_a_label(call: Call, tmp_path: Path) -> None:
    code, _, err = call("train", "vae", "digits", "--labels", "--run", "given", "--quiet", *TINY)
    assert code == 0, err
    assert call("edit", "given", "row:3", "4", "--towards", "7", "--label", "2", "-o", "e.png")[0] == 0
    assert call("map", "given", "digits", "-o", "m.png")[0] == 0
    assert call("weights", "given", "digits", "--within", "-o", "w.csv")[0] == 0
