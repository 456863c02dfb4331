"""Variational autoencoders whose latents are held apart by more than their KL: what their recipes share."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, NamedTuple

from torch import Tensor

from latentia.core import Batch, Encodes, Group, HasDensity, Noise, Recipe, Reconstructs, Samples, Source, Spec
from latentia.distributions.normal import Normal
from latentia.fields import AtLeast, Help, Scheduled
from latentia.models._bodies import Activation, Body, Hidden, Scale
from latentia.models.vae import VAE, VAENet

Block = Annotated[int, Help("consecutive rows of a batch that are mixed with one another"), AtLeast(2)]


class Terms(NamedTuple):
    """The two terms of the ELBO of each example, with one draw."""

    q: Normal
    z: Tensor  # (N, latent)
    nll: Tensor  # (N,)
    kl: Tensor  # (N,), in closed form

    @property
    def logs(self) -> Mapping[str, Tensor]:
        """What validation reads: the full objective at beta 1."""
        elbo = -(self.nll + self.kl).mean()
        return {"nll": self.nll.mean(), "kl": self.kl.mean(), "elbo": elbo, "bound": elbo}


@dataclass(frozen=True)
class Regularised(Recipe, ABC):
    """A VAE with the standard normal prior, the ELBO of one draw, and one more term, which a subclass adds."""

    latent: Annotated[int, Help("size of z"), AtLeast(1)] = 10
    body: Body = "auto"
    hidden: Hidden = ()
    scale: Scale = "base"
    activation: Activation = "silu"
    likelihood: Annotated[str, Help("as of a vae: bernoulli, gaussian, logistic and others; auto by data")] = "auto"
    rate: Annotated[float | str, Help("learning rate of Adam"), Scheduled(), AtLeast(0)] = 1e-3

    family = "variational autoencoder"
    units = dict.fromkeys(
        ("vae", "elbo", "bound", "nll", "kl", "total_correlation", "information", "dimension_wise"), "nats"
    )
    capabilities = frozenset({Samples, Encodes, Reconstructs, HasDensity})

    @property
    def score(self) -> tuple[str, str]:
        return ("bound", "higher")

    @property
    def plain(self) -> VAE:
        """The VAE without the term that is added."""
        return VAE(
            prior="normal", robust="no", **{field.name: getattr(self, field.name) for field in fields(Regularised)}
        )

    def notes(self, spec: Spec) -> list[str]:
        return [
            *self.plain.notes(spec),
            "the best weights are chosen by the bound itself, without what is added; --weights last takes the last",
        ]

    def begins_fitted(self, spec: Spec) -> bool:
        """Of a table it begins as a factor analysis."""
        return bool(spec.columns)

    def build(self, spec: Spec) -> VAENet:
        return self.plain.build(spec)

    def groups(self, net: Any) -> dict[str, Group]:
        return {"vae": Group(list(net.parameters()), rate=self.rate)}

    def prepare(self, net: Any, source: Source) -> None:
        self.plain.prepare(net, source)

    def settle(self, net: VAENet, source: Source) -> None:
        self.plain.settle(net, source)

    def found(self, net: VAENet, source: Source) -> list[str]:
        return self.plain.found(net, source)


def terms(net: VAENet, batch: Batch, noise: Noise) -> Terms:
    """The terms of the ELBO at one draw from each posterior."""
    q = net.posterior(batch.x, batch.label)
    z = q.sample(noise)
    nll = -net.likelihood(z, batch.label).log_prob(batch.x)
    return Terms(q, z, nll, q.kl_to_standard_normal().sum(-1))
