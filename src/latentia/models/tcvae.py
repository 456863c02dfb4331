"""beta-TCVAE: a VAE that pays more for what its latents share than for the rest of the KL, without a critic.

References:
    Isolating Sources of Disentanglement in VAEs (Chen et al., 2018), https://arxiv.org/abs/1802.04942
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from latentia.core import Batch, Now, Source, Spec, Update
from latentia.fields import AtLeast, Help, OneOf, Scheduled
from latentia.losses.correlation import Parts, aggregate, blocks_of, parts_of_kl
from latentia.losses.schedules import at
from latentia.models._regularised import Block, Regularised, Terms, terms
from latentia.models.vae import VAE, VAENet


@dataclass(frozen=True)
class TCVAE(Regularised):
    """The ELBO minus (beta - 1) times the total correlation of the codes, KL(q(z) || prod_j q(z_j)).

    The density of all codes together, q(z), is estimated from the posteriors of a block of the batch and the number of
    training items (:func:`latentia.losses.correlation.aggregate`). At beta = 1 it is the VAE; the KL itself stays in
    closed form.
    """

    beta: Annotated[float | str, Help("weight of the total correlation; 1 is the ELBO"), Scheduled(), AtLeast(0)] = 6.0
    sampling: Annotated[
        str, Help("how q(z) is estimated from a block: stratified or weighted"), OneOf(("stratified", "weighted"))
    ] = "stratified"
    block: Block = 64

    def build(self, spec: Spec) -> TCVAENet:
        return TCVAENet(self.plain, spec)

    def prepare(self, net: TCVAENet, source: Source) -> None:
        super().prepare(net, source)
        net.items.fill_(len(source))

    def updates(self, net: TCVAENet, batch: Batch, now: Now) -> Iterator[Update]:
        held = terms(net, batch, now.noise)
        found = self.parts(net, held)
        loss = (held.nll + held.kl + (at(self.beta, now.seen) - 1) * found.total_correlation).mean()
        yield Update("vae", loss, {**held.logs, **{name: each.mean() for name, each in found._asdict().items()}})

    def parts(self, net: TCVAENet, held: Terms) -> Parts:
        """The three parts of the KL at each example's draw."""
        done = []
        for rows in blocks_of(len(held.z), self.block):
            q, z = type(held.q)(held.q.mean[rows], held.q.log_scale[rows]), held.z[rows]
            terms_of = q.terms(z.unsqueeze(1))
            found = aggregate(terms_of, net.items, self.sampling == "stratified")
            done.append(parts_of_kl(q.log_prob(z), net.prior().log_prob(z), found))
        return Parts(*(torch.cat(each) for each in zip(*done, strict=True)))


class TCVAENet(VAENet):
    """A VAE's net that knows how many items it is trained on."""

    items: Tensor

    def __init__(self, recipe: VAE, spec: Spec) -> None:
        super().__init__(recipe, spec)
        self.register_buffer("items", torch.ones((), dtype=torch.int64))
