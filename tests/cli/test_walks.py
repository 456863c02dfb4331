"""Walks and the search for latents through the real entry point, on a tiny VAE and on one whose encoder is hidden."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import latentia
from latentia.cli.main import main
from latentia.cli.progress import Countdown
from latentia.core import Encodes

from .conftest import TINY, Call

HIDDEN = '''"""A VAE that keeps its encoder to itself: like a GAN it draws and decodes, and no more."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from latentia.core import Batch, Group, Noise, Now, Samples, Source, Spec, Update
from latentia.models.vae import VAE


class Blind(nn.Module):
    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner, self.latent = inner, inner.latent

    def draw(self, noise: Noise) -> Tensor:
        return self.inner.draw(noise)

    def decode(self, z: Tensor) -> Tensor:
        return self.inner.decode(z)


@dataclass(frozen=True)
class Hidden(VAE):
    capabilities = frozenset({Samples})

    def build(self, spec: Spec) -> Blind:
        return Blind(super().build(spec))

    def groups(self, net: Blind) -> dict[str, Group]:
        return super().groups(net.inner)

    def prepare(self, net: Blind, source: Source) -> None:
        super().prepare(net.inner, source)

    def settle(self, net: Blind, source: Source) -> None:
        super().settle(net.inner, source)

    def found(self, net: Blind, source: Source) -> list[str]:
        return super().found(net.inner, source)

    def updates(self, net: Blind, batch: Batch, now: Now) -> Iterator[Update]:
        yield from super().updates(net.inner, batch, now)
