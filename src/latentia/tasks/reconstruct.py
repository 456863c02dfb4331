"""Reconstruct: items in, what the model kept of them out."""

from __future__ import annotations

import torch
from torch import Tensor

from latentia.core import HasDensity, Reconstructs, key
from latentia.errors import BadData
from latentia.tasks.working import ItemNoise, Net, check_given, given, parts, place, require, still

__all__ = ["reconstruct"]


def reconstruct(
    net: Net, x: Tensor, draws: int | None = None, seed: int = 0, batch: int = 256, label: Tensor | None = None
) -> Tensor:
    """Items through encoder and decoder, float32 on the CPU.

    Args:
        net: encodes and decodes; with ``draws`` it also has a posterior.
        x: items, ``(N, *shape)``.
        draws: ``None`` decodes the posterior's mean and gives ``(N, *shape)``; k decodes k draws from the posterior of
            each item and gives ``(N, k, *shape)``.
        seed: of the draws; those of item i depend on (seed, i) alone.
        batch: items that are worked on at once.
        label: those of the items ``(N,)``, for a net that takes labels; encoder and decoder are given the same.

    Raises:
        CannotDo: the net does not encode and decode, has no posterior to draw from, or takes no labels.
        BadData: less than one draw, or items without the labels that the net takes.
    """
    require(net, Reconstructs, "reconstruct")
    check_given(net, label, len(x))
    if draws is not None:
        require(net, HasDensity, "reconstruct with draws")
        if draws < 1:
            raise BadData(f"draws is {draws}; ask for at least 1")
    with still(net):
        like = place(net)
        done = [
            _some(net, x[rows].to(like), given(label, like, rows), rows.start, draws, seed)
            for rows in parts(len(x), batch)
        ]
    return torch.cat(done)


def _some(net: Net, x: Tensor, label: tuple[Tensor, ...], first: int, draws: int | None, seed: int) -> Tensor:
    if draws is None:
        return _plain(net.decode(net.encode(x, *label), *label))
    posterior = net.posterior(x, *label)
    noise = ItemNoise([key(seed, first + i) for i in range(len(x))], x, "reconstruct")
    return torch.stack([_plain(net.decode(posterior.sample(noise), *label)) for _ in range(draws)], dim=1)


def _plain(x: Tensor) -> Tensor:
    return x.to("cpu", torch.float32)
