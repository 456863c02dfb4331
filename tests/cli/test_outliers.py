"""score, outliers and calibrate through the real entry point: a table in files, and pictures."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas
import pytest
import torch
from safetensors.numpy import load_file

import latentia as lt
from latentia.cli.main import main
from latentia.core import Batch
from latentia.estimators import VAE
from latentia.metrics.conformal import p_values
from latentia.tasks.calibrate import signatures
from latentia.tasks.energy import Energy, features_for
from tests.cli.conftest import TINY


def customers(count: int, seed: int) -> pandas.DataFrame:
    """Income goes with age; the region has nothing to do with either."""
    generator = np.random.default_rng(seed)
    young = generator.normal(size=count)
    return pandas.DataFrame(
        {
            "customer": [f"c{seed}-{row}" for row in range(count)],
            "age": np.clip((45 + 12 * young + 4 * generator.normal(size=count)).round(), 18, 95).astype(int),
            "income": (30_000 * np.exp(0.4 * young + 0.2 * generator.normal(size=count))).round(2),
            "region": generator.choice(["north", "south"], count),
        }
    )


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A folder with the run of a small VAE, the rows it learnt from, and new ones of which two are odd."""
    folder = tmp_path_factory.mktemp("customers")
    customers(1200, 0).to_csv(folder / "old.csv", index=False)
    new = customers(60, 1)
    new.loc[7, "income"] = 900_000.0
    new.loc[9, ["age", "income"]] = [19, 150_000.0]
    new.to_csv(folder / "new.csv", index=False)
    words = [
        "--latent",
        "2",
        "--hidden",
        "16",
        "--images",
        "12k",
        "--every",
        "12k",
        "--batch",
        "128",
        "--device",
        "cpu",
        "--quiet",
    ]
    assert main(["train", "vae", str(folder / "old.csv"), "--run", str(folder / "run"), *words]) == 0
    assert main(["calibrate", str(folder / "run"), str(folder / "new.csv"), "--quiet"]) == 0
    for file in (folder / "run").glob("calibration-*"):
        file.unlink()
    return folder


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def test_score_writes_the_same_in_every_form_and_names_rows_by_the_key(table, call):
    run, new = table / "run", table / "new.csv"
    code, _, err = call("score", run, new, "--key", "customer", "-o", "s.csv")
    assert code == 0, err
    assert "60 items, mean log_prob" in err
    told = rows("s.csv")
    assert list(told[0]) == ["customer", "log_prob", "error", "ess", "k"]
    assert [row["customer"] for row in told] == customers(60, 1).customer.tolist()
    value = lt.load(run).score(str(new)).columns()["log_prob"]
    np.testing.assert_allclose([float(row["log_prob"]) for row in told], value)
    for file in ("s.parquet", "s.npz", "s.json"):
        assert call("score", run, new, "--key", "customer", "-o", file, "--quiet")[0] == 0
    assert pandas.read_parquet("s.parquet").log_prob.tolist() == pytest.approx(value.tolist())
    np.testing.assert_allclose(np.load("s.npz")["log_prob"], value)
    with open("s.json") as file:
        np.testing.assert_allclose([row["log_prob"] for row in json.load(file)], value)
    assert "reachable" not in err
    code, out, _ = call("score", run, new, "--json", "--quiet")
    assert json.loads(out)[3]["item"] == "3"


def test_annealed_scores_and_their_bracket(table, call):
    pandas.read_csv(table / "new.csv")[:3].to_csv("few.csv", index=False)
    code, _, err = call(
        "score", table / "run", "few.csv", "--method", "ais", "--chains", 8, "--steps", 12, "-o", "a.csv"
    )
    assert code == 0, err
    assert "on 64 simulated items the mean log p(x) lies between" in err
    value = lt.load(table / "run").log_prob("few.csv").value
    np.testing.assert_allclose([float(row["log_prob"]) for row in rows("a.csv")], value, atol=1.5)


def test_outliers_are_found_with_a_reason_and_p_values_of_the_test_split(table, call):
    run, new = table / "run", table / "new.csv"
    code, out, err = call("outliers", run, new, "--key", "customer")
    assert code == 0, err
    assert "120 test rows are scored once and kept" in err
    assert "are outliers: p-value at most 0.01: a good row is flagged with at most this probability" in err
    assert "c1-7" in out
    assert "income = 900000" in out
    assert call("outliers", run, new, "--contributions", "-o", "o.csv")[2].count("\n") == 1  # not scored again
    told = rows("o.csv")
    assert len(told) == 60
    (file,) = run.glob("calibration-*.json")
    known = json.loads(file.read_text())
    assert (known["test"], known["draws"]) == (120, 128)
    model = lt.load(run)
    good = model.score(model.data().test.read(slice(None))).value
    score = np.array([float(row["score"]) for row in told])
    np.testing.assert_allclose([float(row["p_value"]) for row in told], p_values(good, score), atol=1e-9)
    parts = [[float(row[name]) for name in ("mean", "age", "income", "region", "(latent)")] for row in told]
    np.testing.assert_allclose(np.sum(parts, 1), score)
    assert told[7]["outlier"] == "True"
    assert call("outliers", run, new, "--fdr", "0.2")[2].strip().endswith("none is flagged unless 3 are")
    code, out, _ = call("outliers", run, new, "--contamination", "0.05", "--json", "--quiet")
    assert [row["item"] for row in json.loads(out)].count("7") == 1
    assert len(json.loads(out)) == 3


