"""Weights from the latent density: does a classifier learn a rare kind that no label names, and at what cost.

Protocol: MNIST digits labelled odd or even; inside odd the digit 7 is a hidden kind of 5 % (10,000 training items, half
of them odd). A VAE (16 latents, defaults, 100,000 images) learns from these items without labels; weights are those of
`weights --within`, with its defaults. Downstream: a fully connected net (128 units, 20 rounds over the items, Adam at
1e-3, batch 128), its loss weighted: uniform, by class (which are even already), or by these weights. Recall: the share
of all 7s of the test split that are called odd. Accuracy: on test items of the same mixture as the training items.
Five seeds of all that is drawn; differences are paired by seed.
"""

from __future__ import annotations

from statistics import fmean, stdev
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import latentia as lt
from benchmarks._frame import RUNS, data_or_stop, finish, table
from benchmarks._judges import items
from latentia import data
from latentia.core import key
from latentia.tasks.encode import codes_of
from latentia.tasks.weights import balance

HIDDEN, SHARE, COUNT, IMAGES = 7, 0.05, 10_000, 100_000
QUICK_COUNT, QUICK = 1_000, 20_000
ROUNDS, BATCH, WIDTH, RATE = 20, 128, 128, 1e-3
WAYS = ("uniform", "class weights", "latent weights")
COST = 0.01  # of accuracy, at most
SEEDS = 5


def run(quick: bool, seed: int) -> None:
    """Train with each way of weighing, and print recall and accuracy."""
    name, count, images = ("digits", QUICK_COUNT, QUICK) if quick else (data_or_stop("mnist"), COUNT, IMAGES)
    seeds = range(seed, seed + (2 if quick else SEEDS))
    opened = data.open(name, labels=True)
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for each in seeds:
        for way, row in compared(opened, name, count, images, each).items():
            found[way].append(row)
    rows = [
        [way, *(summary(own, what) for what in ("recall", "accuracy", "weight of 7"))] for way, own in found.items()
    ]
    table(["weights", f"recall of {HIDDEN}", "accuracy", f"mean weight of {HIDDEN}"], rows)
    gains = paired(found, "recall")
    costs = [-each for each in paired(found, "accuracy")]
    figures = {
        "seeds": found, "gain of recall": gains, "cost of accuracy": costs,
        "met": fmean(gains) > 0 and fmean(costs) <= COST,
    }  # fmt: skip
    finish("balance", figures, " ".join((__doc__ or "").split()), list(seeds))


def paired(found: dict[str, list[dict[str, float]]], what: str) -> list[float]:
    """By how much latent weights exceed uniform ones, for each seed."""
    return [ours[what] - plain[what] for ours, plain in zip(found[WAYS[2]], found[WAYS[0]], strict=True)]


def summary(rows: list[dict[str, float]], what: str) -> str:
    """Mean and deviation over seeds."""
    values = [row[what] for row in rows]
    return f"{fmean(values):.4f} ± {stdev(values):.4f}"


def mixed(x: Tensor, digit: Tensor, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """At most ``count`` items, half odd, of which the hidden digit is its share, and their digits."""
    generator = torch.Generator().manual_seed(key(seed, "mixture"))
    order = torch.randperm(len(x), generator=generator)
    x, digit = x[order], digit[order]
    rare, odd, even = ((digit == HIDDEN), (digit % 2 == 1) & (digit != HIDDEN), digit % 2 == 0)
    half = min(count // 2, int(even.sum()), int(int(odd.sum()) / (1 - SHARE)))
    few = round(SHARE * half)
    places = torch.cat(
        [kind.nonzero()[:, 0][:number] for kind, number in ((rare, few), (odd, half - few), (even, half))]
    )
    places = places[torch.randperm(len(places), generator=generator)]
    return x[places], digit[places]


def compared(opened: data.DataSet, name: str, count: int, images: int, seed: int) -> dict[str, dict[str, float]]:
    """Recall and accuracy with each way of weighing."""
    x, digit = mixed(*items(opened.train), count, seed)
    pictures = (x * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    folder = RUNS / f"balance-{name}-{seed}"
    model = lt.train(lt.VAE(latent=16), pictures, images=images, every=images // 5, seed=seed, run=folder, device="cpu")
    odd = digit % 2
    kinds = ["odd" if each else "even" for each in odd.tolist()]
    shares = torch.bincount(odd, minlength=2).double()
    weights = {
        "uniform": np.ones(len(x)),
        "class weights": (len(x) / (2 * shares[odd])).numpy(),
        "latent weights": balance(codes_of(model.net, x).double().numpy(), kinds).weights,
    }
    test, truth = items(opened.test)
    like, own = mixed(test, truth, count, seed)
    found = {}
    for way, weight in weights.items():
        net = classifier(x, odd, torch.as_tensor(weight, dtype=torch.float32), seed)
        found[way] = {
            "recall": share_right(
                net, test[truth == HIDDEN], torch.ones(int((truth == HIDDEN).sum()), dtype=torch.int64)
            ),
            "accuracy": share_right(net, like, own % 2),
            "weight of 7": float(weight[(digit == HIDDEN).numpy()].mean()),
        }
    return found


def classifier(x: Tensor, label: Tensor, weight: Tensor, seed: int) -> nn.Module:
    """A net of one hidden layer, its loss weighted item by item."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = nn.Sequential(nn.Flatten(), nn.Linear(x[0].numel(), WIDTH), nn.ReLU(), nn.Linear(WIDTH, 2))
    adam, generator = torch.optim.Adam(net.parameters(), RATE), torch.Generator().manual_seed(key(seed, "order"))
    for _ in range(ROUNDS):
        for rows in torch.randperm(len(x), generator=generator).split(BATCH):
            adam.zero_grad()
            loss = (weight[rows] * cross_entropy(net(x[rows]), label[rows], reduction="none")).mean()
            loss.backward()
            adam.step()
    return net


def share_right(net: Any, x: Tensor, label: Tensor) -> float:
    """The share that a net names rightly."""
    with torch.no_grad():
        return float((net(x).argmax(1) == label).double().mean())
