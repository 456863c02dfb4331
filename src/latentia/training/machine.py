"""Where and in which numbers to train: device, precision, memory layout, threads, processes."""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from latentia.core import Batch, Noise, Now, Recipe, Source, Training, world
from latentia.errors import BadField

# Products of a step from which bf16 pays on a CPU: below, what autocast does beside them costs more than it gains.
# Measured with AVX512-BF16: 0.9 to 1.0 x float32's speed at 3e7, 1.05 x at 1e8, 1.2 x at 4.5e8, 1.4 x at 6e8 to 2e9.
HEAVY = 1e8


@dataclass(frozen=True)
class Machine:
    """A device with the precision that nets train in there, and the threads that a run begins with."""

    device: torch.device
    precision: str  # "float32", "bf16" or "float64"
    threads: int | None = None  # None: as many as torch has

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of weights, batches and noise; bf16 is autocast's business."""
        return torch.float64 if self.precision == "float64" else torch.float32

    @property
    def cast(self) -> Callable[[], AbstractContextManager[Any]]:
        """Opens the autocast region of one update."""
        if self.precision != "bf16":
            return nullcontext
        return partial(torch.autocast, self.device.type, torch.bfloat16)

    def place(self, net: nn.Module) -> nn.Module:
        """The net on the device; pictures' nets in channels-last layout, which is 1.2 to 1.3 times as fast.

        Not on a processor where a part of the net is ``contiguous``, as instance norms are: 1.1 times as fast so.
        """
        net = net.to(self.device, self.dtype)
        slower = self.device.type == "cpu" and any(getattr(part, "contiguous", False) for part in net.modules())
        if not slower and any(weight.dim() == 4 for weight in net.parameters()):
            net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return net

    def move(self, batch: Batch) -> Batch:
        """The batch on the device, pictures in channels-last layout."""
        batch = batch.to(self.device, self.dtype)
        if batch.x.dim() == 4:
            batch = batch._replace(x=batch.x.contiguous(memory_format=torch.channels_last))
        return batch


def device_of(word: str) -> torch.device:
    """The device that ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps`` names on this machine.

    Raises:
        BadField: the device is not there; the message names those that are.
    """
    local = int(os.environ.get("LOCAL_RANK", "0"))  # each process of this machine takes a GPU of its own
    there = ["cpu"]
    there += [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    there += ["mps"] if torch.backends.mps.is_available() else []
    if word == "auto":
        return torch.device(there[1 + local % (len(there) - 1)] if len(there) > 1 else "cpu")
    wanted = f"cuda:{local % max(1, torch.cuda.device_count())}" if word == "cuda" else word
    if wanted not in there:
        raise BadField(f"the device {word!r} is not there; this machine has {', '.join(there)} (auto takes the best)")
    return torch.device(wanted)


def machine_for(training: Training, recipe: Recipe, source: Source) -> Machine:
    """The machine that a training asks for.

    ``auto`` precision is bf16 where the hardware multiplies in it and, on a CPU, a step is heavy enough for it to pay.
    A step that is too light for that takes one thread: several gain it little, and where something else keeps a core
    busy they wait for each other, tens of times as long as they work. No clock decides that: the same training takes
    the same numbers whatever else the machine does.
    """
    device = device_of(training.device)
    precision = training.precision
    if precision == "float64" and device.type == "mps":
        raise BadField("float64 is not there on mps; take --device cpu")
    heavy = device.type == "cuda" or _heavy(recipe, source, training.batch or recipe.batch)
    if precision == "auto":
        precision = "bf16" if heavy and _multiplies_bf16(device) else "float32"
    return Machine(device, precision, None if heavy else 1)


def products(recipe: Recipe, source: Source, batch: int) -> float:
    """How many products the layers make until the first loss of a late step, counted on a few items."""
    few, found = min(batch, len(source), 16), 0

    def count(layer: nn.Module, given: tuple[Any, ...], made: Any) -> None:
        nonlocal found
        if isinstance(weight := getattr(layer, "weight", None), Tensor) and weight.dim() > 1:
            found += (given[0] if isinstance(layer, nn.ConvTranspose2d) else made).numel() * weight[0].numel()

    with torch.random.fork_rng(devices=[]):
        net = recipe.build(source.spec)
    for layer in net.modules():
        layer.register_forward_hook(count)
    now = Now(torch.zeros((), dtype=torch.int64), recipe.stage(recipe.images), Noise(0, 0, slice(None), few))
    next(recipe.updates(net, source.take(0, 0, few), now), None)
    return found * batch / few


def _heavy(recipe: Recipe, source: Source, batch: int) -> bool:
    try:
        return products(recipe, source, batch) >= HEAVY
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            return True  # the training will say so, and what fits
        raise


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that an allocation failed, on any device."""
    text = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
    )


def _multiplies_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and bool(torch.cpu._is_avx512_bf16_supported())


@contextmanager
def threads(count: int | None) -> Iterator[int]:
    """Compute with ``count`` threads inside (``None``: as many as now): a sum's order depends on their number."""
    before = torch.get_num_threads()
    torch.set_num_threads(count or before)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


@contextmanager
def processes() -> Iterator[None]:
    """Join the other processes that torchrun started, and wait for them at the end. Alone, nothing happens.

    The group is joined once and left when the process ends, in peace only: to leave it after an error would wait for
    the others, who wait for this one; torchrun stops them all.
    """
    if "RANK" not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield
        return
    first = not torch.distributed.is_initialized()
    if first:
        # the host's numbers (stop, minutes) are averaged over gloo also where weights are over nccl
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        torch.distributed.init_process_group(backend, timeout=timedelta(minutes=30))
    yield
    together()
    if first:
        atexit.register(torch.distributed.destroy_process_group)


def together() -> None:
    """Wait for the other processes: what one has written, all can read."""
    if world() > 1:
        torch.distributed.barrier()
