"""DCGAN, the peer of ``fashion-gan``: its paper's nets and loss for pictures of 28 px, in plain torch.

Radford et al. 2015, "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks",
https://arxiv.org/abs/1511.06434, section 3 and 4: strided 5 x 5 convolutions in place of pooling; batch norm in both
nets but not in the generator's output and the discriminator's input layer; rectifiers and tanh in the generator, leaky
rectifiers of slope 0.2 in the discriminator; no hidden dense layers; weights from N(0, 0.02); 100 uniform numbers in
[-1, 1] as noise; Adam with beta 1 of 0.5 and a batch of 128; the non-saturating cross-entropy.

The paper's nets have four levels, from 4 to 64 px. Here they have two, from 7 to 28 px: those nearest to the picture.
Their channels are half of the paper's unless asked for, as in the usual implementations, and products are made in
bfloat16: it sees 6 times as many pictures in the same time, which is what decides at minutes of a CPU.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from benchmarks._spent import Ledger
from latentia.core import key
from latentia.tasks.working import still
from latentia.training import checkpoint

LATENT, BATCH, KERNEL = 100, 128, 5
BETAS = (0.5, 0.999)
DECODED = 100  # samples that are made at once


def generator(width: int) -> nn.Sequential:
    """Noise ``(N, 100)`` to pictures ``(N, 1, 28, 28)`` in [-1, 1]; ``width`` channels at 14 px, twice as many at 7."""
    return nn.Sequential(
        nn.Linear(LATENT, 2 * width * 49, bias=False),
        nn.Unflatten(1, (2 * width, 7, 7)),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, KERNEL, 2, 2, output_padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, KERNEL, 2, 2, output_padding=1),
        nn.Tanh(),
    ).apply(initialise)


def discriminator(width: int) -> nn.Sequential:
    """Pictures ``(N, 1, 28, 28)`` to logits ``(N, 1)``."""
    return nn.Sequential(
        nn.Conv2d(1, width, KERNEL, 2, 2),
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, KERNEL, 2, 2, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2 * width * 49, 1),
    ).apply(initialise)


def initialise(layer: nn.Module) -> None:
    """Weights from N(0, 0.02), those of batch norm from N(1, 0.02)."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)


class DCGAN:
    """Both nets and how they are trained; a folder keeps them, and training goes on from there.

    Args:
        folder: of its checkpoint and its ledger.
        pictures: to learn from, ``(N, 1, 28, 28)`` in [0, 1].
        rate: learning rate of both players, 2e-4 in the paper.
        seed: of weights, order and noise.
        width: channels of the level next to the picture, 128 in the paper.
        half: multiply in bfloat16 as autocast does, where the machine is faster with it.
    """

    def __init__(
        self, folder: Path, pictures: Tensor, rate: float, seed: int, width: int = 64, half: bool = True
    ) -> None:
        self.folder, self.pictures, self.seed, self.half = folder, pictures * 2 - 1, seed, half
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(key(seed, "dcgan"))
            made, seen = generator(width), discriminator(width)
        both = nn.ModuleDict({"generator": made, "discriminator": seen})
        self.nets = both.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimizers = {
            name: torch.optim.Adam(net.parameters(), rate, BETAS, fused=True) for name, net in self.nets.items()
        }
        self.seen = 0
        self.order = -1, torch.empty(0, dtype=torch.int64)  # an epoch, and its permutation
        if checkpoints := checkpoint.found(folder):
            parts, facts = checkpoint.read(checkpoints[-1])
            checkpoint.copy_into(self.nets, parts["nets"], str(checkpoints[-1]))
            checkpoint.set_moments(self.optimizers, parts["moments"])
            self.seen = facts["seen"]
            self.ledger.keep(self.seen)

    @property
    def ledger(self) -> Ledger:
        """What it has cost."""
        return Ledger(self.folder)

    def train(self, images: int) -> None:
        """Go on until ``images`` have been seen, then write a checkpoint and the process seconds."""
        begin = time.process_time()
        self.nets.train()
        while self.seen < images:
            self.step()
            self.seen += BATCH
        self.ledger.add(self.seen, self.ledger.last.seconds + time.process_time() - begin)
        parts = {"nets": self.nets.state_dict(), "moments": checkpoint.moments(self.optimizers)}
        checkpoint.save(self.folder, self.seen, parts, {})
        checkpoint.prune(self.folder, self.seen, keep=set())

    def step(self) -> None:
        """The discriminator learns from a batch of reals and one of fakes, then the generator from the same noise."""
        real, z = self.batch(self.seen), self.noise(self.seen, BATCH)
        made, judge = self.nets["generator"], self.nets["discriminator"]
        with self.cast():
            fake = made(z)
            loss = softplus(-judge(real)).mean() + softplus(judge(fake.detach())).mean()
        self.move("discriminator", loss)
        with self.cast():
            loss = softplus(-judge(fake)).mean()
        self.move("generator", loss)

    def cast(self) -> AbstractContextManager[object]:
        return torch.autocast("cpu", torch.bfloat16) if self.half else nullcontext()

    def move(self, name: str, loss: Tensor) -> None:
        """One step of a player down its loss."""
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.float().backward(inputs=list(self.nets[name].parameters()))
        self.optimizers[name].step()

    def batch(self, seen: int) -> Tensor:
        """The pictures of the step that starts at ``seen``: the next of a permutation, made anew in each epoch."""
        steps = len(self.pictures) // BATCH
        epoch, step = divmod(seen // BATCH, steps)
        if self.order[0] != epoch:
            generator = torch.Generator().manual_seed(key(self.seed, "order", epoch))
            self.order = epoch, torch.randperm(len(self.pictures), generator=generator)
        return self.pictures[self.order[1][step * BATCH : (step + 1) * BATCH]].contiguous(
            memory_format=torch.channels_last
        )

    def noise(self, seed: int, count: int) -> Tensor:
        """Uniform numbers in [-1, 1], ``(count, 100)``."""
        generator = torch.Generator().manual_seed(key(self.seed, "noise", seed))
        return torch.rand(count, LATENT, generator=generator) * 2 - 1

    def sample(self, count: int) -> Tensor:
        """New pictures ``(count, 1, 28, 28)`` in [0, 1], with the running statistics of batch norm."""
        z = self.noise(-1, count)
        with still(self.nets):
            x = torch.cat([self.nets["generator"](part) for part in z.split(DECODED)])
        return ((x + 1) / 2).clamp(0, 1)
