"""``latentia evaluate`` of a model that only samples: flags, what is told beside the figures, refusals."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from latentia.cli.main import main
from latentia.core import Training
from latentia.models import _classifier

from .conftest import Call

QUICK = ["--latent", "4", "--hidden", "16", "--images", "128", "--batch", "32", "--device", "cpu", "--quiet"]
SMALL = Training(images=500, every=500, precision="float32")


@pytest.fixture(scope="module")
def gan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "gan"
    assert main(["train", "gan", "digits", "--labels", "--run", str(folder), *QUICK]) == 0
    return folder


def test_metrics_extractor_and_count_are_flags(gan: Path, call: Call, tmp_path: Path) -> None:
    words = ("--metrics", "kid, coverage", "--extractor-seed", "2", "--count", "30")
    code, out, err = call("evaluate", gan, *words, "--json")
    assert (code, err) == (0, "")
    rows = json.loads(out)
    assert [row["name"] for row in rows] == ["KID (random-conv 2)", "coverage (random-conv 2)"]
    assert {(row["samples"], row["split"]) for row in rows} == {(30, "test")}
    assert all(len(row["fingerprint"]) == 12 for row in rows)
    assert call("evaluate", gan, *words, "-o", "a.csv")[0] == 0
    written = list(csv.DictReader((tmp_path / "a.csv").read_text().splitlines()))
    assert [float(row["value"]) for row in written] == pytest.approx([row["value"] for row in rows])


def test_the_classifier_says_where_it_is_kept_and_what_it_found(
    gan: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = _classifier.Classifier(width=4, features=16, rate=1e-3)
    monkeypatch.setattr(_classifier, "judge", lambda _: (small, SMALL))
    code, out, err = call("evaluate", gan, "--extractor", "classifier")
    assert code == 0
    assert "a classifier of digits is trained once, on 500 images; its" in err
    assert "kept as" in err
    assert "the Frechet distance" not in err  # 90 samples are more than 16 features
    for name in ("FD (classifier ", "accuracy by label (classifier ", "recall of 7 (", "accuracy on real items ("):
        assert name in out
    code, again, err = call("evaluate", gan, "--extractor", "classifier", "--quiet")
    assert (code, again, err) == (0, out, "")


def test_what_is_left_out_is_told_unless_quiet(gan: Path, call: Call) -> None:
    asked = ("--metrics", "kid")
    assert call("evaluate", gan, *asked)[2] == ""
    code, _, err = call("evaluate", gan, "--extractor", "pixels", *asked)
    assert (code, err) == (0, "")


def test_runs_are_compared_by_the_same_flags(gan: Path, call: Call) -> None:
    code, out, err = call("compare", gan, gan, "--metrics", "kid", "--extractor-seed", "3")
    assert code == 0, err
    assert "KID (random-conv 3)" in out
    assert "ELBO" not in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--metrics", "kdi"], "there is no metric 'kdi'; did you mean 'kid'"),
        (["--metrics", "fid"], "did you mean 'frechet'"),
        (["--metrics", ","], "no metric is named"),
        (["--extractor", "randm-conv"], "there is no extractor 'randm-conv'; did you mean 'random-conv'"),
        (["--extractor", "inception"], "--extractor-weights FILE"),
        (["--extractor", "inception", "--extractor-weights", "no.pth"], "there is no weights file no.pth"),
        (["--extractor-weights", "no.pth"], "is for the extractor inception"),
        (["--metrics", "frechet", "-n", "30"], "there are 30 and 30. Give at least 145"),
        (["-n", "1"], "--count is 1; it must be at least 2"),
        (["-n", "91"], "at most 90 samples"),
        (["--extractor-seed", "-1"], "--extractor-seed is -1"),
    ],
)
def test_bad_input_is_refused_in_a_line_or_two(gan: Path, call: Call, words: list[str], message: str) -> None:
    code, out, err = call("evaluate", gan, *words)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) <= 2
