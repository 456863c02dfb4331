"""The recipes of the package with settings that reach each of their branches, and tiny data for them."""

from __future__ import annotations

from dataclasses import dataclass

import torch

import latentia as lt
from latentia.core import Batch, Recipe, Spec, key
from latentia.data.opening import open as open_data

PICTURES = Spec("image", (1, 8, 8), levels=256)
BINARY = Spec("image", (1, 8, 8), levels=2)
COLOURS = Spec("image", (3, 10, 16), levels=256)
LABELLED = Spec("image", (1, 8, 8), levels=256, classes=("a", "b", "c"))
NUMBERS = Spec("table", (5,), None, low=-4.0, high=4.0)


@dataclass(frozen=True)
class Case:
    name: str
    recipe: Recipe
    spec: Spec

    def items(self, count: int = 48) -> torch.Tensor:
        """Random items of the spec, the same at each call."""
        generator = torch.Generator().manual_seed(key(self.name) % 2**31)
        if self.spec.kind == "table":
            return torch.randn(count, *self.spec.shape, generator=generator)
        levels = self.spec.levels or 256
        whole = torch.randint(0, levels, (count, *self.spec.shape), generator=generator)
        return whole.float() / (levels - 1)

    def batch(self, count: int = 16) -> Batch:
        return Batch(self.items(count), label=self.labels(count))

    def labels(self, count: int = 48) -> torch.Tensor | None:
        return torch.arange(count) % len(self.spec.classes) if self.spec.classes else None

    def data(self):
        """The items as an opened data set of the same spec."""
        items = self.items()
        if self.spec.kind == "table":
            return open_data(items.numpy())
        if self.spec.levels == 256:
            pictures = (items * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
            names = [self.spec.classes[label] for label in self.labels()] if self.spec.classes else None
            return open_data(pictures) if names is None else open_data((pictures, names), labels=True)
        return open_data(items, binarize="dynamic")


CASES = [
    Case("vae", lt.VAE(latent=3, hidden=(12,)), PICTURES),
    Case("vae-conv", lt.VAE(latent=3, body="conv", hidden=(4, 8)), COLOURS),
    Case("vae-gated", lt.VAE(latent=3, hidden=(12,), activation="gated", free_bits=0.1), BINARY),
    Case("vae-table", lt.VAE(latent=2, hidden=(12,), beta="0:1@64"), NUMBERS),
    Case("vae-optimal", lt.VAE(latent=3, hidden=(12,), likelihood="gaussian-optimal", draws=2), PICTURES),
    Case("vae-mixture", lt.VAE(latent=3, hidden=(12,), likelihood="logistic-mixture:2", prior="mixture:3"), COLOURS),
    Case("vae-vamp", lt.VAE(latent=3, hidden=(12,), prior="vamp:4", rate="1e-3:1e-4@96~cosine"), BINARY),
    Case("vae-continuous", lt.VAE(latent=3, hidden=(12,), likelihood="continuous-bernoulli"), PICTURES),
    Case("iwae", lt.VAE(latent=3, hidden=(12,), objective="iwae", draws=3), BINARY),
    Case("iwae-vamp", lt.VAE(latent=3, hidden=(12,), objective="iwae", draws=2, prior="vamp:4"), PICTURES),
    Case("gan", lt.GAN(latent=3, body="conv", hidden=(4, 8)), COLOURS),
    Case("gan-lazy", lt.GAN(latent=3, hidden=(12,), game="non-saturating", r2=0.0, r1="1:0.1@64", lazy=2), PICTURES),
    Case(
        "gan-wasserstein",
        lt.GAN(latent=3, hidden=(12,), game="wasserstein", r1=0.0, r2=0.0, gradient_penalty=10.0, critics=2),
        PICTURES,
    ),
    Case("gan-labels", lt.GAN(latent=3, hidden=(12,)), LABELLED),
    Case("gan-spectral", lt.GAN(latent=3, hidden=(12,), game="hinge", r1=0.0, r2=0.0, spectral=True), BINARY),
    Case("gan-table", lt.GAN(latent=3, hidden=(12,), game="least-squares"), NUMBERS),
    Case("gan-diff", lt.GAN(latent=3, body="conv", hidden=(4, 8), game="hinge", augment="diff"), COLOURS),
    Case("gan-ada", lt.GAN(latent=3, hidden=(12,), augment="ada", ada_target=0.1, ada_images=200), LABELLED),
    Case("progan", lt.ProGAN(latent=3, hidden=(6, 5, 4), stabilise=16, fade=50, batches=(16, 8)), COLOURS),
    Case("progan-fixed", lt.ProGAN(latent=3, hidden=(6, 4), growing=False, batches=(8,)), LABELLED),
    Case(
        "progan-ada",
        lt.ProGAN(latent=3, hidden=(6, 4), stabilise=16, fade=50, batches=(8,), augment="ada", ada_images=100),
        PICTURES,
    ),
    Case("autoencoder", lt.Autoencoder(latent=3, hidden=(12,)), PICTURES),
    Case("autoencoder-conv", lt.Autoencoder(latent=3, body="conv", hidden=(4, 8)), COLOURS),
    Case("autoencoder-table", lt.Autoencoder(latent=2, hidden=(12,)), NUMBERS),
]
