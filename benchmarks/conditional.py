"""Whether a GAN that is asked for a label makes that class, and all kinds of it: Fashion-MNIST and MNIST.

Protocol: `latentia.GAN()` with every default and labels, 20 minutes of process time for each data set, one thread, no
truncation. Samples are asked for the labels of the test items. Two judges that no training has seen, classifiers of
seeds 1 and 2, name the samples: accuracy by label, beside their accuracy on the test items themselves. Recall within
a class is the share of real items that lie among the 5 nearest neighbours of a sample of that class, in the judge's
features: half of the class's test items against as many samples, beside the same for its other half.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import latentia as lt
from benchmarks._frame import RUNS, data_or_stop, finish, table
from benchmarks._judges import accuracy_of, items, judges, recall_within
from benchmarks._spent import Run, spend
from latentia import data
from latentia.data import DataSet
from latentia.metrics.classes import accuracy, recall_by_class
from latentia.tasks.features import predict

BARS = {"fashion-mnist": 0.90, "mnist": 0.97}  # accuracy by label
LEAST = 0.5  # of the recall of real items against real items, in every class
BUDGET, QUICK_BUDGET = 20 * 60.0, 15.0  # process seconds
SLICES, FIRST = 20, 6_400  # of a budget, and images of the first


def run(quick: bool, seed: int) -> None:
    """Train on each data set, and judge."""
    torch.set_num_threads(1)
    found = []
    for name in list(BARS)[: 1 if quick else None]:
        opened = data.open(data_or_stop(name), labels=True)
        folder = RUNS / f"conditional-{name}-{seed}{'-quick' if quick else ''}"
        trained = Run(lt.GAN(), opened, folder, {"seed": seed})
        spend({name: trained}, QUICK_BUDGET if quick else BUDGET, 3 if quick else SLICES, FIRST)
        last, model = trained.ledger.last, trained.model()
        real, made = by_class(opened), samples(model, opened, folder)
        for number, judge in judges(name, quick).items():
            about = {"data": name, "judge": number, "images": last.seen, "process seconds": last.seconds}
            found.append({**about, **judged(made, real, judge, opened)})
    shown(found)
    figures = {"runs": found, "met": all(row["met"] for row in found)}
    finish("conditional", figures, " ".join((__doc__ or "").split()), seed)


def by_class(opened: DataSet) -> dict[int, Tensor]:
    """The test items of each class."""
    x, label = items(opened.test)
    return {each: x[label == each] for each in range(len(opened.spec.classes))}


def samples(model: lt.Model, opened: DataSet, folder: Path) -> dict[int, Tensor]:
    """As many samples of each class as there are test items of it, from seeds of their own; a grid is kept."""
    counts = torch.bincount(items(opened.test)[1], minlength=len(opened.spec.classes)).tolist()
    starts = torch.tensor([0, *counts]).cumsum(0).tolist()
    made = {each: model.sample(count, starts[each], each) for each, count in enumerate(counts)}
    lt.grid(torch.cat([x[:10] for x in made.values()]), columns=10).save(folder / "samples.png")
    return made


def judged(made: dict[int, Tensor], real: dict[int, Tensor], judge: lt.Model, opened: DataSet) -> dict[str, Any]:
    """Accuracy by label and recall within each class, with the same of real items."""
    wanted = torch.cat([torch.full((len(x),), label) for label, x in made.items()]).numpy()
    named = predict(judge.net, torch.cat(list(made.values()))).numpy()
    right, classes = accuracy(named, wanted), opened.spec.classes
    within = recall_within(made, real, judge)
    least = min(within, key=lambda label: share(*within[label]))
    return {
        "accuracy": right.value,
        "real accuracy": accuracy_of(judge, opened.test),
        "named right": dict(zip(classes, recall_by_class(named, wanted, len(classes)).tolist(), strict=True)),
        "recall within": {classes[label]: pair for label, pair in within.items()},
        "least recall": {"class": classes[least], "samples": within[least][0], "real": within[least][1]},
        "met": right.value >= BARS[opened.name] and share(*within[least]) >= LEAST,
    }


def share(recall: float, real: float) -> float:
    """A recall as a share of that of real items, which is above 0 but for a broken judge."""
    return recall / max(real, 1e-9)


def shown(found: list[dict[str, Any]]) -> None:
    """Print the tables."""
    head = ["data", "judge", "right by label", "bar", "real items", "least recall in a class", "real there", "class"]
    rows: list[list[object]] = []
    for row in found:
        least = row["least recall"]
        rows.append([row["data"], row["judge"], row["accuracy"], BARS[row["data"]], row["real accuracy"]])
        rows[-1] += [least["samples"], least["real"], least["class"]]
    table(head, rows)
    print(f"each class's recall is to be at least {LEAST} x that of real items")
    for row in found:
        print(f"\n{row['data']}, judge {row['judge']}: {row['images']:,} images in {row['process seconds']:.0f} s")
        pairs = [[name, row["named right"][name], *pair] for name, pair in row["recall within"].items()]
        table(["class", "named right", "recall within", "of real items"], pairs)
