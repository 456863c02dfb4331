"""Edit: items moved along directions of latent space, and sums and differences of items."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from latentia.errors import BadData, BadField
from latentia.tasks.encode import decode
from latentia.tasks.working import Net

__all__ = ["amounts_to", "arithmetic", "edit"]


def edit(
    net: Net, z: Tensor, vector: Tensor, amounts: Sequence[float], label: Tensor | None = None, batch: int = 256
) -> Tensor:
    """Items moved by each of ``amounts`` along a direction: ``(N, len(amounts), *shape)``, float32 on the CPU.

    Args:
        net: has a decoder.
        z: latents of the items, ``(N, latent)``.
        vector: the direction, ``(latent,)``.
        amounts: how far; 0 is the item itself, as the decoder shows it.
        label: of each item, for a net that takes labels; they are kept.
        batch: items that are decoded at once.

    Raises:
        BadField: no amount, or one that is not finite.
        BadData: a direction of another length than latents.
    """
    steps = torch.tensor(list(amounts), dtype=torch.float32)
    if not len(steps) or not bool(torch.isfinite(steps).all()):
        raise BadField(f"the amounts are {list(amounts)}; give one or more finite numbers")
    if vector.shape != z.shape[1:]:
        raise BadData(f"the direction has {tuple(vector.shape)} numbers and latents have {tuple(z.shape[1:])}")
    moved = z.float().unsqueeze(1) + steps[:, None] * vector.float()
    labels = None if label is None else label.repeat_interleave(len(steps), dim=0)
    items = decode(net, moved.flatten(0, 1), batch, labels)
    return items.reshape(len(z), len(steps), *items.shape[1:])


def amounts_to(amount: float, steps: int) -> list[float]:
    """``steps`` amounts from 0 to ``amount``, both among them; with 1 step the amount alone.

    >>> amounts_to(1.5, 4)
    [0.0, 0.5, 1.0, 1.5]

    Raises:
        BadField: less than 1 step.
    """
    if steps < 1:
        raise BadField(f"steps is {steps}; it takes at least 1")
    return [amount] if steps == 1 else [amount * step / (steps - 1) for step in range(steps)]


def arithmetic(plus: Tensor, minus: Tensor) -> Tensor:
    """The direction that adds items and takes others away, ``(N, latent)`` and ``(M, latent)`` to ``(latent,)``.

    Man with glasses - man + woman: the sum of the added latents minus the sum of those taken away (Radford et al. 2016,
    "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks", section 6.3.2).

    Raises:
        BadData: as many on both sides are needed; else the sum leaves the place where latents lie.
    """
    if len(plus) != len(minus) or not len(plus):
        raise BadData(
            f"{len(plus)} items to add and {len(minus)} to take away: there must be as many, and at least one of each"
        )
    return plus.float().sum(0) - minus.float().sum(0)
