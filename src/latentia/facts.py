"""What a run is told by: its recipe, its data and its training, as recipe.json keeps them."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import nn

from latentia import data as data_layer
from latentia import models
from latentia.core import Recipe, Spec, Training, world
from latentia.data.dataset import DataSet
from latentia.data.options import DataOptions
from latentia.errors import BadData, BadField, BadRun, near
from latentia.fields import fields_of, from_json, to_json
from latentia.training import checkpoint
from latentia.training.machine import device_of, machine_for
from latentia.training.run import FORMAT, Run, versions

__all__ = ["data_of", "facts_of", "net_of", "opened_for", "options_of", "recipe_of"]

SPLITS = ("train", "validation", "test")
SAME = ("batch", "seed", "average", "precision")  # what a run keeps of its training when it goes on


def facts_of(recipe: Recipe, data: DataSet, training: Training) -> dict[str, Any]:
    """What ``recipe.json`` says when a run begins."""
    machine = machine_for(training, recipe, data.train)
    decided = {name: getattr(training, name) for name in SAME}
    decided |= {"batch": training.batch or recipe.batch, "precision": machine.precision}
    return {
        "format": FORMAT,
        "model": models.name_of(recipe),
        "recipe": to_json(recipe),
        "training": decided,
        "asked": to_json(training),
        "spec": data.spec.to_json(),
        "data": {"name": data.name, "options": data.options, "signature": data.signature},
        "splits": {split: len(getattr(data, split)) for split in SPLITS},
        "labels": labels_in(data),
        "device": str(machine.device),
        "threads": machine.threads or torch.get_num_threads(),
        "processes": world(),
        "every": None,
        "budget": None,
        "minutes": None,
        "versions": versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def labels_in(data: DataSet) -> list[int] | None:
    """How many training items each class has, where a model is given labels."""
    labels = getattr(data.train, "labels", None)
    if not data.spec.classes or labels is None:
        return None
    found: list[int] = torch.bincount(labels[data.train.rows], minlength=len(data.spec.classes)).tolist()
    return found


def recipe_of(run: Run) -> Recipe:
    """The recipe of a run."""
    return from_json(models.load(run.facts["model"]), run.facts["recipe"])


def net_of(run: Run, weights: Path, device: str = "auto") -> tuple[nn.Module, Recipe, Spec]:
    """The net of a run with the weights of a file, in eval mode and without gradients; its recipe and spec.

    Raises:
        BadRun: weights that are missing or damaged.
    """
    recipe, spec = recipe_of(run), Spec.from_json(run.facts["spec"])
    with torch.random.fork_rng(devices=[]):
        net = recipe.build(spec)
    dtype = torch.float64 if run.facts["training"]["precision"] == "float64" else torch.float32
    net = net.to(device_of(device), dtype).eval().requires_grad_(False)
    checkpoint.copy_into(net, checkpoint.read_tensors(weights), str(weights))
    return net, recipe, spec


def data_of(run: Run) -> DataSet:
    """The data that a run was trained on, opened again.

    Raises:
        BadRun: it was an array in memory.
    """
    options = dict(run.facts["data"]["options"])
    what, other = options.pop("what"), options.pop("other", None)
    if what is None:
        raise BadRun(
            f"{run.path} was trained on an array in memory, which is not kept; give the same again: outliers, "
            f"calibrate and detects take it as data=ARRAY"
        )
    return data_layer.open(what, other, **options)


def options_of(training: Training | None, options: dict[str, Any]) -> tuple[Training, dict[str, Any]]:
    """The training, with the fields given by name, and the options of the data."""
    known = {field.name for field in fields_of(Training)}
    opening = {name: value for name, value in options.items() if name not in known}
    allowed = {field.name for field in fields_of(DataOptions)}
    for name in opening:
        if name not in allowed:
            raise BadField(f"there is no option {name!r}; {near(name, allowed | known)}")
    changes = {name: value for name, value in options.items() if name in known}
    return dataclasses.replace(training or Training(), **changes), opening


def opened_for(recipe: Recipe, data: Any, other: Any, opening: dict[str, Any]) -> DataSet:
    """The data as a recipe learns from it: one picture at a time, pairs, or domains; as it is, if it is open already.

    Raises:
        BadField: data of another kind or pairing.
        BadData: too few held-out items to choose weights by.
    """
    found = data if isinstance(data, DataSet) else _opened(recipe, data, other, opening)
    if found.spec.kind not in recipe.kinds:
        name = models.name_of(recipe)
        raise BadField(f"{name} learns from {' or '.join(recipe.kinds)} data, and {found.name} is {found.spec.kind}")
    if len(found.spec.classes) == 1:
        (label,) = found.spec.classes
        raise BadData(f"all items of {found.name} have the label {label}; two or more are needed: leave --labels out")
    models.check_pairing(recipe, found.spec.pairing)
    models.check_held_out(recipe, found.validation)
    return found


def _opened(recipe: Recipe, data: Any, other: Any, opening: dict[str, Any]) -> DataSet:
    pairing = opening.get("pairing") or recipe.pairing or ("domains" if other is not None else "")
    models.check_pairing(recipe, pairing)
    return data_layer.open(data, other, **{**opening, "pairing": pairing or None})