def test_reasons_show_the_cells_of_the_file(table, call, tmp_path):
    odd = customers(3, 2).assign(income=[12345678.91, 7.25, 30000.0], region=["mars", "north", "(other)"])
    odd.to_csv(tmp_path / "odd.csv", index=False)
    assert call("outliers", table / "run", tmp_path / "odd.csv", "-o", "o.csv")[0] == 0
    told = [" ".join(row[f"reason_{place}"] for place in (1, 2, 3)) for row in rows("o.csv")]
    assert "income = 12345678.91 (" in told[0]
    assert "region = mars (" in told[0]
    assert "income = 7.25 (" in told[1]


def test_rows_of_the_training_are_judged_by_models_without_them(table, call):
    """The commonest job: one's own file. Its p-values are neither all large nor all small."""
    shutil.copytree(table / "run", "run")
    pandas.read_csv(table / "old.csv")[:300].to_csv("own.csv", index=False)
    code, _, err = call("outliers", "run", "own.csv", "--no-refit", "-o", "left.csv")
    assert code == 0, err
    assert "rows were used in training: they fit the model better than new rows would, and get no p-value" in err
    left = rows("left.csv")
    trained = [row["known"] == "train" for row in left]
    assert 200 < sum(trained) < 270
    assert [row["p_value"] == "nan" for row in left] == trained
    code, _, err = call("outliers", "run", "own.csv", "-o", "own.csv.out.csv")
    assert code == 0, err
    assert "(5 trainings of 12,000 rows each, once; kept in the run)" in err
    folds = [
        json.loads(path.read_text())["splits"]["train"] for path in sorted(Path("run/folds").glob("*/recipe.json"))
    ]
    assert len(folds) == 5
    assert sum(folds) == 4 * 960  # each row is left out of one
    p = np.array([float(row["p_value"]) for row, own in zip(rows("own.csv.out.csv"), trained, strict=True) if own])
    assert np.mean(p <= 0.5) == pytest.approx(0.5, abs=0.12)
    assert np.mean(p <= 0.1) == pytest.approx(0.1, abs=0.07)
    assert len(re.findall(r"without fold \d of 5: trained on 12[.\d]*k images", err)) == 5
    assert "held out" not in err
    code, _, err = call("outliers", "run", "own.csv", "-o", "again.csv")
    assert "(kept in the run)" in err
    assert rows("again.csv") == rows("own.csv.out.csv")
    code, _, err = call("outliers", "run", "own.csv", "--draws", "16", "-o", "other.csv")
    assert (code, "without fold" in err) == (0, False), "other draws need other scores, but no other nets"
    code, _, err = call("evaluate", "run", "--bad", "own.csv")
    assert "300 of 300 bad items are known to the run as good ones: " in err
    assert f"{sum(trained)} training rows" in err


def kept(draws):
    """The name that the calibration of a table by so many draws has."""
    for file in Path("run").glob("calibration-*.json"):
        if json.loads(file.read_text())["draws"] == draws:
            return file.stem
    return None


