"""The recipes of the package with settings that reach each of their branches, and tiny data for them."""

from __future__ import annotations

import dataclasses
import importlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import latentia as lt
from latentia.core import Batch, Recipe, Spec, key
from latentia.data.opening import open as open_data
from latentia.fields import from_json, to_json
from latentia.presets import load

PICTURES = Spec("image", (1, 8, 8), levels=256)
BINARY = Spec("image", (1, 8, 8), levels=2)
COLOURS = Spec("image", (3, 10, 16), levels=256)
LABELLED = Spec("image", (1, 8, 8), levels=256, classes=("a", "b", "c"))
NUMBERS = Spec("table", (5,), None, low=-4.0, high=4.0)
GREY = Spec("image", (1, 10, 16), levels=256)
PAIRS = Spec("image", (3, 10, 16), levels=256, y=GREY, pairing="pairs", sides=("b", "a"))
DOMAINS = Spec("image", (3, 10, 16), levels=256, y=COLOURS, pairing="domains", sides=("a", "b"))


def table(count: int = 48) -> dict[str, list]:
    """A table of columns of all kinds, some values missing, the same at each call."""
    draw = np.random.default_rng(5)
    colours = [None if place % 9 == 0 else name for place, name in enumerate(draw.choice(["r", "g", "b"], count))]
    height = np.where(np.arange(count) % 7 == 0, np.nan, draw.normal(1.7, 0.1, count))
    gain = np.where(draw.random(count) < 0.5, 0.0, draw.exponential(300.0, count))
    return {
        "colour": colours,
        "height": height,
        "age": draw.integers(20, 80, count),
        "gain": gain,
        "member": draw.choice(["no", "yes"], count),
        "born": np.datetime64("2001-01-01") + draw.integers(0, 9000, count).astype("timedelta64[D]"),
    }


def frame(count: int = 48) -> Any:
    return importlib.import_module("pandas").DataFrame(table(count))


TYPED = open_data(frame()).spec
UNLIKE = Spec("image", (3, 10, 16), levels=256, y=GREY, pairing="domains", sides=("a", "b"))


@dataclass(frozen=True)
class Case:
    name: str
    recipe: Recipe
    spec: Spec

    def items(self, count: int = 48, slot: str = "x") -> torch.Tensor:
        """Random items of the spec, the same at each call."""
        spec = self.spec if slot == "x" else self.spec.y
        if spec.columns:
            opened = self.data()
            return torch.cat([split.read(slice(None)).x for split in (opened.train, opened.test)])[:count]
        generator = torch.Generator().manual_seed(key(self.name, slot) % 2**31)
        if spec.kind == "table":
            return torch.randn(count, *spec.shape, generator=generator)
        levels = spec.levels or 256
        whole = torch.randint(0, levels, (count, *spec.shape), generator=generator)
        return whole.float() / (levels - 1)

    def batch(self, count: int = 16) -> Batch:
        return Batch(self.items(count), self.items(count, "y") if self.spec.y else None, self.labels(count))

    def sides(self) -> dict[str, torch.Tensor]:
        """What is translated to each side."""
        return dict(zip(self.spec.sides, (self.items(slot="y"), self.items()), strict=True))

    def labels(self, count: int = 48) -> torch.Tensor | None:
        return torch.arange(count) % len(self.spec.classes) if self.spec.classes else None

    def data(self):
        """The items as an opened data set of the same spec."""
        if self.spec.columns:
            return open_data(frame())
        items = self.items()
        if self.spec.kind == "table":
            return open_data(items.numpy())
        if self.spec.levels == 256:
            pictures = as_bytes(items)
            if self.spec.y:
                two = (as_bytes(self.items(slot="y")), pictures)
                return open_data(*(two if self.spec.pairing == "pairs" else two[::-1]), pairing=self.spec.pairing)
            names = [self.spec.classes[label] for label in self.labels()] if self.spec.classes else None
            return open_data(pictures) if names is None else open_data((pictures, names), labels=True)
        return open_data(items, binarize="dynamic")


