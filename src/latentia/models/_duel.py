"""The game of a critic against a generator, told once for every model that plays it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from latentia.core import Batch, Noise, Now, Update
from latentia.losses.adversarial import Game
from latentia.losses.penalties import slope_off_one, squared_slope

Answer = Callable[[Tensor, Batch], Tensor]  # the critic's answers to items, given what the batch gives
Make = Callable[[Batch, Noise], Tensor]  # a fake for each row of the batch


@dataclass(frozen=True)
class Slopes:
    """The weights of the penalties: of the squared slope at reals and at fakes, and of WGAN-GP.

    ``squared`` says whether the first two are in at all; their weights may be tensors, which the host cannot read.
    """

    r1: Tensor
    r2: Tensor
    gradient_penalty: float
    squared: bool


def duel(
    batch: Batch, answer: Answer, make: Make, now: Now, game: Game, slopes: Slopes, lazy: int = 1, critics: int = 1
) -> Iterator[Update]:
    """The critic's updates, each on fresh reals, then the generator's.

    A fake is made without graph for the critic and again for the generator: keeping the first graph through the
    critic's update would hold its memory for a twentieth of the time.

    Args:
        batch: ``critics`` independent batches, interleaved.
        answer: the critic.
        make: the generator.
        now: its stage says whether penalties are in.
        game: the losses.
        slopes: the weights of the penalties.
        lazy: steps between two penalties; theirs count as many times more.
        critics: updates of the critic for one of the generator.
    """
    parts = [part for part in batch.parts(critics) if len(part.x)]  # the last held-out items may be fewer
    for index, part in enumerate(parts):
        noise = now.noise.part(index, critics)
        yield _critic(part, answer, make, noise, game, slopes, lazy if now.stage.penalty else 0)
    yield _generator(parts[-1], answer, make, now.noise.part(len(parts) - 1, critics), game)


def _critic(batch: Batch, answer: Answer, make: Make, noise: Noise, game: Game, slopes: Slopes, times: int) -> Update:
    """The critic's update; its penalties count ``times`` their weight."""
    with torch.no_grad():
        fake = make(batch, noise).to(batch.x.dtype)
    sloped = times > 0 and slopes.squared
    items = torch.cat([batch.x, fake]).detach().requires_grad_(sloped)
    logits = answer(items, _twice(batch))
    real, other = logits.chunk(2)
    loss = game.critic(real, other).mean()
    logs = {"critic_real": real.mean(), "critic_fake": other.mean()}
    if sloped:
        first, second = squared_slope(logits, items).chunk(2)
        loss = loss + 0.5 * times * (slopes.r1 * first.mean() + slopes.r2 * second.mean())
        logs |= {"slope_real": first.mean(), "slope_fake": second.mean()}
    if times > 0 and slopes.gradient_penalty > 0:
        where = noise.uniform(*[1] * (batch.x.dim() - 1)).to(fake)
        between = torch.lerp(batch.x, fake, where).detach().requires_grad_()
        loss = loss + times * slopes.gradient_penalty * slope_off_one(answer(between, batch), between).mean()
    return Update("critic", loss, logs)


def _generator(batch: Batch, answer: Answer, make: Make, noise: Noise, game: Game) -> Update:
    fake = answer(make(batch, noise), batch)
    with torch.no_grad():
        real = answer(batch.x, batch) if game.pairs else fake
    return Update("generator", game.generator(real, fake).mean())


def _twice(batch: Batch) -> Batch:
    return batch._replace(**{name: torch.cat([slot, slot]) for name, slot in batch.slots()})
