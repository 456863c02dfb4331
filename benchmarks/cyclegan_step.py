"""One training step of CycleGAN beside the published step, written out plainly in torch on the same nets.

Protocol: the nets of the preset cyclegan-zhu with width 32 and 6 blocks (first weights alike), identity loss on, no
pool and no averaging on either side, random pictures. As published: six passes of the generators, a pass of each critic
for real pictures and another for made ones, biases before norms, Adam as it comes. Then one change at a time: four
passes and one of each critic (and no biases), channels-last layout, fused Adam; then the library's own step, which has
all three, in float32 and in its default precision. Blocks of steps alternate, a round each; ratios are taken round by
round and their median counts. Processor time on one thread. Batches of 1 as published, and of 8 as by default.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from statistics import median
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, mse_loss

import latentia as lt
from benchmarks._frame import alternate, finish, spread, table
from latentia import data
from latentia.core import Batch, Noise, Now, Stage, Training
from latentia.fields import fields_of
from latentia.models.cyclegan import CycleGANNet
from latentia.presets import load
from latentia.training.machine import Machine, machine_for
from latentia.training.step import optimizers_for, step

WIDTH, BLOCKS = 32, 6
SIDES, BATCHES = (64, 128), (1, 8)
LEAST, WANTED = 1.2, 1.8  # the bars: times the published step in float32, and in the default precision
PUBLISHED, LAST, OURS, DEFAULT = "published", "fused Adam", "latentia, float32", "latentia, default precision"


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--side", type=int, help="pixels, instead of 64 and 128")


def run(quick: bool, seed: int, side: int | None = None) -> None:
    """Time all steps at each size and batch, print images per second and ratios."""
    torch.set_num_threads(1)
    rounds = 3 if quick else 9
    rows, figures = [], {}
    for pixels in (side,) if side else SIDES[:1] if quick else SIDES:
        for batch in BATCHES:
            found = measured(pixels, batch, 1 if quick or batch * pixels > 64 else 3, rounds, seed)
            figures[f"{pixels} px, batch {batch}"] = found
            for name, each in found.items():
                values = [each["images/s"], each["ratio"]["median"], each["ratio"]["min"], each["ratio"]["max"]]
                rows.append([pixels, batch, name, each["precision"], *values])
    table(["px", "batch", "step", "numbers", "images/s", "x published", "min", "max"], rows)
    met = {
        "float32": all(each[OURS]["ratio"]["median"] >= LEAST for each in figures.values()),
        "default precision": all(each[DEFAULT]["ratio"]["median"] >= WANTED for each in figures.values()),
    }
    print(f"at least {LEAST} x in float32: {met['float32']}; {WANTED} x by default: {met['default precision']}")
    finish("cyclegan-step", {**figures, "met": met}, " ".join((__doc__ or "").split()), seed)


def measured(side: int, batch: int, steps: int, rounds: int, seed: int) -> dict[str, dict[str, Any]]:
    """Images per second of every step, and how many times the published step's, round by round."""
    x, y = pictures(side, batch, seed)
    given = Batch(x, y)
    recipe = recipe_for()
    opened = data.open(*((255 * each).byte().permute(0, 2, 3, 1).numpy() for each in pictures(side, 40, seed)))
    default = machine_for(Training(device="cpu", batch=batch), recipe, opened.train)
    runs = {
        PUBLISHED: timed(Plain(seed, published=True).step_on(given), batch, steps),
        "four passes": timed(Plain(seed).step_on(given), batch, steps),
        "channels-last": timed(Plain(seed, last=True).step_on(given), batch, steps),
        LAST: timed(Plain(seed, last=True, fused=True).step_on(given), batch, steps),
        OURS: timed(library(recipe, opened.spec, Machine(default.device, "float32"), given, seed), batch, steps),
        DEFAULT: timed(library(recipe, opened.spec, default, given, seed), batch, steps),
    }
    for warm in runs.values():
        warm()
    speeds = alternate(runs, rounds)
    return {
        name: {
            "images/s": median(each),
            "ratio": spread([a / b for a, b in zip(each, speeds[PUBLISHED], strict=True)]),
            "precision": default.precision if name == DEFAULT else "float32",
        }
        for name, each in speeds.items()
    }


