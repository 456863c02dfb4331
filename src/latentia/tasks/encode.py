"""Encode: items in, codes out; decode: codes in, items out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from latentia.core import Encodes, HasDensity, Samples
from latentia.errors import BadData, CannotDo
from latentia.tasks.working import ItemNoise, Net, check_given, given, parts, place, require, still

__all__ = ["codes_of", "decode", "deviation", "deviations", "encode"]


def encode(net: Net, x: Tensor, batch: int = 256, label: Tensor | None = None) -> NDArray[np.float64]:
    """The codes of items: ``(N, latent)`` in float64; of a posterior the mean, so the same items give the same codes.

    ``label``, for a net that takes labels: those of the items, their numbers ``(N,)`` or shares ``(N, classes)``.

    Raises:
        CannotDo: the net has no encoder, or takes no labels.
        BadData: the net takes labels and the items have none.
    """
    return np.asarray(codes_of(net, x, batch, label).numpy(), dtype=np.float64)


def codes_of(net: Net, x: Tensor, batch: int = 256, label: Tensor | None = None) -> Tensor:
    """The codes of items as a tensor on the CPU, ``(N, latent)``, in the net's own precision."""
    require(net, Encodes, "encode")
    check_given(net, label, len(x))
    with still(net):
        like = place(net)
        done = [net.encode(x[rows].to(like), *given(label, like, rows)).cpu() for rows in parts(len(x), batch)]
    return torch.cat(done) if done else like.new_empty(0, net.latent, device="cpu")


def deviations(net: Net, x: Tensor, batch: int = 256, label: Tensor | None = None) -> NDArray[np.float64]:
    """How unsure the posterior is of each code: its standard deviations, ``(N, latent)`` in float64.

    Raises:
        CannotDo: the net has no posterior.
    """
    require(net, HasDensity, "encode with standard deviations")
    check_given(net, label, len(x))
    with still(net):
        like = place(net)
        found = (net.posterior(x[rows].to(like), *given(label, like, rows)) for rows in parts(len(x), batch))
        done = [deviation(posterior, like) for posterior in found]
    return np.concatenate(done) if done else np.empty((0, net.latent))


def deviation(posterior: Any, like: Tensor) -> NDArray[np.float64]:
    """The standard deviation of each latent of each item: the posterior's own word for it, or that of some draws."""
    if hasattr(posterior, "standard_deviation"):
        known: Tensor = posterior.standard_deviation.expand_as(posterior.mean)
        return known.cpu().double().numpy()
    noise = ItemNoise(range(len(posterior.mean)), like, "deviation")
    draws = torch.stack([posterior.sample(noise) for _ in range(64)])
    return draws.std(0).cpu().double().numpy()


def decode(net: Net, z: ArrayLike | Tensor, batch: int = 256, label: Tensor | None = None) -> Tensor:
    """What codes ``(N, latent)`` stand for: ``(N, *shape)``, float32 on the CPU.

    ``label``, for a net that takes labels: their numbers ``(N,)``, or shares of all of them ``(N, classes)``; without
    it the items are of no class in particular.

    Raises:
        CannotDo: the net has no decoder, or takes no labels.
        BadData: codes of the wrong shape, or that are not finite.
    """
    if not callable(getattr(net, "decode", None)):
        require(net, Samples, "decode")
        raise CannotDo("decode needs a model with a decoder")
    try:
        codes = z if isinstance(z, Tensor) else torch.as_tensor(np.asarray(z, dtype=np.float64))
    except (TypeError, ValueError):
        raise BadData(f"codes are {z!r:.60}; give numbers (N, {net.latent}), as encode returns them") from None
    if codes.dim() != 2 or codes.shape[1] != net.latent or len(codes) == 0:
        raise BadData(f"codes have the shape {tuple(codes.shape)}; this model takes (N, {net.latent})")
    if not bool(torch.isfinite(codes).all()):
        raise BadData(f"codes hold {int((~torch.isfinite(codes)).sum())} numbers that are not finite")
    if label is not None:
        check_given(net, label, len(codes))
    with still(net):
        like = place(net)
        made = (net.decode(codes[rows].to(like), *given(label, like, rows)) for rows in parts(len(codes), batch))
        return torch.cat([items.to("cpu", torch.float32) for items in made])
