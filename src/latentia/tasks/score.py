"""Score: how outlying items are, and where that comes from; higher is more outlying, whatever the model.

What a score means is the model's: -log p(x) in nats where there is a density, else what is lost on the way through the
code, else how badly the model can show the item at all. Scores of different kinds are never put beside each other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import softplus

from latentia.core import Batch, Column, HasCritic, HasDensity, Reconstructs, Samples, Spec
from latentia.tasks.encode import decode
from latentia.tasks.invert import invert
from latentia.tasks.likelihood import DRAWS, LogProb, explain
from latentia.tasks.likelihood import averaged as densities_averaged
from latentia.tasks.reconstruct import reconstruct
from latentia.tasks.working import Net, given, parts, place, require, still

__all__ = ["DENSITY", "Kind", "Scores", "averaged", "density", "kind_of", "scores", "stacked", "term_names"]

Array = NDArray[np.float64]
CRITIC = 0.1  # the critic's share of a score (AnoGAN, Schlegl et al. 2017, equation 5)
LATENT = "(latent)"
BATCH = 256
NUMBERS = ("value", "terms", "latent")


@dataclass(frozen=True)
class Kind:
    """What a score is: its name, its unit, a sentence, and what its latent part is (empty where it has none).

    Of ``even`` terms one is as telling as another: no map need bring them to one scale.
    """

    name: str
    unit: str
    meaning: str
    latent: str = ""
    even: bool = False


DENSITY = Kind(
    "-log p(x)",
    "nats",
    "how improbable the item is: the sum of what each of its parts costs given the code, and of what the code costs; "
    "numbers and times of a table in units of their column's scale",
    "the code is far out: KL from the prior to the true posterior",
)
ERROR = Kind("squared error", "squared units of x", "what is lost on the way through the code; no density")
SHOWN = Kind(
    "residual and critic",
    "units of x",
    "how badly the generator can show the item (absolute error per value, 0.9) and how unreal the critic finds it "
    "(0.1); no density",
    "the critic",
)


@dataclass(frozen=True)
class Scores:
    """How outlying items are, ``value = terms.sum(1) + latent``.

    Attributes:
        value: ``(N,)``, higher is more outlying.
        kind: what it is.
        terms: ``(N, T)``, the share of each column of a table, or of each pixel ``(H * W)`` of a picture.
        latent: ``(N,)``, what is no share of a column or pixel.
        log_prob: of a density: log p(x) with its error.
        known: bool ``(N, T)``, which terms are known, where some are not; the others are 0.
    """

    value: Array
    kind: Kind
    terms: Array
    latent: Array
    log_prob: LogProb | None = field(default=None, repr=False)
    known: NDArray[np.bool_] | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.value)

    def columns(self) -> dict[str, Array]:
        """The numbers by name, as ``score`` writes them."""
        if self.log_prob is not None:
            return density(self.log_prob)
        if self.kind is ERROR:
            return {"squared_error": self.value}
        return {"score": self.value, "residual": self.terms.sum(1), "critic": self.latent}

    def __getitem__(self, rows: Any) -> Scores:
        told = None if self.log_prob is None else LogProb(*(column[rows] for column in self.log_prob))
        known = None if self.known is None else self.known[rows]
        return Scores(self.value[rows], self.kind, self.terms[rows], self.latent[rows], told, known)


def density(told: LogProb) -> dict[str, Array]:
    """Log p(x) of items by the names of its columns."""
    return {"log_prob": told.value, "error": told.error, "ess": told.ess, "k": told.k}


def stacked(blocks: Sequence[Scores]) -> Scores:
    """Several blocks of scores of one kind as one, without their log p(x)."""
    value, terms, latent = (np.concatenate([getattr(each, name) for each in blocks]) for name in NUMBERS)
    known = None
    if any(each.known is not None for each in blocks):
        every = [np.ones(each.terms.shape, bool) if each.known is None else each.known for each in blocks]
        known = np.concatenate(every)
    return Scores(value, blocks[0].kind, terms, latent, known=known)


def averaged(members: Sequence[Scores]) -> Scores:
    """Scores of the mean of the members' densities: ``p(x) = sum_m p_m(x) / M``.

    Which member a row comes from is one more latent: a term is its mean over the members by the shares that these have
    in the row, and the KL from even shares to them joins the latent part.
    """
    densities = [each.log_prob for each in members if each.log_prob is not None]
    told, shares = densities_averaged(densities)
    scored = [each._replace(value=-own.value) for each, own in zip(densities, members, strict=True)]  # by their units
    value = -densities_averaged(scored)[0].value
    shares = shares[:, :, None]
    terms = (shares * np.where(shares > 0, np.stack([each.terms for each in members]), 0.0)).sum(0)
    impossible = np.isinf(whole := terms.sum(1))
    latent = np.where(impossible, 0.0, value - np.where(impossible, 0.0, whole))
    return replace(members[0], value=value, terms=terms, latent=latent, log_prob=told)


def kind_of(net: Net) -> Kind:
    """What the scores of a net are.

    Raises:
        CannotDo: it can neither reconstruct nor sample.
    """
    if isinstance(net, HasDensity):
        return DENSITY
    if isinstance(net, Reconstructs):
        return ERROR
    require(net, Samples, "score")
    return SHOWN


def scores(net: Net, batch: Batch, spec: Spec, draws: int = DRAWS, seed: int = 0) -> Scores:
    """How outlying the items of a batch are.

    Args:
        net: has a density, or reconstructs, or samples.
        batch: items ``x`` with their labels, for a net that takes labels, and what is known of them (``mask``, one
            entry for each column); what is unknown has no share in a score.
        spec: of the model's data.
        draws: of the likelihood of each item.
        seed: of draws and searches.

    Raises:
        CannotDo, BadData: as :func:`latentia.tasks.likelihood.log_likelihood`.
    """
    kind, known = kind_of(net), None if batch.mask is None else batch.mask.numpy()
    if kind is DENSITY:
        told = explain(net, batch.x, draws, seed, label=batch.label, mask=batch.mask)
        units = log_units(batch, spec)
        terms = folded(told.terms, spec) - units
        return Scores(-told.log_prob.value - units.sum(1), kind, terms, told.latent, told.log_prob, known)
    if kind is ERROR:
        missed = (reconstruct(net, batch.x, batch=BATCH, label=batch.label).double() - batch.x.double()).square()
        terms, latent = missed.flatten(1).numpy(), np.zeros(len(batch.x))
    else:
        terms, latent = _shown(net, batch, seed)
    terms = folded(terms, spec)
    terms = terms if known is None else np.where(known, terms, 0.0)
    return Scores(terms.sum(1) + latent, kind, terms, latent, known=known)


def _shown(net: Net, batch: Batch, seed: int) -> tuple[Array, Array]:
    """What the nearest item that a generator makes misses, entry by entry, and what the critic says of the item."""
    found = invert(net, batch.x, seed=seed, batch=BATCH, label=batch.label)
    made = decode(net, found.z, BATCH, batch.label)
    missed = (1 - CRITIC) * (made.double() - batch.x.double()).abs().flatten(1).numpy() / batch.x[0].numel()
    if not isinstance(net, HasCritic):
        return missed, np.zeros(len(missed))
    with still(net):
        like = place(net)
        said = [
            softplus(-net.answer(batch.x[some].to(like), *given(batch.label, like, some)).double()).cpu()
            for some in parts(len(batch.x), BATCH)
        ]
    return missed, CRITIC * torch.cat(said).numpy()


def log_units(batch: Batch, spec: Spec) -> Array:
    """What the units of a table's columns add to the density of each row, 0 where a value is unknown: ``(N, columns)``.

    A density per second is lower than one per day by log 86,400, and beside that of a value the probability of a gap is
    high or low by the units alone. In units of the column's scale it is neither. An integer's probability is a density
    where the scale is many integers, and is taken as one from 1 on. ``(N, 1)`` of zeros for what has no columns.
    """
    if not spec.columns:
        return np.zeros((len(batch.x), 1))
    units = np.array([_log_scale(column) for column in spec.columns])
    known = np.ones((len(batch.x), len(units)), bool)
    for column, flag in spec.flags.items():
        known[:, column] = batch.x[:, flag].numpy() != 0
    return np.where(known if batch.mask is None else known & batch.mask.numpy(), units, 0.0)


def _log_scale(column: Column) -> float:
    if column.coded:
        return 0.0
    return math.log(max(column.scale, 1.0) if column.kind == "integer" else column.scale)


def folded(terms: Array, spec: Spec) -> Array:
    """Terms of entries ``(N, entries)`` as one per column of a table, its flag included, or one per pixel."""
    count = terms.shape[1]
    if spec.columns and count == spec.size:
        whole = terms[:, : len(spec.columns)].copy()
        for column, flag in spec.flags.items():
            whole[:, column] += terms[:, flag]
        return whole
    if spec.kind == "image" and count == spec.size:
        summed: Array = terms.reshape(len(terms), spec.shape[0], -1).sum(1)
        return summed
    return terms


def term_names(spec: Spec, count: int) -> list[str]:
    """What the terms of a score are called: columns by their names, pixels by row and column."""
    if spec.columns and count == len(spec.columns):
        return [column.name for column in spec.columns]
    if spec.kind == "image" and count == spec.shape[1] * spec.shape[2]:
        return [f"row {place // spec.shape[2]}, column {place % spec.shape[2]}" for place in range(count)]
    name = "feature " if spec.kind == "image" else "x"
    return [f"{name}{place}" for place in range(count)]
