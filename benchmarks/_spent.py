"""Budgets in process seconds that outlive a session: what a training has cost is written beside its run.

A training goes on in slices of images through ``lt.train``: a larger budget continues a run, byte for byte, so a
training in slices is the training without them. Its process seconds, on one thread, are written at each validation of
the run, before the checkpoint; after a kill the rows of lost work are dropped with it. All that ``lt.train`` does is
counted: start, steps, validations.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import latentia as lt
from latentia.core import Recipe
from latentia.data import DataSet
from latentia.training.run import Event, Started, Validated

NAME = "spent.jsonl"
NEVER = 10**12  # images between two validations: only the end of a slice has one
LEAST = 0.2  # of a slice: none is made for less, as its validation would cost more than its steps


class Row(NamedTuple):
    """What a training had cost when it had seen so many images."""

    seen: int
    seconds: float


class Ledger:
    """The rows of a run, in a file of its folder.

    Args:
        folder: of the run.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    @property
    def rows(self) -> list[Row]:
        """All rows; the last may have been cut short by a kill."""
        found = []
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            try:
                found.append(Row(*json.loads(line)))
            except (ValueError, TypeError):
                continue
        return found

    @property
    def last(self) -> Row:
        """The newest row."""
        return (self.rows or [Row(0, 0.0)])[-1]

    def add(self, seen: int, seconds: float) -> None:
        """Append a row."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps([seen, round(seconds, 3)]) + "\n")

    def keep(self, seen: int) -> None:
        """Drop the rows after ``seen``, whose work was lost with its checkpoint, and one that a kill cut short."""
        text = "".join(json.dumps(row) + "\n" for row in self.rows if row.seen <= seen)
        if self.path.exists() and self.path.read_text() != text:
            part = self.path.with_suffix(".part")
            part.write_text(text)
            part.replace(self.path)


def next_images(rows: list[Row], budget: float, slices: int, first: int) -> int:
    """The images of the next slice, 0 when the budget is spent.

    Args:
        rows: of the slices so far.
        budget: in process seconds.
        slices: about so many in all.
        first: images of the first slice, whose speed is not known.
    """
    if not rows:
        return first
    before, last = (rows[-2] if len(rows) > 1 else Row(0, 0.0)), rows[-1]
    left, share = budget - last.seconds, budget / slices
    if left <= LEAST * share:
        return 0
    speed = (last.seen - before.seen) / max(last.seconds - before.seconds, 1e-6)
    return max(1, round(speed * (left if left < 1.5 * share else share)))


class Trained(Protocol):
    """A training that goes on slice by slice."""

    @property
    def ledger(self) -> Ledger: ...
    def train(self, images: int) -> None:
        """Go on until ``images`` have been seen in all."""
        ...


@dataclass
class Run:
    """A training of the library within process seconds.

    Attributes:
        recipe: what is trained.
        opened: the data.
        folder: of the run.
        options: of the training.
        clock: processor time of this process.
    """

    recipe: Recipe
    opened: DataSet
    folder: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    clock: Callable[[], float] = time.process_time

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.folder)

    def train(self, images: int) -> None:
        """Go on until ``images`` have been seen; the cost is written at each validation."""
        ledger, begin, base = self.ledger, self.clock(), 0.0

        def tell(event: Event) -> None:
            nonlocal base
            if isinstance(event, Started):
                ledger.keep(event.seen)
                base = ledger.last.seconds
            elif isinstance(event, Validated):
                ledger.add(event.seen, base + self.clock() - begin)

        options = {"every": NEVER, "device": "cpu", **self.options}
        lt.train(self.recipe, self.opened, images=images, run=self.folder, progress=tell, **options)

    def model(self, weights: str = "best") -> lt.Model:
        """The trained model."""
        return lt.load(self.folder, weights, device="cpu")


def spend(
    runs: Mapping[str, Trained],
    budget: float,
    slices: int,
    first: int,
    after: Callable[[str], None] = lambda _: None,
) -> None:
    """Let every training spend its budget: A, B, A, B ... a slice each, so that a machine that drifts drifts for all.

    ``after`` is told the name of the training whose slice has ended; what it costs is not counted.
    """
    waiting = dict(runs)
    while waiting:
        for name, run in list(waiting.items()):
            ledger = run.ledger
            images = next_images(ledger.rows, budget, slices, first)
            if not images:
                del waiting[name]
                continue
            run.train(ledger.last.seen + images)
            after(name)
