"""Kept nets: small nets that a measure needs, trained once for some data and then read from the cache folder."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from latentia.core import Recipe, Training
from latentia.data.cache import cache_folder, megabytes, whole
from latentia.data.dataset import DataSet
from latentia.data.progress import Progress
from latentia.errors import BadRun
from latentia.fields import to_json
from latentia.training import loop
from latentia.training.checkpoint import copy_into, read_tensors
from latentia.training.machine import device_of, machine_for
from latentia.training.run import WEIGHTS, Event, Logged, Run, versions

__all__ = ["Kept", "kept"]

log = logging.getLogger("latentia")
SAME = ("latentia", "torch", "machine")  # versions that a kept net is good for


@dataclass(frozen=True)
class Kept:
    """A trained net, in eval mode, with the file of its weights and what was measured when it was made."""

    net: nn.Module
    path: Path
    facts: Mapping[str, Any]


def kept(
    recipe: Recipe,
    data: DataSet,
    training: Training,
    measured: Callable[[nn.Module], Mapping[str, Any]],
    cache: str | Path | None = None,
) -> Kept:
    """The net of a recipe, trained by the ordinary loop if it is not in the cache yet; the log says so, and where.

    Data, recipe, training and versions decide its name. Weights that are damaged, or not those that their facts name,
    are made anew.

    Args:
        recipe: of a small net.
        data: its best weights are those with the best score on ``data.validation``.
        training: with a seed and a budget.
        measured: plain JSON values that are kept beside the weights.
        cache: the folder; by default the package's own.

    Raises:
        BadField: the recipe cannot learn from this data.
        BadData: the cache cannot be written.
    """
    machine = machine_for(training, recipe, data.train)
    decided = {
        "recipe": [type(recipe).__name__, to_json(recipe)],
        "data": data.signature,
        "training": {**to_json(training), "device": machine.device.type, "precision": machine.precision},
        "versions": {name: versions()[name] for name in SAME},
    }
    name = hashlib.blake2b(json.dumps(decided, sort_keys=True).encode(), digest_size=12).hexdigest()
    path = cache_folder(cache) / "nets" / f"{type(recipe).__name__.lower()}-{name}.safetensors"
    with torch.random.fork_rng(devices=[]):
        net = recipe.build(data.spec).eval().requires_grad_(False)
    if (facts := _read(net, path)) is None:
        _learn(net, recipe, data, training, path)
        facts = dict(measured(net))
        _write(net, path, {**decided, "measured": facts})
    return Kept(net.to(device_of(training.device)), path, facts)


def _read(net: nn.Module, path: Path) -> Mapping[str, Any] | None:
    """Copy kept weights into a net; what was measured, or ``None`` where there is nothing whole."""
    try:
        about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        held = path.read_bytes()
        if hashlib.sha256(held).hexdigest() != about["sha256"]:
            return None
        copy_into(net, load(held), str(path))
        found: Mapping[str, Any] = about["measured"]
    except (OSError, ValueError, KeyError, TypeError, SafetensorError, BadRun):
        return None
    return found


def _write(net: nn.Module, path: Path, about: Mapping[str, Any]) -> None:
    held = save({name: tensor.detach().cpu().contiguous() for name, tensor in net.state_dict().items()})
    text = json.dumps({**about, "sha256": hashlib.sha256(held).hexdigest()}, indent=1).encode()
    for place, content in ((path, held), (path.with_suffix(".json"), text)):  # the facts last: they vouch for the rest
        with whole(place, len(content)) as file:
            file.write(content)


def _learn(net: nn.Module, recipe: Recipe, data: DataSet, training: Training, path: Path) -> None:
    """Train in a folder that is gone afterwards, and copy the best weights into ``net``."""
    size = sum(weight.numel() * weight.element_size() for weight in net.state_dict().values())
    what, budget = type(recipe).__name__.lower(), training.images or recipe.images
    log.info(
        "a %s of %s is trained once, on %s images; its %s are kept as %s",
        what, data.name, f"{budget:,}", megabytes(size), path,
    )  # fmt: skip
    progress = Progress(budget, "seen", "{:,} images".format)

    def tell(event: Event) -> None:
        if isinstance(event, Logged):
            progress.more(event.seen - progress.done)

    with tempfile.TemporaryDirectory(prefix="latentia-") as folder:
        machine = machine_for(training, recipe, data.train)
        run = Run(Path(folder), {"training": {"precision": machine.precision}, "threads": machine.threads})
        loop.train(recipe, data.train, data.validation, training, run, tell)
        copy_into(net, read_tensors(run.path / WEIGHTS["best"]), str(run.path))
