"""Variational autoencoder: a latent variable model p(x|z) p(z) with an encoder q(z|x), trained on the ELBO.

References:
    Auto-Encoding Variational Bayes (Kingma & Welling, 2014), https://arxiv.org/abs/1312.6114
    Importance Weighted Autoencoders (Burda et al., 2016), https://arxiv.org/abs/1509.00519
    Understanding disentangling in beta-VAE (Burgess et al., 2018), https://arxiv.org/abs/1804.03599
    VAE with a VampPrior (Tomczak & Welling, 2018), https://arxiv.org/abs/1705.07120
    Learning Structured Output Representation using Deep Conditional Generative Models (Sohn et al., 2015), NeurIPS
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from latentia.core import (
    Batch,
    Distribution,
    Encodes,
    Group,
    HasDensity,
    Noise,
    Now,
    Recipe,
    Reconstructs,
    Samples,
    Source,
    Spec,
    Training,
    Update,
)
from latentia.distributions.columns import ColumnsLikelihood
from latentia.distributions.flow import Flow, FlowOf
from latentia.distributions.gaussian import OptimalGaussianLikelihood
from latentia.distributions.likelihoods import check_likelihood, default_likelihood, likelihood
from latentia.distributions.normal import Normal
from latentia.distributions.priors import MixtureOf, MixtureOfNormals, StandardNormal, VampPrior
from latentia.errors import BadField, near
from latentia.fields import AtLeast, Help, OneOf, Schedule, Scheduled
from latentia.losses.bounds import doubly_reparameterised_bound, importance_bound
from latentia.losses.divergence import free_bits, off_capacity
from latentia.losses.schedules import at
from latentia.models._bodies import Activation, Body, Hidden, Scale, body_for, decoder_for, encoder_for, sizes_for
from latentia.models._reference import mean_item, reference
from latentia.models._tables import begin, closed_form, latents_for, planned
from latentia.nn.columns import ColumnEncoder, ColumnHead
from latentia.nn.heads import GaussianHead
from latentia.nn.labels import GivenLabel
from latentia.nn.mlp import MLP

LOOKED_AT = 250  # items by which latents are judged
ACTIVE = 0.01  # variance of a posterior mean over items, from which on a latent is active (Burda et al. 2016)
REFERENCE = 5_000  # training items that a recipe looks at before the first step
PRIORS: dict[str, int] = {"normal": 0, "mixture": 10, "vamp": 500, "flow": 3}  # parts that are not said
LABEL_WIDTH = 32


@dataclass(frozen=True)
class VAE(Recipe):
    """p(x) = integral of p(x|z) p(z) dz with z a vector of ``latent`` numbers, and q(z|x) = N(mean(x), scale(x)^2).

    The objective of one item, in nats, summed over entries and latents::

        ELBO   = E_q[log p(x|z)] - beta KL(q(z|x) || p(z))                         (beta = 1 is the bound)
        IWAE-k = E_q[log 1/k sum_i p(x|z_i) p(z_i) / q(z_i|x)]                     (k = draws)

    IWAE's encoder takes the doubly reparameterised gradient (Tucker et al. 2019).

    Data with classes make it conditional (Sohn et al. 2015): p(x|z, label) and q(z|x, label) are given each item's
    label, p(z) is not, and the objective bounds log p(x|label).
    """

    latent: Annotated[
        int | None, Help("size of z; by default 32, for a table with columns half its features"), AtLeast(1)
    ] = None
    body: Body = "auto"
    hidden: Hidden = ()
    scale: Scale = "base"
    activation: Activation = "silu"
    likelihood: Annotated[
        str,
        Help(
            "bernoulli, gaussian, gaussian-optimal, logistic, logistic-mixture[:K], continuous-bernoulli; auto by data"
        ),
    ] = "auto"
    prior: Annotated[
        str,
        Help(
            "normal, mixture:K or vamp:K with K components, flow:K with K transforms; auto is a mixture, for binary "
            "data and where the KL is weighed normal"
        ),
    ] = "auto"
    objective: Annotated[str, Help("elbo, or iwae with --draws 2 or more"), OneOf(("elbo", "iwae"))] = "elbo"
    draws: Annotated[int, Help("draws of z for each item"), AtLeast(1)] = 1
    beta: Annotated[float | str, Help("weight of the KL term; 1 is the ELBO"), Scheduled(), AtLeast(0)] = 1.0
    free_bits: Annotated[float, Help("nats of each latent that the KL term leaves free"), AtLeast(0)] = 0.0
    capacity: Annotated[
        float | str, Help("nats that the KL is held to instead of 0: beta |KL - capacity|"), Scheduled(), AtLeast(0)
    ] = 0.0
    robust: Annotated[
        str,
        Help(
            "learn from the most probable 70 % of a table's rows; auto where rows far out make its variance 3 times "
            "that of a normal one"
        ),
        OneOf(("auto", "yes", "no")),
    ] = "auto"
    rate: Annotated[float | str, Help("learning rate of Adam"), Scheduled(), AtLeast(0)] = 2e-3

    family = "variational autoencoder"
    units = {"vae": "nats", "elbo": "nats", "bound": "nats", "nll": "nats", "kl": "nats"}  # noqa: RUF012
    capabilities = frozenset({Samples, Encodes, Reconstructs, HasDensity})

    @property
    def score(self) -> tuple[str, str]:
        return ("bound", "higher")

    def likelihood_for(self, spec: Spec) -> str:
        """The name of p(x|z) for data of this spec.

        Raises:
            BadField: the likelihood that was asked for is none for this data.
        """
        name = default_likelihood(spec) if self.likelihood == "auto" else self.likelihood
        check_likelihood(name, spec)
        return name

    def prior_for(self, spec: Spec) -> str:
        """The prior for data of this spec.

        Where an item says much, as the 256 levels of a picture's pixels do, the KL hardly weighs and codes end up far
        from a standard normal: a mixture learns where they are. Where the KL is weighed, codes are meant to be held to
        something fixed, with each latent by itself.
        """
        if self.prior != "auto":
            return self.prior
        if spec.columns:
            return "mixture:32"
        fixed = self._weighed or spec.kind == "table" or self.likelihood_for(spec) == "bernoulli"
        return "normal" if fixed else "mixture:100"

    def notes(self, spec: Spec) -> list[str]:
        sizes = ", ".join(map(str, sizes_for(self, spec)))
        chosen = "follows from the data" if self.likelihood == "auto" else "as asked"
        given = f", encoder and decoder given one of {len(spec.classes)} labels" if spec.classes else ""
        net = f"net: {body_for(self, spec)} of {sizes}{given}"
        told = [
            f"likelihood: {self.likelihood_for(spec)} ({chosen}), prior: {self.prior_for(spec)}",
            closed_form("its prior on the codes") if spec.columns and self.rate == 0 else net,
        ]
        if spec.columns and self._other:
            told.append("robust no: only the plain objective elbo, without free_bits and capacity, leaves rows out")
        if self._weighed:
            told.append(
                "the best weights are chosen by the bound itself, at beta 1; --weights last takes the last ones"
            )
        return told

    def fitted(self, spec: Spec) -> VAE:
        """The recipe with the size of z, the prior and whether rows may be left out, which follow from the data."""
        asked = self.robust != "auto" or (bool(spec.columns) and not self._other)
        robust = self.robust if asked else "no"
        return replace(self, latent=self.latent or latents_for(spec), prior=self.prior_for(spec), robust=robust)

    def planned(self, training: Training, spec: Spec, rows: int) -> tuple[VAE, Training]:
        """A table's batch and budget, and whether a net is trained at all, follow from the number of its rows."""
        return planned(self, training, spec, rows) if spec.columns else (self, training)

    def begins_fitted(self, spec: Spec) -> bool:
        """Of a table it begins as a factor analysis."""
        return bool(spec.columns)

    def build(self, spec: Spec) -> VAENet:
        if self.robust == "yes" and self._other:
            raise BadField("robust goes with the plain objective elbo, without free_bits and capacity")
        if self.objective == "iwae" and (self.draws < 2 or self.free_bits or self._held):
            raise BadField("objective iwae needs draws of 2 or more, and neither free_bits nor capacity")
        if self.free_bits and self._held:
            raise BadField("free_bits and capacity both say what the KL may be; give one of them")
        return VAENet(self.fitted(spec), spec)

    def groups(self, net: VAENet) -> dict[str, Group]:
        return {"vae": Group(list(net.parameters()), rate=self.rate)}

    def prepare(self, net: VAENet, source: Source) -> None:
        """Start at the data's mean picture, a table at its factor analysis, and pseudo-inputs at items of the data."""
        if isinstance(net.observed, ColumnsLikelihood):
            begin(net, source, REFERENCE, self.robust)
        else:
            net.decoder.start(net.observed.start(mean_item(source, REFERENCE).to(net.place)))
        if isinstance(net.latents, VampPrior):
            items = source.take(1, 0, len(net.latents.pseudo))
            net.latents.start(items.x.to(net.place))
            if items.label is not None:
                net.pseudo_labels.copy_(items.label)

    def settle(self, net: VAENet, source: Source) -> None:
        """Fix the optimal sigma at its value over training items."""
        if not isinstance(net.observed, OptimalGaussianLikelihood):
            return
        with torch.no_grad():
            items = (part.to(net.place.device, net.place.dtype) for part in reference(source, REFERENCE))
            errors = [(net.reconstruct(part) - part.x).square().flatten(1).mean(1).cpu() for part in items]
        net.observed.settle(torch.cat(errors).mean(dtype=torch.float64))

    def found(self, net: VAENet, source: Source) -> list[str]:
        """Whether rows were left out, and whether the latents are used."""
        told = []
        if net.kept is not None:
            trimmed = float(net.kept) < 1
            told.append(
                f"robust {self.robust}: the table's variance is {float(net.wide):.1f} times that of a normal one with "
                f"the same core; "
                + (f"learnt from the most probable {float(net.kept):.0%} of the rows" if trimmed else "no row left out")
            )
        with torch.no_grad():
            items = next(reference(source, LOOKED_AT)).to(net.place.device, net.place.dtype)
            moved = net.encode(items.x, items.label).var(0, correction=0) > ACTIVE
        if not moved.any():
            told.append(
                f"the posterior has collapsed: none of the {net.latent} latents tells items apart, so codes and "
                "reconstructions say nothing; try --beta 0:1@N, which brings the KL in over the first N images, "
                "--free-bits 0.1, or a smaller decoder"
            )
        return told

    def updates(self, net: VAENet, batch: Batch, now: Now) -> Iterator[Update]:
        if self.objective == "iwae":
            yield self.weighted_update(net, batch, now)
        else:
            yield self.elbo_update(net, batch, now)

    @property
    def _weighed(self) -> bool:
        """Whether the KL ends as anything but itself."""
        return Schedule.parse(self.beta).end != 1 or self.free_bits > 0 or self._held

    @property
    def _other(self) -> bool:
        """Whether the objective is another than the ELBO with its KL as it is, or weighed."""
        return self.objective == "iwae" or self.free_bits > 0 or self._held

    @property
    def _held(self) -> bool:
        """Whether the KL is held to a capacity, at some time (Burgess et al. 2018, equation 8)."""
        return Schedule.parse(self.capacity) != Schedule(0.0, 0.0)

    def elbo_update(self, net: VAENet, batch: Batch, now: Now) -> Update:
        """The ELBO with ``draws`` draws, its KL in closed form where there is one."""
        q = net.posterior(batch.x, batch.label)
        z = q.draws(now.noise, self.draws)
        nll = -net.likelihood(z, batch.label).log_prob(batch.x).mean(0)
        kl = net.divergence(q, z)
        penalty = free_bits(kl, self.free_bits) if self.free_bits else kl.sum(-1).mean()
        if self._held:
            penalty = off_capacity(kl.sum(-1), at(self.capacity, now.seen))
        each = -(nll + kl.sum(-1))
        elbo = bound = each.mean()
        loss = nll.mean() + at(self.beta, now.seen) * penalty
        if net.kept is not None:
            weight = most_probable(each, net.kept)
            bound = (weight * each).mean()  # with weights of 1 the same bits as without
            loss = (weight * nll).mean() + at(self.beta, now.seen) * (weight * kl.sum(-1)).mean()
        return Update("vae", loss, {"nll": nll.mean(), "kl": kl.sum(-1).mean(), "elbo": elbo, "bound": bound})

    def weighted_update(self, net: VAENet, batch: Batch, now: Now) -> Update:
        """IWAE-k: the loss is a surrogate with the right gradient; the logs hold the bound."""
        q = net.posterior(batch.x, batch.label)
        z = q.draws(now.noise, self.draws)
        log_likelihood = net.likelihood(z, batch.label).log_prob(batch.x)
        kl = q.detach().log_prob(z) - net.prior().log_prob(z)
        surrogate = doubly_reparameterised_bound(log_likelihood - at(self.beta, now.seen) * kl, z)
        elbo = log_likelihood - kl
        bound = importance_bound(elbo.detach()).mean()
        logs = {"nll": -log_likelihood.mean(), "kl": kl.mean(), "elbo": elbo.mean(), "bound": bound}
        return Update("vae", -surrogate.mean(), logs)


