"""Paired translation (pix2pix): a generator turns one picture of a pair into the other, and a critic sees both.

References:
    Image-to-Image Translation with Conditional Adversarial Networks (Isola et al., 2017),
    https://arxiv.org/abs/1611.07004
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from latentia.core import Batch, Group, Moments, Noise, Now, Recipe, Source, Spec, Translates, Update
from latentia.fields import AtLeast, Between, Help
from latentia.losses.reconstruction import absolute_error
from latentia.models._bodies import Scale
from latentia.models._duel import R1, R2, GameName, Momentum, Rate, duel
from latentia.models._judge import distance, items_of, translations
from latentia.models._pictures import (
    Blocks,
    CriticNorm,
    Equivariance,
    GameWeight,
    Halvings,
    Levels,
    Net,
    Upsample,
    Width,
    beside,
    critic_for,
    generator_for,
    inward,
    known,
    net_notes,
    other,
    outward,
    player,
    sides_of,
    slopes_for,
    weighted_game,
)
from latentia.nn.motion import motion


@dataclass(frozen=True)
class Pix2Pix(Recipe):
    """Pairs of pictures: ``batch.y`` is the input, ``batch.x`` what it is to become.

    The critic f sees input and output together, so that an output has to be the right one for its input and not only a
    likely picture. With the default game, G(y) the made output, on the scale from -1 to 1::

        critic     lowers  1/2 (f(y, x) - 1)^2 + 1/2 f(y, G(y))^2
        generator  lowers  1/2 (f(y, G(y)) - 1)^2 + l1 mean |x - G(y)|

    The mean is over all numbers of the picture. Noise enters by dropout: beside the input it would be ignored, as the
    game is nearly won without it (Isola et al., section 3.1). At use there is none unless it is asked for.

    For films the generator also lowers ``equivariance`` mean |G(W(y)) - W(G(y))|, both without noise, for a motion W of
    chance that is known exactly, over what W shows of the picture.
    """

    l1: Annotated[float, Help("weight of the mean absolute error"), AtLeast(0)] = 25.0
    equivariance: Equivariance = 0.0
    game: GameName = "least-squares"
    game_weight: GameWeight = 1.0
    r1: R1 = 0.0
    r2: R2 = 0.0
    net: Net = "unet"
    scale: Scale = "base"
    width: Width = None
    levels: Levels = None
    blocks: Blocks = 6
    upsample: Upsample = "smooth"
    dropout: Annotated[
        float, Help("share of inner features that noise takes away, the source of variants"), Between(0, 0.9)
    ] = 0.5
    affine: Annotated[bool, Help("norms with a learnt scale and shift")] = True
    halvings: Halvings = None
    critic_norm: CriticNorm = True
    rate: Rate = 5e-4
    momentum: Momentum = 0.5

    family = "translation"
    images = 100_000
    batch = 8
    capabilities = frozenset({Translates})
    kinds = ("image",)
    pairing = "pairs"
    gradient_penalty: ClassVar[float] = 0.0
    residual: ClassVar[bool] = False  # an output is told by its truth, and often has little of its input

    @property
    def score(self) -> tuple[str, str]:
        return ("kid", "lower")

    def notes(self, spec: Spec) -> list[str]:
        return [
            *net_notes(self, spec),
            "the best weights are those whose outputs are nearest to the held-out true ones as a crowd: kernel "
            "distance on seeded random convolutions; the absolute error is logged beside it",
        ]

    def build(self, spec: Spec) -> Pix2PixNet:
        return Pix2PixNet(self, spec)

    def groups(self, net: Pix2PixNet) -> dict[str, Group]:
        return {"critic": player(self, net.critic), "generator": player(self, net.generator)}

    def updates(self, net: Pix2PixNet, batch: Batch, now: Now) -> Iterator[Update]:
        pairs = batch._replace(x=inward(batch.x, net.spec), y=inward(beside(batch), net.input))

        move, unit = motion(now.noise, beside(pairs)) if self.equivariance > 0 else None, net.unit

        def held_to(made: Tensor, given: Batch) -> tuple[Tensor, dict[str, Tensor]]:
            error = absolute_error(given.x, made).mean() / net.spec.size
            if move is None:
                return self.l1 * error, {"l1": unit * error}
            with torch.no_grad():
                stays = net.generator(beside(given))
            off = move.error(net.generator(move.of(beside(given))), move.of(stays)).mean()
            return self.l1 * error + self.equivariance * off, {"l1": unit * error, "equivariance": unit * off}

        yield from duel(
            pairs,
            lambda x, given: net.critic(torch.cat([beside(given), x], 1)),
            lambda given, noise: net.generator(beside(given), noise if net.training else None),
            now,
            weighted_game(self.game, self.game_weight),
            slopes_for(self, net.critic, batch.x, now.seen),
            also=held_to,
        )

    def judge(self, net: Pix2PixNet, source: Source) -> Mapping[str, float]:
        """KID between outputs and the true ones of held-out pairs."""
        return {"kid": distance(net.spec, translations(net, net.domains[0], source, "y"), items_of(source))}


class Pix2PixNet(nn.Module):
    """The generator, and the critic of inputs and outputs together."""

    def __init__(self, recipe: Pix2Pix, spec: Spec) -> None:
        super().__init__()
        self.spec, self.input = spec, other(spec, "pix2pix")
        self.domains: tuple[str, ...] = sides_of(spec)[:1]
        self.variants = recipe.dropout > 0
        self.unit = (spec.high - spec.low) / 2  # of the data, for one on the nets' scale
        self.generator = generator_for(recipe, self.input, spec)
        self.critic = critic_for(recipe, spec, self.input.shape[0] + spec.shape[0])
        self.multiple: int = self.generator.multiple

    def given(self, to: str) -> Spec:
        """What the inputs look like."""
        known(to, self.domains)
        return self.input

    def translate(self, x: Tensor, to: str, noise: Noise | None = None, moments: Moments | None = None) -> Tensor:
        """The outputs for inputs ``(N, channels, H, W)`` of any size (:class:`latentia.core.Translates`)."""
        known(to, self.domains)
        return outward(self.generator(inward(x, self.input), noise, moments), self.spec)

    def judged(self, x: Tensor, to: str, given: Tensor) -> Tensor:
        """The critic's answers to patches of outputs and their inputs (:class:`latentia.core.JudgesPatches`)."""
        known(to, self.domains)
        return self.critic.maps(torch.cat([inward(given, self.input), inward(x, self.spec)], 1))
