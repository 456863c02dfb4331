"""Everything that only a GPU can show, in one call: agreement with the processor, resuming, host reads, speed.

Protocol: it needs torch, numpy and ``src`` on the path, and no data: pictures are random (resuming, safetensors and
pillow, too: else it is left out). First the card's own bf16 and
float32 rates on matrix products of 8,192 are measured. Then each recipe, with small nets: (1) losses and gradients of
the first step in float64 and float32, device against processor; (2) a training of 2N images against N, resumed, and N
more, byte for byte; (3) a step under torch's ``sync_debug_mode("error")``, which raises where the host waits for the
device. Then images/s of whole training steps, in float32 and in the default precision, with the share of the bf16 rate
by counted operations, and the most memory held. ``--device cpu`` runs the same without a card; ``--quick`` is for that.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor

import latentia as lt
from benchmarks._flops import Counter
from benchmarks._frame import finish, table
from latentia import data
from latentia.core import Batch, Noise, Now, Recipe, Spec
from latentia.training.machine import Machine, device_of
from latentia.training.step import optimizers_for, step

SIZE, SMALL = 8192, 256  # of the matrices whose product is the card's rate, and on a processor
KEEPERS = ("safetensors", "PIL")  # what a run is kept with, beside torch
BARS = {"float64": 1e-9, "float32": 2e-3}  # largest relative difference of losses and gradients


@dataclass(frozen=True)
class Case:
    """A recipe on pictures of a side, in batches."""

    name: str
    recipe: Recipe
    side: int
    channels: int = 3
    batches: tuple[int, ...] = (64,)
    small: bool = False  # for agreement and resuming, not for speed

    @property
    def spec(self) -> Spec:
        shape = (self.channels, self.side, self.side)
        if not self.recipe.pairing:
            return Spec("image", shape, 256)
        return Spec("image", shape, 256, y=Spec("image", shape, 256), pairing=self.recipe.pairing, sides=("b", "a"))

    def batch(self, count: int) -> Batch:
        """Random pictures, the same at each call."""
        generator = torch.Generator().manual_seed(count)
        x, y = (torch.randint(0, 256, (count, *self.spec.shape), generator=generator) / 255 for _ in range(2))
        return Batch(x, y if self.recipe.pairing else None)


CASES = (
    Case("vae", lt.VAE(latent=8, hidden=(8, 16), likelihood="gaussian"), 16, 1, small=True),
    Case("autoencoder", lt.Autoencoder(latent=8, hidden=(8, 16)), 16, 1, small=True),
    Case("gan", lt.GAN(latent=8, hidden=(8, 16)), 16, small=True),
    Case("pix2pix", lt.Pix2Pix(width=8), 32, small=True),
    Case("cyclegan", lt.CycleGAN(width=8), 32, small=True),
    Case("vae 28 px", lt.VAE(), 28, 1, (128, 1024)),
    Case("gan 32 px", lt.GAN(), 32, 3, (64, 256, 512)),
    Case("gan 64 px", lt.GAN(), 64, 3, (64,)),
    Case("pix2pix 256 px", lt.Pix2Pix(), 256, 3, (1, 16)),
    Case("cyclegan 256 px", lt.CycleGAN(), 256, 3, (1, 8)),
)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to see that everything runs")


def run(quick: bool, seed: int, device: str = "cuda") -> None:
    """Measure everything, print tables."""
    place = device_of(device)
    rates = {precision: rate(place, dtype) for precision, dtype in (("bf16", torch.bfloat16), ("float32", torch.float))}
    print("  ".join(f"{precision}: {value / 1e12:.3g} TFLOP/s" for precision, value in rates.items()), flush=True)
    figures: dict[str, Any] = {"rates": rates, "agreement": {}, "resume": {}, "host reads": {}, "speed": {}}
    for case in (each for each in CASES if each.small):
        figures["agreement"][case.name] = agreement(case, place)
        figures["resume"][case.name] = resumes(case, place, seed)
        figures["host reads"][case.name] = reads(case, place)
    rows = [
        [name, *each.values(), str(figures["resume"][name]), figures["host reads"][name]]
        for name, each in figures["agreement"].items()
    ]
    table(["recipe", *BARS, "resumes to the byte", "host reads"], rows)
    rows = []
    for case in (each for each in CASES if not each.small and not (quick and each.side > 32)):
        for batch in case.batches[: 1 if quick else None]:
            found = {precision: speed(case, place, precision, batch, quick) for precision in ("float32", "bf16")}
            figures["speed"][f"{case.name}, batch {batch}"] = found
            rows += [
                [case.name, batch, precision, each["images/s"], each["flops/s"] / rates["bf16"], each["GiB"]]
                for precision, each in found.items()
            ]
    table(["net", "batch", "numbers", "images/s", "share of the bf16 rate", "most GiB"], rows)
    near = all(value <= BARS[name] for each in figures["agreement"].values() for name, value in each.items())
    resumed = all(each is not False for each in figures["resume"].values())
    figures["met"] = near and resumed and not any(figures["host reads"].values())
    finish("device", figures, " ".join((__doc__ or "").split()), seed)


def rate(device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of a product of large matrices: the median of 10."""
    size = SIZE if device.type == "cuda" else SMALL
    one, two = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    return 2 * size**3 / median(timed(lambda: one @ two, device) for _ in range(10))


