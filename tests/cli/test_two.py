"""Two data sets at the command line: what train and info make of DATA_B."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latentia import api
from latentia.cli.train import Wanted
from latentia.data import open as open_data
from latentia.models import load

Call = Callable[..., tuple[int, str, str]]
TINY = ["--images", "16", "--batch", "4", "--every", "16", "--device", "cpu", "--held-out", "0.25", "--quiet"]


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders edges (grey) and photos (colour) of the same names, and AB with both side by side."""
    monkeypatch.setenv("LATENTIA_CACHE", str(tmp_path / "cache"))
    generator = np.random.default_rng(0)
    for number in range(24):
        grey, colour = (generator.integers(0, 256, (16, 16, channels), dtype=np.uint8) for channels in (1, 3))
        both = np.concatenate((np.repeat(grey, 3, 2), colour), 1)
        for root, array in (("edges", grey[..., 0]), ("photos", colour), ("AB", both)):
            (tmp_path / root).mkdir(exist_ok=True)
            Image.fromarray(array).save(tmp_path / root / f"{number}.png")


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(
    ("model", "data", "options", "spec"),
    [
        ("pix2pix", ("edges", "photos"), {"levels": 2}, ("pairs", 3, 1, ["photos", "edges"])),
        ("pix2pix", ("AB",), {"levels": 2, "direction": "BtoA"}, ("pairs", 3, 3, ["a", "b"])),
        ("cyclegan", ("edges", "photos"), {"blocks": 1}, ("domains", 1, 3, ["edges", "photos"])),
    ],
)
def test_a_run_of_two_records_both_and_goes_on_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, data: tuple[str], options: dict, spec: tuple
) -> None:
    monkeypatch.chdir(tmp_path)
    fields = {name: options.pop(name) for name in ("levels", "blocks") if name in options}
    recipe = load(model)(width=4, **fields)
    api.train(recipe, *data, run="run", images=16, batch=4, every=16, device="cpu", held_out=0.25, **options)
    facts = json.loads(Path("run", "recipe.json").read_text())
    found, kept = facts["spec"], facts["data"]["options"]
    assert (found["pairing"], found["shape"][0], found["y"]["shape"][0], found["sides"]) == spec
    assert [kept["what"], kept["other"]] == [str(Path(place).absolute()) for place in data] + [None] * (2 - len(data))
    again = api.resume("run", images=24)
    assert again.facts["budget"] == 24
    assert again.data().signature == facts["data"]["signature"]
    assert again.data().train.take(0, 0, 2).y.shape[1:] == again.spec.y.shape
    assert again.items(data[0]).shape[1:] == again.spec.shape


def test_the_run_is_called_after_both(tmp_path: Path) -> None:
    assert Wanted("cyclegan", "x/horses", "zebras.zip", None, False, None, {}).folder == Path(
        "runs/cyclegan-horses-zebras"
    )
    assert Wanted("vae", "x/horses", None, None, False, None, {}).folder == Path("runs/vae-horses")
    (tmp_path / "two.toml").write_text('model = "cyclegan"\ndata = "a"\ndata_b = "b"\njitter = 0.1\n')
    wanted = Wanted(None, None, None, None, False, None, {}).with_file(tmp_path / "two.toml", load("cyclegan"))
    assert (wanted.data, wanted.data_b, wanted.values) == ("a", "b", {"jitter": 0.1})


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["vae", "edges", "photos"], "vae learns from one data set, an item at a time, not from two domains; models"),
        (["vae", "AB", "--pairing", "pairs"], "not from pairs of input and output; models that do: pix2pix"),
        (["pix2pix", "edges", "photos", "--pairing", "domains"], "pix2pix learns from pairs of input and output, not"),
        (["cyclegan", "AB", "--pairing", "pairs"], "cyclegan learns from two domains, not from pairs of input and"),
        (["cyclegan", "edges"], "edges is one domain; give the other too, or a folder with trainA and trainB"),
        (["cyclegan", "edges", "./edges"], "both places are edges; domains need two"),
        (
            ["cyclegan", "edges", "photos", "--direction", "AtoB"],
            "direction is for pairs; domains are learnt both ways",
        ),
        (["pix2pix", "edges", "photos", "--direction", "BtoC"], "direction is 'BtoC'; it must be one of AtoB, BtoA"),
        (["pix2pix", "digits"], "digits has no pairs; give two folders, or one of pictures with both sides"),
        (["pix2pix", "edges", "fotos"], "there is no 'fotos'|there is no data set and no path 'fotos'"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(call: Call, words: list[str], message: str) -> None:
    code, _, err = call("train", *words, *TINY)
    assert code == 2
    assert any(part in err for part in message.split("|")), err
    assert len(err.splitlines()) <= 2
    assert not Path("runs").exists()


@pytest.mark.usefixtures("places")
def test_info_of_two(call: Call) -> None:
    _, out, _ = call("info", "edges", "photos")
    assert "pairs, from edges (1x16x16) to photos (3x16x16)" in out
    _, out, _ = call("info", "edges", "photos", "--pairing", "domains")
    assert "domains, edges (1x16x16) and photos (3x16x16)" in out
    assert "20 edges, 20 photos" in out
    _, out, _ = call("info", "AB")
    assert "two pictures side by side, --pairing pairs reads them" in out
    _, out, _ = call("info", "AB", "--direction", "BtoA")
    assert "pairs, from b (3x16x16) to a (3x16x16)" in out
    Path("photos", "3.png").unlink()
    _, out, _ = call("info", "edges", "photos", "--json")
    told = json.loads(out)
    assert told["pairing"].startswith("domains")
    assert told["test"] == {"edges": 2, "photos": 2}
    assert "no pairs: 1 of 24 pictures in" in told["notes"][-1]


@pytest.mark.usefixtures("places")
def test_info_draws_pairs_side_by_side(call: Call) -> None:
    assert call("info", "edges", "photos", "-n", "2", "-o", "a.png")[0] == 0
    drawn = np.asarray(Image.open("a.png"))
    found = open_data("edges", "photos", pairing="pairs").train.take(0, 0, 2)
    cell = (drawn.shape[0] - 2 * 3) // 2  # two rows of a pair each, two white pixels around each picture
    for row in range(2):
        for side, x in enumerate((found.y, found.x)):
            top, left = 2 + row * (cell + 2), 2 + side * (cell + 2)
            shown = drawn[top : top + cell, left : left + cell][:: cell // 16, :: cell // 16]
            assert np.array_equal(shown, np.broadcast_to((x[row] * 255).round().permute(1, 2, 0), shown.shape))


def test_info_of_a_run_beside_data(call: Call, run: Path) -> None:
    code, _, err = call("info", run, "digits")
    assert code == 2
    assert "is a run, and digits stands beside it; info tells of one run, or of one or two data sets" in err
