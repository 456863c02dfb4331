"""Images per second, and seconds to the same ELBO, beside pythae's trainer and the bare step.

Protocol: the same nets (ours, with the same first weights), the same data (MNIST, binarised once), Bernoulli
likelihood, batch 128, the same machine and process; short trainings alternate. Float32 on both sides decides, our
default precision is a second column. The bare step is forward, backward and fused Adam on one batch, again and again.
Seconds are the wall's; under OMP_NUM_THREADS=1 they are the processor's, for machines that do other work too. Then
pythae trains 10 epochs with each of three learning rates; the best ELBO of the three on the test set, computed by our
validation, is the one our training has to reach, and the seconds of both are compared.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch

import latentia as lt
from benchmarks._frame import alternate, data_or_stop, finish, spread, table
from latentia import data
from latentia.core import Stage, Training, key
from latentia.training.loop import validation
from latentia.training.machine import Machine, machine_for
from latentia.training.run import Event, Logged, Started, Validated

PEERS = Path(".peers") / "bin" / "python"
BATCH = 128
NETS = {
    "mlp": lt.VAE(latent=16, body="mlp", hidden=(512,), likelihood="bernoulli"),
    "conv": lt.VAE(latent=16, body="conv", hidden=(32, 64), likelihood="bernoulli"),
}
BARS = {("mlp", "float32"): 1.3, ("conv", "float32"): 1.5, ("mlp", "default"): 2.5, ("conv", "default"): 2.5}
RATES = (1e-4, 5e-4, 1e-3)
EPOCHS, OURS = 10, 5  # pythae's, and the budget that our learning rate's schedule is made for


def run(quick: bool, seed: int) -> None:
    """Both comparisons, in the environment that ``make peers`` made."""
    if importlib.util.find_spec("pythae") is None:
        if PEERS.exists() and Path(sys.executable).absolute() != PEERS.absolute():
            print(f"pythae lives in {PEERS.parent.parent}: going on there", flush=True)
            os.execv(PEERS, [str(PEERS), "-m", "benchmarks", *sys.argv[1:]])
        print("pythae is not installed (make peers installs it): skipped, our side alone")
    opened = binary_mnist()
    seconds = "processor" if torch.get_num_threads() == 1 else "wall"
    figures: dict[str, Any] = {"seconds": seconds, "images_per_second": {}, "ratio": {}, "seconds_to_elbo": {}}
    for name in NETS:
        speeds(name, opened, seed, 3 if quick else 7, 20 if quick else 100, figures)
    if importlib.util.find_spec("pythae") is not None:
        for name in NETS:
            figures["seconds_to_elbo"][name] = race(name, opened, seed, quick)
    finish("peer-pythae", figures, " ".join((__doc__ or "").split()), seed)


def clock() -> float:
    """Seconds of the wall; with one thread seconds of the processor, which other work on the machine changes little."""
    return time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()


def binary_mnist() -> data.DataSet:
    """MNIST binarised once, as an array that both sides take; its test set is what ours validates on."""
    grey = data.open(data_or_stop("mnist"), binarize="static", held_out=0.001)
    train, test = (split.read(slice(None)).x.to(torch.uint8) for split in (grey.train, grey.test))
    opened = data.open(train, held_out=0.001)
    return dataclasses.replace(opened, validation=data.open(test, held_out=0.001).train)


# --- images per second -----------------------------------------------------------------------------------------------


def speeds(name: str, opened: data.DataSet, seed: int, rounds: int, steps: int, figures: dict[str, Any]) -> None:
    """Alternate ours, pythae and the bare step; print and keep images per second."""
    recipe, sides = NETS[name], dict[str, Callable[[], float]]()
    for column, precision in {"float32": "float32", "default": "auto"}.items():
        sides[f"ours {column}"] = partial(our_speed, recipe, opened, seed, precision, steps)
        sides[f"bare {column}"] = partial(bare_speed, recipe, opened, seed, precision, steps)
    if importlib.util.find_spec("pythae") is not None:
        sides["pythae float32"] = partial(pythae_speed, recipe, opened, seed, steps)
    measured = alternate(sides, rounds)
    figures["images_per_second"][name] = {side: spread(values) for side, values in measured.items()}
    rows = []
    for side, values in measured.items():
        theirs = measured.get("pythae float32")
        ratios = [one / other for one, other in zip(values, theirs, strict=True)] if theirs else []
        bar = BARS.get((name, side.removeprefix("ours "))) if side.startswith("ours") else None
        ratio = median(ratios) if ratios else None
        rows.append([name, side, min(values), median(values), max(values), ratio or "-", bar or "-"])
        if side.startswith("ours") and ratio:
            figures["ratio"][f"{name} {side.removeprefix('ours ')}"] = ratio
    table(["net", "side", "least images/s", "median", "most", "x pythae", "bar"], rows)


def our_speed(recipe: lt.VAE, opened: data.DataSet, seed: int, precision: str, steps: int) -> float:
    """Images per second of our training, read off its own events; its first tenth is left out."""
    seen: list[tuple[int, float]] = []

    def tell(event: Event) -> None:
        if isinstance(event, Logged):
            seen.append((event.seen, clock()))

    images = (steps + steps // 9) * BATCH
    few = dataclasses.replace(opened, validation=opened.test)
    lt.train(recipe, few, images=images, every=images, batch=BATCH, seed=seed, precision=precision, progress=tell)
    (first, start), (last, end) = seen[0], seen[-1]
    return (last - first) / (end - start)


def bare_speed(recipe: lt.VAE, opened: data.DataSet, seed: int, precision: str, steps: int) -> float:
    """Images per second of forward, backward and fused Adam, with the batch already there."""
    machine = machine_for(Training(precision=precision, batch=BATCH), recipe, opened.train)
    net = machine.place(first_net(recipe, opened, seed))
    x = machine.move(opened.train.take(seed, 0, BATCH)).x
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, fused=True)

    def step() -> None:
        with machine.cast():
            q = net.posterior(x)
            z = q.mean + q.standard_deviation * torch.randn(q.mean.shape)
            loss = (q.kl_to_standard_normal().sum(-1) - net.likelihood(z).log_prob(x)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for _ in range(max(2, steps // 9)):
        step()
    start = clock()
    for _ in range(steps):
        step()
    return steps * BATCH / (clock() - start)


def first_net(recipe: lt.VAE, opened: data.DataSet, seed: int) -> Any:
    """The net as our training starts with it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key(seed, "build"))
        net = recipe.build(opened.spec)
    recipe.prepare(net, opened.train)
    return net


