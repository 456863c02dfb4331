"""Out of memory: find the batch that fits, once, and say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from latentia.core import Batch, Group, Noise, Now, Recipe, world
from latentia.errors import OutOfMemory
from latentia.training.machine import Machine, is_out_of_memory


@contextmanager
def batch_that_fits(
    recipe: Recipe,
    net: Any,
    groups: Mapping[str, Group],
    batches: Sequence[Batch],
    nows: Sequence[Now],
    machine: Machine,
) -> Iterator[None]:
    """Turn an allocation that failed inside into the batch that does fit, found by halving.

    Raises:
        OutOfMemory: with the parts that the batch has to be computed in.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        whole = nows[0].stage.batch
        rows = len(batches[0].x)
        while (rows := rows // 2) and not _fits(recipe, net, groups, batches[0], nows[0], rows, machine):
            pass
        if not rows:
            raise OutOfMemory("not even a batch of 1 fits in memory; take a smaller net or smaller pictures") from None
        own = whole // world()  # the batch divides by its parts, or the training would have been refused
        micro = next(parts for parts in range(-(-own // rows), own + 1) if own % parts == 0)
        raise OutOfMemory(
            f"a batch of {whole} does not fit in memory; {rows} rows at a time do: "
            f"--micro {micro} keeps the batch, --batch {rows * len(batches) * world()} makes it smaller"
        ) from None


def _fits(
    recipe: Recipe, net: Any, groups: Mapping[str, Group], batch: Batch, now: Now, rows: int, machine: Machine
) -> bool:
    part = batch._replace(**{name: slot[:rows] for name, slot in batch.slots()})
    small = now._replace(noise=Noise(0, 0, slice(None), rows, machine.device, machine.dtype))
    try:
        teller = recipe.updates(net, part, small)
        while True:
            with machine.cast():  # as the step itself: wider numbers would take twice the memory
                update = next(teller, None)
            if update is None:
                return True
            torch.autograd.grad(update.loss, list(groups[update.group].weights), allow_unused=True)
            del update
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return False
