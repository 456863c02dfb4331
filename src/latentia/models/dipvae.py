"""DIP-VAE: a VAE whose latents have the covariance of the prior, the identity.

References:
    Variational Inference of Disentangled Latent Concepts from Unlabeled Observations (Kumar et al., 2018),
    https://arxiv.org/abs/1711.00848
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch

from latentia import core
from latentia.core import Batch, Now, Update
from latentia.fields import AtLeast, Help, OneOf, Scheduled
from latentia.losses.correlation import covariance, off_independence
from latentia.losses.schedules import at
from latentia.models._regularised import Regularised, terms
from latentia.models.vae import VAENet


@dataclass(frozen=True)
class DIPVAE(Regularised):
    """The ELBO minus how far the covariance of codes is from the identity (equations 5 to 7 of the paper)::

        off_diagonal * sum over i != j of C_ij^2  +  diagonal * sum over i of (C_ii - 1)^2

    ``kind`` i: C is the covariance of the posterior means over items; ii: of the codes themselves, which adds the
    mean posterior variance to the diagonal. C is taken over the batch, so large batches tell more.
    """

    kind: Annotated[str, Help("covariance of posterior means (i) or of codes (ii)"), OneOf(("i", "ii"))] = "ii"
    off_diagonal: Annotated[float | str, Help("weight of what latents share"), Scheduled(), AtLeast(0)] = 10.0
    diagonal: Annotated[
        float | str,
        Help("weight of variances off 1; the paper has 10 times the other for kind i"),
        Scheduled(),
        AtLeast(0),
    ] = 10.0

    def updates(self, net: VAENet, batch: Batch, now: Now) -> Iterator[Update]:
        held = terms(net, batch, now.noise)
        matrix = covariance(held.q.mean)
        if self.kind == "ii":
            matrix = matrix + torch.diag(core.mean(held.q.standard_deviation.square()))
        off, on = off_independence(matrix)
        loss = (held.nll + held.kl).mean() + at(self.off_diagonal, now.seen) * off + at(self.diagonal, now.seen) * on
        yield Update("vae", loss, {**held.logs, "off_diagonal": off, "diagonal": on})
