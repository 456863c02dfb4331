"""How long to train: images, steps or minutes, all turned into images."""

from __future__ import annotations

import time
from dataclasses import replace

import torch

from latentia.core import Recipe, Stage, Training, average
from latentia.errors import BadField
from latentia.fields import Schedule, fields_of

SETTLING, MEASURED = 5, 20  # steps before the clock is read, and steps that it measures


def stage_at(recipe: Recipe, training: Training, seen: int) -> Stage:
    """The stage of the step that starts at ``seen``; a batch that was asked for wins over the recipe's.

    Lazy penalties are in every n-th *step*, and weighed by n: the recipe says so for steps of its own batch, so it is
    asked for the step of the same number.
    """
    stage = recipe.stage(seen)
    if training.batch is None:
        return stage
    return replace(stage, batch=training.batch, penalty=recipe.stage(seen // training.batch * stage.batch).penalty)


def budget_of(recipe: Recipe, training: Training) -> int | None:
    """The budget in images; ``None`` while minutes are still to be measured.

    Raises:
        BadField: two budgets at once.
    """
    given = [name for name in ("images", "steps", "minutes") if getattr(training, name) is not None]
    if len(given) > 1:
        raise BadField(f"give one budget, not {' and '.join('--' + name for name in given)}")
    if training.minutes is not None:
        return None
    if training.steps is None:
        return training.images or recipe.images
    seen = 0
    for _ in range(training.steps):
        seen += stage_at(recipe, training, seen).batch
    return seen


def check_budget(recipe: Recipe, training: Training) -> None:
    """Refuse a budget before a run is begun; one in minutes is checked again when it has been measured.

    Raises:
        BadField: two budgets at once, or a schedule that is longer.
    """
    budget = budget_of(recipe, training)
    if budget is not None:
        check_schedules(recipe, budget)


def check_schedules(recipe: Recipe, budget: int) -> None:
    """Refuse a schedule that the budget would cut short: the model would never train on its final objective.

    Raises:
        BadField: the first such field.
    """
    for field in fields_of(type(recipe)):
        if field.scheduled and (schedule := Schedule.parse(getattr(recipe, field.name))).images > budget:
            raise BadField(
                f"{field.flag} {getattr(recipe, field.name)} takes {schedule.images:,} images, "
                f"longer than the budget of {budget:,}; shorten it or train longer"
            )


class Stopwatch:
    """Turns minutes into a budget of images: measured over the first steps, then fixed, so that a run can resume.

    Args:
        minutes: of the whole run.
        seen: images until now.
        spent: seconds of the run until now.
    """

    def __init__(self, minutes: float, seen: int, spent: float = 0.0) -> None:
        self.seconds, self.steps = minutes * 60 - spent, 0
        self.start, self.begin, self.seen = time.monotonic(), 0.0, seen

    def step(self, seen: int) -> int | None:
        """Count a step that ended at ``seen``; the budget, once it is known."""
        self.steps += 1
        if self.steps == SETTLING:
            self.begin, self.seen = time.monotonic(), seen
        if self.steps < SETTLING + MEASURED:
            return None
        rate = (seen - self.seen) / max(time.monotonic() - self.begin, 1e-9)
        left = self.seconds - (time.monotonic() - self.start)
        return int(average(torch.tensor(seen + max(0.0, rate * left), dtype=torch.float64)))
