"""Reconstruct: items in, what the model kept of them out."""

from __future__ import annotations

import torch
from torch import Tensor

from latentia.core import HasDensity, Reconstructs, key
from latentia.errors import BadData
from latentia.tasks.working import ItemNoise, Net, parts, place, require, still

__all__ = ["reconstruct"]


def reconstruct(net: Net, x: Tensor, draws: int | None = None, seed: int = 0, batch: int = 256) -> Tensor:
    """Items through encoder and decoder, float32 on the CPU.

    Args:
        net: encodes and decodes; with ``draws`` it also has a posterior.
        x: items, ``(N, *shape)``.
        draws: ``None`` decodes the posterior's mean and gives ``(N, *shape)``; k decodes k draws from the posterior of
            each item and gives ``(N, k, *shape)``.
        seed: of the draws; those of item i depend on (seed, i) alone.
        batch: items that are worked on at once.

    Raises:
        CannotDo: the net does not encode and decode, or has no posterior to draw from.
        BadData: less than one draw.
    """
    require(net, Reconstructs, "reconstruct")
    if draws is not None:
        require(net, HasDensity, "reconstruct with draws")
        if draws < 1:
            raise BadData(f"draws is {draws}; ask for at least 1")
    with still(net):
        done = [_some(net, x[rows].to(place(net)), rows.start, draws, seed) for rows in parts(len(x), batch)]
    return torch.cat(done)


def _some(net: Net, x: Tensor, first: int, draws: int | None, seed: int) -> Tensor:
    if draws is None:
        return _plain(net.decode(net.encode(x)))
    posterior = net.posterior(x)
    noise = ItemNoise([key(seed, first + i) for i in range(len(x))], x, "reconstruct")
    return torch.stack([_plain(net.decode(posterior.sample(noise))) for _ in range(draws)], dim=1)


def _plain(x: Tensor) -> Tensor:
    return x.to("cpu", torch.float32)
