"""Autoencoder: an encoder and a decoder that pass items through a narrow middle, trained on the squared error.

It has no prior. To sample, a density is fitted on the codes of the training items *after* training: a mixture of
normals, as in Ghosh et al. 2020, "From Variational to Deterministic Autoencoders", https://arxiv.org/abs/1903.12436.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from torch import Tensor, nn

from latentia.core import (
    Batch,
    Encodes,
    Group,
    Noise,
    Now,
    Recipe,
    Reconstructs,
    Samples,
    Source,
    Spec,
    Training,
    Update,
    key,
)
from latentia.fields import AtLeast, Help, Scheduled
from latentia.losses.reconstruction import squared_error
from latentia.models._bodies import Activation, Body, Hidden, Scale, body_for, decoder_for, encoder_for, sizes_for
from latentia.models._reference import mean_item, reference
from latentia.models._tables import begin_codes, closed_form, latents_for, planned
from latentia.nn.columns import ColumnEncoder
from latentia.nn.heads import ExactLinear

REFERENCE = 10_000  # training items that the density is fitted on
COMPONENTS = 10


@dataclass(frozen=True)
class Autoencoder(Recipe):
    """Lowers the squared error between x and decode(encode(x)), summed over the entries of an item.

    In a table whose columns have types the error is that of centred and scaled features: values, and a 1 for each
    category (:class:`~latentia.nn.columns.ColumnFeatures`).

    The log ``squared_error`` is that sum, ``per_value`` the mean over the entries.
    """

    latent: Annotated[
        int | None, Help("size of the code z; by default 32, for a table with columns half its features"), AtLeast(1)
    ] = None
    body: Body = "auto"
    hidden: Hidden = ()
    scale: Scale = "base"
    activation: Activation = "silu"
    rate: Annotated[float | str, Help("learning rate of Adam"), Scheduled(), AtLeast(0)] = 2e-3

    family = "autoencoder"
    capabilities = frozenset({Samples, Encodes, Reconstructs})

    @property
    def score(self) -> tuple[str, str]:
        return ("squared_error", "lower")

    def notes(self, spec: Spec) -> list[str]:
        sizes = ", ".join(map(str, sizes_for(self, spec)))
        stays = bool(spec.columns) and self.rate == 0
        told = [
            closed_form("the codes that go with it") if stays else f"net: {body_for(self, spec)} of {sizes}",
            "samples come from a mixture of normals fitted on the codes after training: an autoencoder has no prior",
        ]
        unused = "the labels are not learnt from: an autoencoder is given none; a vae, gan or progan is"
        return [*told, unused] if spec.classes else told

    def fitted(self, spec: Spec) -> Autoencoder:
        """The recipe with the size of the code that follows from the data."""
        return replace(self, latent=self.latent or latents_for(spec))

    def planned(self, training: Training, spec: Spec, rows: int) -> tuple[Autoencoder, Training]:
        """A table's batch and budget, and whether a net is trained at all, follow from the number of its rows."""
        return planned(self, training, spec, rows) if spec.columns else (self, training)

    def begins_fitted(self, spec: Spec) -> bool:
        """Of a table it begins as a factor analysis."""
        return bool(spec.columns)

    def build(self, spec: Spec) -> AutoencoderNet:
        return AutoencoderNet(self.fitted(spec), spec)

    def groups(self, net: AutoencoderNet) -> dict[str, Group]:
        return {"autoencoder": Group(list(net.parameters()), rate=self.rate)}

    def prepare(self, net: AutoencoderNet, source: Source) -> None:
        """Start at the data's mean picture, a table at its factor analysis."""
        if isinstance(net.encoder, ColumnEncoder):
            begin_codes(net, source, REFERENCE)
            return
        net.decoder.start(net.raw(mean_item(source, REFERENCE)).to(net.weights))

    def settle(self, net: AutoencoderNet, source: Source) -> None:
        """Fit the density that samples are drawn from on the codes of training items."""
        with torch.no_grad():
            parts = reference(source, REFERENCE)
            net.fit_density(torch.cat([net.encode(part.x.to(net.weights)) for part in parts]))

    def updates(self, net: AutoencoderNet, batch: Batch, now: Now) -> Iterator[Update]:
        made, truth = net.compared(batch.x)
        error = squared_error(made, truth)
        logs = {"squared_error": error.mean(), "per_value": error.mean() / truth[0].numel()}
        yield Update("autoencoder", error.mean(), logs)


