"""Directions of latent space that mean something: from two groups of items, or from what a generator does first.

An attribute's direction leads from the mean code of the items without it to that of the items with it (Larsen et al.
2016, "Autoencoding beyond pixels using a learned similarity metric", https://arxiv.org/abs/1512.09300, section 4.2), or
along the groups' discriminant (Fisher 1936, "The Use of Multiple Measurements in Taxonomic Problems"): the shortest way
that tells them apart, which leaves alone what merely goes along with the attribute. A generator has directions of its
own: the principal axes of its first layer's answers to noise (Harkonen et al. 2020,
"GANSpace", https://arxiv.org/abs/2004.02546, section 2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from latentia.core import Samples
from latentia.errors import BadData, BadField, CannotDo, near
from latentia.tasks.working import ItemNoise, Net, place, require, still

__all__ = ["WAYS", "Direction", "between", "orthogonal", "principal", "separation"]

DRAWS = 4_096
WAYS = ("means", "discriminant")
SAME = 1e-6  # of a direction's length: what is left of it is nothing


@dataclass(frozen=True)
class Direction:
    """A way through latent space. Moved by 1 along it, the mean of one group lies as far along it as that of the other.

    Attributes:
        vector: ``(latent,)``, float32.
        towards, away: how many items its groups had; 0 of a principal direction, whose length is one deviation.
        separation: how well it tells the groups apart: the probability that an item of the one lies farther along it
            than one of the other (the area under the ROC curve); ``None`` of a principal direction.
    """

    vector: Tensor
    towards: int = 0
    away: int = 0
    separation: float | None = None

    def __str__(self) -> str:
        if self.separation is None:
            return "a principal direction of the generator's first layer; 1 is one deviation"
        told = f"from the mean of {self.away:,} items to that of {self.towards:,}"
        return f"{told}; it tells {100 * self.separation:.1f} % of pairs apart (50 % is chance)"


def between(towards: Tensor, away: Tensor, others: Sequence[Tensor] = (), along: str = "means") -> Direction:
    r"""The direction from one group of codes to another, ``(N, latent)`` each, without the ``others`` ``(latent,)``.

    .. math:: v = w \frac{w \cdot d}{w \cdot w}

    with :math:`d` the difference of the means and :math:`w = d` along the ``means``; along the ``discriminant``
    :math:`w = S^{-1} d` with :math:`S` the covariance inside the groups, drawn towards a multiple of the identity by as
    much as the number of items asks for (Ledoit and Wolf 2004, "A well-conditioned estimator for large-dimensional
    covariance matrices").

    Raises:
        BadData: a group is empty, the groups have one mean, or the others hold all of the direction.
        BadField: no such way.
    """
    if along not in WAYS:
        raise BadField(f"there is no direction along {along!r}; {near(along, WAYS)}")
    for name, group in (("go towards", towards), ("come from", away)):
        if not len(group):
            raise BadData(f"there are no items to {name}: a direction needs two groups of items")
    towards, away = towards.double(), away.double()
    vector = apart = towards.mean(0) - away.mean(0)
    if apart.norm() <= SAME * max(float(towards.abs().max()), 1e-30):
        raise BadData("both groups of items have the same mean code: no direction leads from the one to the other")
    if along == "discriminant":
        found = torch.linalg.solve(_inside(towards, away), apart)
        vector = found * (found @ apart) / (found @ found)
    vector = orthogonal(vector, others)
    return Direction(vector.float(), len(towards), len(away), separation(towards @ vector, away @ vector))


def _inside(towards: Tensor, away: Tensor) -> Tensor:
    """The covariance of codes about the mean of their group, ``(latent, latent)``, up to a factor."""
    from sklearn.covariance import ledoit_wolf

    codes = torch.cat([towards - towards.mean(0), away - away.mean(0)])
    size = codes.abs().max()
    if size == 0:
        return torch.eye(codes.shape[1], dtype=codes.dtype)
    return torch.as_tensor(ledoit_wolf((codes / size).numpy(), assume_centered=True)[0])


def orthogonal(vector: Tensor, others: Sequence[Tensor]) -> Tensor:
    """``vector`` ``(latent,)`` without what ``others`` ``(latent,)`` hold of it: it moves along none of them.

    Raises:
        BadData: nothing is left.
    """
    if not len(others):
        return vector
    held = torch.stack([other.double() for other in others], 1)
    basis, sizes, _ = torch.linalg.svd(held, full_matrices=False)
    basis = basis[:, sizes > SAME * sizes.max()]
    left = vector.double() - basis @ (basis.T @ vector.double())
    if left.norm() <= SAME * vector.norm():
        several = f"the {len(others)} directions to keep hold" if len(others) > 1 else "the direction to keep holds"
        raise BadData(f"{several} all of this one: nothing is left to move along")
    kept: Tensor = left.to(vector.dtype)
    return kept


def separation(ahead: Tensor, behind: Tensor) -> float:
    """The probability that a number of ``ahead`` ``(N,)`` exceeds one of ``behind`` ``(M,)``; ties count half."""
    ordered = behind.sort().values
    below = torch.searchsorted(ordered, ahead) + torch.searchsorted(ordered, ahead, right=True)
    return float(below.double().mean() / (2 * len(behind)))


def principal(net: Net, count: int, seed: int = 0) -> list[Direction]:
    """The ``count`` principal directions of the answers of a decoder's first layer, largest first, one deviation long.

    Latents are drawn from the prior, the layer's answers brought to their principal axes; each direction is the change
    of latents that goes with a change along one axis, by least squares.

    Raises:
        CannotDo: the net does not sample, or its decoder has no layer with weights.
        BadField: more directions than latents.
    """
    require(net, Samples, "principal directions")
    if not 1 <= count <= int(net.latent):
        raise BadField(f"{count} principal directions were asked for; this model has {net.latent} latents")
    with still(net):
        z = net.draw(ItemNoise(range(seed, seed + DRAWS), place(net), "principal"))
        answers = _first_answers(net, z)
    z, answers = z.cpu().double(), answers.cpu().double()
    centred = z - z.mean(0)
    left, sizes, _ = torch.linalg.svd(answers - answers.mean(0), full_matrices=False)
    if int((sizes > SAME * sizes.max()).sum()) < count:
        raise BadField(f"the first layer moves along {int((sizes > SAME * sizes.max()).sum())} directions, not {count}")
    # z = left @ (what goes with each axis); left's columns have deviation 1 / sqrt(DRAWS)
    along = left[:, :count].T @ centred / DRAWS**0.5
    return [Direction(_signed(each).float()) for each in along]


def _signed(vector: Tensor) -> Tensor:
    """The sign of an axis is chance: the largest number is made positive."""
    turned: Tensor = vector if bool(vector[vector.abs().argmax()] > 0) else -vector
    return turned


class _Found(Exception):
    """The first layer has answered: nothing behind it has to be computed."""


def _first_answers(net: Net, z: Tensor) -> Tensor:
    """What the first layer with weights answers to latents ``(N, latent)``, ``(N, D)``."""
    found: list[Tensor] = []

    def heard(layer: nn.Module, inputs: tuple[Tensor, ...], answer: Tensor) -> None:
        found.append(answer.flatten(1))
        raise _Found

    layers = [each for each in net.modules() if not list(each.children()) and list(each.parameters())]
    hooks = [each.register_forward_hook(heard) for each in layers if not isinstance(each, nn.Embedding)]
    try:
        net.decode(z)
    except _Found:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        raise CannotDo(f"principal directions need a decoder of layers; {type(net).__name__} has none")
    return found[0]
