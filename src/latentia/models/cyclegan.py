"""Unpaired translation (CycleGAN): two generators between two domains, each undoing the other, and a critic of each.

References:
    Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks (Zhu et al., 2017),
    https://arxiv.org/abs/1703.10593
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn

from latentia.core import Batch, Group, Moments, Noise, Now, Recipe, Source, Spec, Translates, TwoSided, Update
from latentia.errors import BadData
from latentia.fields import AtLeast, Help
from latentia.losses.adversarial import game
from latentia.losses.penalties import squared_slope
from latentia.losses.reconstruction import absolute_error
from latentia.models._bodies import Scale
from latentia.models._duel import R1, R2, GameName, Momentum, Rate
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
)
from latentia.models._pool import Pool
from latentia.nn.motion import motion


@dataclass(frozen=True)
class CycleGAN(Recipe):
    """Two domains: ``batch.x`` and ``batch.y``, whose rows have nothing to do with each other.

    G makes y of x, F makes x of y, f and h are the critics of y and x. In the published game, on a scale from -1 to 1::

        generators  lower  (f(G(x)) - 1)^2 + (h(F(y)) - 1)^2 + cycle (mean |F(G(x)) - x| + mean |G(F(y)) - y|)
                           + identity (mean |G(y) - y| + mean |F(x) - x|)
        critics     lower  1/2 ((f(y) - 1)^2 + f(G(x))^2) + 1/2 ((h(x) - 1)^2 + h(F(y))^2)

    The game here has a half before each square, so that the published weight of the generators' is ``game_weight`` 2.
    A picture and its own domain's go through a generator in one pass: four passes a step where six are usual, with the
    same numbers, as no example sees another.

    For films each picture goes along once more, moved by a motion W of chance that is known exactly, and generators
    also lower ``equivariance`` (mean |G(W(x)) - W(G(x))| + mean |F(W(y)) - W(F(y))|), over what W shows of the picture.
    """

    cycle: Annotated[float, Help("weight of the error of a picture sent there and back"), AtLeast(0)] = 5.0
    identity: Annotated[
        float,
        Help("weight of the change of pictures that are in the domain already; 0 leaves the pass out"),
        AtLeast(0),
    ] = 0.0
    equivariance: Equivariance = 0.0
    game: GameName = "relativistic"
    game_weight: GameWeight = 1.0
    r1: R1 = 0.01
    r2: R2 = 0.01
    pool: Annotated[int, Help("older fakes that the critics are shown again; 0 for none"), AtLeast(0)] = 0
    net: Net = "resnet"
    scale: Scale = "base"
    width: Width = None
    levels: Levels = None
    blocks: Blocks = 6
    upsample: Upsample = "smooth"
    residual: Annotated[
        bool, Help("generators change their input, and begin by leaving it as it is, instead of making all anew")
    ] = True
    affine: Annotated[bool, Help("norms with a learnt scale and shift")] = True
    halvings: Halvings = None
    critic_norm: CriticNorm = False
    rate: Rate = 5e-4
    momentum: Momentum = 0.5

    family = "translation"
    images = 200_000
    batch = 8
    capabilities = frozenset({Translates})
    kinds = ("image",)
    pairing = "domains"
    gradient_penalty: ClassVar[float] = 0.0
    dropout: ClassVar[float] = 0.0  # its translations do not vary: cycles want one answer

    @property
    def score(self) -> tuple[str, str]:
        return ("kid", "lower")

    def notes(self, spec: Spec) -> list[str]:
        return [
            *net_notes(self, spec),
            "the best weights are those whose translations are nearest to held-out pictures of the domain they go to, "
            "both ways: the mean of two kernel distances on seeded random convolutions",
        ]

    def build(self, spec: Spec) -> CycleGANNet:
        return CycleGANNet(self, spec)

    def groups(self, net: CycleGANNet) -> dict[str, Group]:
        return {"generators": player(self, *net.generators), "critics": player(self, *net.critics)}

    def updates(self, net: CycleGANNet, batch: Batch, now: Now) -> Iterator[Update]:
        real = Both(inward(batch.x, net.specs[0]), inward(beside(batch), net.specs[1]))
        update, fake = self._generators(net, real, now)
        yield update
        del update  # and with it the graph of four passes
        shown = Both(*(pool.swap(each, now) for pool, each in zip(net.pools, fake, strict=True)))
        yield self._critics(net, real, shown, now)

    def _generators(self, net: CycleGANNet, real: Both, now: Now) -> tuple[Update, Both]:
        """The generators' update, and what they made, without graph."""
        to_x, to_y = net.generators
        twice, films = self.identity > 0, self.equivariance > 0
        moves = [motion(now.noise, each) for each in real] if films else []
        moved = [[move.of(each)] for move, each in zip(moves, real, strict=True)] if films else [[], []]
        fake_y, *same_y = _made(to_y, real.x, *([real.y] if twice else []), *moved[0])
        fake_x, *same_x = _made(to_x, real.y, *([real.x] if twice else []), *moved[1])
        back = Both(to_x(fake_y), to_y(fake_x))
        fake = Both(fake_x, fake_y)
        losses = game(self.game)
        played = torch.zeros(()).to(fake_x)
        for critic, own, made in zip(net.critics, real, fake, strict=True):
            answers = critic(made)
            with torch.no_grad():
                theirs = critic(own) if losses.pairs else answers
            played = played + losses.generator(theirs, answers).mean()
        cycles = [_error(one, two) for one, two in zip(back, real, strict=True)]
        loss = self.game_weight * played + self.cycle * (cycles[0] + cycles[1])
        logs = {"cycle": net.unit * (cycles[0] + cycles[1]) / 2}
        if twice:
            changes = _error(same_x[0], real.x) + _error(same_y[0], real.y)
            loss = loss + self.identity * changes
            logs["identity"] = net.unit * changes / 2
        if films:
            # what is moved is the target, and stays: a sampler's gradient would differ from run to run on a GPU
            ways = zip(moves, (same_y[-1], same_x[-1]), (fake_y, fake_x), strict=True)
            off = torch.stack([move.error(made, move.of(stays.detach())).mean() for move, made, stays in ways]).sum()
            loss = loss + self.equivariance * off
            logs["equivariance"] = net.unit * off / 2
        return Update("generators", loss, logs), Both(fake_x.detach(), fake_y.detach())

    def _critics(self, net: CycleGANNet, real: Both, fake: Both, now: Now) -> Update:
        losses, loss = game(self.game), torch.zeros(()).to(real.x)
        logs: dict[str, Tensor] = {}
        for name, critic, own, made in zip(net.domains, net.critics, real, fake, strict=True):
            slopes = slopes_for(self, critic, own, now.seen)
            items = torch.cat([own, made.to(own.dtype)]).detach().requires_grad_(slopes.squared)
            answers = critic(items)
            one, two = answers.chunk(2)
            loss = loss + losses.critic(one, two).mean()
            logs |= {f"critic_real_{name}": one.mean(), f"critic_fake_{name}": two.mean()}
            if slopes.squared:
                first, second = squared_slope(answers, items).chunk(2)
                loss = loss + 0.5 * (slopes.r1 * first.mean() + slopes.r2 * second.mean())
        return Update("critics", loss, logs)

    def judge(self, net: CycleGANNet, source: Source) -> Mapping[str, float]:
        """KID of translations to held-out pictures of the domain they go to, each way, and the mean of both."""
        both = cast(TwoSided, source)
        x, y = (items_of(each) for each in (both.of_x, both.of_y))
        to_x, to_y = sides_of(net.specs[0])
        kids = {
            f"kid_{to_x}": distance(net.specs[0], translations(net, to_x, both.of_y), x),
            f"kid_{to_y}": distance(net.specs[1], translations(net, to_y, both.of_x), y),
        }
        return {**kids, "kid": sum(kids.values()) / 2}