'''


@pytest.fixture(scope="module")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hidden")
    (folder / "hidden.py").write_text(HIDDEN)
    words = ["train", folder / "hidden.py", "digits", "--run", folder / "run", "--quiet", *TINY]
    assert main([str(word) for word in words]) == 0
    return folder / "run"


def test_a_walk_says_its_length_and_that_even_makes_it_even(run: Path, call: Call, tmp_path: Path) -> None:
    code, out, err = call("interpolate", run, 3, 8, "--steps", 17, "-o", "a.npy", "--json")
    assert code == 0, err
    plain = json.loads(out)
    assert (plain["pictures"], plain["stops"], len(plain["steps"])) == (17, [0, 16], 16)
    assert sum(plain["steps"]) == pytest.approx(plain["length"])
    assert f"the steps vary by {100 * plain['unevenness']:.1f} %" in err
    assert "--even evens them out" in err
    code, out, err = call("interpolate", run, 3, 8, "--steps", 17, "--even", "-o", "b.npy", "--json")
    assert json.loads(out)["unevenness"] < plain["unevenness"] / 2, err
    assert "--even" not in err
    first, second = np.load(tmp_path / "a.npy"), np.load(tmp_path / "b.npy")
    np.testing.assert_array_equal(first[[0, -1]], second[[0, -1]])


@pytest.mark.parametrize("ending", ["gif", "mp4"])
def test_a_film_lasts_the_seconds_it_was_asked_for(run: Path, call: Call, ending: str) -> None:
    pytest.importorskip("av")
    words = ("interpolate", run, 1, 2, 3, "--seconds", 1.5, "--fps", 20, "--loop", "--even", "-o", f"walk.{ending}")
    code, _, err = call(*words)
    assert code == 0, err
    assert "30 pictures" in err
    if ending == "gif":
        with Image.open("walk.gif") as film:
            pauses = []
            for frame in range(film.n_frames):
                film.seek(frame)
                pauses.append(film.info["duration"])
        assert sum(pauses) == 1500
    else:
        import av

        with av.open("walk.mp4") as container:
            assert len(list(container.decode(video=0))) == 30
    assert [path.name for path in Path().iterdir()] == [f"walk.{ending}"]


def test_words_that_do_not_fit_a_walk(run: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    for words, told in [
        (("--steps", 4, "--seconds", 3), "--steps and --seconds both"),
        (("--fps", 0), "--fps is 0; it must be above 0"),
        (("--seconds", -1), "--seconds is -1"),
        (("--seconds", 0.01), "0 frames are too few to meet 2 items; ask for at least 2"),
        (("--steps", 1), "steps is 1, between 2 items"),
        (("--steps", 0), "steps is 0, between 2 items"),
    ]:
        code, _, err = call("interpolate", run, 1, 2, *words)
        assert (code, told in err) == (2, True), err
    monkeypatch.setitem(sys.modules, "av", None)
    code, _, err = call("interpolate", run, 1, 2, "-o", "a.mp4")
    assert (code, "pip install 'latentia[video]'" in err) == (2, True), err
    assert list(Path().iterdir()) == []


def test_a_walk_between_real_items_says_how_far_its_ends_are(run: Path, hidden: Path, call: Call) -> None:
    code, _, err = call("interpolate", run, "row:1", 2, "-o", "a.npy")
    assert code == 0, err
    assert "row:1: by the encoder; residual 0." in err
    code, _, err = call("interpolate", hidden, "row:1", 2, "-o", "b.npy")
    assert code == 0, err
    assert "row:1: no encoder: latents are found by optimisation; residual 0." in err
    assert call("interpolate", hidden, "row:1", 2, "-o", "b.npy", "--quiet")[2] == ""
    said = call("traverse", hidden, "--at", "row:1", "--steps", 2, "-o", "c.npy")[2]
    assert "row:1: no encoder: latents are found by optimisation; residual 0." in said


def test_encode_without_an_encoder_searches(hidden: Path, call: Call, tmp_path: Path) -> None:
    assert call("sample", hidden, "-n", 4, "-o", "x.npy")[0] == 0
    code, out, err = call("encode", hidden, "x.npy", "-o", "a.csv")
    assert (code, out) == (0, ""), err
    assert "no encoder: latents are found by optimisation (8 starts of 200 steps); residual 0.0" in err
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["item", "z1", "z2", "z3", "residual"]
    assert max(float(row["residual"]) for row in rows) < 1 / 16 / 12**0.5 + 0.005, "reading rounds to the 17 levels"
    assert call("encode", hidden, "x.npy", "-o", "b.csv", "--quiet") == (0, "", "")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert call("decode", hidden, "a.csv", "-o", "y.npy")[0] == 0
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), np.load(tmp_path / "x.npy"), atol=0.05)
    code, _, err = call("encode", hidden, "x.npy", "--starts", 1, "--steps", 1, "--json")
    assert (code, "(1 starts of 1 steps)" in err) == (0, True)
    code, _, err = call("encode", hidden, "x.npy", "--starts", 0)
    assert (code, "--starts is 0; it must be at least 1" in err) == (2, True)
    code, _, err = call("encode", hidden, "x.npy", "--std")
    assert (code, "standard deviations" in err) == (2, True)


def test_a_model_with_an_encoder_uses_it(run: Path, hidden: Path, call: Call) -> None:
    code, _, err = call("encode", run, "digits:test", "-o", "a.npy")
    assert (code, err) == (0, "")
    model = latentia.load(run, device="cpu")
    x = model.data().test.read(slice(0, 5)).x
    np.testing.assert_allclose(np.load("a.npy")[:5], model.net.encode(x).numpy(), atol=1e-5)
    blind = latentia.load(hidden, device="cpu")
    assert not isinstance(blind.net, Encodes)
    found = blind.invert(x, starts=3, steps=30)
    assert found.starts.shape == (5, 3)
    assert blind.encode(x[:1]).shape == (1, 3)
    heard: list[str] = []
    walk = blind.walk(["row:0", 3], steps=5, even=True, tell=heard.append)
    np.testing.assert_array_equal(walk.x, blind.interpolate(["row:0", 3], steps=5, even=True))
    assert len(heard) == 1


def test_a_countdown_renews_its_line() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, plain = Terminal(), io.StringIO()
    for stream, quiet in ((terminal, False), (plain, False), (Terminal(), True)):
        countdown = Countdown("searching latents", quiet, stream)
        countdown(1, 4)
        countdown(4, 4)
        countdown.close()
    assert "searching latents  25%" in terminal.getvalue()
    assert "searching latents 100%  0 s left" in terminal.getvalue()
    assert plain.getvalue() == ""