def test_more_good_rows_reach_lower_rates(table, call):
    shutil.copytree(table / "run", "run")
    code, _, err = call("outliers", "run", table / "new.csv", "--rate", "0.005")
    assert code == 2
    assert "needs 199 calibration rows, and there are 120, which reach 0.00826" in err
    assert "latentia calibrate RUN MORE_GOOD_DATA" in err
    customers(150, 2).to_csv("good.csv", index=False)
    code, out, err = call("calibrate", "run", "good.csv")
    assert code == 0, err
    assert out.split() == ["added", "150", "calibration", "rows", "270", "reachable", "rate", "0.00369"]
    assert call("outliers", "run", table / "new.csv", "--rate", "0.005")[0] == 0
    code, _, err = call("calibrate", "run", "good.csv")
    assert (code, "good.csv has no row that is new: all 150 are known to the run already" in err) == (2, True)
    code, _, err = call("outliers", "run", table / "new.csv", "--draws", "64")
    assert code == 0, err
    assert (
        "150 rows were added to the calibration by draws 128, seed 0, by -log p(x), and do not count by draws 64" in err
    )
    for _ in range(2):  # each measure keeps its own
        assert "scored once" not in call("outliers", "run", table / "new.csv", "--rate", "0.005")[2]
        assert "do not count" not in call("outliers", "run", table / "new.csv", "--draws", "64")[2]
    wrapped = VAE.load("run")
    new = pandas.read_csv(table / "new.csv")
    p = lt.load("run").outliers(str(table / "new.csv"), 0.005).p_values
    np.testing.assert_array_equal(wrapped.pvalues(new), p)  # by the rows that were added, and their draws
    stem = kept(128)
    for ending in ("json", "safetensors"):  # as an earlier version kept it
        Path(f"run/{stem}.{ending}").rename(f"run/calibration.{ending}")
    assert call("outliers", "run", table / "new.csv", "--rate", "0.005")[0] == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--rate", "0"], "rate is 0; it lies between 0 and 1"),
        (["--rate", "1.5"], "rate is 1.5; it lies between 0 and 1"),
        (["--rate", "0.1", "--fdr", "0.1"], "rate and fdr were both given"),
        (["--draws", "0"], "--draws is 0; it must be at least 1"),
        (["--maps", "maps"], "--maps draws pictures, and this model was trained on a table"),
        (["--key", "custmer"], "has no column 'custmer' to name rows by; did you mean 'customer'"),
        (["-o", "o.png"], "o.png ends in '.png'; this can be written as .csv, .parquet, .json, .npz"),
    ],
)
def test_refusals(table, call, words, told):
    code, _, err = call("outliers", table / "run", table / "new.csv", *words)
    assert (code, told in err) == (2, True), err
    assert len(err.strip().splitlines()) <= 2


def test_pictures_have_maps(run, call):
    digits = lt.load(run).data().test.read(slice(0, 12)).x.clone()
    digits[3, :, 2:5, 5:] = 1 - digits[3, :, 2:5, 5:]
    digits[5] = 1 - digits[5]
    np.save("some.npy", (digits[:, 0] * 16).round().numpy().astype(np.uint8) * 15)
    code, _, err = call("outliers", run, "some.npy", "--rate", "0.2", "--maps", "maps", "-o", "o.csv")
    assert code == 0, err
    flagged = [row for row in rows("o.csv") if row["outlier"] == "True"]
    assert "5" in [row["item"] for row in flagged]
    assert "reason_1" not in flagged[0]
    files = sorted(path.name for path in Path("maps").iterdir())
    assert len(files) == len(flagged) + 1
    assert files[-1] == "sheet.png"
    model = lt.load(run)
    scorer = model._scorer(128, 0)
    assert scorer.kind.name == "oddness"
    x = model.given("some.npy")[0]
    np.testing.assert_allclose([float(row["score"]) for row in rows("o.csv")], scorer.scores(x).value, rtol=1e-4)
    assert call("outliers", run, "some.npy", "--rate", "0.2", "--by", "likelihood", "-o", "l.csv")[0] == 0
    plain = [-float(row["score"]) for row in rows("l.csv")]
    np.testing.assert_allclose(plain, model.log_prob("some.npy", 128).value, rtol=1e-5)
    code, _, err = call("outliers", run, "digits:train")
    assert "and get no p-value without a refit" in err


def damaged() -> np.ndarray:
    """Digits of the test split; a part of the fifth is chequered, and the sixth has all pixels at the wrong place."""
    digits = lt.data.open("digits").test.read(slice(0, 12)).x[:, 0].clone()
    digits[4, 3:6, 3:6] = torch.arange(9).reshape(3, 3) % 2
    digits[5] = digits[5].flip(1).mT
    return (digits * 16).round().numpy().astype(np.uint8) * 15


def test_patches_find_and_show_local_defects_and_judge_training_pictures_without_training(run, call):
    shutil.copytree(run, "run")
    np.save("some.npy", damaged())
    words = ["run", "some.npy", "--features", "patches", "--rate", "0.02"]
    code, _, err = call("outliers", *words, "--maps", "maps", "-o", "p.csv")
    assert (code, "180 test rows are scored once" in err) == (0, True), err
    told = rows("p.csv")
    assert {row["item"] for row in told if row["outlier"] == "True"} >= {"4", "5"}
    assert len(list(Path("maps").iterdir())) >= 3
    assert "scored once" not in call("outliers", *words)[2]
    model = lt.load("run")
    scores = model.score("some.npy", features="patches")
    np.testing.assert_allclose([float(row["score"]) for row in told], scores.value, rtol=1e-4)
    assert scores.terms.shape == (12, 64)
    heat = model.outliers("some.npy", 0.02, features="patches").heat([4], (1, 8, 8))[0]
    assert 2 <= int(heat.argmax()) // 8 <= 5
    code, _, err = call("outliers", "run", "digits:train", "--features", "patches", "-o", "own.csv")
    assert "they are judged by 5 references that were made without them (once, without training" in err
    p = np.array([float(row["p_value"]) for row in rows("own.csv")])
    assert np.mean(p <= 0.1) == pytest.approx(0.1, abs=0.03)
    assert not Path("run/folds").exists()
    train = model.data().train.read(slice(None))
    outside = Batch(train.x[torch.from_numpy(signatures(train) % 5 != 0)])
    expected = Energy(model.spec, features_for("patches", model.spec)).reference(None, [outside])["mean"]
    (file,) = Path("run/references/1-of-5").glob("calibration-*.safetensors")
    kept = load_file(file)["reference.mean"]
    np.testing.assert_allclose(kept, expected)  # made of all but the fifth that it judges
    code, out, _ = call("evaluate", "run", "--bad", "some.npy", "--features", "patches", "--json")
    assert "by patch energy" in json.loads(out)[0]["meaning"]