class Both(NamedTuple):
    """Something of domain x and of domain y."""

    x: Tensor
    y: Tensor


def _made(net: nn.Module, *given: Tensor) -> tuple[Tensor, ...]:
    """What a generator makes of several heaps of pictures in one pass, which is the same, as norms look at one each."""
    made: tuple[Tensor, ...] = net(torch.cat(given)).split([len(each) for each in given])
    return made


def _error(one: Tensor, two: Tensor) -> Tensor:
    return absolute_error(two, one).mean() / one[0].numel()


class CycleGANNet(nn.Module):
    """Both generators, both critics and both pools; the first of each belongs to x."""

    generators: Any  # lists of modules, whose items torch types as any module
    critics: Any
    pools: Any

    def __init__(self, recipe: CycleGAN, spec: Spec) -> None:
        super().__init__()
        self.specs = (spec, other(spec, "cyclegan"))
        if recipe.identity > 0 and self.specs[0].shape[0] != self.specs[1].shape[0]:
            raise BadData(
                f"the domains have {self.specs[0].shape[0]} and {self.specs[1].shape[0]} channels: no generator takes "
                f"pictures of both; use identity 0"
            )
        self.domains: tuple[str, ...] = sides_of(spec)
        self.variants = False
        self.unit = (spec.high - spec.low) / 2  # of the data, for one on the nets' scale
        self.generators = nn.ModuleList(generator_for(recipe, self.specs[1 - i], self.specs[i]) for i in (0, 1))
        self.critics = nn.ModuleList(critic_for(recipe, each, each.shape[0]) for each in self.specs)
        self.pools = nn.ModuleList(Pool(recipe.pool, each.shape) for each in self.specs)
        self.multiple: int = self.generators[0].multiple

    def given(self, to: str) -> Spec:
        """What pictures look like that are translated to a domain."""
        return self.specs[1 - self.domains.index(known(to, self.domains))]

    def translate(self, x: Tensor, to: str, noise: Noise | None = None, moments: Moments | None = None) -> Tensor:
        """Counterparts in ``to`` of pictures ``(N, C, H, W)`` of any size (:class:`latentia.core.Translates`)."""
        place = self.domains.index(known(to, self.domains))
        return outward(self.generators[place](inward(x, self.given(to)), None, moments), self.specs[place])

    def judged(self, x: Tensor, to: str, given: Tensor) -> Tensor:
        """The answers of a domain's critic to patches of pictures, whatever they were made of."""
        place = self.domains.index(known(to, self.domains))
        answers: Tensor = self.critics[place].maps(inward(x, self.specs[place]))
        return answers
