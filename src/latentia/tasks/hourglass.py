"""Hourglass: the layers of a net with their shapes, from x to z and back to x-hat."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from latentia.core import Encodes, Reconstructs, Spec
from latentia.tasks.sample import draw
from latentia.tasks.working import Net, given, place, still

__all__ = ["Row", "hourglass"]


class Row(NamedTuple):
    """A layer, or one of the three waists ``x``, ``z`` and ``x-hat``."""

    name: str
    shape: tuple[int, ...]  # of what comes out, for one item; empty for what is no layer
    parameters: int


def hourglass(net: Net, spec: Spec) -> list[Row]:
    """The layers in the order they work in, from an item of ``spec`` to its reconstruction.

    Each parameter is counted once, where it first works; those of no layer come last, so that the rows add up.
    """
    rows: list[Row] = []
    counted: set[nn.Parameter] = set()
    with still(net), _watched(net, rows, counted):
        x = torch.full((1, *spec.shape), spec.low).to(place(net))
        label = given(torch.zeros(1, dtype=torch.int64) if getattr(net, "classes", 0) else None, x)
        if isinstance(net, Encodes):
            rows.append(Row("x", spec.shape, 0))
            z = net.encode(x, *label)
        else:
            z = draw(net, [0])
        rows.append(Row("z", tuple(z.shape[1:]), 0))
        if not isinstance(net, Encodes) or isinstance(net, Reconstructs):
            made: Tensor = net.decode(z.to(place(net)), *label)
            rows.append(Row("x-hat", tuple(made.shape[1:]), 0))
    left = sum(parameter.numel() for parameter in net.parameters() if parameter not in counted)
    return [*rows, Row("outside the layers", (), left)] if left else rows


@contextmanager
def _watched(net: Net, rows: list[Row], counted: set[nn.Parameter]) -> Iterator[None]:
    """While this is open, each leaf layer that works adds its row."""

    def hook(name: str) -> Any:
        def note(layer: nn.Module, _: object, output: object) -> None:
            if isinstance(output, Tensor):
                fresh = [parameter for parameter in layer.parameters() if parameter not in counted]
                counted.update(fresh)
                label = f"{name} {type(layer).__name__}"
                rows.append(Row(label, tuple(output.shape[1:]), sum(parameter.numel() for parameter in fresh)))

        return note

    with ExitStack() as stack:
        for name, layer in net.named_modules():
            if not any(True for _ in layer.children()) and layer is not net:
                stack.callback(layer.register_forward_hook(hook(name)).remove)
        yield
