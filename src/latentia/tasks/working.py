"""What every verb does before it works: ask for a capability, and switch off what only training needs."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from latentia.core import Batch, Encodes, HasDensity, Reconstructs, Samples, SeededNoise, Translates
from latentia.errors import BadData, BadField, CannotDo

Net = Any  # an nn.Module with the capability that a verb asks for

__all__ = [
    "ItemNoise",
    "Net",
    "check_given",
    "check_labels",
    "given",
    "label_of",
    "parts",
    "place",
    "require",
    "still",
    "whole",
]

SENTENCES: dict[type, str] = {
    Samples: "draws latents from a prior and decodes them",
    Encodes: "has an encoder",
    Reconstructs: "encodes and decodes",
    HasDensity: "gives a probability to data (a VAE does, an autoencoder does not)",
    Translates: "turns pictures into their counterparts",
}


def require(net: Net, capability: type, verb: str) -> None:
    """Refuse in one sentence when ``net`` has not the capability that ``verb`` works with.

    Raises:
        CannotDo: the net does not fulfil the protocol.
    """
    if not isinstance(net, capability):
        raise CannotDo(
            f"{verb} needs a model that {SENTENCES[capability]}; this one does not. "
            f"`latentia models` lists what each model can do"
        )


def check_labels(net: Net) -> None:
    """Refuse a label where the net takes none.

    Raises:
        CannotDo: it was trained without labels.
    """
    if not getattr(net, "classes", 0):
        raise CannotDo(
            "this model was not trained with labels; `latentia train vae DATA --labels` learns from them, "
            "and so do gan and progan"
        )


def check_given(net: Net, label: Tensor | None, count: int) -> None:
    """Refuse items without labels where the net knows an item only with its own, and labels where it takes none.

    Raises:
        BadData: items without labels, or another number of labels.
        CannotDo: the net was trained without labels.
    """
    if label is not None:
        check_labels(net)
        if len(label) != count:
            raise BadData(f"{len(label)} labels for {count} items; it takes one each")
    elif getattr(net, "classes", 0):
        raise BadData(
            "this model was trained with labels and knows an item only with its own: "
            "give data that brings labels, or say the label of all items (--label)"
        )


def label_of(net: Net, batch: Batch) -> Tensor | None:
    """The labels of a batch for a net that takes labels, ``None`` for any other."""
    return batch.label if getattr(net, "classes", 0) else None


def given(label: Tensor | None, like: Tensor, rows: slice = slice(None)) -> tuple[Tensor, ...]:
    """What a net is handed beside ``rows`` of items or latents: nothing, or labels where it is; numbers stay whole."""
    if label is None:
        return ()
    return (label[rows].to(like) if label.is_floating_point() else label[rows].to(like.device),)


@contextmanager
def still(net: Net) -> Iterator[None]:
    """``net`` in eval mode, without gradients and without autocast; on leaving, its modes are as they were."""
    training = [module for module in net.modules() if module.training]
    if training:
        net.eval()
    try:
        with torch.no_grad(), torch.autocast(place(net).device.type, enabled=False):
            yield
    finally:
        for module in training:
            module.training = True


def place(net: Net) -> Tensor:
    """An empty tensor with the device and floating-point type of the net: ``x.to(place(net))`` fits it."""
    held = [*net.parameters(), *net.buffers()]
    like = next((tensor for tensor in held if tensor.is_floating_point()), torch.empty(0))
    return like.new_empty(0)


def whole(value: Any, name: str) -> int:
    """``value`` as a whole number.

    Raises:
        BadField: it is none; ``name`` says what it was to be.
    """
    try:
        return operator.index(value)
    except TypeError:
        raise BadField(f"{name} is {value!r}; it must be a whole number") from None


def parts(length: int, batch: int) -> Iterator[slice]:
    """Consecutive slices of at most ``batch`` that cover ``range(length)``."""
    for start in range(0, length, batch):
        yield slice(start, min(start + batch, length))


class ItemNoise(SeededNoise):
    """A stream of its own for each item, drawn on the CPU in float32 and then moved: a seed means the same anywhere."""

    def __init__(self, seeds: Sequence[int], like: Tensor, purpose: str = "sample") -> None:
        super().__init__(seeds, purpose)
        self.like = like

    def _draw(self, draw: Any, shape: tuple[int, ...]) -> Tensor:
        return super()._draw(draw, shape).to(self.like)
