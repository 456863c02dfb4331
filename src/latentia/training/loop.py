"""The one loop. It trains every recipe, and running it again resumes.

Everything that moves a weight is a function of (recipe, data, seed, images seen), so a checkpoint needs no generator
state and no iterator: only tensors and the number of images seen.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from latentia.core import Batch, Noise, Now, Recipe, Remembers, Source, Stage, Training, average, key, rank, world
from latentia.errors import BadField, BadRun, Diverged
from latentia.fields import to_json
from latentia.training import checkpoint
from latentia.training.averaging import AveragedNet
from latentia.training.budget import Stopwatch, budget_of, check_schedules, stage_at
from latentia.training.machine import Machine, device_of, processes, threads
from latentia.training.memory import batch_that_fits
from latentia.training.run import Finished, Logged, Run, Said, Started, Tell, Validated
from latentia.training.step import Meter, Optimizers, optimizers_for, set_rates, step

READINGS = 10  # of the logs between two validations
VALIDATED = 10_000  # held-out items at most: evenly spread over more, always the same
FAR = 100.0  # times the numbers of an item and the score before the first step, by which a worse one has diverged
PROGRESS = 0.5  # seconds between two looks at the logs for the person who watches


def train(recipe: Recipe, source: Source, held_out: Source, training: Training, run: Run, tell: Tell) -> nn.Module:
    """Train until the budget is spent, from the newest whole checkpoint of the run if there is one.

    Returns:
        The averaged net of the last validation, settled, in eval mode.

    Raises:
        BadField, BadRun: what was asked for cannot be done.
        Diverged: a loss is not finite; the last good checkpoint is kept. Or no score was anywhere near that from
            before the first step, of a net that begins as a model of the data.
        OutOfMemory: the batch does not fit; the message names one that does.
        KeyboardInterrupt: Ctrl-C, after the checkpoint was written.
    """
    machine = Machine(device_of(training.device), run.facts["training"]["precision"])
    with processes(), threads(run.facts["threads"]), interruptible() as interrupted:
        state = State.fresh(recipe, source, training, machine)
        seconds = resume(state, run, tell)
        loop = Loop(recipe, source, held_out, training, run, tell, machine, state, seconds)
        loop.go(interrupted)
        return state.averaged.net


@dataclass
class State:
    """What a checkpoint holds."""

    net: nn.Module
    averaged: AveragedNet
    groups: dict[str, Any]
    optimizers: Optimizers
    seen: int = 0
    best: dict[str, float] = field(default_factory=lambda: {"seen": -1, "score": 0.0})

    @classmethod
    def fresh(cls, recipe: Recipe, source: Source, training: Training, machine: Machine) -> State:
        """The state before the first step."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(key(training.seed, "build"))
            net = recipe.build(source.spec)
        net = machine.place(net).train()
        recipe.prepare(net, source)
        groups = recipe.groups(net)
        return cls(net, AveragedNet(net, training.average), groups, optimizers_for(groups, machine.device))

    def parts(self) -> dict[str, dict[str, Tensor]]:
        """All tensors, by part; memories are merged over processes first."""
        for part in self.net.modules():
            if isinstance(part, Remembers):
                part.merge()
        return {
            "net": self.net.state_dict(),
            "averaged": self.averaged.net.state_dict(),
            "moments": checkpoint.moments(self.optimizers),
            "memory": checkpoint.memory(self.net),
        }

    def copy_from(self, parts: dict[str, dict[str, Tensor]], facts: dict[str, Any], where: str) -> None:
        """Take the tensors and numbers of a checkpoint."""
        checkpoint.copy_into(self.net, parts["net"], where)
        checkpoint.copy_into(self.averaged.net, parts["averaged"], where)
        checkpoint.set_moments(self.optimizers, parts.get("moments", {}))
        for name, tensor in checkpoint.memory(self.net).items():
            tensor.copy_(parts["memory"][name])
        self.seen, self.best = facts["seen"], facts["best"]