class AutoencoderNet(nn.Module):
    """Encoder and decoder, and the mixture of normals on codes that samples are drawn from."""

    weights: Tensor
    means: Tensor
    scales: Tensor

    def __init__(self, recipe: Autoencoder, spec: Spec) -> None:
        super().__init__()
        self.latent, self.spec = recipe.latent or latents_for(spec), spec
        self.encoder = encoder_for(recipe, spec)
        self.code = ExactLinear(self.encoder.features, self.latent)
        shape = spec.shape if len(spec.shape) > 1 else (1, *spec.shape)
        self.decoder = decoder_for(recipe, spec, (self.encoder.front.size,) if spec.columns else shape, self.latent)
        self.register_buffer("weights", torch.full((COMPONENTS,), 1 / COMPONENTS))
        self.register_buffer("means", torch.zeros(COMPONENTS, self.latent))
        self.register_buffer("scales", torch.eye(self.latent).repeat(COMPONENTS, 1, 1))

    def encode(self, x: Tensor) -> Tensor:
        """The codes of items, ``(N, latent)``."""
        return self.code(self.encoder(x))

    def decode(self, z: Tensor) -> Tensor:
        """What codes stand for, ``(N, *shape)``; pictures stay inside their range."""
        made = self.decoder(z)
        if isinstance(self.encoder, ColumnEncoder):
            return self.encoder.front.entries(made)
        raw = made.reshape(*z.shape[:-1], *self.spec.shape)
        if self.spec.kind != "image":
            return raw
        return self.spec.low + (self.spec.high - self.spec.low) * raw.sigmoid()

    def compared(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the squared error is taken between: items and their reconstructions, or the features of a table's."""
        if isinstance(self.encoder, ColumnEncoder):
            return self.decoder(self.encode(x)), self.encoder.front(x)
        return self.decode(self.encode(x)), x

    def raw(self, x: Tensor) -> Tensor:
        """The decoder's numbers that :meth:`decode` turns into ``x`` (clipped away from the ends of the range)."""
        if self.spec.kind != "image":
            return x
        return torch.logit((x - self.spec.low) / (self.spec.high - self.spec.low), eps=0.01)

    def draw(self, noise: Noise) -> Tensor:
        """Codes from the fitted mixture, ``(len(noise), latent)``."""
        place = torch.searchsorted(self.weights.cumsum(0), noise.uniform().to(self.weights)).clamp(max=COMPONENTS - 1)
        steps = noise.normal(self.latent).to(self.weights)
        return self.means[place] + torch.einsum("nij,nj->ni", self.scales[place], steps)

    def fit_density(self, codes: Tensor) -> None:
        """Fit the mixture (scikit-learn's, full covariances, seeded) on ``codes`` ``(N, latent)``."""
        from sklearn import config_context
        from sklearn.mixture import GaussianMixture

        components = min(COMPONENTS, len(codes))
        fitted = GaussianMixture(components, reg_covar=1e-5, random_state=key("density") % 2**32, max_iter=100)
        with config_context(array_api_dispatch=False):  # its starts by k-means are for numpy alone
            fitted.fit(codes.cpu().double().numpy())
        like = self.weights
        self.weights.zero_()[:components] = torch.as_tensor(fitted.weights_).to(like)
        self.means[:components] = torch.as_tensor(fitted.means_).to(like)
        scales = torch.linalg.cholesky(torch.as_tensor(fitted.covariances_))
        self.scales[:components] = scales.to(like)
