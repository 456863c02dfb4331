"""Progressive GAN: a game that begins on pictures of 4 to 7 pixels; both nets grow by a level at a time.

References:
    Progressive Growing of GANs for Improved Quality, Stability, and Variation (Karras et al., 2018),
    https://arxiv.org/abs/1710.10196
    The GAN is dead; long live the GAN! (Huang et al., 2024), https://arxiv.org/abs/2501.05441
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from torch import Tensor, nn

from latentia.core import Batch, Group, HasCritic, Noise, Now, Recipe, Samples, Source, Spec, Stage, Update
from latentia.errors import BadField
from latentia.fields import AtLeast, Help
from latentia.losses.adversarial import game
from latentia.models._augment import AdaImages, AdaTarget, Augment, augmentation_for
from latentia.models._bodies import Scale
from latentia.models._duel import R1, R2, GameName, GradientPenalty, Momentum, Rate, Slopes, duel, players
from latentia.models._judge import kid
from latentia.nn.conv import Size, widths_of
from latentia.nn.growing import (
    EqualLinear,
    GrowingCritic,
    GrowingGenerator,
    Growth,
    enlarged,
    growing_sizes,
    level_of,
    seen_at,
    uneven,
)
from latentia.nn.labels import Critic, GivenLabel

LABEL_WIDTH = 32
WIDTHS = {"small": 8, "base": 16, "large": 32}  # channels at full size; doubled at each smaller one, at most 8 times it
MOST = 8  # levels before the data is known: from 4 to 1,024 pixels


@dataclass(frozen=True)
class ProGAN(Recipe):
    """The game of ``gan`` on nets that grow: first the large forms of small pictures, then finer and finer detail.

    Level 0 is trained for ``stabilise`` images. Then each level doubles the pictures: it is faded in over ``fade``
    images and trained whole for ``stabilise``. Real pictures are averaged down and faded in the same way. The last
    level stays until the budget is spent.
    """

    latent: Annotated[int, Help("size of the noise z"), AtLeast(1)] = 128
    growing: Annotated[bool, Help("grow; if not, the same final nets are trained at full size from the beginning")] = (
        True
    )
    stabilise: Annotated[int, Help("images for which each whole level is trained before the next"), AtLeast(0)] = (
        150_000
    )
    fade: Annotated[int, Help("images over which each level is faded in"), AtLeast(0)] = 150_000
    levels: Annotated[
        int | None,
        Help("times that pictures are doubled; by default from 4 to 7 pixels to the data's size"),
        AtLeast(1),
    ] = None
    batches: Annotated[
        tuple[int, ...], Help("images of a step at each level, the smallest first; the last stays"), AtLeast(1)
    ] = (128, 128, 128, 64, 32, 16)
    hidden: Annotated[
        tuple[int, ...], Help("channels of the levels, the smallest first; empty follows --scale"), AtLeast(1)
    ] = ()
    scale: Scale = "base"
    group: Annotated[int, Help("neighbours that the critic sees the variety of; 1 for none"), AtLeast(1)] = 4
    game: GameName = "relativistic"
    r1: R1 = 1.0
    r2: R2 = 1.0
    gradient_penalty: GradientPenalty = 0.0
    rate: Rate = 1e-3
    momentum: Momentum = 0.0
    augment: Augment = "none"
    ada_target: AdaTarget = 0.6
    ada_images: AdaImages = 100_000

    family = "generative adversarial network"
    images = 2_000_000
    batch = 64
    capabilities = frozenset({Samples, HasCritic})
    kinds = ("image",)

    @property
    def score(self) -> tuple[str, str]:
        return ("kid", "lower")

    def fitted(self, spec: Spec) -> ProGAN:
        """The recipe with the number of levels that pictures of this size have."""
        return replace(self, levels=len(self.sizes(spec)) - 1)

    def sizes(self, spec: Spec) -> list[Size]:
        """The sizes of the levels, the smallest first.

        Raises:
            BadField: the pictures are too small, or too small for as many levels as were asked for.
        """
        return growing_sizes(spec.shape[1], spec.shape[2], self.levels)

    def growth(self, levels: int) -> Growth:
        """When nets of so many levels grow."""
        return Growth(levels, self.stabilise, self.fade) if self.growing else Growth(levels, 0, 0)

    def notes(self, spec: Spec) -> list[str]:
        sizes = self.sizes(spec)
        shown = ", ".join(f"{height} x {width}" for height, width in sizes)
        ends = self.growth(len(sizes) - 1).ends
        notes = [
            f"grows through {shown}; full size from {ends:,} images on: a shorter training ends with smaller pictures"
            if self.growing
            else f"trained at full size from the beginning; levels of {shown}",
            "the best weights are those whose samples are nearest to held-out items: kernel distance on seeded random "
            "convolutions",
        ]
        if uneven(sizes):
            notes.append("a side does not halve evenly: it is rounded down, and averaged over boxes that overlap")
        return notes

    def stage(self, seen: int) -> Stage:
        phase = self.growth(self.levels or MOST).phase(seen)
        level = level_of(phase)
        return Stage(self.batches[min(level, len(self.batches) - 1)], phase, moments=level)

    def build(self, spec: Spec) -> ProGANNet:
        return ProGANNet(self, spec)

    def groups(self, net: ProGANNet) -> dict[str, Group]:
        return players(self, net)

    def updates(self, net: ProGANNet, batch: Batch, now: Now) -> Iterator[Update]:
        phase = min(now.stage.level, net.last) if self.growing else net.last
        share = net.growth.share(phase, now.seen)
        group = self.neighbours(len(batch.x), now.noise.total)
        if net.training:
            net.seen.copy_(now.seen)  # what decode tells the phase from
        yield from duel(
            batch._replace(x=seen_at(net.inward(batch.x), net.sizes, phase, share)),
            lambda x, given: net.critic(x, given.label, phase, share, group),
            lambda given, noise: net.generator(noise.normal(self.latent), given.label, phase, share),
            now,
            game(self.game),
            Slopes.of(self, now.seen),
            augmentation=net.augmentation,
        )

    def neighbours(self, rows: int, batch: int) -> int:
        """The size of the blocks of rows that variety is measured in: ``group``, or what divides the batch as well.

        Raises:
            BadField: a block would be torn by the parts that the batch is computed in.
        """
        group = math.gcd(batch, self.group)
        if rows % group:
            raise BadField(
                f"group is {self.group}, and a batch of {batch} is computed in parts of {rows} rows; each part must "
                f"hold whole groups: take fewer parts or --group {math.gcd(rows, group)}"
            )
        return group

    def judge(self, net: ProGANNet, source: Source) -> Mapping[str, float]:
        """KID between samples and held-out items, at full size whatever the phase."""
        return kid(net, source)


class ProGANNet(nn.Module):
    """Generator and critic of all levels, and how many images they have seen."""

    centre: Tensor
    seen: Tensor

    def __init__(self, recipe: ProGAN, spec: Spec) -> None:
        super().__init__()
        self.latent, self.spec, self.classes, self.group = recipe.latent, spec, len(spec.classes), recipe.group
        self.sizes = recipe.sizes(spec)
        self.growth = recipe.growth(len(self.sizes) - 1)
        self.last = 2 * self.growth.levels  # phase in which all levels are whole
        channels = recipe.hidden or tuple(widths_of(WIDTHS[recipe.scale], len(self.sizes)))[::-1]
        if len(channels) != len(self.sizes):
            raise BadField(f"hidden has {len(channels)} numbers; these pictures have {len(self.sizes)} levels")
        lowest = 0 if recipe.growing else self.growth.levels
        self.generator = Generator(recipe.latent, spec, self.sizes, channels, lowest)
        body = GrowingCritic(spec.shape[0], self.sizes, channels, lowest)
        self.critic = Critic(body, self.classes, EqualLinear(body.features, 1, gain=1.0, bias=False, exact=True))
        self.augmentation = augmentation_for(recipe, spec)
        self.register_buffer("centre", torch.tensor(0.5 * (spec.low + spec.high)))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def inward(self, x: Tensor) -> Tensor:
        """Pictures on the scale of the nets: from -1 to 1."""
        return (x - self.centre) * (2 / (self.spec.high - self.spec.low))

    def draw(self, noise: Noise) -> Tensor:
        """Noise for the generator, ``(len(noise), latent)``."""
        return noise.normal(self.latent).to(self.centre)

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """Pictures ``(N, *spec.shape)`` in the data's range, of the levels that have been trained, enlarged."""
        phase = self.growth.phase(int(self.seen))
        x = self.generator(z.to(self.centre), label, phase, self.growth.share(phase, self.seen))
        x = self._whole(x, phase)
        x = self.centre + 0.5 * (self.spec.high - self.spec.low) * x
        # gradients pass as if nothing were clamped: a search for latents needs them outside the range too
        return x.clamp(self.spec.low, self.spec.high) + (x - x.detach())

    def answer(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """The critic's answers ``(N,)`` to pictures, seen with the detail of the phase: higher for what seems real."""
        phase = self.growth.phase(int(self.seen))
        share = self.growth.share(phase, self.seen)
        shown = seen_at(self.inward(x.to(self.centre)), self.sizes, phase, share)
        return self.critic(shown, label, phase, share, math.gcd(len(x), self.group))

    def detailed(self, x: Tensor) -> Tensor:
        """Pictures with the detail of the phase, at full size."""
        phase = self.growth.phase(int(self.seen))
        return self._whole(seen_at(x, self.sizes, phase, self.growth.share(phase, self.seen)), phase)

    def _whole(self, x: Tensor, phase: int) -> Tensor:
        """Pictures of the size of a phase, enlarged to that of the data."""
        for size in self.sizes[level_of(phase) + 1 :]:
            x = enlarged(x, size)
        return x


class Generator(nn.Module):
    """From noise, and a label if there are classes, to pictures of the phase's size on the scale of the nets."""

    def __init__(self, latent: int, spec: Spec, sizes: list[Size], channels: tuple[int, ...], lowest: int) -> None:
        super().__init__()
        self.given = GivenLabel(len(spec.classes), LABEL_WIDTH) if spec.classes else None
        width = latent + (LABEL_WIDTH if spec.classes else 0)
        self.body = GrowingGenerator(width, spec.shape[0], sizes, channels, lowest)

    def forward(self, z: Tensor, label: Tensor | None, phase: int, share: Tensor | None) -> Tensor:
        return self.body(z if self.given is None else self.given(z, label), phase, share)
