"""Generative adversarial network: a generator makes items from noise, a critic tells them from real ones.

References:
    Generative Adversarial Networks (Goodfellow et al., 2014), https://arxiv.org/abs/1406.2661
    The GAN is dead; long live the GAN! (Huang et al., 2024), https://arxiv.org/abs/2501.05441
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from latentia.core import Batch, Group, HasCritic, Noise, Now, Recipe, Samples, Source, Spec, Stage, Update
from latentia.fields import AtLeast, Help
from latentia.losses.adversarial import game
from latentia.models._augment import AdaImages, AdaTarget, Augment, augmentation_for
from latentia.models._bodies import Activation, Body, Hidden, Scale, body_for, decoder_for, encoder_for, sizes_for
from latentia.models._duel import R1, R2, GameName, GradientPenalty, Momentum, Rate, Slopes, duel, players
from latentia.models._judge import kid
from latentia.models._numbers import only_numbers
from latentia.nn.labels import Critic, GivenLabel

REFERENCE = 5_000  # training items that scales are taken from
LABEL_WIDTH = 32


@dataclass(frozen=True)
class GAN(Recipe):
    """A game: the critic raises its answers to real items over those to made ones, the generator the other way round.

    With the default game, f the critic's answers, x real and G(z) made, in pairs of a row::

        critic     lowers  softplus(f(G(z)) - f(x)) + r1/2 |df(x)/dx|^2 + r2/2 |df(G)/dG|^2
        generator  lowers  softplus(f(x) - f(G(z)))

    Items are seen by both nets on a scale where the data's range is [-1, 1] (tables: mean 0 and deviation 1).
    """

    latent: Annotated[int, Help("size of the noise z"), AtLeast(1)] = 64
    game: GameName = "relativistic"
    r1: R1 = 1.0
    r2: R2 = 1.0
    gradient_penalty: GradientPenalty = 0.0
    lazy: Annotated[int, Help("steps between two penalties, which then count as many times more"), AtLeast(1)] = 1
    spectral: Annotated[bool, Help("bound the critic's layers by their spectral norm")] = False
    critics: Annotated[int, Help("updates of the critic for one of the generator"), AtLeast(1)] = 1
    body: Body = "auto"
    hidden: Hidden = ()
    scale: Scale = "base"
    activation: Activation = "leaky-relu"
    rate: Rate = 1e-3
    momentum: Momentum = 0.0
    augment: Augment = "none"
    ada_target: AdaTarget = 0.6
    ada_images: AdaImages = 100_000

    family = "generative adversarial network"
    images = 2_000_000
    batch = 64
    capabilities = frozenset({Samples, HasCritic})

    @property
    def score(self) -> tuple[str, str]:
        return ("kid", "lower")

    def notes(self, spec: Spec) -> list[str]:
        sizes = ", ".join(map(str, sizes_for(self, spec)))
        given = f", given one of {len(spec.classes)} labels" if spec.classes else ""
        return [
            f"net: {body_for(self, spec)} of {sizes}{given}",
            "the best weights are those whose samples are nearest to held-out items: kernel distance on "
            + ("the numbers themselves" if spec.kind == "table" else "seeded random convolutions"),
        ]

    def stage(self, seen: int) -> Stage:
        return Stage(self.batch, penalty=(seen // self.batch) % self.lazy == 0)

    def fitted(self, spec: Spec) -> GAN:
        """The recipe itself, for data that its nets can make."""
        only_numbers("gan", spec)
        return self

    def build(self, spec: Spec) -> GANNet:
        return GANNet(self, spec)

    def groups(self, net: GANNet) -> dict[str, Group]:
        return players(self, net)

    def prepare(self, net: GANNet, source: Source) -> None:
        """Tables: the scale on which both nets see the columns."""
        if net.spec.kind == "table":
            some = source.take(0, 0, min(REFERENCE, len(source))).x
            net.centre.copy_(some.mean(0))
            net.spread.copy_(some.std(0).clamp(min=1e-6))

    def updates(self, net: GANNet, batch: Batch, now: Now) -> Iterator[Update]:
        yield from duel(
            batch._replace(x=net.inward(batch.x)),
            lambda x, given: net.critic(x, given.label),
            lambda given, noise: net.made(noise.normal(self.latent), given.label),
            now,
            game(self.game),
            Slopes.of(self, now.seen),
            self.lazy,
            self.critics,
            net.augmentation,
        )

    def judge(self, net: GANNet, source: Source) -> Mapping[str, float]:
        """KID between samples and held-out items."""
        return kid(net, source)


class GANNet(nn.Module):
    """Generator and critic, and the scale on which they see items; ``classes`` labels can be asked for."""

    centre: Tensor
    spread: Tensor

    def __init__(self, recipe: GAN, spec: Spec) -> None:
        super().__init__()
        self.latent, self.spec, self.classes = recipe.latent, spec, len(spec.classes)
        self.generator = Generator(recipe, spec)
        self.critic = Critic(encoder_for(recipe, spec), self.classes)
        if recipe.spectral:
            for layer in self.critic.modules():
                if isinstance(layer, nn.Linear | nn.Conv2d):
                    spectral_norm(layer)
        self.augmentation = augmentation_for(recipe, spec)
        shape = spec.shape if spec.kind == "table" else ()
        self.register_buffer("centre", torch.full(shape, 0.5 * (spec.low + spec.high)))
        self.register_buffer("spread", torch.full(shape, 0.5 * (spec.high - spec.low)))

    def inward(self, x: Tensor) -> Tensor:
        """Items on the scale of the nets."""
        return (x - self.centre) / self.spread

    def made(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """What the generator makes of noise, on the scale of the nets."""
        return self.generator(z.to(self.centre), label)

    def draw(self, noise: Noise) -> Tensor:
        """Noise for the generator, ``(len(noise), latent)``."""
        return noise.normal(self.latent).to(self.centre)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Items ``(N, *spec.shape)`` in the data's units; pictures are clamped to their range."""
        x = self.centre + self.spread * self.made(z, label)
        if self.spec.kind != "image":
            return x
        # gradients pass as if nothing were clamped: a search for latents needs them outside the range too
        return x.clamp(self.spec.low, self.spec.high) + (x - x.detach())

    def answer(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """The critic's answers ``(N,)`` to items in the data's units: higher for what seems real."""
        return self.critic(self.inward(x.to(self.centre)), label)

    def detailed(self, x: Tensor) -> Tensor:
        """Items as they are: these nets do not grow."""
        return x


class Generator(nn.Module):
    """From noise, and a label if there are classes, to items on the scale of the nets."""

    def __init__(self, recipe: GAN, spec: Spec) -> None:
        super().__init__()
        self.given = GivenLabel(len(spec.classes), LABEL_WIDTH) if spec.classes else None
        self.body = decoder_for(recipe, spec, spec.shape, recipe.latent + (LABEL_WIDTH if spec.classes else 0))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        return self.body(z if self.given is None else self.given(z, label))
