"""Tables through the command line: columns in, the same columns out."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import latentia as lt
from latentia.cli import tables
from latentia.cli.main import main

customers = importlib.import_module("tests.data.tables.conftest").customers
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tables") / "customers.csv"
    customers().to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def run(table: Path) -> Path:
    folder = table.parent / "run"
    words = [
        "--latent",
        "2",
        "--hidden",
        "16",
        "--prior",
        "normal",
        "--images",
        "2k",
        "--every",
        "2k",
        "--device",
        "cpu",
        "--quiet",
    ]
    assert main(["train", "vae", str(table), "--run", str(folder), *words]) == 0
    return folder


def test_a_tolerance_saves_draws_and_tells_of_each_row_what_the_model_does(run: Path, table: Path, call: Call) -> None:
    asked = ("score", run, table, "--draws", 64, "--json")
    rows = [json.loads(call(*asked, *more)[1]) for more in ((), ("--tolerance", 0.5))]
    value = np.array([row["log_prob"] for row in rows[1]])
    np.testing.assert_allclose(value, lt.load(run).log_prob(table, draws=64, tolerance=0.5).value, rtol=1e-9)
    changed = value != [row["log_prob"] for row in rows[0]]
    assert 0 < changed.sum() < len(value)
    assert "tolerance is -1" in call(*asked, "--tolerance", -1)[2]


def test_samples_are_a_table_like_the_one_that_went_in(run: Path, table: Path, call: Call, tmp_path: Path) -> None:
    frame = pd.read_csv(table)
    for out in ("a.csv", "a.parquet"):
        assert call("sample", run, "-n", 40, "--seed", 5, "-o", out) == (0, "", "")
    made, same = pd.read_csv(tmp_path / "a.csv"), pd.read_parquet(tmp_path / "a.parquet")
    assert list(made.columns) == list(same.columns) == list(frame.columns)
    assert made.drop(columns="note").dtypes.equals(frame.drop(columns="note").dtypes)
    assert str(same["since"].dtype) == "datetime64[us]"
    assert made["customer"].tolist() == list(range(1305, 1345))
    assert made["age"].between(frame["age"].min(), frame["age"].max()).all()
    assert set(made["region"]) <= set(frame["region"])
    np.testing.assert_array_equal(made["income"], made["income"].round(2))
    model = lt.load(run)
    assert model.sample(2, 17).equals(model.sample(14, 5).iloc[12:].reset_index(drop=True))
    assert (made["gain"] == 0).mean() > 0.5  # draws of p(x|z), atoms among them, not its mean
    _, text, _ = call("sample", run, "-n", 2, "--json")
    assert [row["customer"] for row in json.loads(text)] == [1300, 1301]
    shown = call("sample", run, "-n", 40, "--seed", 5)[1].splitlines()
    assert [line.split()[2] for line in shown[1:]] == [f"{value:.15g}" for value in made["income"]]  # all digits
    assert [line.split()[6] for line in shown[1:]] == made["since"].tolist()  # 2021-06-09, as the CSV has it


def test_times_are_told_no_finer_than_they_are() -> None:
    frame = pd.DataFrame(
        {
            "zoned": pd.to_datetime(["2020-01-01", "2020-01-02"]).tz_localize("Europe/Berlin"),
            "second": pd.to_datetime(["2020-01-01T00:00:07", None]).astype("datetime64[us]"),
            "milli": pd.to_datetime(["2020-01-01T00:00:07.25", "2020-01-01"], format="ISO8601"),
        }
    )
    first, second = tables._rows(frame, [], None)
    assert list(first.values()) == ["2020-01-01T00:00:00+01:00", "2020-01-01T00:00:07", "2020-01-01T00:00:07.250000"]
    assert list(second.values()) == ["2020-01-02T00:00:00+01:00", None, "2020-01-01T00:00:00"]


def test_given_columns_are_given(run: Path, call: Call, tmp_path: Path) -> None:
    code, _, err = call("sample", run, "-n", 5, "--given", "region=south", "--given", "income=1e7", "-o", "a.csv")
    assert (code, "effective sample size" in err) == (0, True)
    made = pd.read_csv(tmp_path / "a.csv")
    assert (made["region"].unique().tolist(), made["income"].unique().tolist()) == (["south"], [1e7])
    for word, said in (
        ("region=sout", "did you mean 'south'?"),
        ("region", "write COLUMN=VALUE"),
        ("x=1", "no column"),
    ):
        code, _, err = call("sample", run, "--given", word)
        assert (code, said in err) == (2, True), err


def test_reconstructions_and_walks_are_tables_too(run: Path, table: Path, call: Call, tmp_path: Path) -> None:
    assert call("reconstruct", run, table, "-n", 4, "-o", "a.csv") == (0, "", "")
    assert list(pd.read_csv(tmp_path / "a.csv").columns) == list(pd.read_csv(table).columns)
    assert call("reconstruct", run, table, "-n", 2, "--draws", 3, "-o", "b.csv")[0] == 0
    assert len(pd.read_csv(tmp_path / "b.csv")) == 6
    assert call("interpolate", run, 1, 2, "--steps", 3, "-o", "c.csv")[0] == 0
    assert pd.read_csv(tmp_path / "c.csv")["item"].tolist() == ["step:0", "step:1", "step:2"]
    assert call("traverse", run, "--latents", 1, "--steps", 2, "-o", "d.parquet")[0] == 0
    assert call("encode", run, table, "-o", "z.csv")[0] == call("decode", run, "z.csv", "-o", "e.csv")[0] == 0
    assert len(pd.read_csv(tmp_path / "e.csv")) == 300
    shuffled = pd.read_csv(table).sample(frac=1, axis=1, random_state=0)
    model = lt.load(run)
    np.testing.assert_array_equal(model.encode(shuffled), model.encode(table))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("sample", "RUN", "-o", "a.npy"),
            "a.npy: column 'region' is not made of numbers; write .csv, .parquet or .json",
        ),
        (("sample", "RUN", "-o", "a.png"), "rows of a table are no pictures; write them as .csv, .parquet"),
        (("train", "gan", "TABLE", "--images", "100"), "gan makes numbers, and column 'region' is categorical"),
        (("train", "vae", "TABLE", "--columns", "none.toml"), "--columns none.toml: No such file"),
    ],
)
def test_what_cannot_be_done(run: Path, table: Path, call: Call, words: tuple[str, ...], said: str) -> None:
    named = {"RUN": str(run), "TABLE": str(table)}
    code, _, err = call(*(named.get(word, word) for word in words))
    assert (code, said in err) == (2, True), err
    assert not Path("runs").exists()


def test_info_shows_the_columns(table: Path, call: Call) -> None:
    code, out, _ = call("info", table)
    lines = {line.split()[0]: line for line in out.splitlines() if line.startswith("   ")}
    assert code == 0
    assert "integer" in lines["age"]
    assert "east, north, south" in lines["region"]
    assert "often 0" in lines["gain"]
    assert "left out" in lines["customer"]
    found = {row["column"]: row for row in json.loads(call("info", table, "--json")[1])["columns"]}
    assert (found["gap"]["type"], found["gap"]["missing"] > 0, found["level"]["distinct"]) == ("numeric", True, 2)


def test_a_gan_and_an_autoencoder_make_arrays_in_the_units_of_the_data() -> None:
    draw = np.random.default_rng(0)
    array = np.stack([draw.normal(1000, 5, 300), draw.normal(-3, 0.1, 300), draw.integers(0, 2, 300)], 1)
    for recipe in (lt.GAN(latent=2, hidden=(16,)), lt.Autoencoder(latent=2, hidden=(16,))):
        model = lt.train(recipe, array, images=1000, every=1000, device="cpu")
        made = model.sample(20)
        assert (type(made), made.shape, made.dtype) == (np.ndarray, (20, 3), np.float64)
        assert (abs(made[:, 0] - 1000) < 50).all()
        assert set(made[:, 2]) <= {0, 1}
    np.testing.assert_allclose(model.reconstruct(array)[:, 0], array[:, 0], atol=20)
