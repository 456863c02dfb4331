"""Trainings that the page starts: each a process of its own, which goes on when the page or the studio closes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latentia.api import new_run
from latentia.errors import BadRun
from latentia.studio.runs import Shelf
from latentia.studio.safety import inside
from latentia.training.lock import holder

__all__ = ["Jobs"]

NOTES = ".studio"  # below the folder of the runs: what each training says
PATIENCE = 5.0  # seconds
LINES = 12  # of it that are shown, at most
BEGUN: list[subprocess.Popen[bytes]] = []  # by this process, whose children they are even when their studio has ended


@dataclass
class Job:
    """A training that this studio started."""

    process: subprocess.Popen[bytes]
    words: tuple[str, ...]


class Jobs:
    """Starts trainings, stops them, and tells what they say; those of other processes it can stop, too."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.jobs: dict[str, Job] = {}
        self.lock = threading.Lock()

    def start(self, words: Sequence[str], name: str) -> str:
        """Begin a training in the first free folder of this name; the name of its run."""
        with self.lock:
            taken = inside(self.shelf.root, name)
            while taken.relative_to(self.shelf.root.resolve()).as_posix() in self.jobs or taken.exists():
                taken = new_run(taken) if taken.exists() else taken.with_name(f"{taken.name}-2")
            run = taken.relative_to(self.shelf.root.resolve()).as_posix()
            self._begin(run, [*words, f"--run={taken}"])
            if self.shelf.only is not None:
                self.shelf.only.add(run)
        return run

    def resume(self, run: str, budget: Sequence[str] = ()) -> None:
        """Go on with a run where its last checkpoint stands.

        Raises:
            BadRun: it is being trained already.
        """
        path, job = self.shelf.track(run).path, self.jobs.get(run)
        if job is not None and holder(path) is None:
            with suppress(subprocess.TimeoutExpired):
                job.process.wait(PATIENCE)  # one that was stopped gives the folder back a moment before it ends
        if self.trains(run):
            raise BadRun(f"{run} is being trained already")
        with self.lock:
            self._begin(run, [f"--run={path}", *budget])

    def _begin(self, run: str, words: Sequence[str]) -> None:
        notes = self.shelf.root / NOTES
        try:
            notes.mkdir(parents=True, exist_ok=True)
            with self._notes(run).open("wb") as said:
                process = subprocess.Popen(
                    [sys.executable, "-m", "latentia", "train", *words],
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # neither our end nor a Ctrl-C in our window is its own
                )
        except OSError as error:
            raise BadRun(f"{self.shelf.root} cannot be written: {error.strerror}") from None
        BEGUN.append(process)
        self.jobs[run] = Job(process, tuple(words))

    def trains(self, run: str) -> bool:
        """Whether a training of the run is under way, by whomever."""
        job = self.jobs.get(run)
        return (job is not None and job.process.poll() is None) or holder(self._folder(run)) is not None

    def stop(self, run: str) -> None:
        """Let a training write its checkpoint and end, as Ctrl-C does.

        Raises:
            BadRun: nothing trains it.
        """
        job, process = self.jobs.get(run), holder(self._folder(run))
        if process is not None:
            try:
                os.kill(process, signal.SIGINT)
            except OSError as error:
                raise BadRun(f"the training of {run} cannot be stopped: {error.strerror}") from None
        elif job is not None and job.process.poll() is None:
            job.process.send_signal(signal.SIGINT)
        else:
            raise BadRun(f"{run} is not being trained")

    def look(self) -> None:
        """Let processes that have ended go."""
        BEGUN[:] = [process for process in list(BEGUN) if process.poll() is None]

    def told(self) -> list[dict[str, Any]]:
        """The trainings that this studio started: how each ended, if it did, and the last that it said."""
        self.look()
        found = []
        for run, job in self.jobs.items():
            code = job.process.returncode
            found.append({"run": run, "code": code, "said": self._said(run), "there": self._there(run)})
        return found

    def _there(self, run: str) -> bool:
        return (self._folder(run) / "recipe.json").is_file()

    def _folder(self, run: str) -> Path:
        return inside(self.shelf.root, run)

    def _notes(self, run: str) -> Path:
        return self.shelf.root / NOTES / f"{run.replace('/', '.')}.log"

    def _said(self, run: str) -> list[str]:
        try:
            text = self._notes(run).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return []
        return [line for line in text.splitlines() if line.strip()][-LINES:]