def timed(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of some work, the device's part of it included."""
    wait(device)
    begin = time.perf_counter()
    work()
    wait(device)
    return time.perf_counter() - begin


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


# --- what has to be the same -----------------------------------------------------------------------------------------


def agreement(case: Case, device: torch.device) -> dict[str, float]:
    """The largest relative difference of a first step's losses and gradients between the device and the processor."""
    return {
        precision: max(
            relative(one, two)
            for one, two in zip(
                first(case, torch.device("cpu"), precision), first(case, device, precision), strict=True
            )
        )
        for precision in BARS
    }


def relative(one: Tensor, two: Tensor) -> float:
    return float((one - two).norm() / two.norm().clamp_min(1e-6))


def first(case: Case, device: torch.device, precision: str) -> list[Tensor]:
    """Losses and gradients of each update of a step at the first weights, without moving them."""
    machine = Machine(device, precision)
    net = machine.place(built(case))
    groups, found = case.recipe.groups(net), []
    for update in case.recipe.updates(net, machine.move(case.batch(8)), now(case, 8, machine)):
        weights = list(groups[update.group].weights)
        grads = torch.autograd.grad(update.loss, weights, allow_unused=True, retain_graph=True)
        found += [update.loss.detach(), *(each for each in grads if each is not None)]
    return [each.cpu().double() for each in found]


def resumes(case: Case, device: torch.device, seed: int) -> bool | None:
    """Whether 64 images at once leave the weights of 32, stopped and resumed; ``None`` where runs cannot be kept."""
    if any(importlib.util.find_spec(name) is None for name in KEEPERS):
        return None
    opened, given = both(case), {"batch": 8, "seed": seed, "device": str(device), "every": 16}
    with tempfile.TemporaryDirectory() as folder:
        once, twice = Path(folder) / "once", Path(folder) / "twice"
        lt.train(case.recipe, opened, run=once, images=64, **given)
        for images in (32, 64):
            lt.train(case.recipe, opened, run=twice, images=images, **given)
        return all(
            (once / name).read_bytes() == (twice / name).read_bytes()
            for name in ("weights.safetensors", "weights-last.safetensors")
        )


def both(case: Case) -> data.DataSet:
    pictures = [(255 * each).byte().permute(0, 2, 3, 1).numpy() for each in case.batch(64)[:2] if each is not None]
    return data.open(*pictures, held_out=0.2, pairing=case.recipe.pairing or None)


def reads(case: Case, device: torch.device) -> bool:
    """Whether the host waits for the device in a step."""
    machine = Machine(device, "float32")
    make = stepper(case, machine, 8)
    make()
    try:
        with refusing(device):
            make()
    except RuntimeError as error:
        print(f"{case.name}: {error}", flush=True)
        return True
    return False


@contextlib.contextmanager
def refusing(device: torch.device) -> Iterator[None]:
    """Raise where the host waits for a CUDA device; elsewhere nothing waits."""
    if device.type == "cuda":
        torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        if device.type == "cuda":
            torch.cuda.set_sync_debug_mode("default")


# --- how fast --------------------------------------------------------------------------------------------------------


def speed(case: Case, device: torch.device, precision: str, batch: int, quick: bool) -> dict[str, float]:
    """Images and counted operations a second of training steps, and the most memory that was held."""
    machine, count = Machine(device, precision), 1 if quick else 20
    make = stepper(case, machine, batch)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with Counter() as counter:
        make()
    seconds = median(timed(lambda: [make() for _ in range(count)], device) for _ in range(3)) / count
    held = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0
    return {"images/s": batch / seconds, "flops/s": counter.total / seconds, "GiB": held}


def stepper(case: Case, machine: Machine, count: int) -> Callable[[], object]:
    """The step of the training loop, on one batch again and again."""
    net = machine.place(built(case)).train()
    groups = case.recipe.groups(net)
    optimizers, batch = optimizers_for(groups, machine.device), machine.move(case.batch(count))

    def make() -> object:
        return step(case.recipe, net, groups, optimizers, [batch], [now(case, count, machine)], machine.cast)

    return make


def built(case: Case) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return case.recipe.fitted(case.spec).build(case.spec)


def now(case: Case, count: int, machine: Machine) -> Now:
    """The moment of the first step; its noise is drawn on the processor, so that it is the same on every device."""
    noise = Moved(0, 0, slice(None), count)
    noise.machine = machine
    stage = replace(case.recipe.fitted(case.spec).stage(0), batch=count)
    return Now(torch.zeros((), dtype=torch.int64, device=machine.device), stage, noise)


class Moved(Noise):
    """Noise of the processor in float32, brought to a device: the same numbers in every precision."""

    machine: Machine

    def _draw(self, draw: Any, shape: tuple[int, ...]) -> Tensor:
        return super()._draw(draw, shape).to(self.machine.device, self.machine.dtype)
