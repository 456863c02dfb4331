"""What the page asks for and what it is told: runs, latents, files, and bad input in plain words."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import struct
import time
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import latentia as lt
from latentia.tasks.sample import draw

from .conftest import ROWS, Served


def pixels(body: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(body)))


def png(size: tuple[int, int] = (8, 8), seed: int = 0) -> bytes:
    kept = io.BytesIO()
    numbers = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    Image.fromarray(numbers).save(kept, format="PNG")
    return kept.getvalue()


def tried(served: Served, run: str, verb: str, files: dict[str, bytes], **given: Any) -> tuple[str, dict[str, Any]]:
    """Hand files in, ask for a verb, and wait for what comes of it."""
    _, told = served.post("tray", run=run)
    for name, body in files.items():
        status, answer = served.hand_in(told["tray"], name, body)
        assert status == 200, answer
    status, begun = served.post("try", run=run, tray=told["tray"], verb=verb, **given)
    assert status == 200, begun
    until = time.monotonic() + 60
    while time.monotonic() < until:
        _, now = served.get("errand", errand=begun["errand"])
        if now["state"] in ("done", "failed"):
            return told["tray"], now
        time.sleep(0.02)
    raise TimeoutError(verb)


# --- runs ------------------------------------------------------------------------------------------------------------


def test_the_table_tells_every_run_and_names_what_is_damaged(served: Served) -> None:
    _, told = served.get("runs")
    runs = {run["run"]: run for run in told["runs"]}
    assert {"vae", "deep/labelled", "people", "sides", "broken"} <= set(runs)
    assert runs["broken"]["state"] == "damaged"
    assert "recipe.json is damaged" in runs["broken"]["damage"]
    vae = runs["vae"]
    assert (vae["model"], vae["data"], vae["state"], vae["weights"], vae["report"]) == (
        "vae",
        "digits",
        "finished",
        True,
        True,
    )
    scores = [
        row["logs"]["bound"] for row in lt.load(served.folder / "vae").folder.rows() if row["split"] == "validation"
    ]
    assert vae["best"]["value"] == max(scores)
    assert (vae["best"]["unit"], vae["seen"]) == ("nats", max(vae["pictures"]))


def test_a_run_tells_its_course_and_the_figures_of_its_report(served: Served) -> None:
    _, run = served.get("run", run="vae")
    assert run["log"] == [{"said": {}, **row} if "said" in row else row for row in run["log"]]
    assert len(run["log"]) == run["rows"] > 3
    figures = {figure["name"]: figure for figure in run["figures"]}
    assert {"ELBO", "log-likelihood"} <= set(figures)
    assert figures["ELBO"]["unit"] == "nats"
    assert "lower bound on log p(x)" in figures["ELBO"]["meaning"]
    seen = run["pictures"][0]
    status, headers, body = served.ask("GET", f"api/picture?run=vae&seen={seen}")
    assert (status, headers["content-type"]) == (200, "image/png")
    assert body == (served.folder / "vae" / "pictures" / f"{seen:010d}.png").read_bytes()


def test_a_run_that_vanishes_is_said(served: Served) -> None:
    shutil.copytree(served.folder / "vae", served.folder / "soon-gone")
    assert served.get("run", run="soon-gone")[0] == 200
    shutil.rmtree(served.folder / "soon-gone")
    status, told = served.get("run", run="soon-gone")
    assert (status, told["error"]) == (404, "soon-gone is no longer there: it was moved or removed")
    status, told = served.get("about", run="never")
    assert (status, told["error"]) == (404, "never is no run of this folder")


def test_damaged_weights_are_said(served: Served, tmp_path: Path) -> None:
    shutil.copytree(served.folder / "vae", served.folder / "torn")
    (served.folder / "torn" / "weights.safetensors").write_bytes(b"torn")
    status, told = served.get("about", run="torn")
    shutil.rmtree(served.folder / "torn")
    assert status == 404
    assert "weights.safetensors" in told["error"]


# --- latents ---------------------------------------------------------------------------------------------------------


def test_latents_come_with_the_most_telling_first_and_decode_to_what_python_decodes(served: Served) -> None:
    _, about = served.get("about", run="vae")
    carried = [latent["carries"] for latent in about["latents"]]
    assert len(carried) == 12
    assert carried == sorted(carried, reverse=True)
    assert all(latent["low"] < latent["middle"] < latent["high"] for latent in about["latents"])
    z = [round(0.3 * place - 1, 2) for place in range(12)]
    _, picture = served.post("decode", run="vae", z=z)
    wanted = lt.load(served.folder / "vae").decode([z])[0, 0]
    assert np.abs(pixels(picture) - wanted.mul(255).round().numpy()).max() == 0


def test_items_and_walks_are_those_of_the_verbs(served: Served) -> None:
    model = lt.load(served.folder / "vae")
    _, item = served.get("item", run="vae", item="row:3")
    assert np.allclose(item["z"], model.encode(model.data().test.read([3]).x)[0], atol=1e-4)
    _, seed = served.get("item", run="vae", item="seed:17", truncation=0.5)
    assert np.allclose(seed["z"], draw(model.net, [17], 0.5)[0], atol=1e-4)
    _, walk = served.get("walk", run="vae", **{"from": "seed:1", "to": "row:3", "steps": 5})
    assert np.allclose(walk["z"], model.walk(["seed:1", "row:3"], 5).z, atol=1e-4)
    assert len(walk["pictures"]) == 5


def test_a_model_of_labels_is_asked_with_one(served: Served) -> None:
    _, about = served.get("about", run="deep/labelled")
    assert about["classes"] == [str(place) for place in range(10)]
    made = [served.post("decode", run="deep/labelled", z=[0, 0, 0], label=label)[1] for label in ("0", "1")]
    assert made[0] != made[1]
    status, told = served.post("decode", run="deep/labelled", z=[0, 0, 0], label="11")
    assert (status, "the label '11' was never trained" in told["error"]) == (400, True)
    _, row = served.get("item", run="deep/labelled", item="row:0", label="9")
    batch = lt.load(served.folder / "deep" / "labelled").data().test.read([0])
    assert row["label"] == str(int(batch.label[0])), "a row has its own label"


def test_a_place_of_the_map_is_the_code_it_stands_for(served: Served) -> None:
    _, told = served.get("map", run="vae")
    model = lt.load(served.folder / "vae")
    codes = torch.from_numpy(model.encode(model.data().test.read(slice(0, 5)).x)).float()
    mean, axes = torch.tensor(told["mean"]), torch.tensor(told["axes"])
    assert 0 < told["share"] <= 1
    assert torch.allclose((codes - mean) @ axes.T, torch.tensor(told["points"][:5]), atol=2e-3)
    assert torch.allclose(axes @ axes.T, torch.eye(2), atol=1e-4)
    assert len(told["labels"]) == len(told["points"])
    _, ways = served.get("directions", run="vae")
    assert [way["name"] for way in ways["directions"]] == told["names"]


def test_a_generator_has_directions_of_its_own_and_is_asked_by_many_at_once(served: Served) -> None:
    """Its directions are found by listening to its first layer: decoding beside that is not disturbed."""
    z = [0.1 * place for place in range(6)]
    with ThreadPoolExecutor(8) as pool:
        ways = [pool.submit(served.get, "directions", run="gan") for _ in range(4)]
        made = [pool.submit(served.post, "decode", run="gan", z=z) for _ in range(40)]
    assert {status for each in (*ways, *made) for status in [each.result()[0]]} == {200}
    assert len({each.result()[1] for each in made}) == 1
    assert [way["name"] for way in ways[0].result()[1]["directions"]] == [f"axis {place}" for place in range(1, 7)]
    assert served.get("map", run="gan")[1]["items"] == "seed"
    assert served.get("about", run="gan")[1]["latents"][0]["carries"] is None


def test_rows_of_a_table_decode_to_values_in_its_units(served: Served) -> None:
    _, about = served.get("about", run="people")
    assert (about["kind"], about["latents"][0]["name"][0]) == ("table", "z")
    _, row = served.post("decode", run="people", z=[0.0, 0.0])
    told = dict(row["values"])
    assert list(told) == ["age", "income", "city"]
    assert 20 <= float(told["age"]) <= 69
    assert told["city"] in ("north", "south")


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"z": [1.0]}, "this model takes 12 latents"),
        ({"z": "1"}, "this model takes 12 latents"),
        ({"z": ["a"] * 12}, "latents are numbers"),
        ({"z": [1e400] * 12}, "latents are finite numbers"),
        ({"z": [0.0] * 12, "label": "3"}, "not trained with labels"),
        ({"run": 3}, "did not say run"),
        ({"run": "sides", "z": []}, "latents"),
    ],
)
def test_latents_that_cannot_be_are_refused(served: Served, given: dict[str, Any], reason: str) -> None:
    status, told = served.post("decode", **{"run": "vae", **given})
    assert status == 400
    assert reason in told["error"]


@pytest.mark.parametrize(
    "item", ["file:/etc/passwd", "/etc/passwd", "seed:-1", "seed:x", "row:99999", "seed:" + "9" * 30]
)
def test_items_are_seeds_and_rows_alone(served: Served, item: str) -> None:
    status, told = served.get("item", run="vae", item=item)
    assert status == 400, told
    assert "passwd" not in told["error"] or "is no item here" in told["error"]


# --- files -----------------------------------------------------------------------------------------------------------


def test_pictures_are_reconstructed_scored_and_judged(served: Served) -> None:
    files = {"one.png": png(seed=1), "two.png": png((20, 20), 2)}
    tray, done = tried(served, "vae", "reconstruct", files)
    assert done["state"] == "done", done
    assert [item["name"] for item in done["result"]["items"]] == ["one.png", "two.png"]
    status, headers, body = served.ask("GET", f"api/file?tray={tray}&name=reconstructed.zip&keep=1")
    assert (status, "attachment" in headers["content-disposition"]) == (200, True)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert sorted(archive.namelist()) == ["one.png", "two.png"]
        assert pixels(archive.read("one.png")).shape == (8, 8)
    tray, done = tried(served, "vae", "outliers", files)
    assert done["state"] == "done", done
    assert all(item["outlier"] for item in done["result"]["items"]), "noise is no digit"
    assert all(item["after"].startswith("data:image/png;base64,") for item in done["result"]["items"])
    assert "2 of 2 are outliers" in done["result"]["about"]
    _, _, body = served.ask("GET", f"api/file?tray={tray}&name=outliers.csv&keep=1")
    assert body.decode().splitlines()[0] == "item,score,p_value,outlier,reasons"


def test_a_table_is_scored_with_reasons(served: Served) -> None:
    rows = "\n".join([ROWS[0], "25,1100,north", "3000,2000,south"]).encode()
    _, done = tried(served, "people", "score", {"new.csv": rows})
    assert done["state"] == "done", done
    _, done = tried(served, "people", "outliers", {"new.csv": rows})
    worst = done["result"]["items"][0]
    assert worst["name"] == "1"
    columns = re.compile(r"(age = 3000|income = 2000|city = south) \(\+\S+\)")
    others = [why for why in worst["why"] if not columns.fullmatch(why)]
    assert len(others) < len(worst["why"]), worst["why"]
    assert all(why.startswith("the code is far out") for why in others), worst["why"]
    _, done = tried(served, "people", "reconstruct", {"new.csv": rows})
    assert [name for name, _ in done["result"]["items"][0]["after"]] == ["age", "income", "city"]


def test_pictures_are_translated_both_ways_as_large_as_they_are(served: Served) -> None:
    _, told = served.post("tray", run="sides")
    assert [verb for verb in told["verbs"] if verb.startswith("translate")] == told["verbs"][-2:]
    for verb in told["verbs"][-2:]:
        tray, done = tried(served, "sides", verb, {"wide.png": png((20, 36))})
        assert done["state"] == "done", done
        _, _, body = served.ask("GET", f"api/file?tray={tray}&name={done['result']['files'][0]}&keep=1")
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            assert pixels(archive.read("wide.png")).shape == (20, 36, 3)
    kept = io.BytesIO()
    Image.fromarray(np.full((16, 16), 40_000, dtype=np.uint16)).save(kept, format="PNG")
    _, done = tried(served, "sides", told["verbs"][-1], {"deep.png": kept.getvalue()})
    before = pixels(base64.b64decode(done["result"]["items"][0]["before"].partition(",")[2]))
    assert int(before[0, 0, 0]) == round(40_000 / 257), "16 bits are shown as 8"


def bomb() -> bytes:
    """A PNG file of a few kilobytes that says it has 900 million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 10000)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("name", "body", "reason"),
    [
        ("a.png", b"this is text", "a.png cannot be used: no picture"),
        ("a.png", b"", "a.png cannot be used: empty"),
        ("a.png", png()[:60], "a.png cannot be used: "),
        ("a.png", bomb(), "a.png cannot be used: 900,000,000 pixels, at most"),
        ("a.exe", b"MZ", "a.exe is no picture, table or film that is read here"),
        ("../a.png", png(), "'../a.png' cannot be a name here"),
        (".a.png", png(), "'.a.png' cannot be a name here"),
        ("", png(), "'' cannot be a name here"),
    ],
)
def test_what_is_no_picture_is_refused_as_it_comes(served: Served, name: str, body: bytes, reason: str) -> None:
    _, told = served.post("tray", run="vae")
    status, answer = served.hand_in(told["tray"], name, body)
    assert (status, answer["error"][: len(reason)]) == (400, reason)
    tray = served.studio.trays.find(told["tray"])
    assert [path for path in tray.folder.rglob("*") if path.is_file()] == [], "nothing is left behind"


