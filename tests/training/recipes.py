"""Small recipes that tests of the loop train; also a model file for other processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn

from latentia.core import Batch, Group, Now, Recipe, Spec, Update
from latentia.fields import Help, Scheduled
from latentia.losses.schedules import at


@dataclass(frozen=True)
class Line(Recipe):
    """Learns the mean picture.

    ``breaks_at`` makes the loss infinite, ``breaks_gradient_at`` its gradient alone, ``blind_until`` the score on
    held-out data no number; ``rows_that_fit`` runs out of memory.
    """

    rate: Annotated[float | str, Help("learning rate"), Scheduled()] = 1e-2
    breaks_at: Annotated[int, Help("images after which the loss is infinite")] = 10**9
    breaks_gradient_at: Annotated[int, Help("images after which the gradient is no number")] = 10**9
    blind_until: Annotated[int, Help("images up to which the score is no number")] = -1
    rows_that_fit: Annotated[int, Help("rows that fit in memory")] = 10**9
    size: Annotated[int, Help("weights beside those that learn, to make checkpoints large")] = 1

    @property
    def score(self) -> tuple[str, str]:
        return ("error", "lower")

    def build(self, spec: Spec) -> nn.Module:
        net = nn.Module()
        net.mean = nn.Parameter(torch.zeros(spec.shape))
        net.filling = nn.Parameter(torch.randn(self.size, 1000))
        return net

    def groups(self, net: nn.Module) -> dict[str, Group]:
        return {"line": Group(list(net.parameters()), rate=self.rate)}

    def updates(self, net: nn.Module, batch: Batch, now: Now) -> Iterator[Update]:
        if len(batch.x) > self.rows_that_fit:
            raise torch.OutOfMemoryError("CUDA out of memory")
        noise = now.noise.normal(*batch.x.shape[1:]).to(batch.x)
        error = (batch.x + 0.1 * noise - net.mean).square().flatten(1).sum(1).mean()
        error = error + 1e-6 * net.filling.square().mean()
        error = error * torch.where(now.seen >= self.breaks_at, torch.inf, 1.0)
        if int(now.seen) >= self.breaks_gradient_at:
            error = error + (net.mean * 0).square().sum().sqrt()  # its value is 0, its gradient no number
        score = error * torch.where((now.seen <= self.blind_until) & (not net.training), torch.nan, 1.0)
        yield Update("line", error, {"error": score, "rate": at(self.rate, now.seen)})


def two_sides() -> tuple[Tensor, Tensor]:
    """Random pictures and others: two domains, or, row by row, two sides of pairs."""
    x = torch.rand(200, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    return x[:100], x[100:]
