"""A training from the page: a process of its own, which outlives the studio, stops with a checkpoint, and goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from latentia.studio.jobs import Job, Jobs
from latentia.studio.runs import Shelf

from .conftest import Served, started

LONG = {"latent": "2", "hidden": "8", "images": "50M", "every": "1000", "device": "cpu"}


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise TimeoutError


def summary(served: Served, run: str) -> dict[str, Any]:
    status, told = served.get("run", run=run)
    return told if status == 200 else {"state": "starting", "seen": 0, "rows": 0}


def test_a_training_outlives_the_studio_stops_with_a_checkpoint_and_goes_on(tmp_path: Path, data: Path) -> None:
    runs = tmp_path / "new" / "runs"
    first, end = started(runs, data)
    try:
        status, begun = first.post("start", model="vae", data="digits", fields=LONG)
        assert (status, begun) == (200, {"run": "vae-digits"})
        assert first.get("jobs")[1]["jobs"][0]["code"] is None
        until(lambda: summary(first, "vae-digits")["rows"] >= 2)
        assert summary(first, "vae-digits")["state"] == "training"
        assert first.post("resume", run="vae-digits")[1]["error"] == "vae-digits is being trained already"
    finally:
        end()
    second, end = started(runs, data)
    try:
        before = summary(second, "vae-digits")
        assert before["state"] == "training", "it goes on without the studio that began it"
        until(lambda: summary(second, "vae-digits")["seen"] > before["seen"])
        assert second.post("stop", run="vae-digits") == (200, {})
        stopped = until(lambda: (now := summary(second, "vae-digits"))["state"] == "stopped" and now)
        kept = max(int(path.name) for path in (runs / "vae-digits" / "checkpoints").iterdir())
        assert kept >= stopped["seen"], "Ctrl-C writes a checkpoint first"
        assert second.post("stop", run="vae-digits")[1]["error"] == "vae-digits is not being trained"
        assert second.post("resume", run="vae-digits", images=1)[0] == 200
        jobs = second.studio.jobs
        until(lambda: "vae-digits is finished: it has seen" in " ".join(jobs.told()[0]["said"]))  # 1 image is spent
        second.post("stop", run="vae-digits")  # it writes a report, which nobody waits for here
        until(lambda: jobs.told()[0]["code"] is not None)
    finally:
        end()


def test_a_training_that_is_just_ending_can_be_resumed(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its folder is free a moment before its process is gone."""
    jobs, begun = Jobs(Shelf(runs)), []
    ending = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(0.5)"])
    jobs.jobs["vae"] = Job(ending, ())
    monkeypatch.setattr(jobs, "_begin", lambda *given: begun.append(given))
    jobs.resume("vae", ["--images=5"])
    assert begun == [("vae", [f"--run={runs / 'vae'}", "--images=5"])]
    assert ending.poll() == 0


def test_a_training_that_is_refused_says_why(tmp_path: Path, data: Path) -> None:
    served, end = started(tmp_path, data)
    try:
        (tmp_path / "taken").mkdir()
        status, begun = served.post(
            "start",
            model="vae",
            data=str(data / "pictures"),
            run="taken",
            fields={
                "color": "rgb",
                "held_out": "0.001",
                "latent": "2",
                "precision": "bf16",
                "binarize": "static",
                "pairing": "pairs",
            },
        )
        assert (status, begun["run"]) == (200, "taken-2")
        job = until(lambda: (now := served.get("jobs")[1]["jobs"][0])["code"] is not None and now)
        assert (job["code"], job["there"]) == (2, False)
        assert "vae learns from one data set, an item at a time, not from pairs" in " ".join(job["said"])
        assert served.post("start", model="vae", data="digits", run="../out")[1]["error"].startswith(
            "'../out' cannot be"
        )
    finally:
        end()