def test_a_file_of_100_mb_is_refused_before_it_is_read_and_while_it_comes(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, told = served.post("tray", run="vae")
    status, answer = served.hand_in(told["tray"], "large.png", b"", **{"Content-Length": str(100 << 20)})
    assert (status, answer["error"]) == (
        400,
        "large.png is larger than 64 MB, which is the most that is taken here; the command line takes any",
    )
    monkeypatch.setattr("latentia.studio.app.limit_of", lambda _: 1 << 20)
    parts = b"".join(b"10000\r\n" + b"\0" * 0x10000 + b"\r\n" for _ in range(17)) + b"0\r\n\r\n"
    place = f"api/upload?tray={told['tray']}&name=large.png"
    status, _, body = served.ask("PUT", place, parts, {"Transfer-Encoding": "chunked"})
    assert status == 400
    assert "larger than 1 MB" in json.loads(body)["error"]
    assert not list(served.studio.trays.find(told["tray"]).folder.iterdir())


def test_files_that_do_not_fit_the_model_are_told_without_our_folders(served: Served) -> None:
    _, done = tried(served, "people", "score", {"other.csv": b"height,weight\n1,2\n3,4\n"})
    assert done["state"] == "failed"
    assert "age" in done["error"], "the columns that it lacks are named"
    assert str(served.studio.trays.folder) not in done["error"]
    _, done = tried(served, "vae", "score", {"rows.csv": b"height,weight\n1,2\n3,4\n"})
    assert "the model was trained on pictures" in done["error"]
    assert str(served.studio.trays.folder) not in done["error"]


def test_one_kind_at_a_time_and_only_what_the_model_can(served: Served) -> None:
    _, told = served.post("tray", run="vae")
    assert served.post("try", run="vae", tray=told["tray"], verb="score")[1]["error"] == "nothing was handed in yet"
    served.hand_in(told["tray"], "a.png", png())
    served.hand_in(told["tray"], "a.png", png(seed=3))
    assert served.studio.trays.find(told["tray"]).files == ["a.png", "a-2.png"]
    _, answer = served.hand_in(told["tray"], "b.csv", b"a\n1\n")
    assert answer["error"] == "b.csv is a table, and what was handed in before is a picture: one kind at a time"
    status, answer = served.post("try", run="vae", tray=told["tray"], verb="translate to A")
    assert (status, "this model cannot 'translate to A'" in answer["error"]) == (400, True)
    assert (
        served.hand_in("wrong", "a.png", png())[1]["error"] == "what was handed in is no longer here; hand it in again"
    )
    assert served.ask("GET", f"api/file?tray={told['tray']}&name=../a.png")[0] == 400


def test_words_that_are_no_request_are_refused(served: Served) -> None:
    for body in (b"{", b"[1]", b'"a"', b"\xff", b"{" + b" " * (1 << 20) + b"}"):
        status, _, told = served.ask("POST", "api/decode", body)
        assert status == 400, body[:10]
        assert "error" in json.loads(told)
    assert served.get("nothing")[0] == 400
    assert served.ask("DELETE", "api/runs")[0] == 405
