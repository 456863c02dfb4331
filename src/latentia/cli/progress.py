"""What a person sees while a model learns: loss, images/s and time left, on stderr.

On a terminal one line renews itself; elsewhere a line is written at most every half minute, and one per validation.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Container, Mapping
from typing import TextIO

from latentia.cli.common import first
from latentia.training.run import Event, Finished, Logged, Said, Started, Validated

PAUSE = 30.0  # seconds between lines where nothing can renew itself


class Progress:
    """Tells the events of a training; give it to ``api.train`` as ``progress``."""

    def __init__(self, quiet: bool = False, stream: TextIO | None = None, told: Container[str] = ()) -> None:
        self.stream = stream or sys.stderr
        self.quiet = quiet or not first()
        self.told = told  # sentences that the person has read already
        self.renews = self.stream.isatty()
        self.open = False  # whether a line that renews itself stands unfinished
        self.last = -PAUSE

    def __call__(self, event: Event) -> None:
        if self.quiet:
            return
        match event:
            case Said(text):
                if text not in self.told:
                    self.line(text)
            case Started(path, seen, budget) if budget and seen >= budget:
                self.line(f"{path} is finished: it has seen {count(seen)} images; a larger --images goes on")
            case Started(path, seen, budget):
                self.line(f"{'going on' if seen else 'training'} in {path}{_from(seen)}{_until(budget)}")
            case Logged():
                self.renew(_logged(event))
            case Validated(seen, logs, best):
                self.line(f"{count(seen):>7} images  held out: {_logs(logs)}{'  best so far' if best else ''}")
            case Finished(path, seen, best_seen):
                used = ", whose weights are used" if best_seen < seen else ""
                ended = f"best at {count(best_seen)}{used}" if best_seen >= 0 else "no score to choose the best by"
                self.line(f"done: {count(seen)} images, {ended}; {path}")

    def renew(self, text: str) -> None:
        """The state of now, in place of the state before."""
        if self.renews:
            width = shutil.get_terminal_size().columns - 1
            self.stream.write("\r" + text[:width].ljust(width))
            self.stream.flush()
            self.open = True
        elif time.monotonic() - self.last >= PAUSE:
            self.last = time.monotonic()
            self.line(text)

    def line(self, text: str) -> None:
        """A line that stays."""
        if self.open:
            width = shutil.get_terminal_size().columns - 1
            self.stream.write("\r" + " " * width + "\r")
            self.open = False
        print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """End the line that renews itself, so that what follows starts on a new one."""
        if self.open:
            self.stream.write("\n")
            self.open = False


class Folds(Progress):
    """Trainings without a part of the rows each, in one line each."""

    def __call__(self, event: Event) -> None:
        if self.quiet:
            return
        match event:
            case Started(path, _, _):
                self.fold = path.name.replace("-", " ")  # 3 of 5
            case Logged() if self.renews:
                self.renew(f"without fold {self.fold}: {_logged(event)}")
            case Finished(_, seen, _):
                self.line(f"without fold {self.fold}: trained on {count(seen)} images")


class Countdown:
    """What a person sees of a task that tells steps done and steps to do: their share and the time left."""

    def __init__(self, what: str, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.what, self.begun = what, time.monotonic()
        self.progress = Progress(quiet, stream)
        self.progress.last = self.begun  # a task of seconds says nothing where no line can renew itself

    def __call__(self, done: int, total: int) -> None:
        if not self.progress.quiet:
            left = (time.monotonic() - self.begun) / done * (total - done)
            self.progress.renew(f"{self.what} {100 * done / total:3.0f}%  {duration(left)} left")

    def close(self) -> None:
        """End the line that renews itself."""
        self.progress.close()


def count(images: float) -> str:
    """Images as people write them: ``950``, ``12.5k``, ``2M``."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if images >= size:
            return f"{images / size:.3g}{letter}"
    return f"{images:.3g}"


def duration(seconds: float) -> str:
    """Seconds as a clock: ``42 s``, ``3:07 min``, ``2:05 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole // 60 % 60:02d} h"


def _from(seen: int) -> str:
    return f" from {count(seen)} images" if seen else ""


def _until(budget: int | None) -> str:
    return "" if budget is None else f", budget {count(budget)} images"


def _logs(logs: Mapping[str, float]) -> str:
    return "  ".join(f"{name} {value:.5g}" for name, value in logs.items())


def _logged(event: Logged) -> str:
    share = f" {100 * event.seen / event.budget:3.0f}%" if event.budget else ""
    left = "" if event.remaining is None else f"  {duration(event.remaining)} left"
    speed = f"  {count(event.images_per_second)} images/s"
    return f"{count(event.seen):>7} images{share}  {_logs(event.logs)}{speed}{left}"
