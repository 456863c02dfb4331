"""What people call to train: ``train`` and ``resume``; ``load`` and the model they return are in ``latentia.model``."""

from __future__ import annotations

import itertools
import math
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from latentia import data as data_layer
from latentia import models
from latentia.core import HasDensity, Recipe, Training, key, rank, world
from latentia.errors import BadField, Refused
from latentia.facts import data_of, facts_of, opened_for, options_of, recipe_of
from latentia.fields import defaults_of, from_json
from latentia.model import Model, load
from latentia.tasks.calibrate import repeated
from latentia.tasks.watch import Watch
from latentia.training import loop
from latentia.training.budget import check_budget
from latentia.training.lock import alone
from latentia.training.machine import processes, together
from latentia.training.run import Event, Mirror, Run, Said, Validated

Progress = Callable[[Event], None]
Rows = Sequence[Mapping[str, Any]]  # of a run's log
WORSE = 1.0  # times the numbers of a row and the first score, by which a training has made it worse
LEAST, STEEP = 10, 0.1  # validations that a trend needs, and the share of all that was gained in the last fifth of it


def train(
    recipe: Recipe,
    data: Any,
    other: Any = None,
    *,
    training: Training | None = None,
    run: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Model:
    """Train a recipe on data; run again with the same run folder, it resumes.

    Args:
        recipe: what to learn and how, ``VAE(latent=16)``.
        data: a name, a path, an array, a tensor, a data set, or an opened :class:`~latentia.data.DataSet`.
        other: the other side of pairs, or the other domain, for a recipe that learns from them.
        training: how to train; or give its fields by name: ``images=100_000``, ``minutes=2``, ``seed=1``.
        run: the folder to keep; ``None`` is a temporary one (:meth:`Model.save` keeps it).
        progress: is told what happens, one event at a time (:mod:`latentia.training.run`).
        **options: fields of :class:`~latentia.core.Training` and of :class:`~latentia.data.options.DataOptions`.

    Raises:
        Refused: data, a field or a run folder that cannot be used.
        Diverged, OutOfMemory: as they say.
    """
    if not isinstance(recipe, Recipe):
        raise BadField(f"train takes a recipe, such as VAE(latent=8), not {recipe!r}")
    training, opening = options_of(training, options)
    opened = opened_for(recipe, data, other, opening)
    tell = progress or (lambda _: None)
    recipe = recipe.fitted(opened.spec)
    recipe, training = recipe.planned(training, opened.spec, len(opened.train))
    with processes():
        if run is None and world() > 1:
            raise BadField("several processes cannot share a temporary folder; name the run's: run='runs/mine'")
        path = Path(tempfile.mkdtemp(prefix="latentia-")) if run is None else Path(run)
        try:
            check_members(recipe, training)
            _trained(recipe, opened, training, path, tell)
            _more(recipe, opened, training, path, tell)
            return load(path, device=training.device)
        except Refused:
            if run is None:  # nobody knows of it, and nothing in it is of use
                shutil.rmtree(path, ignore_errors=True)
            raise


def check_members(recipe: Recipe, training: Training) -> None:
    """Refuse several members of what has no density.

    Raises:
        BadField: as it says.
    """
    if training.members > 1 and HasDensity not in recipe.capabilities:
        raise BadField(f"--members averages densities, and {models.name_of(recipe)} has none; leave it out")


def _more(recipe: Recipe, data: data_layer.DataSet, training: Training, path: Path, tell: Progress) -> None:
    """Train the other members, each in a folder of its own and for as many images as the first."""
    first = Run.open(path)
    for number in range(2, training.members + 1):
        tell(Said(f"member {number} of {training.members}"))
        budget = {"images": first.facts["budget"], "steps": None, "minutes": None}
        own = replace(training, **budget, members=1, seed=key(training.seed, "member", number))
        _trained(recipe, data, own, first.member(number).path, tell)


def _trained(recipe: Recipe, data: data_layer.DataSet, training: Training, path: Path, tell: Progress) -> None:
    check_budget(recipe, training)
    facts, folder = facts_of(recipe, data, training), Run(path)
    with alone(path):
        moved = folder.begin(facts, defaults_of(type(recipe)))
        if training.tensorboard and rank() == 0:
            folder.mirror = Mirror(path / "tensorboard")
        told = [*moved, *data.notes, *recipe.notes(data.spec), *models.remarks(recipe, data.validation)]
        if data.spec.columns:
            told += repeated(data.train, {"validation": data.validation, "test": data.test})
        for sentence in told:
            tell(Said(sentence))
        net = loop.train(recipe, data.train, data.validation, training, folder, _watched(data, folder, tell))
        ended = [*ending(folder.rows(), recipe.score), *of_table(folder.rows(), recipe, data)]
        for sentence in [*recipe.found(net, data.train), *ended]:
            tell(Said(sentence))
        together()


def ending(rows: Rows, score: tuple[str, str]) -> list[str]:
    """What the scores of a run's validations say of its length, a sentence each, from its log."""
    name, better = score
    rows = [row for row in rows if row["split"] == "validation"]
    scores = [(1 if better == "higher" else -1) * row["logs"][name] for row in rows if name in row["logs"]]
    if len(scores) < LEAST or not math.isfinite(sum(scores)):
        return []
    whole, last = scores[-1] - scores[0], scores[-1] - scores[-1 - len(scores) // 5]
    if whole > 0 and last > STEEP * whole:
        return [
            f"the {name} was still getting better at the end: {last / whole:.0%} of all it gained came in the last "
            f"fifth of the training; train longer: --images {2 * rows[-1]['seen']}"
        ]
    return []


def of_table(rows: Rows, recipe: Recipe, data: data_layer.DataSet) -> list[str]:
    """Whether a training on a table was less than a pass over it, or made the model worse, a sentence each."""
    if not data.spec.columns or vars(recipe).get("rate") == 0:
        return []
    count, (name, better), told = len(data.train), recipe.score, []
    seen = max((row["seen"] for row in rows), default=count)
    if seen < count:
        usual = recipe.planned(Training(), data.spec, count)[1].images or recipe.images
        told.append(
            f"{seen:,} images are {seen / count:.0%} of one pass over the {count:,} training rows: the model is hardly "
            f"more than what it began as; train longer: --images {usual}"
        )
    begun = [row["logs"][name] for row in rows if row["split"] == "start" and name in row["logs"]]
    found = [row["logs"][name] for row in rows if row["split"] == "validation" and name in row["logs"]]
    if not begun or not found:
        return told
    best = max(found) if better == "higher" else min(found)
    if loop.diverged(best, begun[0], better, data.spec.size, WORSE):
        told.append(
            f"the training made the model worse: its best {name} on held-out data is {best:.5g}, and was "
            f"{begun[0]:.5g} before the first step; try a smaller --rate"
        )
    elif loop.diverged(found[-1], best, better, data.spec.size):
        told.append(
            f"the training diverged after its best weights, which are used: the {name} on held-out data was "
            f"{best:.5g}, and is {found[-1]:.5g} at the end; try a smaller --rate"
        )
    return told


def _watched(data: data_layer.DataSet, folder: Run, tell: Progress) -> Progress:
    """``tell``, with a picture of the same noise and what the detectors find, after each validation."""
    watch = Watch(data.train, data.validation)

    def told(event: Event) -> None:
        tell(event)
        if isinstance(event, Validated) and rank() == 0:
            with folder.writing():
                watch.draw(event.net, folder.pictures, event.seen)
            every, budget = folder.facts["every"], folder.facts["budget"]
            found = watch.look(event.net, event.learner, event.seen, every, budget, folder.rows())
            if found.figures:
                folder.log(event.seen, event.seconds, "watch", found.figures, found=found.found, said=found.said)
            for sentence in found.said.values():
                tell(Said(sentence))

    return told


def resume(run: str | Path, *, progress: Progress | None = None, **changes: Any) -> Model:
    """Go on with a run, as it was begun; ``changes`` may be a new budget, a device, or parts (``micro``).

    Raises:
        BadRun: its data cannot be opened again, or a change that would make it another run.
    """
    model = Run.open(run)
    kept = dict(model.facts["asked"])
    if any(changes.get(name) is not None for name in ("images", "steps", "minutes")):
        kept |= {"images": None, "steps": None, "minutes": None}
    training = from_json(Training, {**kept, **changes})
    return train(recipe_of(model), data_of(model), training=training, run=run, progress=progress)


def new_run(folder: str | Path) -> Path:
    """The first free name: ``folder``, ``folder-2``, ``folder-3`` ..."""
    path = Path(folder)
    names = itertools.chain([path], (path.with_name(f"{path.name}-{number}") for number in itertools.count(2)))
    return next(name for name in names if not name.exists())
