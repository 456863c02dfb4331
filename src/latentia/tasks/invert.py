"""Invert: the latents of items for a net that has no encoder, found by optimisation.

Several starts are drawn from the prior, those nearest to the item are kept, and each walks downhill (Adam on z alone)
on the squared error of its picture, kept inside the ball that holds the prior. What is left of the error is the
residual: a model that never learnt to make such an item cannot show it, and the residual says so.

References:
    Generative Visual Manipulation on the Natural Image Manifold (Zhu et al., 2016), section 3.1
    Precise Recovery of Latent Vectors from Generative Adversarial Networks (Lipton & Tripathi, 2017)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from latentia.core import Samples
from latentia.errors import BadField, CannotDo
from latentia.tasks.encode import decode
from latentia.tasks.walk import Features
from latentia.tasks.working import ItemNoise, Net, check_given, given, parts, place, require, still

__all__ = ["Inverted", "Told", "invert", "residual_of", "told_of"]

Told = Callable[[int, int], None]  # how much of how much is done

POOL = 512  # draws that the starts are chosen from
RATE = 0.1  # of Adam, in deviations of the prior; it falls to 0 along half a cosine
WALL = 1.05  # farther out than this times the farthest draw no latent goes


@dataclass(frozen=True)
class Inverted:
    """Latents found by optimisation.

    Attributes:
        z: of each item the latents whose loss is least, ``(N, latent)``, float32 on the CPU.
        residual: how far their pictures are from the items, the root mean squared error per value in the units of the
            data, ``(N,)``.
        starts: the same from every start, ``(N, starts)``, best screened first: residuals that agree were found twice,
            residuals that differ say that the search is hard.
    """

    z: Tensor
    residual: Tensor
    starts: Tensor

    def __str__(self) -> str:
        return told_of(self.residual)


def invert(
    net: Net,
    x: Tensor,
    starts: int = 8,
    steps: int = 200,
    seed: int = 0,
    features: Features | None = None,
    progress: Told | None = None,
    batch: int = 256,
    label: Tensor | None = None,
) -> Inverted:
    """The latents that items would have come from; the same items, seed and net give the same latents.

    Args:
        net: draws latents and decodes them, with gradients.
        x: items ``(N, *shape)``.
        starts: searches for each item, from the nearest of 512 draws from the prior.
        steps: of each search.
        seed: of the draws.
        features: pictures ``(N, *shape)`` to ``(N, D)`` by tensor operations; its squared distance is added to the
            squared error, both in units of what two draws from the model are apart.
        progress: is told steps done and steps to do.
        batch: pictures that are worked on at once.
        label: those of the items ``(N,)``, for a net that takes labels: what is searched is their noise.

    Raises:
        CannotDo: the net does not draw and decode, or its ``decode`` passes no gradients.
        BadField: less than one start or step, or more starts than draws.
    """
    require(net, Samples, "finding latents by optimisation")
    if steps < 1 or not 1 <= starts <= POOL:
        raise BadField(f"{starts} starts and {steps} steps; it takes 1 to {POOL} starts and at least 1 step")
    if label is not None:
        check_given(net, label, len(x))
    with still(net):
        chunks = [
            (own, rows[some])
            for own, rows in _by_label(label, len(x))
            for some in parts(len(rows), max(1, batch // starts))
        ]
        done, search = [], None
        for number, (own, rows) in enumerate(chunks):
            told = None if progress is None else _shifted(progress, number * steps, len(chunks) * steps)
            search = search if search and search.label == own else _Search(net, seed, features, batch, own)
            done.append(search.of(x[rows], starts, steps, told))
    if not done:
        return Inverted(torch.empty(0, net.latent), torch.empty(0), torch.empty(0, starts))
    back = torch.cat([rows for _, rows in chunks]).argsort()
    return Inverted(*(torch.cat(each)[back] for each in zip(*done, strict=True)))


def _by_label(label: Tensor | None, count: int) -> list[tuple[int | None, Tensor]]:
    """The items of each label: what is searched among is made once for each."""
    if label is None:
        return [(None, torch.arange(count))]
    return [(own, (label == own).nonzero()[:, 0]) for own in sorted(set(label.tolist()))]


class _Search:
    """The prior as its draws show it, given one label or none, and the units that errors are counted in."""

    def __init__(self, net: Net, seed: int, features: Features | None, batch: int, label: int | None) -> None:
        self.net, self.features, self.batch, self.label = net, features, batch, label
        self.draws: Tensor = net.draw(ItemNoise(range(POOL), place(net), f"invert {seed}"))
        self.center, scale = self.draws.mean(0), self.draws.std(0)
        self.scale = torch.where(scale > 0, scale, 1.0)
        self.radius = WALL * ((self.draws - self.center) / self.scale).norm(dim=1).max()
        self.made = torch.cat([self.decode(self.draws[rows]) for rows in parts(POOL, batch)])
        self.units = [_apart(told) for told in self.told(self.made)]

    def decode(self, z: Tensor) -> Tensor:
        """The pictures of latents."""
        made: Tensor = self.net.decode(z, *given(None if self.label is None else torch.full((len(z),), self.label), z))
        return made

    def told(self, made: Tensor) -> list[Tensor]:
        """What pictures are compared by: themselves, and their features if there are any; ``(N, D)`` each."""
        return [made.flatten(1), *([] if self.features is None else [self.features(made).flatten(1)])]

    def of(self, x: Tensor, starts: int, steps: int, told: Told | None) -> tuple[Tensor, Tensor, Tensor]:
        """Latents, residuals and the residuals of every start for some items."""
        x = x.to(self.made)
        error = torch.cdist(x.flatten(1), self.made.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
        nearest = error.topk(starts, dim=1, largest=False).indices
        goal = x.repeat_interleave(starts, 0)
        z = self.descend(self.draws[nearest.flatten()], goal, steps, told)
        made = self.decode(z)
        residual = (made - goal).flatten(1).square().mean(1).sqrt().reshape(len(x), starts)
        best = self.loss(made, self.told(goal)).reshape(len(x), starts).argmin(1)
        rows = torch.arange(len(x), device=best.device)
        chosen = z.reshape(len(x), starts, -1)[rows, best]
        return chosen.float().cpu(), residual[rows, best].float().cpu(), residual.float().cpu()

    def descend(self, z: Tensor, goal: Tensor, steps: int, told: Told | None) -> Tensor:
        """Adam on z, in deviations of the prior, each row on its own; no weight of the net gets a gradient."""
        scaled = ((z - self.center) / self.scale).requires_grad_()
        optimizer = torch.optim.Adam([scaled], lr=RATE, betas=(0.9, 0.99))
        wanted = self.told(goal)
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
            with torch.enable_grad():
                z = self.center + self.scale * scaled
                made = self.decode(z)
                if not made.requires_grad:
                    raise CannotDo(f"{type(self.net).__name__}.decode passes no gradients: its latents cannot be found")
                (scaled.grad,) = torch.autograd.grad(self.loss(made, wanted).sum(), scaled)
            optimizer.step()
            beyond = scaled.norm(dim=1, keepdim=True) / self.radius
            scaled.div_(beyond.clamp(min=1))
            if told is not None:
                told(step + 1, steps)
        found: Tensor = self.center + self.scale * scaled.detach()
        return found

    def loss(self, made: Tensor, wanted: list[Tensor]) -> Tensor:
        """One number per row: the mean squared errors, each in its units."""
        told = zip(self.told(made), wanted, self.units, strict=True)
        return torch.stack([(found - goal).square().mean(1) / unit for found, goal, unit in told]).sum(0)


def residual_of(net: Net, x: Tensor, z: Tensor, batch: int = 256, label: Tensor | None = None) -> str:
    """How far the pictures of latents ``z`` ``(N, latent)`` are from the items ``x``, in words."""
    made = decode(net, z, batch, label)
    return told_of((made - x.to(made)).flatten(1).square().mean(1).sqrt())


def told_of(residual: Tensor) -> str:
    """Residuals ``(N,)`` in words."""
    if not len(residual):
        return "no items"
    middle, most = float(residual.median()), float(residual.max())
    told = f"{middle:.3g}" if len(residual) == 1 else f"{middle:.3g} (median), {most:.3g} (largest)"
    return f"residual {told}, root mean squared error per value"


def _apart(told: Tensor) -> Tensor:
    """The mean variance of a number over draws, 1 where nothing varies."""
    variance = told.var(0).mean()
    return torch.where(variance > 0, variance, 1.0)


def _shifted(progress: Told, before: int, total: int) -> Told:
    return lambda done, _: progress(before + done, total)
