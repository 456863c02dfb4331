"""Progress: one line that renews itself on a terminal, few lines elsewhere, none when quiet or not the first."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from latentia.cli.progress import Progress, count, duration
from latentia.training.run import Finished, Logged, Said, Started, Validated

from .conftest import TINY, Call

EVENTS = [
    Said("likelihood: bernoulli"),
    Started(Path("runs/a"), 0, 2_000_000),
    *(Logged(1000 * i, 2_000_000, {"elbo": -100.0 - i}, 5000.0, 398.0) for i in range(1, 50)),
    Validated(50_000, {"elbo": -99.5}, True),
    Finished(Path("runs/a"), 2_000_000, 50_000),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(stream: io.StringIO, quiet: bool = False) -> str:
    progress = Progress(quiet, stream)
    for event in EVENTS:
        progress(event)
    progress.close()
    return stream.getvalue()


def test_lines_are_few_where_nothing_renews_itself() -> None:
    lines = told(io.StringIO()).splitlines()
    assert lines[:2] == ["likelihood: bernoulli", "training in runs/a, budget 2M images"]
    assert len([line for line in lines if "images/s" in line]) == 1
    assert lines[2].split() == ["1k", "images", "0%", "elbo", "-101", "5k", "images/s", "6:38", "min", "left"]
    assert "best so far" in lines[3]
    assert lines[-1] == "done: 2M images, best at 50k, whose weights are used; runs/a"


def test_a_terminal_shows_one_line_that_renews_itself() -> None:
    text = told(Terminal())
    assert text.count("images/s") == 49
    assert text.count("\n") == 4
    shown = [part.split("\r")[-1] for part in text.split("\n")]
    assert shown[2].strip().startswith("50k images  held out: elbo -99.5")


def test_quiet_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(io.StringIO(), quiet=True) == ""
    monkeypatch.setenv("RANK", "1")
    assert told(io.StringIO()) == ""


def test_numbers_are_written_for_people() -> None:
    assert [count(n) for n in (1, 950, 1000, 12_500, 2e6, 123.456)] == ["1", "950", "1k", "12.5k", "2M", "123"]
    assert [duration(s) for s in (0.4, 42, 187, 7500)] == ["0 s", "42 s", "3:07 min", "2:05 h"]


def test_one_folder_for_several_processes_has_to_be_named(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    code, _, err = call("train", "vae", "digits", *TINY, "--fresh")
    assert code == 2
    assert "--fresh cannot choose one folder for several processes" in err


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a process")
def test_stopped_by_hand_it_saves_says_so_and_goes_on(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "latentia", "train", "vae", "digits", "--run", "a", *TINY]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    words[words.index("1k")] = "100M"
    process = subprocess.Popen(words, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if "held out" in line:
            process.send_signal(signal.SIGINT)
            break
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert err.strip().splitlines()[-1].startswith("latentia: stopped")
    seen = max(int(path.name) for path in (tmp_path / "a" / "checkpoints").iterdir())
    going_on = [*words[:3], "train", "--run", "a", "--images", str(seen + 1000)]
    done = subprocess.run(going_on, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "going on in a from" in done.stderr
    log = [json.loads(line) for line in (tmp_path / "a" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["seen"] >= seen + 1000