def test_callables_are_features_and_another_one_is_noticed(run, call):
    shutil.copytree(run, "run")
    model, heard = lt.load("run"), []

    def shape(function):
        found = model.outliers("digits:test", 0.02, features=lambda x: function(x).flatten(1), tell=heard.append)
        return found.scores

    rows_, columns = shape(lambda x: x.mean(3)), shape(lambda x: x.mean(2))
    assert len(heard) == 2
    np.testing.assert_array_equal(shape(lambda x: x.mean(2)), columns)
    assert len(heard) == 2
    assert not np.allclose(rows_, columns)
    assert call("calibrate", "run", "digits:test", "--features", "pixels")[0] == 2  # all of them are known


def test_ratio_and_regret(run, table, call):
    shutil.copytree(run, "run")
    np.save("noise.npy", np.random.default_rng(0).integers(0, 256, (300, 8, 8), dtype=np.uint8))
    assert main(["train", "vae", "noise.npy", "--run", "other", "--quiet", *TINY]) == 0
    np.save("some.npy", damaged())
    code, _, err = call("outliers", "run", "some.npy", "--by", "ratio", "--background", "other", "-o", "r.csv")
    assert code == 0, err
    model, other = lt.load("run"), lt.load("other")
    x = model.given("some.npy")[0]
    gap = other.log_prob(x, 128).value - model.log_prob(x, 128).value
    np.testing.assert_allclose([float(row["score"]) for row in rows("r.csv")], gap, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(model.score("some.npy", by="ratio", background=other).value, gap, rtol=1e-5, atol=1e-4)
    regret = model.score("some.npy", by="regret")
    assert (regret.value > 0).all()  # after so short a training every picture can be told better
    np.testing.assert_allclose(regret.terms.sum(1) + regret.latent, regret.value)
    for words, told in [
        (["--by", "ratio"], "a ratio needs one: another run (--background RUN)"),
        (["--by", "ratio", "--background", table / "run"], "the background model is of table"),
        (["--by", "regret", "--features", "patches"], "by regret and features were both given"),
        (["--features", "pixels", "--maps", "m"], "--maps needs --features patches"),
    ]:
        code, _, err = call("outliers", "run", "some.npy", *words)
        assert (code, told in err) == (2, True), err


def test_known_bad_items_check_a_detector(table, call):
    bad = customers(40, 5)
    bad["income"] = bad.income.sample(frac=1, random_state=0).to_numpy() * 3  # no longer that of the age
    bad.to_csv("bad.csv", index=False)
    code, out, err = call("evaluate", table / "run", "--bad", "bad.csv", "--json")
    assert code == 0, err
    figures = {row["name"]: row for row in json.loads(out)}
    assert list(figures) == ["AUROC", "average precision", "detected"]
    assert 0.85 < figures["AUROC"]["low"] <= figures["AUROC"]["value"] <= figures["AUROC"]["high"] <= 1
    assert "40 bad items and 120 good ones by -log p(x)" in figures["AUROC"]["meaning"]
    model = lt.load(table / "run")
    rate = model.outliers("bad.csv").outlier.mean()
    assert figures["detected"]["value"] == pytest.approx(rate)


def test_an_autoencoder_scores_by_its_error(call):
    assert main(["train", "autoencoder", "digits", "--run", "run", "--quiet", *TINY]) == 0
    code, _, err = call("score", "run", "digits:test", "-o", "e.csv")
    assert code == 0, err
    assert list(rows("e.csv")[0]) == ["item", "squared_error"]
    assert call("outliers", "run", "digits:test", "--rate", "0.05", "-o", "o.csv")[0] == 0
    assert call("outliers", "run", "digits:test", "--features", "random-conv", "--rate", "0.05")[0] == 0
    assert {row["known"] for row in rows("o.csv")} == {"calibration"}
    code, _, err = call("score", "run", "digits:test", "--method", "ais")
    assert (code, "cannot log_prob; models that can: " in err) == (2, True)
