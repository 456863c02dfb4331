"""Nets from pictures of one domain to pictures of another, and their critics, as a recipe's fields say."""

from __future__ import annotations

import dataclasses
import math
from typing import Annotated, Any, ClassVar, Protocol

from torch import Tensor, nn

from latentia.core import Batch, Group, Spec
from latentia.errors import BadData, near
from latentia.fields import AtLeast, Help, OneOf
from latentia.losses.adversarial import Game, game
from latentia.models._duel import Slopes
from latentia.nn.patch import PatchCritic, layers_of, receptive_field
from latentia.nn.resnet import ResNet
from latentia.nn.unet import UNet

WIDTHS = {"small": 16, "base": 32, "large": 64}  # channels of the first level; 64 in the papers
BETA = 0.999  # beta 2 of both players' Adam

# the fields of a recipe that its nets follow from
Net = Annotated[str, Help("kind of generator"), OneOf(("unet", "resnet"))]
Width = Annotated[int | None, Help("channels of the first level of all nets; by default follows --scale"), AtLeast(1)]
Levels = Annotated[
    int | None, Help("unet: halvings; by default the shorter side ends between 4 and 7 pixels"), AtLeast(2)
]
Blocks = Annotated[int, Help("resnet: residual blocks"), AtLeast(0)]
Upsample = Annotated[
    str,
    Help("how generators enlarge; transposed convolutions, as published, leave a grid"),
    OneOf(("smooth", "transposed")),
]
Halvings = Annotated[
    int | None,
    Help("halvings in the critic, which judges patches of 7, 16, 34, 70 px for 0 to 3; by default half the picture"),
    AtLeast(0),
]
CriticNorm = Annotated[bool, Help("instance norms in the critic, as published; a critic without them wants r1 and r2")]
Equivariance = Annotated[
    float,
    Help("for films: weight of how far a moved picture's translation is from the moved translation; 0 leaves it out"),
    AtLeast(0),
]
GameWeight = Annotated[float, Help("weight of the game in what generators lower"), AtLeast(0)]


class Translator(Protocol):
    """The fields that generators, critics and penalties follow from."""

    gradient_penalty: ClassVar[float]

    @property
    def net(self) -> str: ...
    @property
    def scale(self) -> str: ...
    @property
    def width(self) -> int | None: ...
    @property
    def levels(self) -> int | None: ...
    @property
    def blocks(self) -> int: ...
    @property
    def upsample(self) -> str: ...
    @property
    def dropout(self) -> float: ...
    @property
    def affine(self) -> bool: ...
    @property
    def residual(self) -> bool: ...
    @property
    def halvings(self) -> int | None: ...
    @property
    def critic_norm(self) -> bool: ...
    @property
    def game(self) -> str: ...
    @property
    def r1(self) -> float | str: ...
    @property
    def r2(self) -> float | str: ...
    @property
    def rate(self) -> float | str: ...
    @property
    def momentum(self) -> float: ...


def width_of(recipe: Translator) -> int:
    """Channels of the first level."""
    return recipe.width or WIDTHS[recipe.scale]


def levels_of(recipe: Translator, spec: Spec) -> int:
    """Halvings of a U-Net for pictures of this size."""
    return recipe.levels or max(2, int(math.log2(min(spec.shape[1:]))) - 2)


def halvings_of(recipe: Translator, spec: Spec) -> int:
    """Halvings of a critic: at 32, 64 and 128 px its patches are about half the picture, and never over 70 px."""
    if recipe.halvings is not None:
        return recipe.halvings
    return min(3, max(0, int(math.log2(min(spec.shape[1:]))) - 4))


def generator_for(recipe: Translator, given: Spec, made: Spec) -> Any:
    """From pictures like ``given`` to pictures like ``made``: a net called with pictures, noise and moments."""
    channels, width, transposed = (given.shape[0], made.shape[0]), width_of(recipe), recipe.upsample == "transposed"
    if recipe.net == "unet":
        return UNet(*channels, width, levels_of(recipe, made), transposed, recipe.dropout, recipe.residual)
    return ResNet(*channels, width, recipe.blocks, transposed, recipe.dropout, recipe.affine, recipe.residual)


def critic_for(recipe: Translator, spec: Spec, channels: int) -> PatchCritic:
    """A critic of pictures of the size of ``spec`` with so many channels."""
    bias = not game(recipe.game).pairs
    return PatchCritic(channels, width_of(recipe), halvings_of(recipe, spec), recipe.critic_norm, recipe.affine, bias)


def slopes_for(recipe: Translator, critic: PatchCritic, x: Tensor, seen: Tensor) -> Slopes:
    """The weights of the penalties of a critic with many answers.

    The squared slope of their sum is that of one of them times their number, as those of patches far apart do not meet.
    """
    slopes, count = Slopes.of(recipe, seen), critic.patches(*x.shape[2:])
    return dataclasses.replace(slopes, r1=slopes.r1 / count, r2=slopes.r2 / count)


def player(recipe: Translator, *nets: nn.Module) -> Group:
    """The group of all weights of some nets."""
    weights = [weight for net in nets for weight in net.parameters()]
    return Group(weights, recipe.rate, (recipe.momentum, BETA))


def other(spec: Spec, name: str) -> Spec:
    """The spec of the second picture.

    Raises:
        BadData: there is none.
    """
    if spec.y is None:
        raise BadData(f"{name} learns from two pictures an item, and the data has one: give pairs, or two domains")
    return spec.y


def inward(x: Tensor, spec: Spec) -> Tensor:
    """Pictures on the scale of the nets: from -1 to 1."""
    return (x - 0.5 * (spec.low + spec.high)) * (2 / (spec.high - spec.low))


def outward(x: Tensor, spec: Spec) -> Tensor:
    """Pictures of the nets' scale in the data's range."""
    return 0.5 * (spec.low + spec.high) + (0.5 * (spec.high - spec.low)) * x


def beside(batch: Batch) -> Tensor:
    """The second picture of each row.

    Raises:
        BadData: there is none.
    """
    if batch.y is None:
        raise BadData("the batch has one picture an item; translation needs two: give pairs, or two domains")
    return batch.y


def sides_of(spec: Spec) -> tuple[str, str]:
    """What x and y are called."""
    return (spec.sides[0], spec.sides[1]) if spec.sides else ("b", "a")


def weighted_game(name: str, weight: float) -> Game:
    """The game of this name, with a weight in what the generator lowers."""
    plain = game(name)
    return dataclasses.replace(plain, generator=lambda real, fake: weight * plain.generator(real, fake))


def known(to: str, domains: tuple[str, ...]) -> str:
    """The name of a domain that a model translates to.

    Raises:
        BadData: it is none of them.
    """
    if to not in domains:
        raise BadData(f"there is no domain {to!r} to translate to; {near(to, domains)}")
    return to


def net_notes(recipe: Translator, spec: Spec) -> list[str]:
    """What is decided from the data, as sentences."""
    width, halvings = width_of(recipe), halvings_of(recipe, spec)
    depth = f"{levels_of(recipe, spec)} halvings" if recipe.net == "unet" else f"{recipe.blocks} blocks"
    patch = receptive_field(layers_of(halvings))
    height, wide = spec.shape[1:]
    return [
        f"generator: {recipe.net} of width {width}, {depth}; the critic judges patches of {patch} x {patch} of "
        f"{wide} x {height} pixels"
    ]