# --- pythae's side ---------------------------------------------------------------------------------------------------


def pythae_speed(recipe: lt.VAE, opened: data.DataSet, seed: int, steps: int) -> float:
    """Images per second of pythae's train_step on a part of the data, after a smaller part."""
    with tempfile.TemporaryDirectory() as folder, silent():
        warm = pythae_trainer(first_net(recipe, opened, seed), opened, seed, 1e-3, 1, folder, max(2, steps // 9))
        warm.prepare_training()
        warm.train_step(1)
        trainer = pythae_trainer(first_net(recipe, opened, seed), opened, seed, 1e-3, 1, folder, steps)
        trainer.prepare_training()
        start = clock()
        trainer.train_step(1)
        return steps * BATCH / (clock() - start)


def pythae_trainer(
    net: Any, opened: data.DataSet, seed: int, rate: float, epochs: int, folder: str, steps: int | None = None
) -> Any:
    """The trainer of pythae's VAE around our net; ``steps`` take a part of the data."""
    from pythae.data.datasets import BaseDataset
    from pythae.models import VAE, VAEConfig
    from pythae.trainers import BaseTrainer, BaseTrainerConfig

    count = len(opened.train) if steps is None else steps * BATCH
    x = opened.train.read(slice(0, count)).x.contiguous()
    config = VAEConfig(input_dim=tuple(x.shape[1:]), latent_dim=net.latent, reconstruction_loss="bce")
    encoder, decoder = pythae_faces(net)
    settings = BaseTrainerConfig(
        output_dir=folder,
        learning_rate=rate,
        per_device_train_batch_size=BATCH,
        num_epochs=epochs,
        seed=seed,
        no_cuda=True,
    )
    return BaseTrainer(VAE(config, encoder, decoder), BaseDataset(x, torch.zeros(len(x))), None, settings)


def pythae_faces(net: Any) -> tuple[Any, Any]:
    """Our encoder and decoder as pythae's; it takes log variances, and probabilities instead of logits."""
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.body, self.head = net.encoder, net.head

        def forward(self, x: torch.Tensor) -> Any:
            mean, log_scale = self.head(self.body(x))
            return ModelOutput(embedding=mean, log_covariance=2 * log_scale)

    class Decoder(BaseDecoder):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.body = net.decoder

        def forward(self, z: torch.Tensor) -> Any:
            return ModelOutput(reconstruction=self.body(z).sigmoid())

    return Encoder(), Decoder()


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Without pythae's bars and log lines."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere), contextlib.redirect_stdout(nowhere):
        yield


# --- seconds to the same ELBO ----------------------------------------------------------------------------------------


def race(name: str, opened: data.DataSet, seed: int, quick: bool) -> dict[str, Any]:
    """Seconds of pythae's 10 epochs at its best learning rate, and of ours until its ELBO is reached."""
    if quick:
        rows = opened.train.rows[: 20 * BATCH]
        opened = dataclasses.replace(opened, train=data.Split("train", opened.spec, opened.train.values, rows))
    recipe, tried = NETS[name], {}
    for rate in RATES:
        net = first_net(recipe, opened, seed)
        tried[rate] = (*pythae_training(net, opened, seed, rate), rate)
        print(f"{name}: pythae, rate {rate:g}: ELBO {tried[rate][0]:.2f} after {tried[rate][1]:.1f} s", flush=True)
    goal, theirs, rate = max(tried.values())
    found, last = our_training(recipe, opened, seed, goal)
    told = f"in {found:.1f} s" if found else f"not reached, {last:.2f}"
    print(f"{name}: goal {goal:.2f}: pythae in {theirs:.1f} s, ours {told}")
    share = found / theirs if found else None
    return {"goal": goal, "pythae": theirs, "pythae_rate": rate, "ours": found, "ours_last": last, "share": share}


def pythae_training(net: Any, opened: data.DataSet, seed: int, rate: float) -> tuple[float, float]:
    """The ELBO on the test set after pythae's training, and its seconds."""
    with tempfile.TemporaryDirectory() as folder, silent():
        trainer = pythae_trainer(net, opened, seed, rate, EPOCHS, folder)
        start = clock()
        trainer.train()
        seconds = clock() - start
    logs = validation(
        lt.VAE(), net.eval(), opened.validation, Stage(BATCH), 1000, 0, Machine(torch.device("cpu"), "float32")
    )
    return logs["bound"], seconds


def our_training(recipe: lt.VAE, opened: data.DataSet, seed: int, goal: float) -> tuple[float | None, float]:
    """Seconds of training until the averaged weights reach the goal (None: never), and their last ELBO.

    The seconds are those of training and of writing checkpoints; the validation on the test set is not counted, as
    pythae has none.
    """
    spent, mark, reached, last = 0.0, clock(), None, float("-inf")

    def tell(event: Event) -> None:
        nonlocal spent, mark, reached, last
        now = clock()
        if isinstance(event, Logged):
            spent += now - mark
        if isinstance(event, Validated):
            last = event.logs["bound"]
            reached = spent if reached is None and last >= goal else reached
        if isinstance(event, Started | Logged | Validated):
            mark = clock()

    images = OURS * len(opened.train)
    racing = dataclasses.replace(recipe, rate=f"4e-3:0@{images}")
    lt.train(racing, opened, images=images, every=images // 20, batch=BATCH, seed=seed, progress=tell)
    return reached, last
