"""The entry point: help, exit codes, and what a person reads when something is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from latentia import __version__
from latentia.cli import main as entry
from latentia.cli.main import VERBS

from .conftest import Call


def python(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100", **more}
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, env=environment, check=False)


def test_help_starts_without_torch() -> None:
    code = (
        "import sys\n"
        "from latentia.cli.main import main\n"
        "done = main(['--help'])\n"
        "print('LOADED', [m for m in ('torch', 'numpy', 'sklearn', 'PIL', 'matplotlib') if m in sys.modules], done)"
    )
    done = python("-c", code)
    assert done.stdout.splitlines()[-1] == "LOADED [] 0", done.stderr
    assert all(verb in done.stdout for verb in VERBS)


def test_module_and_version() -> None:
    done = python("-m", "latentia", "--version")
    assert (done.returncode, done.stdout.strip()) == (0, __version__)


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_every_verb_has_help_and_the_common_flags(verb: str, call: Call) -> None:
    code, out, err = call(verb, "--help")
    assert code == 0, err
    assert all(flag in out for flag in ("--device", "--seed", "--batch", "--json", "--quiet", "--debug")), out


def test_help_of_a_model_has_four_groups_with_defaults_and_ranges(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    code, out, _ = call("train", "vae", "--help")
    assert code == 0
    places = [out.index(f"─ {group} ─") for group in ("Model", "Data", "Budget", "Machine")]
    assert places == sorted(places)
    model, budget = out[places[0] : places[1]], out[places[2] : places[3]]
    assert "--latent" in model
    assert "default: elbo; one of elbo, iwae" in model
    assert "or a schedule" in model
    assert "default: 1M" in budget
    assert "--no-mirror" in out[places[1] : places[2]]


def test_help_without_a_model_has_the_groups_that_every_model_has(call: Call) -> None:
    code, out, _ = call("train", "--help")
    assert code == 0
    assert all(f"─ {group} ─" in out for group in ("Model", "Data", "Budget", "Machine"))
    assert "─ Parameters ─" not in out


def test_an_unknown_verb_names_the_near_one(call: Call) -> None:
    code, out, err = call("trian", "vae", "digits")
    assert (code, out) == (2, "")
    assert err == "latentia: latentia has no verb 'trian'; did you mean 'train'?\n"


def test_flags_may_stand_before_the_model(call: Call) -> None:
    code, _, err = call("train", "--latent", "0", "vae", "digits")
    assert code == 2
    assert "latent is 0; it must be at least 1" in err


BAD = [
    (["train", "vea", "digits"], "there is no model 'vea'; did you mean 'vae'?"),
    (["train", "vae", "digit"], "did you mean 'digits'?"),
    (["train", "vae", "digits", "--latnt", "3"], "--latnt. Did you mean --latent?\nlatentia train vae --help lists"),
    (["train", "gan", "digits", "--beta", "4"], "Models that have --beta: tcvae, vae"),
    (["train", "vae", "digits", "--imagse", "3"], "Unknown option: --imagse. Did you mean --images?"),
    (["train", "vae", "digits", "--latent", "0"], "latent is 0; it must be at least 1"),
    (["train", "vae", "digits", "--latent", "many"], "--latent: 'many' is no number"),
    (["train", "vae", "digits", "--latent", "2.5"], "--latent: 2.5 is no whole number"),
    (["train", "vae", "digits", "--beta", "0:1"], "write START:END@IMAGES"),
    (["train", "vae", "digits", "--precision", "half"], "one of auto, float32, bf16, float64"),
    (["train", "vae", "digits", "--held-out", "0.9"], "between 0.001 and 0.45"),
    (["train", "vae", "digits", "--preset", "vae-burdo"], "did you mean 'vae-burda'"),
    (["train", "autoencoder", "digits", "--preset", "vae-burda"], "--preset vae-burda is for another model"),
    (["train", "vae", "digits", "--config", "no.toml"], "--config no.toml: No such file"),
    (["train", "vae", "digits", "--device", "cuda:99"], "cuda:99"),
    (["train", "vae", "digits", "--device", "gpu"], "gpu"),
    (["train", "vae", "no/such/folder"], "no/such/folder"),
    (["train", "./none.py", "digits"], "there is no file none.py"),
    (["train", "vae"], "train vae needs a data set"),
    (["train"], "train needs a model and a data set"),
    (["train", "--run", "nothing"], "nothing is no run"),
    (["sample", "nothing"], "nothing is no run"),
    (["sample"], "requires an argument"),
    (["evaluate", "nothing"], "nothing is no run"),
    (["info", "nothing"], "nothing"),
    (["compare", "one"], "two or more runs"),
    (["models", "--sed", "1"], "Did you mean --seed?"),
    (["sample", "nothing", "-n", "0"], "--count is 0; it must be at least 1"),
    (["reconstruct", "nothing", "digits", "-n", "-3"], "--count is -3; it must be at least 1"),
    (["interpolate", "nothing", "1"], "two or more items; it got 1"),
    (["datasets", "--seed", "-1"], "--seed is -1; it must be at least 0"),
    (["evaluate", "nothing", "--draws", "0"], "--draws is 0; it must be at least 1"),
    (["train", "vae", "digits", "--minutes", "0"], "minutes is 0.0; it must be more than 0"),
    (["datasets", "--batch", "0"], "--batch is 0; it must be at least 1"),
]


@pytest.mark.parametrize(("words", "said"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_bad_input_says_what_is_wrong(words: list[str], said: str, call: Call, tmp_path: Path) -> None:
    code, out, err = call(*words)
    assert said in err
    assert code == 2
    assert out == ""
    assert len(err.rstrip().splitlines()) <= 2
    assert "Traceback" not in err
    assert not list(tmp_path.iterdir()), "something was left behind"


def test_debug_shows_the_traceback(call: Call) -> None:
    code, _, err = call("train", "vae", "digits", "--latent", "0", "--debug")
    assert code == 2
    assert "Traceback" in err
    assert err.rstrip().endswith("latent is 0; it must be at least 1")


@pytest.mark.parametrize("debug", [False, True])
def test_a_bug_of_ours_is_called_one(debug: bool, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("latentia.cli.output.facts", broken)
    code, _, err = call("datasets", *(["--debug"] if debug else []))
    assert code == 1
    assert "this is a bug of latentia" in err
    assert "ZeroDivisionError: by zero" in err
    assert ("Traceback" in err) is debug


def test_stopped_says_how_to_go_on(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("latentia.cli.output.facts", stopped)
    code, _, err = call("datasets")
    assert (code, err) == (130, "latentia: stopped; run the same command to go on\n")


def test_a_full_disk_is_no_bug(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "runs/a")

    monkeypatch.setattr("latentia.cli.output.facts", full)
    code, _, err = call("datasets")
    assert (code, err) == (2, "latentia: cannot write runs/a: No space left on device\n")


def test_what_may_not_be_read_is_no_bug(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "runs/a/recipe.json")

    monkeypatch.setattr("latentia.cli.output.facts", closed)
    code, _, err = call("datasets")
    assert (code, err) == (2, "latentia: cannot read or write runs/a/recipe.json: Permission denied\n")


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = f"import sys; from {entry.__name__} import run; sys.argv = ['latentia', 'datasets', '--json']; run()"
    first = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert first.stdout is not None
    first.stdout.close()
    _, err = first.communicate(timeout=60)
    assert first.returncode == 0
    assert err == ""
