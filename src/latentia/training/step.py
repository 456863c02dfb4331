"""One training step: the heart. It moves one group of weights at a time and never asks which model it is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from latentia.core import Batch, Group, Now, Recipe, average, world
from latentia.fields import Schedule
from latentia.losses.schedules import at

Optimizers = Mapping[str, torch.optim.Optimizer]


def optimizers_for(groups: Mapping[str, Group], device: torch.device) -> dict[str, torch.optim.Optimizer]:
    """Fused Adam for each group; its rate is a tensor, so that a captured step can follow a schedule."""
    return {name: _adam(group, device) for name, group in groups.items()}


def _adam(group: Group, device: torch.device) -> torch.optim.Optimizer:
    first = Schedule.parse(group.rate).start
    return torch.optim.Adam(
        list(group.weights),
        lr=torch.tensor(first, device=device, dtype=torch.float32),
        betas=group.betas,
        eps=group.epsilon,
        fused=device.type in ("cpu", "cuda"),
        capturable=device.type == "cuda",
    )


def set_rates(optimizers: Optimizers, groups: Mapping[str, Group], seen: Tensor) -> None:
    """Set each group's learning rate to what its schedule says at ``seen``."""
    for name, optimizer in optimizers.items():
        if isinstance(groups[name].rate, str):
            for settings in optimizer.param_groups:
                settings["lr"].copy_(at(groups[name].rate, seen))


def step(
    recipe: Recipe,
    net: Any,
    groups: Mapping[str, Group],
    optimizers: Optimizers,
    batches: Sequence[Batch],
    nows: Sequence[Now],
    cast: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> dict[str, Tensor]:
    """Make every update that the recipe tells, in order; several batches are parts of one, accumulated.

    The generators advance in lockstep. ``backward(inputs=...)`` cannot touch another group's weights. Each ``next``
    has an autocast region of its own: one around the whole step would reuse casts of weights that have moved.

    Returns:
        The mean loss of each group under the group's name, and the mean of each log.
    """
    tellers = [recipe.updates(net, batch, now) for batch, now in zip(batches, nows, strict=True)]
    sums: dict[str, Tensor] = {}
    times: Counter[str] = Counter()  # a group that moves twice in a step is logged by its mean
    while True:
        group = None
        for teller in tellers:
            with cast():
                update = next(teller, None)
            if update is None:
                break
            if group is None:
                optimizers[update.group].zero_grad(set_to_none=True)
            group = update.group
            (update.loss / len(tellers)).backward(inputs=list(groups[group].weights))
            for name, value in {group: update.loss, **update.logs}.items():
                part = value.detach()
                sums[name] = sums[name] + part if name in sums else part
                times[name] += 1
            del update  # frees this graph before the next part makes its own
        if group is None:
            return {name: total / times[name] for name, total in sums.items()}
        average_into([weight.grad for weight in groups[group].weights if weight.grad is not None])
        optimizers[group].step()


def average_into(gradients: Sequence[Tensor]) -> None:
    """Average gradients over processes with one flat all-reduce, copied back so that each keeps its layout."""
    if world() == 1 or not gradients:
        return
    flat = average(torch.cat([gradient.reshape(-1) for gradient in gradients]))
    for gradient, piece in zip(gradients, torch.split(flat, [each.numel() for each in gradients]), strict=True):
        gradient.copy_(piece.view(gradient.shape))


class Meter:
    """Sums logs on the device, and remembers where each first stopped being finite; read only now and then.

    Steps may have different logs (a lazy penalty is in some only): each set of names has sums of its own.
    """

    def __init__(self) -> None:
        self.sums: dict[tuple[str, ...], Tensor] = {}
        self.broken: dict[tuple[str, ...], Tensor] = {}
        self.counts: Counter[tuple[str, ...]] = Counter()

    def add(self, seen: int, logs: Mapping[str, Tensor]) -> None:
        """Take the logs of the step that started at ``seen``."""
        names = tuple(logs)
        values = torch.stack([_widest(value).reshape(()) for value in logs.values()])
        if names not in self.sums:
            self.sums[names], self.broken[names] = torch.zeros_like(values), torch.full_like(values, math.inf)
        self.sums[names] += values
        broken = self.broken[names]
        self.broken[names] = torch.where(values.isfinite(), broken, broken.clamp(max=seen))
        self.counts[names] += 1

    def broken_at(self) -> tuple[int, str] | None:
        """The images seen and the name of the first log that was not finite."""
        found = [
            (first, name)
            for names, part in self.broken.items()
            for first, name in zip(part.tolist(), names, strict=True)
        ]
        first, name = min(found, key=lambda each: each[0], default=(math.inf, ""))
        return None if math.isinf(first) else (int(first), name)

    def peek(self) -> dict[str, float]:
        """The means since the last reading, each over the steps that had it."""
        totals: dict[str, float] = {}
        times: Counter[str] = Counter()
        for names, part in self.sums.items():
            for name, total in zip(names, part.tolist(), strict=True):
                totals[name] = totals.get(name, 0.0) + total
                times[name] += self.counts[names]
        return {name: total / times[name] for name, total in totals.items()}

    def read(self) -> dict[str, float]:
        """The means since the last reading; starts anew."""
        means = self.peek()
        self.sums, self.broken, self.counts = {}, {}, Counter()
        return means


def _widest(value: Tensor) -> Tensor:
    return value.float() if value.device.type == "mps" else value.double()  # no float64 on MPS
