"""Translate: pictures of any size to their counterparts in another domain, as large as they were."""

from __future__ import annotations

import torch
from torch import Tensor

from latentia.core import Moments, Noise, Spec, Translates
from latentia.errors import BadData, BadField, CannotDo, near
from latentia.tasks.tiles import side_of, tiled
from latentia.tasks.working import ItemNoise, Net, parts, place, require, still

__all__ = ["check", "destination", "fitted", "made_spec", "translate"]

SMALLEST = 8  # pixels a side that a net is given at least
TOGETHER = 2**20  # pixels of the pictures that an accelerator works on at once


def translate(
    net: Net,
    x: Tensor,
    to: str | None = None,
    draws: int | None = None,
    seed: int = 0,
    tile: int | None = None,
) -> Tensor:
    """Counterparts of pictures in a domain, float32 on the CPU, exactly as large as the pictures.

    Args:
        net: translates.
        x: pictures ``(N, C, H, W)`` of any size in the range of ``net.given(to)``.
        to: a domain of the net; a net with one needs no name.
        draws: variants of each picture, by noise; variant k is that of ``seed + k``, whatever the other pictures are.
            Without it there is one answer, without noise.
        seed: of the variants.
        tile: work on parts of the picture of at most so many pixels a side (:mod:`latentia.tasks.tiles`).

    Returns:
        ``(N, C', H, W)``, with draws ``(N, draws, C', H, W)``.

    Raises:
        CannotDo: the net does not translate, or has no variants.
        BadField: an unknown domain, variants of tiles, or a tile too small for the net.
        BadData: pictures of other channels than the net takes.
    """
    require(net, Translates, "translate")
    to = destination(net, to)
    check(net, draws, tile)
    channels = net.given(to).shape[0]
    if x.dim() != 4 or x.shape[1] != channels or 0 in x.shape:
        raise BadData(f"the model takes pictures (N, {channels}, height, width) to {to}; these are {tuple(x.shape)}")
    with still(net):
        if draws is None:
            return torch.cat([_some(net, x[rows], to, None, tile) for rows in parts(len(x), _together(net, x))])
        seeds = range(seed, seed + draws)
        return torch.stack([torch.cat([_some(net, one[None], to, each, None) for each in seeds]) for one in x])


def destination(net: Net, to: str | None) -> str:
    """The domain that is meant: one of the net's, by its name; a net with two also knows them as a and b.

    Raises:
        BadField: no name where there are two, or none of them.
    """
    domains = net.domains
    if to is None and len(domains) == 1:
        return str(domains[0])
    if to is None:
        raise BadField(f"this model translates to {' and to '.join(domains)}: say which with --to (in Python to=...)")
    letters = dict(zip("ab", domains, strict=True)) if len(domains) == 2 and not {"a", "b"} & set(domains) else {}
    if to not in (*domains, *letters):
        raise BadField(f"there is no domain {to!r} in this model; {near(to, domains)}")
    return str(letters.get(to, to))


def made_spec(spec: Spec, to: str) -> Spec:
    """What pictures of a domain look like, in data with two sides."""
    return spec.y if spec.y is not None and spec.sides and to == spec.sides[1] else spec


def fitted(x: Tensor, multiple: int) -> Tensor:
    """Pictures continued to the right and below until a net can take them, as mirrors do, however small they are."""
    for axis in (2, 3):
        side = x.shape[axis]
        wanted = -(-max(side, SMALLEST) // multiple) * multiple
        if wanted > side:
            there = torch.arange(wanted, device=x.device) % max(1, 2 * side - 2)
            x = x.index_select(axis, torch.minimum(there, 2 * side - 2 - there) if side > 1 else 0 * there)
    return x


def check(net: Net, draws: int | None, tile: int | None) -> None:
    """Refuse variants and tiles that a net cannot have, before any picture is read.

    Raises:
        CannotDo: variants of a net that has one answer.
        BadField: no variants, variants of tiles, or a tile that is too small.
    """
    if draws is not None and not net.variants:
        raise CannotDo("this model has one answer for a picture; variants take a net with noise (pix2pix --dropout)")
    if draws is not None and draws < 1:
        raise BadField(f"{draws} variants of each picture: ask for at least one")
    if tile is not None:
        side_of(tile, net.multiple)
    if draws is not None and tile is not None:
        raise BadField("variants are of whole pictures: noise would differ from tile to tile. Leave out --tile or -n")


def _together(net: Net, x: Tensor) -> int:
    """Pictures worked on at once: one on a CPU, where a picture's bits then never depend on the others."""
    return 1 if place(net).device.type == "cpu" else max(1, TOGETHER // (x.shape[2] * x.shape[3]))


def _some(net: Net, x: Tensor, to: str, seed: int | None, tile: int | None) -> Tensor:
    """A few pictures of one size, padded and cut back."""
    like = place(net)

    def work(part: Tensor, moments: Moments | None = None) -> Tensor:
        noise: Noise | None = None if seed is None else ItemNoise([seed] * len(part), like, "translate")
        made: Tensor = net.translate(part.to(like), to, noise, moments)
        return made.to("cpu", torch.float32)

    whole = fitted(x, net.multiple)
    if tile is None or max(whole.shape[2:]) <= tile:
        made = work(whole)
    else:
        made = torch.cat([tiled(one[None], work, tile, net.multiple) for one in whole])
    return made[:, :, : x.shape[2], : x.shape[3]]
