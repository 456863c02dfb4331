"""Going on with a model on other rows: the steps of the training loop, without a run."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
from torch import nn

from latentia.core import Batch, Noise, Now, Recipe, Spec, key
from latentia.data.source import ArrayValues, Split
from latentia.training.step import optimizers_for, set_rates, step

__all__ = ["Learner"]

BATCH = 64
PASSES = 10  # over the rows of one call


class Learner:
    """A copy of a net that learns, with optimisers that remember from call to call.

    Args:
        recipe: of the net.
        net: where it starts.
        rate: of Adam.
    """

    def __init__(self, recipe: Recipe, net: nn.Module, rate: float) -> None:
        self.recipe = replace(recipe, rate=rate)  # type: ignore[call-arg]
        self.net = copy.deepcopy(net).requires_grad_().train()
        self.groups = self.recipe.groups(self.net)
        self.optimizers = optimizers_for(self.groups, torch.device("cpu"))
        self.seen = 0

    def learn(self, batch: Batch, size: int | None, seed: int) -> None:
        """Some passes over the rows of a batch, ``size`` of them a step."""
        for _ in range(PASSES):
            generator = torch.Generator().manual_seed(key(seed, self.seen, "partial"))
            for rows in torch.split(torch.randperm(len(batch.x), generator=generator), size or BATCH):
                noise = Noise(seed, self.seen, slice(None), len(rows), dtype=batch.x.dtype)
                now = Now(torch.tensor(self.seen), replace(self.recipe.stage(self.seen), batch=len(rows)), noise)
                set_rates(self.optimizers, self.groups, now.seen)
                step(self.recipe, self.net, self.groups, self.optimizers, [_rows(batch, rows)], [now])
                self.seen += len(rows)

    def settled(self, spec: Spec, batch: Batch) -> nn.Module:
        """A net of what was learnt until now, for use; ``batch`` is what it settles on."""
        net = copy.deepcopy(self.net).requires_grad_(False).eval()
        values = ArrayValues(batch.x.numpy())
        self.recipe.settle(net, Split("train", spec, values, torch.arange(len(values))))
        return net


def _rows(batch: Batch, rows: torch.Tensor) -> Batch:
    return batch._replace(**{name: slot[rows] for name, slot in batch.slots()})
