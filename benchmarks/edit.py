"""Edits along attribute directions: does a classifier see more of the target with the amount, and what stays.

Protocol: a VAE (16 latents, defaults, 300,000 images, no labels) of Fashion-MNIST. For each pair of classes 200 test
items of the one are moved towards the other by amounts 0 to 1.5, from mean to mean of the codes of 10,000 training
items (as `edit` does) and along their discriminant (`--along discriminant`). Target: the mean probability of the target
class by the classifier of seed 1, which no training has seen; it must rise at every step. Identity: the distance from
an edited item to what the model makes of it unedited, in random convolutions, as a share of the distance to what it
makes of other items of the same class; below 1 an edited item is nearer to itself than to its like. Real: the share of
edited items that lie in the neighbourhood of some real test item, in the same features.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

import latentia as lt
from benchmarks._frame import RUNS, data_or_stop, finish, table
from benchmarks._judges import classifier, items
from latentia import data
from latentia.data import DataSet
from latentia.metrics.features import RandomConvolutions, extract, quantise
from latentia.metrics.neighbours import neighbours
from latentia.tasks.directions import WAYS, between
from latentia.tasks.edit import edit
from latentia.tasks.encode import codes_of

AMOUNTS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5)
PAIRS = {"fashion-mnist": ((3, 0), (5, 7), (0, 6), (4, 2), (8, 9)), "digits": ((1, 7), (3, 8))}
COUNT, REAL, IMAGES, QUICK = 200, 3_000, 300_000, 20_000


def run(quick: bool, seed: int) -> None:
    """Train, edit, and print a row for each pair and amount."""
    name, images = ("digits", QUICK) if quick else (data_or_stop("fashion-mnist"), IMAGES)
    folder = RUNS / f"latent-quality-vae-{name}-{seed}"  # the same training as there
    model = lt.train(lt.VAE(latent=16), name, images=images, every=images // 5, seed=seed, run=folder, device="cpu")
    opened = data.open(name, labels=True)
    judge = judge_of(name, quick)
    found = [edited(model, judge, opened, pair, seed) for pair in PAIRS[name]]
    rows = [
        [row["pair"], way, *each]
        for row in found
        for way in WAYS
        for each in zip(AMOUNTS, row[way]["target"], row[way]["identity"], row[way]["real"], strict=True)
    ]
    table(["pair", "along", "amount", "probability of the target", "moved, share of the way to its like", "real"], rows)
    rises = {row["pair"]: bool((np.diff(row[WAYS[0]]["target"]) > 0).all()) for row in found}
    figures = {"pairs": found, "rises": rises, "met": all(rises.values())}
    finish("edit", figures, " ".join((__doc__ or "").split()), seed)


def judge_of(name: str, quick: bool) -> lt.Model:
    """The classifier that tells classes; digits need no file."""
    if name != "digits":
        return classifier(name, 1, quick)
    from latentia.judging import judge
    from latentia.model import Model

    opened = data.open(name, labels=True)
    net: Any = judge(opened, "cpu").net
    return Model(net, lt.VAE(), opened.spec, None)  # type: ignore[arg-type]


def edited(model: lt.Model, judge: lt.Model, opened: DataSet, pair: tuple[int, int], seed: int) -> dict[str, Any]:
    """What a judge and random convolutions see of items of one class that move towards another."""
    x, label = items(opened.train, 10_000)
    own, other = (codes_of(model.net, x[label == each]) for each in pair)
    test, named = items(opened.test)
    z = codes_of(model.net, test[named == pair[0]][:COUNT]).float()
    extractor = RandomConvolutions(model.spec, seed)
    real = extract(extractor, test[:REAL])
    found: dict[str, Any] = {
        "pair": f"{opened.spec.classes[pair[0]]} to {opened.spec.classes[pair[1]]}",
        "items": len(z),
    }
    for way in WAYS:
        moved = edit(model.net, z, between(other, own, along=way).vector, AMOUNTS)
        seen = [extract(extractor, moved[:, step]) for step in range(len(AMOUNTS))]
        reach = [neighbours(real, each).precision.value for each in seen]
        another = (seen[0] - seen[0].roll(1, 0)).norm(dim=1).mean()
        found[way] = {
            "target": probabilities(judge, moved, pair[1]),
            "identity": [float((each - seen[0]).norm(dim=1).mean() / another) for each in seen],
            "real": reach,
        }
    return found


def probabilities(judge: lt.Model, moved: Tensor, target: int) -> Sequence[float]:
    """The mean probability of a class for each amount."""
    with torch.no_grad():
        answers = [judge.net(quantise(moved[:, step])).softmax(1)[:, target] for step in range(moved.shape[1])]
    return [float(each.double().mean()) for each in answers]
