"""Checkpoints that a kill at any moment cannot break: tensors in safetensors, the rest in JSON, renamed when whole.

Tensors are read by ``copy_`` into tensors laid out like their weight, the optimisers' moments too: fused Adam walks raw
pointers and would silently mix up a channels-last weight with contiguous moments.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialized
from torch import Tensor, nn

from latentia.core import Remembers
from latentia.errors import BadRun
from latentia.training.step import Optimizers

TENSORS, STATE = "state.safetensors", "state.json"


def write_json(path: Path, values: Any) -> None:
    """Write JSON under a temporary name, flush it to the disk, rename it."""
    part = path.with_name(f".{path.name}.part")
    with part.open("w") as file:
        json.dump(values, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors under a temporary name, flush them to the disk, rename them."""
    part = path.with_name(f".{path.name}.part")
    # a clone each: safetensors refuses shared memory and layouts other than the contiguous one
    plain = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    with part.open("wb") as file:  # not save_file, whose files only their owner may read
        file.write(serialized(plain))
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a file.

    Raises:
        BadRun: the file is missing or damaged.
    """
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        closed = path.exists() and not os.access(path, os.R_OK)  # the reader says that there is no such file
        raise BadRun(f"{path} cannot be read: {'no permission' if closed else error}") from None


def copy_into(net: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Copy tensors into a net's weights and buffers by name, keeping their layout.

    Raises:
        BadRun: a name is missing or left over, or a shape differs.
    """
    own = net.state_dict()
    wrong = sorted(set(own) ^ set(tensors))
    if wrong:
        raise BadRun(f"{where} does not fit the net: {wrong[0]} is {'missing' if wrong[0] in own else 'left over'}")
    with torch.no_grad():
        for name, tensor in own.items():
            if tensor.shape != tensors[name].shape:
                raise BadRun(f"{where}: {name} is {tuple(tensors[name].shape)}, the net has {tuple(tensor.shape)}")
            tensor.copy_(tensors[name])


def memory(net: nn.Module) -> dict[str, Tensor]:
    """What the parts of a net remember (:class:`latentia.core.Remembers`), by name."""
    return {
        f"{name}.{slot}": tensor
        for name, part in net.named_modules()
        if isinstance(part, Remembers)
        for slot, tensor in part.memory().items()
    }


def moments(optimizers: Optimizers) -> dict[str, Tensor]:
    """The optimisers' state as named tensors: ``group/index/name``; weights that never moved have none."""
    return {
        f"{group}/{index}/{name}": tensor
        for group, optimizer in optimizers.items()
        for index, weight in enumerate(_weights(optimizer))
        for name, tensor in optimizer.state.get(weight, {}).items()
    }


def set_moments(optimizers: Optimizers, tensors: Mapping[str, Tensor]) -> None:
    """Put back what :func:`moments` gave, laid out like the weights; counts of steps where the optimiser reads them."""
    for optimizer in optimizers.values():
        optimizer.state.clear()
    for path, tensor in tensors.items():
        group, index, name = path.split("/")
        optimizer = optimizers[group]
        weight = _weights(optimizer)[int(index)]
        if name == "step":  # a fused kernel reads it on its own device
            there = optimizer.defaults["fused"] or optimizer.defaults["capturable"]
            optimizer.state[weight][name] = tensor.to(weight.device if there else "cpu", copy=True)
        else:
            optimizer.state[weight][name] = torch.empty_like(weight).detach().copy_(tensor)


def _weights(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [weight for settings in optimizer.param_groups for weight in settings["params"]]


def save(folder: Path, seen: int, parts: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> Path:
    """Write the checkpoint ``folder/<seen>`` whole or not at all."""
    whole, part = folder / f"{seen:012d}", folder / f".{seen:012d}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    write_tensors(
        part / TENSORS,
        {f"{prefix}|{name}": tensor for prefix, tensors in parts.items() for name, tensor in tensors.items()},
    )
    write_json(part / STATE, {**state, "seen": seen, "blake2b": _digest(part / TENSORS)})
    _flush(part)
    shutil.rmtree(whole, ignore_errors=True)
    part.replace(whole)
    _flush(folder)
    return whole


def read(path: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """The parts and the state of one checkpoint.

    Raises:
        BadRun: it is damaged.
    """
    try:
        state = json.loads((path / STATE).read_text())
        whole = state["blake2b"] == _digest(path / TENSORS)
    except (OSError, ValueError, KeyError) as error:
        raise BadRun(f"the checkpoint {path} is damaged: {error}") from None
    if not whole:
        raise BadRun(f"the checkpoint {path} is damaged: {TENSORS} is not what was written")
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in read_tensors(path / TENSORS).items():
        prefix, _, rest = name.partition("|")
        parts.setdefault(prefix, {})[rest] = tensor
    return parts, state


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def found(folder: Path) -> list[Path]:
    """The whole checkpoints of a folder, oldest first."""
    return sorted(path for path in folder.glob("[0-9]*") if path.is_dir())


def prune(folder: Path, seen: int, keep: set[int], last: int = 2) -> None:
    """Remove all but the ``last`` newest checkpoints up to ``seen`` and those whose images seen are in ``keep``.

    Those after ``seen`` were damaged, and passed over by the resume; parts are what a kill left of a writing.
    """
    paths = found(folder)
    whole = [path for path in paths if int(path.name) <= seen]
    kept = {*whole[-last:], *(path for path in whole if int(path.name) in keep)}
    for path in [*(path for path in paths if path not in kept), *folder.glob(".*.part")]:
        shutil.rmtree(path, ignore_errors=True)
