"""One training step: the heart. It moves one group of weights at a time and never asks which model it is."""

from __future__ import annotations

import math
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
    logs: dict[str, Tensor] = {}
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
                part = value.detach() / len(tellers)
                logs[name] = logs[name] + part if name in logs else part
            del update  # frees this graph before the next part makes its own
        if group is None:
            return logs
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
    """Sums logs on the device, and remembers where each first stopped being finite; read only now and then."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.count = 0

    def add(self, seen: int, logs: Mapping[str, Tensor]) -> None:
        """Take the logs of the step that started at ``seen``."""
        values = torch.stack([value.double().reshape(()) for value in logs.values()])
        if list(logs) != self.names:
            self.names, self.count = list(logs), 0
            self.sums = torch.zeros_like(values)
            self.broken = torch.full_like(values, math.inf)
        self.sums += values
        self.broken = torch.where(values.isfinite(), self.broken, self.broken.clamp(max=seen))
        self.count += 1

    def broken_at(self) -> tuple[int, str] | None:
        """The images seen and the name of the first log that was not finite."""
        if not self.count:
            return None
        worst = int(self.broken.argmin())
        first = float(self.broken[worst])
        return None if math.isinf(first) else (int(first), self.names[worst])

    def peek(self) -> dict[str, float]:
        """The means since the last reading."""
        return dict(zip(self.names, (self.sums / self.count).tolist(), strict=True)) if self.count else {}

    def read(self) -> dict[str, float]:
        """The means since the last reading; starts anew."""
        means = self.peek()
        self.names, self.count = [], 0
        return means