class VAENet(nn.Module):
    """Encoder, decoder, likelihood and prior; with classes, encoder and decoder take labels.

    Labels are whole numbers ``(N,)`` or shares of all classes ``(N, classes)``. Without one the nets are given the mean
    of all labels' features: no class in particular.
    """

    pseudo_labels: Tensor
    kept: Tensor | None  # the share of a table's rows that is learnt from, where it may be less than 1
    wide: Tensor  # how many times the variance of a normal table it has

    def __init__(self, recipe: VAE, spec: Spec) -> None:
        super().__init__()
        self.latent, self.spec, self.classes = recipe.latent or latents_for(spec), spec, len(spec.classes)
        self.encoder = encoder_for(recipe, spec)
        self.joint = Joint(self.encoder, self.classes, recipe.activation) if self.classes else None
        self.head = _head(self.encoder, self.latent)
        self.observed = likelihood(recipe.likelihood_for(spec), spec)
        self.given = GivenLabel(self.classes, LABEL_WIDTH) if self.classes else None
        width = self.latent + (LABEL_WIDTH if self.classes else 0)
        self.decoder = decoder_for(recipe, spec, self.observed.shape, width)
        self.latents = _prior(recipe.prior, self.latent, spec)
        self.kept = None
        if spec.columns and recipe.robust != "no":
            del self.kept
            self.register_buffer("kept", torch.ones(()))
            self.register_buffer("wide", torch.ones(()))
        if self.classes and isinstance(self.latents, VampPrior):
            self.register_buffer("pseudo_labels", torch.arange(len(self.latents.pseudo)) % self.classes)

    @property
    def place(self) -> Tensor:
        """A weight: ``x.to(net.place)`` has the net's device and dtype."""
        return self.head.layer.weight

    def posterior(self, x: Tensor, label: Tensor | None = None) -> Normal:
        """q(z|x, label) of items ``(N, *shape)``.

        Of a table's row with a value far beyond those of all training rows it is that of the row with one less far: the
        encoder would follow it to codes that nothing is known of, where all other columns fit badly, too.
        """
        return self._posterior(self.encoder.front.near(x) if isinstance(self.encoder, ColumnEncoder) else x, label)

    def _posterior(self, x: Tensor, label: Tensor | None) -> Normal:
        features = self.encoder(x)
        return Normal(*self.head(features if self.joint is None else self.joint(features, label)))

    def likelihood(self, z: Tensor, label: Tensor | None = None) -> Distribution:
        """p(x|z, label) of latents ``(..., N, latent)``."""
        return self.observed(self.decoder(z if self.given is None else self.given(z, label)))

    def prior(self) -> Normal | MixtureOf | FlowOf:
        """p(z), whatever the label; each pseudo-input keeps the label of the item that it began as."""
        if isinstance(self.latents, VampPrior):
            label = self.pseudo_labels if self.classes else None
            return self.latents(self._posterior(self.latents.inputs(), label))
        return self.latents()

    def divergence(self, q: Normal, z: Tensor) -> Tensor:
        """KL(q || p) ``(N, latent)`` in closed form, or ``(N, 1)`` estimated by draws ``z`` ``(K, N, latent)``."""
        if isinstance(self.latents, StandardNormal):
            return q.kl_to_standard_normal()
        return (q.log_prob(z) - self.prior().log_prob(z)).mean(0).unsqueeze(-1)

    def draw(self, noise: Noise) -> Tensor:
        """Latents from the prior, ``(len(noise), latent)``."""
        return self.prior().sample(noise)

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """The posterior means of items, ``(N, latent)``."""
        return self.posterior(x, label).mean

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The mean of p(x|z, label), ``(N, *shape)``."""
        return self.likelihood(z, label).mean

    def reconstruct(self, batch: Batch) -> Tensor:
        """What is left of items after their codes, ``(N, *shape)``."""
        return self.decode(self.encode(batch.x, batch.label), batch.label)


class Joint(nn.Module):
    """One layer that sees the features of an item and of its label together: ``(N, features)`` to ``(N, features)``.

    Without it a label could only shift the posterior, by the same for every item. A table's own features stay as they
    are, for the head to be linear in.
    """

    def __init__(self, encoder: nn.Module, classes: int, activation: str) -> None:
        super().__init__()
        self.linear = encoder.linear if isinstance(encoder, ColumnEncoder) else 0
        made = int(encoder.features) - self.linear  # type: ignore[arg-type]
        self.given = GivenLabel(classes, LABEL_WIDTH)
        self.layer = MLP(made + LABEL_WIDTH, (made,), activation)

    def forward(self, features: Tensor, label: Tensor | None = None) -> Tensor:
        joint: Tensor = self.layer(self.given(features[:, self.linear :], label))
        return torch.cat([features[:, : self.linear], joint], 1) if self.linear else joint


def most_probable(values: Tensor, share: Tensor) -> Tensor:
    """Weights ``(N,)`` of mean 1 that leave out all but the ``share`` of rows with the highest values."""
    fewest = ((1 - share) * len(values)).long().clamp(max=len(values) - 1)
    kept = (values >= values.detach().sort().values.gather(0, fewest.reshape(1))).to(values)
    return kept / kept.mean()


def _head(encoder: Any, latent: int) -> GaussianHead | ColumnHead:
    return ColumnHead(encoder, latent) if isinstance(encoder, ColumnEncoder) else GaussianHead(encoder.features, latent)


def _prior(prior: str, latent: int, spec: Spec) -> StandardNormal | MixtureOfNormals | VampPrior | Flow:
    name, _, count = prior.partition(":")
    if name not in PRIORS:
        raise BadField(f"prior is {prior!r}; {near(name, PRIORS)}, all but normal with :K parts")
    if count and (name == "normal" or not count.isdecimal() or int(count) < 1):
        raise BadField(f"prior is {prior!r}; it is normal, or mixture:K, vamp:K or flow:K with K of at least 1")
    parts = int(count or PRIORS[name])
    if name == "normal":
        return StandardNormal(latent)
    if name == "vamp":
        return VampPrior(spec, parts)
    return Flow(latent, parts) if name == "flow" else MixtureOfNormals(latent, parts)
