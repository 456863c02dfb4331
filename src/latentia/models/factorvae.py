"""FactorVAE: a VAE whose codes a critic cannot tell from codes with independent latents.

References:
    Disentangling by Factorising (Kim & Mnih, 2018), https://arxiv.org/abs/1802.05983
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import softplus

from latentia.core import Batch, Group, Now, Spec, Update
from latentia.fields import AtLeast, Help, Scheduled
from latentia.losses.correlation import independent
from latentia.losses.schedules import at
from latentia.models._regularised import Block, Regularised, terms
from latentia.models.vae import VAE, VAENet
from latentia.nn.labels import Critic
from latentia.nn.mlp import MLP


@dataclass(frozen=True)
class FactorVAE(Regularised):
    """The ELBO minus gamma times the total correlation of the codes, KL(q(z) || prod_j q(z_j)).

    A critic f learns to tell codes from codes whose latents come from different items; of the best one f(z) is
    log q(z) / prod_j q(z_j), so its mean over codes is the total correlation (algorithm 2 of the paper)::

        vae     lowers  -ELBO + gamma mean f(z)                                 on one half of the batch
        critic  lowers  mean softplus(-f(z)) + mean softplus(f(z'))             z' of the other half, made independent

    Each latent of z' is moved to another row of a block (:func:`latentia.losses.correlation.independent`). The critic
    is handed codes and no encoder: what it lowers cannot move one.
    """

    gamma: Annotated[float | str, Help("weight of the total correlation"), Scheduled(), AtLeast(0)] = 10.0
    critic: Annotated[tuple[int, ...], Help("widths of the critic's layers; the paper has six of 1000"), AtLeast(1)] = (
        512,
        512,
        512,
    )
    critic_rate: Annotated[float | str, Help("learning rate of the critic"), Scheduled(), AtLeast(0)] = 1e-3
    block: Block = 16

    def build(self, spec: Spec) -> FactorVAENet:
        return FactorVAENet(self, spec)

    def groups(self, net: FactorVAENet) -> dict[str, Group]:
        critic = list(net.critic.parameters())
        own = {id(weight) for weight in critic}
        rest = [weight for weight in net.parameters() if id(weight) not in own]
        return {"vae": Group(rest, rate=self.rate), "critic": Group(critic, self.critic_rate, betas=(0.5, 0.9))}

    def updates(self, net: FactorVAENet, batch: Batch, now: Now) -> Iterator[Update]:
        first, second = batch.parts(2)
        held = terms(net, first, now.noise.part(0, 2))
        correlation = net.critic(held.z).mean()
        loss = (held.nll + held.kl).mean() + at(self.gamma, now.seen) * correlation
        yield Update("vae", loss, {**held.logs, "total_correlation": correlation})
        if len(second.x):  # the last held-out items may be one alone
            yield self.critics(net, held.z.detach(), second, now)

    def critics(self, net: FactorVAENet, z: Tensor, batch: Batch, now: Now) -> Update:
        """The critic's update: ``z`` against the codes of ``batch``, made independent."""
        with torch.no_grad():
            other = net.posterior(batch.x, batch.label).sample(now.noise.part(1, 2))
        told, taken = net.critic(z), net.critic(independent(other, max(self.block, self.latent)))
        loss = softplus(-told).mean() + softplus(taken).mean()
        return Update(
            "critic", loss, {"critic_right": 0.5 * ((told > 0).to(told).mean() + (taken < 0).to(told).mean())}
        )


class FactorVAENet(VAENet):
    """A VAE's net with the critic beside it, from codes ``(N, latent)`` to one number each."""

    def __init__(self, recipe: FactorVAE, spec: Spec) -> None:
        plain: VAE = recipe.plain
        super().__init__(plain, spec)
        self.critic = Critic(MLP(recipe.latent, recipe.critic, "leaky-relu"))