def as_bytes(items: torch.Tensor):
    return (items * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()


PUBLISHED_PAIRS, PUBLISHED_DOMAINS = (
    from_json(cls, {name: value for name, value in load(preset).items() if name in to_json(cls())})
    for cls, preset in ((lt.Pix2Pix, "pix2pix-isola"), (lt.CycleGAN, "cyclegan-zhu"))
)
CASES = [
    Case("vae", lt.VAE(latent=3, hidden=(12,)), PICTURES),
    Case("vae-conv", lt.VAE(latent=3, body="conv", hidden=(4, 8)), COLOURS),
    Case("vae-gated", lt.VAE(latent=3, hidden=(12,), activation="gated", free_bits=0.1), BINARY),
    Case("vae-table", lt.VAE(latent=2, hidden=(12,), beta="0:1@64"), NUMBERS),
    Case("vae-columns", lt.VAE(latent=2, hidden=(12,)), TYPED),
    Case("vae-columns-robust", lt.VAE(latent=2, hidden=(12,), robust="yes"), TYPED),
    Case("vae-columns-vamp", lt.VAE(hidden=(12,), prior="vamp:4"), TYPED),
    Case("autoencoder-columns", lt.Autoencoder(latent=2, hidden=(12,)), TYPED),
    Case("vae-optimal", lt.VAE(latent=3, hidden=(12,), likelihood="gaussian-optimal", draws=2), PICTURES),
    Case("vae-mixture", lt.VAE(latent=3, hidden=(12,), likelihood="logistic-mixture:2", prior="mixture:3"), COLOURS),
    Case("vae-vamp", lt.VAE(latent=3, hidden=(12,), prior="vamp:4", rate="1e-3:1e-4@96~cosine"), BINARY),
    Case("vae-flow", lt.VAE(latent=3, hidden=(12,), prior="flow:2"), PICTURES),
    Case("vae-continuous", lt.VAE(latent=3, hidden=(12,), likelihood="continuous-bernoulli"), PICTURES),
    Case("iwae", lt.VAE(latent=3, hidden=(12,), objective="iwae", draws=3), BINARY),
    Case("iwae-vamp", lt.VAE(latent=3, hidden=(12,), objective="iwae", draws=2, prior="vamp:4"), PICTURES),
    Case("vae-labels", lt.VAE(latent=3, hidden=(12,)), LABELLED),
    Case("vae-labels-vamp", lt.VAE(latent=3, hidden=(12,), prior="vamp:4"), LABELLED),
    Case("iwae-labels", lt.VAE(latent=3, hidden=(12,), objective="iwae", draws=2), LABELLED),
    Case("vae-capacity", lt.VAE(latent=3, hidden=(12,), beta=4.0, capacity="0:2@64"), PICTURES),
    Case("factorvae", lt.FactorVAE(latent=3, hidden=(12,), critic=(8, 8), block=4), PICTURES),
    Case("factorvae-labels", lt.FactorVAE(latent=2, hidden=(12,), critic=(8,), block=4, gamma="1:5@64"), LABELLED),
    Case("tcvae", lt.TCVAE(latent=3, hidden=(12,), block=8), BINARY),
    Case("tcvae-weighted", lt.TCVAE(latent=3, hidden=(12,), block=4, sampling="weighted"), NUMBERS),
    Case("dipvae", lt.DIPVAE(latent=3, hidden=(12,)), PICTURES),
    Case("dipvae-i", lt.DIPVAE(latent=3, hidden=(12,), kind="i", diagonal="10:100@64"), LABELLED),
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
    Case("pix2pix", lt.Pix2Pix(width=4, game="relativistic", r1=1.0, r2=1.0, critic_norm=False), PAIRS),
    Case(
        "pix2pix-resnet",
        lt.Pix2Pix(width=4, net="resnet", blocks=1, r2=0.0, r1="1:0.1@64", affine=False, equivariance=3.0),
        PAIRS,
    ),
    Case("pix2pix-published", dataclasses.replace(PUBLISHED_PAIRS, width=4, levels=3, halvings=1), PAIRS),
    Case("cyclegan", lt.CycleGAN(width=4, blocks=1, pool=20, equivariance=3.0), UNLIKE),
    Case(
        "cyclegan-unet",
        lt.CycleGAN(width=4, net="unet", game="relativistic", r1=1.0, r2="0:1@64", critic_norm=False),
        UNLIKE,
    ),
    Case("cyclegan-published", dataclasses.replace(PUBLISHED_DOMAINS, width=4, blocks=1, halvings=1), DOMAINS),
]
