"""Judges of samples: classifiers trained here with a fixed seed, kept under ``RUNS`` and shared by the benchmarks.

Choices are made with the classifier of seed 0; what is reported is measured with those of seeds 1 and 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

import latentia as lt
from benchmarks._frame import RUNS, data_or_stop
from latentia import data
from latentia.core import Source
from latentia.metrics.features import extract
from latentia.metrics.neighbours import neighbours
from latentia.models._classifier import Classifier
from latentia.tasks.distances import distances
from latentia.tasks.features import ClassifierFeatures, predict

CHOOSING, REPORTING = 0, (1, 2)  # seeds of the judges
IMAGES, QUICK_IMAGES = 300_000, 30_000
FIGURES = ("frechet", "kid", "recall")


def classifier(name: str, seed: int, quick: bool = False) -> lt.Model:
    """The classifier of a labelled data set with this seed; trained once, then read from its run."""
    images = QUICK_IMAGES if quick else IMAGES
    folder = RUNS / f"classifier-{name}-{seed}{'-quick' if quick else ''}"
    opened = data.open(data_or_stop(name), labels=True)
    recipe = Classifier(rate=f"1e-3:1e-4@{images}~cosine")
    return lt.train(recipe, opened, images=images, every=images // 3, seed=seed, run=folder, device="cpu")


def judges(name: str, quick: bool = False) -> dict[int, lt.Model]:
    """The classifiers that figures are reported with, by their seeds; only the first when quick."""
    return {seed: classifier(name, seed, quick) for seed in (REPORTING[:1] if quick else REPORTING)}


def items(source: Source, count: int | None = None) -> tuple[Tensor, Tensor]:
    """The first ``count`` items of a source, or all, and their labels (zeros where there are none)."""
    batch = source.read(slice(0, len(source) if count is None else min(count, len(source))))
    return batch.x, torch.zeros(len(batch.x), dtype=torch.int64) if batch.label is None else batch.label


def accuracy_of(judge: lt.Model, source: Source) -> float:
    """The share of a labelled source that the judge names right."""
    x, label = items(source)
    return float((predict(judge.net, x) == label).double().mean())


def apart(
    samples: Tensor, source: Source, judge: lt.Model, names: Sequence[str] = FIGURES
) -> dict[str, dict[str, float]]:
    """Distances of samples to half of a source in the features of a judge; the floor is the other half's."""
    found = distances(samples, source, None, ClassifierFeatures(judge.net), 0, metrics=names)
    # "FD (classifier 1a2b3c)" to "FD": which judge it was stands beside the figure
    return {
        each.name.partition(" (")[0]: {
            "value": each.value,
            "low": each.low,
            "high": each.high,
            "floor": each.floor or 0.0,
        }
        for each in found
    }


def recall_within(
    samples: Mapping[int, Tensor], real: Mapping[int, Tensor], judge: lt.Model
) -> dict[int, tuple[float, float]]:
    """For each class, the recall of its samples against half of its real items, and that of the other half's items.

    Recall is the share of real items that lie among the 5 nearest neighbours of some sample, in the judge's features;
    all three clouds have the same number of items.
    """
    feature, found = ClassifierFeatures(judge.net), {}
    for label, x in real.items():
        half = min(len(x) // 2, len(samples[label]))
        truth, other, made = (extract(feature, each) for each in (x[:half], x[half : 2 * half], samples[label][:half]))
        found[label] = (neighbours(truth, made).recall.value, neighbours(truth, other).recall.value)
    return found
