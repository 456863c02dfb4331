"""What R1 + R2 at every step cost: a training step of the default GAN at 32 px, float32, with and without them.

Protocol: batches of 64 random colour pictures of 32 x 32, the whole step (critic, generator, Adam) of the same nets,
exact penalties at every step against none; blocks of steps in turn, the ratio taken round by round.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch

import latentia as lt
from benchmarks._frame import alternate, finish, spread, table
from latentia.core import Batch, Noise, Now, Spec, Stage
from latentia.training.step import optimizers_for, step

SPEC = Spec("image", (3, 32, 32), levels=256)
BATCH = 64


def run(quick: bool, seed: int) -> None:
    """Time both steps and print their ratio."""
    steps, rounds = (3, 3) if quick else (10, 9)
    runs = {"with": block(lt.GAN(), steps, seed), "without": block(lt.GAN(r1=0.0, r2=0.0), steps, seed)}
    for warm in runs.values():
        warm()
    times = alternate(runs, rounds)
    ratios = [a / b for a, b in zip(times["with"], times["without"], strict=True)]
    table(["step", "ms, median"], [[name, 1e3 * median(each)] for name, each in times.items()])
    print(f"R1 + R2 cost {median(ratios):.2f} x the step without (bar: 2 x)")
    figures = {"ratio": spread(ratios), **{f"ms_{name}": 1e3 * median(each) for name, each in times.items()}}
    finish("penalty-cost", figures, " ".join((__doc__ or "").split()), seed)


def block(recipe: lt.GAN, steps: int, seed: int) -> Callable[[], float]:
    """A function that makes ``steps`` steps and returns the seconds of one; processor time on one CPU thread."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = recipe.build(SPEC).to(memory_format=torch.channels_last)
    groups = recipe.groups(net)
    optimizers = optimizers_for(groups, torch.device("cpu"))
    x = torch.rand(BATCH, *SPEC.shape, generator=torch.Generator().manual_seed(seed))
    batch = Batch(x.contiguous(memory_format=torch.channels_last))
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter

    def timed() -> float:
        begin = clock()
        for i in range(steps):
            now = Now(torch.tensor(i * BATCH), Stage(BATCH), Noise(seed, i, slice(None), BATCH))
            step(recipe, net, groups, optimizers, [batch], [now])
        return (clock() - begin) / steps

    return timed