def resume(state: State, run: Run, tell: Tell) -> float:
    """Take the newest whole checkpoint, naming damaged ones; the seconds that were spent until there.

    Raises:
        BadRun: there are checkpoints, and all are damaged.
    """
    damaged: list[BadRun] = []
    for path in reversed(checkpoint.found(run.checkpoints)):
        try:
            parts, facts = checkpoint.read(path)
        except BadRun as error:
            damaged.append(error)
            continue
        for each in damaged:
            tell(Said(f"{each}; {path.name} is used, the newest that is whole"))
        state.copy_from(parts, facts, str(path))
        return run.forget_after(state.seen)
    if damaged:
        raise BadRun(f"all checkpoints of {run.path} are damaged, the newest: {damaged[0]};\n--fresh begins a new run")
    return run.forget_after(-1)


@dataclass
class Loop:
    """The loop and what it carries from step to step."""

    recipe: Recipe
    source: Source
    held_out: Source
    training: Training
    run: Run
    tell: Tell
    machine: Machine
    state: State
    seconds: float  # spent before this start
    budget: int | None = None
    start: float | None = None  # the score before the first step, of a net that begins as a model of the data
    saved: int = -1  # images seen at the last checkpoint of this start
    meter: Meter = field(default_factory=Meter)

    def go(self, interrupted: Callable[[], bool]) -> None:
        """Step until the budget is spent; validate and save on the way."""
        state, run = self.state, self.run
        self.begin = self.told = time.monotonic()
        self.first = state.seen
        self.clock = torch.zeros((), dtype=torch.int64, device=self.machine.device)
        self.stopwatch = self.set_budget()
        self.tell(Started(run.path, state.seen, self.budget))
        self.look_at_the_start()
        while self.budget is None or state.seen < self.budget:
            before, stage = state.seen, stage_at(self.recipe, self.training, state.seen)
            self.meter.add(before, self.one_step(stage))
            state.seen += stage.batch
            state.averaged.update(state.seen, stage.batch)
            if stage_at(self.recipe, self.training, state.seen).moments != stage.moments:
                for optimizer in state.optimizers.values():  # before the checkpoint: a resume need not remember it
                    optimizer.state.clear()
            if self.stopwatch and (images := self.stopwatch.step(state.seen)):
                self.stopwatch = None
                self.accept(images)
            self.look(before)
            if interrupted():
                if self.saved != state.seen:  # written again, it would be gone for a moment in which a kill may fall
                    self.save()
                raise KeyboardInterrupt
        if self.start is not None and state.best["seen"] < 0:
            raise Diverged(
                f"on held-out data the {self.recipe.score[0]} was never anywhere near the {self.start:.5g} from before "
                f"the first step: the training diverged, and no weights are kept as best.\n"
                f"Try a lower --rate, or --fresh with another --seed"
            )
        self.tell(Finished(run.path, state.seen, int(state.best["seen"])))

    def look_at_the_start(self) -> None:
        """Score a net that begins as a model of the data before the first step."""
        if not self.recipe.begins_fitted(self.source.spec):
            return
        if self.state.seen == 0:
            stage = stage_at(self.recipe, self.training, 0)
            rows = max(1, stage.batch // (world() * self.training.micro))
            logs = validation(self.recipe, self.state.averaged.net, self.held_out, stage, rows, 0, self.machine)
            self.run.log(0, self.spent(), "start", logs)
        else:
            logs = next((row["logs"] for row in self.run.rows() if row["split"] == "start"), {})
        self.start = logs.get(self.recipe.score[0])

    def set_budget(self) -> Stopwatch | None:
        """The budget in images, from the run if its minutes were measured before; a stopwatch if they are to be."""
        budget = budget_of(self.recipe, self.training)
        if budget is None and self.run.facts.get("minutes") == self.training.minutes:
            budget = self.run.facts["budget"]
        if budget is None and self.state.seen and (self.training.minutes or 0.0) * 60 <= self.seconds:
            budget = self.state.seen  # the run has had them already
        if budget is None:
            return Stopwatch(self.training.minutes or 0.0, self.state.seen, self.seconds)
        self.accept(budget)
        return None

    def accept(self, budget: int) -> None:
        """Check the budget against the schedules, and write it to the run at once.

        One that is spent already trains nothing and is not written: a run that was stopped keeps the end it was given.
        """
        check_schedules(self.recipe, budget)
        self.budget = budget
        if budget <= self.state.seen and budget < (self.run.facts.get("budget") or 0):
            return
        batch = stage_at(self.recipe, self.training, 0).batch
        every = self.training.every or max(self.run.facts.get("every") or 0, batch, budget // 20)
        asked = to_json(self.training)
        self.run.write_facts(budget=budget, minutes=self.training.minutes, every=every, asked=asked)

    def one_step(self, stage: Stage) -> dict[str, Tensor]:
        """Read the own rows of one global batch and make the recipe's updates."""
        seen, seed, machine = self.state.seen, self.training.seed, self.machine
        self.clock.fill_(seen)
        rows = own_rows(stage.batch, self.training.micro)
        batches = [machine.move(self.source.take(seed, seen, stage.batch, part)) for part in rows]
        nows = [
            Now(self.clock, stage, Noise(seed, seen, part, stage.batch, machine.device, machine.dtype)) for part in rows
        ]
        set_rates(self.state.optimizers, self.state.groups, self.clock)
        state = self.state
        with batch_that_fits(self.recipe, state.net, state.groups, batches, nows, machine):
            return step(self.recipe, state.net, state.groups, state.optimizers, batches, nows, machine.cast)

    def look(self, before: int) -> None:
        """After a step: read the logs, validate and save where their turn has come."""
        seen, every = self.state.seen, self.run.facts.get("every")
        done = self.budget is not None and seen >= self.budget
        if every and (done or before * READINGS // every != seen * READINGS // every):
            self.read_logs(write=True)
        elif rank() == 0 and world() == 1 and time.monotonic() - self.told > PROGRESS:
            self.read_logs(write=False)
        if every and (done or before // every != seen // every):
            self.validate()
            self.save()

    def read_logs(self, write: bool) -> None:
        """Tell the logs; ``write`` them to the run as well and start new means.

        Raises:
            Diverged: one of them is not finite.
        """
        self.stop_if_broken()
        now, seen = time.monotonic(), self.state.seen
        rate = (seen - self.first) / max(now - self.begin, 1e-9)
        left = None if self.budget is None else max(0, self.budget - seen) / max(rate, 1e-9)
        logs = self.meter.read() if write else self.meter.peek()
        if write:
            self.run.log(seen, self.spent(), "train", logs)
        self.tell(Logged(seen, self.budget, logs, rate, left))
        self.told = now

    def stop_if_broken(self, weights: bool = False) -> None:
        """Stop when a loss is no longer finite, or ``weights`` are not: a finite loss may have other gradients."""
        found = None
        if broken := self.meter.broken_at():
            found = f"the {broken[1]} of the step at {broken[0]:,} images is"
        elif weights and not all(bool(weight.isfinite().all()) for weight in self.state.net.parameters()):
            found = f"a weight after the step that ended at {self.state.seen:,} images is"
        if found:
            raise Diverged(
                f"{found} not finite; the last good checkpoint is kept. "
                f"Try a lower --rate, --precision float32, or another --seed"
            )

    def validate(self) -> None:
        """Settle the averaged weights, score them on held-out data, and write them."""
        self.stop_if_broken(weights=True)
        state, recipe = self.state, self.recipe
        state.averaged.take_buffers(state.net)
        recipe.settle(state.averaged.net, self.source)
        stage = stage_at(recipe, self.training, state.seen)
        rows = max(1, stage.batch // (world() * self.training.micro))
        logs = validation(recipe, state.averaged.net, self.held_out, stage, rows, state.seen, self.machine)
        logs |= recipe.judge(state.averaged.net, self.held_out)
        name, better = recipe.score
        score = logs[name] if better == "higher" else -logs[name]
        lost = self.start is not None and diverged(logs[name], self.start, better, self.source.spec.size)
        best = not (math.isnan(score) or lost) and (state.best["seen"] < 0 or score > state.best["score"])
        if math.isnan(score):  # compared with it, no later score would be better
            self.tell(
                Said(f"the {name} on held-out data is not a number at {state.seen:,} images: not the best weights")
            )
        weights = state.averaged.net.state_dict()
        self.run.write_weights("last", weights)
        if best:
            state.best = {"seen": state.seen, "score": score}
            self.run.write_weights("best", weights)
        self.run.log(state.seen, self.spent(), "validation", logs)
        self.tell(Validated(state.seen, logs, best, self.spent(), state.averaged.net, state.net))

    def save(self) -> None:
        """Write a checkpoint, unless a loss or a weight has stopped being finite since the last reading."""
        self.stop_if_broken(weights=True)
        self.run.save(self.state.seen, self.state.parts(), {"best": self.state.best})
        self.saved = self.state.seen

    def spent(self) -> float:
        return self.seconds + time.monotonic() - self.begin


def diverged(score: float, start: float, better: str, size: int, far: float = FAR) -> bool:
    """Whether a score is worse by far than that before the first step: finite, and of no use.

    Args:
        score: on held-out data.
        start: that before the first step.
        better: ``"higher"`` or ``"lower"``.
        size: numbers of an item.
        far: times these and the score before, by which it is worse.
    """
    lost = (score - start) * (1 if better == "lower" else -1)
    return lost > far * (size + abs(start))


def own_rows(batch: int, micro: int) -> list[slice]:
    """The parts of a global batch that this process computes.

    Raises:
        BadField: the batch does not divide.
    """
    parts = world() * micro
    if batch % parts:
        raise BadField(f"a batch of {batch} does not divide by {world()} processes x {micro} parts")
    size = batch // parts
    return [slice(i * size, (i + 1) * size) for i in range(rank() * micro, (rank() + 1) * micro)]


def validation(
    recipe: Recipe, net: nn.Module, source: Source, stage: Stage, rows: int, seen: int, machine: Machine
) -> dict[str, float]:
    """The mean logs over a source, ``rows`` at a time: the same updates, told to the end without stepping.

    Never under autocast.
    """
    sums: dict[str, Tensor] = {}
    rows_of: Counter[str] = Counter()  # items that a log was a mean over: a group may be told of more than once
    clock = torch.tensor(seen, device=machine.device)
    places = range(0, len(source), -(-len(source) // VALIDATED))
    for start in range(0, len(places), rows):
        batch = machine.move(source.read(list(places[start : start + rows])))
        count = len(batch.x)
        noise = Noise(0, start, slice(None), count, machine.device, machine.dtype, purpose="validation")
        for name, value in _told(recipe, net, batch, Now(clock, replace(stage, batch=count), noise)):
            sums[name] = sums.get(name, torch.zeros((), dtype=torch.float64)) + value.cpu().double() * count
            rows_of[name] += count
    return {name: float(value) / rows_of[name] for name, value in sums.items()}


def _told(recipe: Recipe, net: nn.Module, batch: Batch, now: Now) -> Iterator[tuple[str, Tensor]]:
    for update in recipe.updates(net, batch, now):
        for name, value in update.logs.items():
            yield name, value.detach()


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C (and SIGTERM) act between steps only; a second one acts at once."""
    asked: list[int] = []

    def ask(number: int, _: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    def interrupted() -> bool:
        if world() == 1:
            return bool(asked)
        return bool(average(torch.tensor(float(bool(asked)))) > 0)  # all processes stop after the same step

    if threading.current_thread() is not threading.main_thread():
        yield interrupted
        return
    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