def pictures(side: int, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Random pictures of both domains."""
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.rand(count, 3, side, side, generator=generator) for _ in range(2))
    return x, y


def timed(make: Callable[[], object], batch: int, steps: int) -> Callable[[], float]:
    """A function that makes ``steps`` steps and returns images per second of processor time."""

    def block() -> float:
        begin = time.process_time()
        for _ in range(steps):
            make()
        return batch * steps / (time.process_time() - begin)

    return block


def recipe_for(**changes: Any) -> lt.CycleGAN:
    """The published setting with narrower nets and without pool."""
    known, own = load("cyclegan-zhu"), {field.name for field in fields_of(lt.CycleGAN)}
    return lt.CycleGAN(
        **{
            **{name: known[name] for name in known if name in own},
            "width": WIDTH,
            "blocks": BLOCKS,
            "pool": 0,
            **changes,
        }
    )


def library(recipe: lt.CycleGAN, spec: Any, machine: Machine, given: Batch, seed: int) -> Callable[[], object]:
    """The step of the training loop."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = machine.place(recipe.build(spec)).train()
    groups = recipe.groups(cast(CycleGANNet, net))
    optimizers, count = optimizers_for(groups, machine.device), len(given.x)
    batch = machine.move(given)

    def make() -> object:
        now = Now(torch.tensor(0), Stage(count), Noise(seed, 0, slice(None), count))
        return step(recipe, net, groups, optimizers, [batch], [now], machine.cast)

    return make


# --- the published nets and step, in plain torch ---------------------------------------------------------------------


def generator(width: int, blocks: int, bias: bool) -> nn.Sequential:
    """Zhu et al. 2017, appendix 7.2: c7s1, two halvings, residual blocks, two doublings, c7s1."""
    wide, inner = 2 * width, 4 * width
    return nn.Sequential(
        nn.Conv2d(3, width, 7, padding=3, padding_mode="reflect", bias=bias), *normed(width),
        nn.Conv2d(width, wide, 3, 2, 1, bias=bias), *normed(wide),
        nn.Conv2d(wide, inner, 3, 2, 1, bias=bias), *normed(inner),
        *(Block(inner, bias) for _ in range(blocks)),
        nn.ConvTranspose2d(inner, wide, 3, 2, 1, output_padding=1, bias=bias), *normed(wide),
        nn.ConvTranspose2d(wide, width, 3, 2, 1, output_padding=1, bias=bias), *normed(width),
        nn.Conv2d(width, 3, 7, padding=3, padding_mode="reflect"), nn.Tanh(),
    )  # fmt: skip


def normed(channels: int) -> tuple[nn.Module, nn.Module]:
    return nn.InstanceNorm2d(channels), nn.ReLU()


class Block(nn.Module):
    """A residual block."""

    def __init__(self, channels: int, bias: bool) -> None:
        super().__init__()
        one, two = (nn.Conv2d(channels, channels, 3, padding=1, padding_mode="reflect", bias=bias) for _ in range(2))
        self.inner = nn.Sequential(one, *normed(channels), two, nn.InstanceNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = x + self.inner(x)
        return made


def critic(width: int, bias: bool) -> nn.Sequential:
    """The critic of 70 x 70 patches: three halvings and two convolutions that do not halve."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2)]
    for before, after, stride in ((1, 2, 2), (2, 4, 2), (4, 8, 1)):
        layer = nn.Conv2d(before * width, after * width, 4, stride, 1, bias=bias)
        layers += [layer, nn.InstanceNorm2d(after * width), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, 1, 1))


@dataclass
class Plain:
    """Both generators and critics with a training step.

    Attributes:
        seed: of the first weights.
        published: six passes, reals and fakes apart, biases before norms; else four passes, together, no such biases.
        last: channels-last layout.
        fused: fused Adam.
        width, blocks: of the nets.
    """

    seed: int
    published: bool = False
    last: bool = False
    fused: bool = False
    width: int = WIDTH
    blocks: int = BLOCKS

    def __post_init__(self) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            self.to_x, self.to_y = (generator(self.width, self.blocks, self.published) for _ in range(2))
            self.of_x, self.of_y = (critic(self.width, self.published) for _ in range(2))
        for weight in chain(self.weights(True), self.weights(False)):
            nn.init.normal_(weight, 0, 0.02, torch.Generator().manual_seed(self.seed)) if weight.dim() > 1 else None
        if self.last:
            for net in (self.to_x, self.to_y, self.of_x, self.of_y):
                net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        fused = {"fused": True} if self.fused else {}
        self.adams = [torch.optim.Adam(self.weights(each), 2e-4, (0.5, 0.999), **fused) for each in (True, False)]

    def weights(self, generators: bool) -> list[nn.Parameter]:
        """Those of the generators, or of the critics."""
        nets = (self.to_x, self.to_y) if generators else (self.of_x, self.of_y)
        return [weight for net in nets for weight in net.parameters()]

    def made(self, x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """Translations and what the generators make of pictures of their own domain: of x, of y, each."""
        if self.published:
            return self.to_x(y), self.to_y(x), self.to_x(x), self.to_y(y)
        count = len(x)
        one, two = self.to_x(torch.cat([y, x])), self.to_y(torch.cat([x, y]))
        return one[:count], two[:count], one[count:], two[count:]

    def generators_loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What both generators lower, and their translations."""
        fake_x, fake_y, same_x, same_y = self.made(x, y)
        loss = sum(mse_loss(a, torch.ones_like(a)) for a in (self.of_x(fake_x), self.of_y(fake_y)))
        loss = loss + 10 * (l1_loss(self.to_x(fake_y), x) + l1_loss(self.to_y(fake_x), y))
        return loss + 5 * (l1_loss(same_x, x) + l1_loss(same_y, y)), fake_x.detach(), fake_y.detach()

    def critics_loss(self, real: Tensor, fake: Tensor, net: nn.Module) -> Tensor:
        """What a critic lowers."""
        one, two = (net(real), net(fake)) if self.published else net(torch.cat([real, fake])).chunk(2)
        return 0.5 * (mse_loss(one, torch.ones_like(one)) + mse_loss(two, torch.zeros_like(two)))

    def step_on(self, batch: Batch) -> Callable[[], object]:
        """The whole step on a batch of pictures in [0, 1]."""
        kept = torch.channels_last if self.last else torch.contiguous_format
        x, y = (2 * each.contiguous(memory_format=kept) - 1 for each in (batch.x, batch.y) if each is not None)

        def make() -> None:
            for weight in self.weights(False):
                weight.requires_grad_(False)
            loss, fake_x, fake_y = self.generators_loss(x, y)
            self.lower(loss, self.adams[0])
            for weight in self.weights(False):
                weight.requires_grad_(True)
            losses = self.critics_loss(x, fake_x, self.of_x), self.critics_loss(y, fake_y, self.of_y)
            self.lower(losses[0] + losses[1], self.adams[1])

        return make

    def lower(self, loss: Tensor, adam: torch.optim.Optimizer) -> None:
        """Move weights against the gradient of a loss."""
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
