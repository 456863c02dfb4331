"""Floating-point operations of a training step, counted through penalties' second backward passes.

torch's own ``FlopCounterMode`` stops at a gradient within a step; its formulas for each operation are used here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from latentia.core import Noise, Now, Recipe
from latentia.data import DataSet
from latentia.training.step import optimizers_for, step

ROWS = 8  # items that operations are counted on


class Counter(TorchDispatchMode):
    """Counts the operations of matrix products and convolutions while it is entered: two for each product and sum."""

    def __init__(self) -> None:
        super().__init__()
        self.total: int = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = function(*args, **(kwargs or {}))
        formula = flop_registry.get(function._overloadpacket)
        if formula is not None:
            self.total += formula(*args, **(kwargs or {}), out_val=out)
        return out


def of_an_image(recipe: Recipe, opened: DataSet, seen: int) -> float:
    """The operations for one training image in the step that starts at ``seen``: all updates, forward and backward."""
    recipe = recipe.fitted(opened.spec)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = recipe.build(opened.spec)
    groups = recipe.groups(net)
    now = Now(torch.tensor(seen), recipe.stage(seen), Noise(0, seen, slice(None), ROWS))
    with Counter() as counted:
        step(recipe, net, groups, optimizers_for(groups, torch.device("cpu")), [opened.train.take(0, 0, ROWS)], [now])
    return counted.total / ROWS


class Cost:
    """The operations of a training up to a number of images, from those of an image at each level of its stages."""

    def __init__(self, recipe: Recipe, opened: DataSet) -> None:
        self.recipe, self.opened = recipe.fitted(opened.spec), opened
        self.images: dict[int, float] = {}  # of one image, by level
        self.seen, self.total = 0, 0.0

    def at(self, seen: int) -> float:
        """The operations of all steps that start before ``seen``; asked for in growing order."""
        while self.seen < seen:
            stage = self.recipe.stage(self.seen)
            if stage.level not in self.images:
                self.images[stage.level] = of_an_image(self.recipe, self.opened, self.seen)
            self.total += stage.batch * self.images[stage.level]
            self.seen += stage.batch
        return self.total
