"""The game of a critic against a generator, told once for every model that plays it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Protocol

import torch
from torch import Tensor

from latentia.core import Batch, Group, Noise, Now, Update
from latentia.fields import AtLeast, Help, OneOf, Schedule, Scheduled
from latentia.losses.adversarial import GAMES, Game
from latentia.losses.penalties import slope_off_one, squared_slope
from latentia.losses.schedules import at
from latentia.models._augment import Augmentation

Answer = Callable[[Tensor, Batch], Tensor]  # the critic's answers to items, given what the batch gives
Make = Callable[[Batch, Noise], Tensor]  # a fake for each row of the batch
Also = Callable[[Tensor, Batch], tuple[Tensor, dict[str, Tensor]]]  # what else fakes are held to, and its logs


# the fields of a recipe that plays the game
GameName = Annotated[str, Help("the losses of both players"), OneOf(tuple(GAMES))]
R1 = Annotated[float | str, Help("weight of the critic's squared slope at reals"), Scheduled(), AtLeast(0)]
R2 = Annotated[float | str, Help("weight of the critic's squared slope at fakes"), Scheduled(), AtLeast(0)]
GradientPenalty = Annotated[float, Help("weight of WGAN-GP's penalty, 10 in its paper"), AtLeast(0)]
Rate = Annotated[float | str, Help("learning rate of both players"), Scheduled(), AtLeast(0)]
Momentum = Annotated[float, Help("beta 1 of both players' Adam"), AtLeast(0)]


class Plays(Protocol):
    """The fields that the penalties and the players' optimisers follow from."""

    @property
    def r1(self) -> float | str: ...
    @property
    def r2(self) -> float | str: ...
    @property
    def gradient_penalty(self) -> float: ...
    @property
    def rate(self) -> float | str: ...
    @property
    def momentum(self) -> float: ...


@dataclass(frozen=True)
class Slopes:
    """The weights of the penalties: of the squared slope at reals and at fakes, and of WGAN-GP.

    ``squared`` says whether the first two are in at all; their weights are tensors, which the host cannot read.
    """

    r1: Tensor
    r2: Tensor
    gradient_penalty: float
    squared: bool

    @classmethod
    def of(cls, recipe: Plays, seen: Tensor) -> Slopes:
        """What a recipe's schedules say at ``seen``; R1 and R2 are in if either ever weighs anything."""
        schedules = [Schedule.parse(recipe.r1), Schedule.parse(recipe.r2)]
        squared = any(each.start > 0 or each.end > 0 for each in schedules)
        return cls(at(recipe.r1, seen), at(recipe.r2, seen), recipe.gradient_penalty, squared)


def players(recipe: Plays, net: Any) -> dict[str, Group]:
    """The two groups of a net with a ``critic`` and a ``generator``."""
    betas = (recipe.momentum, 0.99)
    return {name: Group(list(getattr(net, name).parameters()), recipe.rate, betas) for name in ("critic", "generator")}


def duel(
    batch: Batch,
    answer: Answer,
    make: Make,
    now: Now,
    game: Game,
    slopes: Slopes,
    lazy: int = 1,
    critics: int = 1,
    augmentation: Augmentation | None = None,
    also: Also | None = None,
) -> Iterator[Update]:
    """The critic's updates, each on fresh reals, then the generator's.

    A fake is made without graph for the critic and again for the generator: a twentieth more time, but no graph of the
    generator is held while the critic is updated.

    Augmented pictures are shown in both updates, reals and fakes by draws of their own, and the penalties are slopes
    at what is shown: the game is then the one between augmented reals and augmented fakes, and what is proven of R1 and
    R2 (Mescheder et al. 2018, Huang et al. 2024) holds for it word for word. The papers of both augmentations leave it
    open; their code takes the slope at the picture before it is augmented, which is less where a part is cut out, and
    needs second derivatives of the augmentation.

    Args:
        batch: ``critics`` independent batches, interleaved.
        answer: the critic.
        make: the generator.
        now: its stage says whether penalties are in.
        game: the losses.
        slopes: the weights of the penalties.
        lazy: steps between two penalties; theirs count as many times more.
        critics: updates of the critic for one of the generator.
        augmentation: what the critic is shown of reals and fakes, if not themselves.
        also: what the generator lowers beside its game.
    """
    augmentation = augmentation or Augmentation()
    augmentation.begin(now)
    parts = [part for part in batch.parts(critics) if len(part.x)]  # the last held-out items may be fewer
    for index, part in enumerate(parts):
        noise = now.noise.part(index, critics)
        yield _critic(part, answer, make, augmentation, noise, game, slopes, lazy if now.stage.penalty else 0)
    yield _generator(parts[-1], answer, make, augmentation, now.noise.part(len(parts) - 1, critics), game, also)


def _critic(
    batch: Batch,
    answer: Answer,
    make: Make,
    augmentation: Augmentation,
    noise: Noise,
    game: Game,
    slopes: Slopes,
    times: int,
) -> Update:
    """The critic's update; its penalties count ``times`` their weight."""
    with torch.no_grad():
        fake = augmentation(make(batch, noise).to(batch.x.dtype), noise)
        own = augmentation(batch.x, noise)
    sloped = times > 0 and slopes.squared
    items = torch.cat([own, fake]).detach().requires_grad_(sloped)
    logits = answer(items, _twice(batch))
    real, other = logits.chunk(2)
    loss = game.critic(real, other).mean()
    logs = {"critic_real": real.mean(), "critic_fake": other.mean(), **augmentation.hear(game.verdict(real, other))}
    if sloped:
        first, second = squared_slope(logits, items).chunk(2)
        loss = loss + 0.5 * times * (slopes.r1 * first.mean() + slopes.r2 * second.mean())
        logs |= {"slope_real": first.mean(), "slope_fake": second.mean()}
    if times > 0 and slopes.gradient_penalty > 0:
        where = noise.uniform(*[1] * (batch.x.dim() - 1)).to(fake)
        between = torch.lerp(own, fake, where).detach().requires_grad_()
        loss = loss + times * slopes.gradient_penalty * slope_off_one(answer(between, batch), between).mean()
    return Update("critic", loss, logs)


def _generator(
    batch: Batch, answer: Answer, make: Make, augmentation: Augmentation, noise: Noise, game: Game, also: Also | None
) -> Update:
    made = make(batch, noise)
    fake = answer(augmentation(made, noise), batch)
    with torch.no_grad():
        real = answer(augmentation(batch.x, noise), batch) if game.pairs else fake
    more, logs = also(made, batch) if also else (torch.zeros(()).to(fake), {})
    return Update("generator", game.generator(real, fake).mean() + more, logs)


def _twice(batch: Batch) -> Batch:
    return batch._replace(**{name: torch.cat([slot, slot]) for name, slot in batch.slots()})
