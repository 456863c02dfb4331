"""What latents share with one another, over a whole data set: total correlation, its estimates, and covariance.

The KL of a posterior from a prior of independent dimensions has three parts (Chen et al. 2018, "Isolating Sources of
Disentanglement in VAEs", https://arxiv.org/abs/1802.04942, equation 2), with the aggregate q(z) = mean of q(z|x)::

    KL(q(z|x) || p(z)), mean over x  =  I(x; z)  +  KL(q(z) || prod q(z_j))  +  sum of KL(q(z_j) || p(z_j))
                                       information      total correlation        dimension-wise KL
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import torch
from torch import Tensor

from latentia import core

__all__ = [
    "Aggregate",
    "Parts",
    "aggregate",
    "blocks_of",
    "covariance",
    "independent",
    "off_independence",
    "parts_of_kl",
]


class Aggregate(NamedTuple):
    """Estimates of the aggregate posterior at draws ``z`` ``(N, D)``, in nats."""

    joint: Tensor  # log q(z), (N,)
    each: Tensor  # log q(z_j), (N, D)


class Parts(NamedTuple):
    """One number per example; their sum is log q(z|x) - log p(z) whatever the estimate of q(z) is."""

    information: Tensor
    total_correlation: Tensor
    dimension_wise: Tensor


def blocks_of(rows: int, block: int) -> list[slice]:
    """Consecutive slices of ``range(rows)`` of at least ``block`` rows each; one if there are fewer.

    What mixes examples stays inside them, so that parts of a batch, and processes, do what the whole would have done.
    """
    count = max(1, rows // block)
    edges = [round(place * rows / count) for place in range(count + 1)]
    return [slice(first, last) for first, last in itertools.pairwise(edges)]


def aggregate(terms: Tensor, items: Tensor, stratified: bool = True) -> Aggregate:
    """The aggregate posterior over a data set, estimated from the posteriors of one block of it.

    Weighted (equation S2): the posterior of every row counts 1 / (N B), of N items and B rows: low by up to log N at
    small B, as a draw meets its own posterior in every block. Stratified (equation S5): the row's own counts 1 / N, as
    it does in q(z), the others 1 - 1/N together. The paper gives one of these the weight that B leaves over; here it is
    spread evenly, which has the same expectation, less variance, and is exact where the block is the whole data set.

    Args:
        terms: ``(B, B, D)``, at ``[i, j, d]`` the log density of ``z_i,d`` under ``q(z_d|x_j)``.
        items: how many items the data set has, a scalar on the device.
        stratified: which of the two.
    """
    rows = terms.shape[0]
    total = items.to(terms).clamp(min=rows)  # the block is of the data set, which has at least its rows
    weight = -(total * rows).log().expand(rows, rows)
    if stratified:
        others = torch.log1p(-1 / total) - math.log(max(rows - 1, 1))
        weight = torch.where(torch.eye(rows, dtype=torch.bool, device=terms.device), -total.log(), others)
    joint = torch.logsumexp(terms.sum(-1) + weight, 1)
    return Aggregate(joint, torch.logsumexp(terms + weight.unsqueeze(-1), 1))


def parts_of_kl(given: Tensor, prior: Tensor, found: Aggregate) -> Parts:
    """The three parts of the KL at one draw for each example.

    Args:
        given: log q(z|x) of each row's own posterior, ``(N,)``.
        prior: log p(z), ``(N,)``.
        found: the aggregate at the same draws.
    """
    apart = found.each.sum(-1)
    return Parts(given - found.joint, found.joint - apart, apart - prior)


def independent(z: Tensor, block: int) -> Tensor:
    """Draws from the product of the marginals of ``z`` ``(N, D)``: each row takes every latent from another row.

    Rows are drawn independently, so moving latent j down by j rows within a block (around its end) joins latents that
    have nothing to do with each other: no random permutation is needed, and none leaves two latents of one row together
    while the block has at least D rows.
    """
    moved = []
    for rows in blocks_of(len(z), block):
        part = z[rows]
        count = torch.arange(len(part), device=z.device)
        moved.append(part.gather(0, (count[:, None] - torch.arange(z.shape[1], device=z.device)) % len(part)))
    return torch.cat(moved)


def covariance(mean: Tensor) -> Tensor:
    """The covariance over the global batch of rows ``(N, D)``, ``(D, D)``, divided by N: a function of means."""
    average = core.mean(mean)
    return core.mean(mean.unsqueeze(2) * mean.unsqueeze(1)) - average.unsqueeze(1) * average


def off_independence(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """How far a covariance ``(D, D)`` is from the identity: squares off the diagonal, and of the diagonal minus 1.

    Kumar et al. 2018, "Variational Inference of Disentangled Latent Concepts from Unlabeled Observations", equation 5.
    """
    diagonal = matrix.diagonal()
    return matrix.square().sum() - diagonal.square().sum(), (diagonal - 1).square().sum()
