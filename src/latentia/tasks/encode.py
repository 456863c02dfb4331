"""Encode: items in, codes out; decode: codes in, items out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from latentia.core import Encodes, HasDensity, Samples
from latentia.errors import BadData, CannotDo
from latentia.tasks.working import Net, parts, place, require, still

__all__ = ["codes_of", "decode", "deviations", "encode"]


def encode(net: Net, x: Tensor, batch: int = 256) -> NDArray[np.float64]:
    """The codes of items: ``(N, latent)`` in float64; of a posterior the mean, so the same items give the same codes.

    Raises:
        CannotDo: the net has no encoder.
    """
    return np.asarray(codes_of(net, x, batch).numpy(), dtype=np.float64)


def codes_of(net: Net, x: Tensor, batch: int = 256) -> Tensor:
    """The codes of items as a tensor on the CPU, ``(N, latent)``, in the net's own precision."""
    require(net, Encodes, "encode")
    with still(net):
        like = place(net)
        done = [net.encode(x[rows].to(like)).cpu() for rows in parts(len(x), batch)]
    return torch.cat(done) if done else like.new_empty(0, net.latent, device="cpu")


def deviations(net: Net, x: Tensor, batch: int = 256) -> NDArray[np.float64]:
    """How unsure the posterior is of each code: its standard deviations, ``(N, latent)`` in float64.

    Raises:
        CannotDo: the net has no posterior, or one that does not tell its standard deviation.
    """
    require(net, HasDensity, "encode with standard deviations")
    with still(net):
        like = place(net)
        posteriors = (net.posterior(x[rows].to(like)) for rows in parts(len(x), batch))
        done = [_deviation(posterior) for posterior in posteriors]
    return np.concatenate(done)


def _deviation(posterior: Any) -> NDArray[np.float64]:
    if not hasattr(posterior, "standard_deviation"):
        raise CannotDo(f"a {type(posterior).__name__} posterior does not tell its standard deviation")
    return np.asarray(posterior.standard_deviation.cpu().numpy(), dtype=np.float64)


def decode(net: Net, z: ArrayLike | Tensor, batch: int = 256) -> Tensor:
    """What codes ``(N, latent)`` stand for: ``(N, *shape)``, float32 on the CPU.

    Raises:
        CannotDo: the net has no decoder.
        BadData: codes of the wrong shape, or that are not finite.
    """
    if not callable(getattr(net, "decode", None)):
        require(net, Samples, "decode")
        raise CannotDo("decode needs a model with a decoder")
    codes = z if isinstance(z, Tensor) else torch.as_tensor(np.asarray(z, dtype=np.float64))
    if codes.dim() != 2 or codes.shape[1] != net.latent or len(codes) == 0:
        raise BadData(f"codes have the shape {tuple(codes.shape)}; this model takes (N, {net.latent})")
    if not bool(torch.isfinite(codes).all()):
        raise BadData(f"codes hold {int((~torch.isfinite(codes)).sum())} numbers that are not finite")
    with still(net):
        like = place(net)
        done = [net.decode(codes[rows].to(like)).to("cpu", torch.float32) for rows in parts(len(codes), batch)]
    return torch.cat(done)
