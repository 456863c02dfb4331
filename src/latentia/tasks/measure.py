"""Measure: how good samples are, drawn from a net and held against the items of a split."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, cast

import torch
from torch import Tensor

from latentia.core import Samples, Source, Spec, key
from latentia.errors import BadData, BadField
from latentia.metrics.features import Extractor
from latentia.tasks.distances import METRICS, PICTURES, chosen, distances
from latentia.tasks.evaluate import Figure
from latentia.tasks.features import SEED, ClassifierFeatures, extractor_for, features_of, predict
from latentia.tasks.judged import judge_itself, judged
from latentia.tasks.sample import sample
from latentia.tasks.working import Net, parts, require

__all__ = ["ALL", "CLASSES", "Asked", "Judge", "measure", "samples_like", "size_of"]

CLASSES = "classes"  # the metric that a classifier's answers are
ALL = (*METRICS, CLASSES)
LIMIT = 5_000  # samples at most, if no number is given
NUMBERS = 250_000_000  # that samples hold at most, if no number is given: a GB, and as much for each half of the items
CHUNK = 512  # items that are read at once


@dataclass(frozen=True)
class Asked:
    """What is measured and in which features, as :meth:`latentia.model.Model.evaluate` takes it."""

    metrics: Sequence[str] | None = None
    extractor: str | Extractor | None = None
    extractor_seed: int | None = None
    extractor_weights: str | Path | None = None
    count: int | None = None
    seed: int = 0
    tell: Callable[[str], None] | None = None

    def word(self, usual: str) -> str | None:
        """The extractor's name, ``usual`` where none is given; none where it is a callable."""
        return usual if self.extractor is None else self.extractor if isinstance(self.extractor, str) else None

    @property
    def features(self) -> bool:
        """Whether an extractor, or how many samples it is to see, is said."""
        said = (self.extractor, self.extractor_seed, self.extractor_weights, self.count)
        return any(each is not None for each in said)

    def built(self, spec: Spec, usual: str) -> Extractor:
        """The extractor for items of ``spec``, which may be any but the classifier."""
        word = self.word(usual)
        if word is None:
            return cast(Extractor, self.extractor)
        seed = SEED if self.extractor_seed is None else self.extractor_seed
        return extractor_for(word, spec, seed, None, self.extractor_weights)


class Judge(NamedTuple):
    """A classifier of the data's labels, and how many of ``total`` test items it names rightly."""

    net: Net
    right: int
    total: int


def measure(
    net: Net,
    source: Source,
    extractor: Extractor,
    judge: Judge | None = None,
    held_out: Source | None = None,
    *,
    split: str = "test",
    metrics: Sequence[str] | None = None,
    count: int | None = None,
    seed: int = 0,
    tell: Callable[[str], None] | None = None,
) -> list[Figure]:
    """How good a net's samples are, by every metric: distances to the items of a split, and what a classifier says.

    A net of labels is asked for the labels of the split's items.

    Args:
        net: samples.
        source: the split's items. Half of them are compared with the samples, the other half makes the floors.
        extractor: from items to features.
        judge: a classifier of the data's labels, which the metric ``classes`` needs.
        held_out: items that the net was not trained on, if the split is the training split.
        split: its name.
        metrics: which of :data:`ALL`. By default all that can be had: pictures have more than tables, and the Frechet
            distance needs more samples than features.
        count: of samples; by default half as many as there are items, at most 5,000.
        seed: of samples, halves and subsets.
        tell: hears what was left out.

    Raises:
        CannotDo: the net does not sample.
        BadField: an unknown metric, or one that needs pictures or a judge.
        BadData: too few items or samples; says how many are needed.
    """
    require(net, Samples, "evaluate with samples")
    half = size_of(source, count, split)
    wanted = list(ALL) if metrics is None else chosen(metrics, ALL)
    if metrics is None:
        wanted = _possible(wanted, source, extractor, judge, half, split, tell or (lambda _: None))
    _check(wanted, source, judge)
    samples, labels = samples_like(net, source, half, seed)
    near = [name for name in wanted if name in METRICS]
    figures = (
        distances(samples, source, held_out, extractor, seed, split=split, limit=half, metrics=near) if near else []
    )
    if judge is not None and CLASSES in wanted:
        figures += _judged(judge, samples, labels, source, split, seed)
    elif judge is not None:
        figures.append(_itself(judge))
    return figures


def size_of(source: Source, count: int | None, split: str) -> int:
    """How many samples are measured: as many as are asked for, or what the split allows.

    Raises:
        BadData: the split has not twice as many items.
    """
    half = len(source) // 2
    if count is None:
        return max(1, min(half, LIMIT, NUMBERS // source.spec.size))
    if count > half:
        raise BadData(
            f"{count:,} samples need {2 * count:,} {split} items, half of them for the floor, and there are "
            f"{len(source):,}: at most {half:,} samples"
        )
    return count


def _possible(
    wanted: list[str],
    source: Source,
    extractor: Extractor,
    judge: Judge | None,
    half: int,
    split: str,
    tell: Callable[[str], None],
) -> list[str]:
    """The metrics that can be had, all others left out; the Frechet distance not without a word."""
    left = [] if source.spec.kind == "image" else list(PICTURES)
    left += [] if judge is not None else [CLASSES]
    wide = features_of(extractor, source.read([0]).x).shape[1]
    if half <= wide:
        left.append("frechet")
        tell(
            f"the Frechet distance is left out: {wide} features need more than {wide} samples and {2 * wide} {split} "
            f"items; {half} samples are measured against {len(source):,} items. KID has no such limit"
        )
    return [name for name in wanted if name not in left]


def _check(wanted: Sequence[str], source: Source, judge: Judge | None) -> None:
    for name in wanted:
        if name in PICTURES and source.spec.kind != "image":
            raise BadField(f"the metric {name} compares pictures, and the data is a {source.spec.kind}")
    if CLASSES in wanted and judge is None:
        raise BadField("the metric classes needs labels that a classifier can be trained on; this data has none")


def samples_like(net: Net, source: Source, count: int, seed: int = 0) -> tuple[Tensor, Tensor | None]:
    """Samples ``(count, *shape)``, and the labels that they were asked for if the net takes labels.

    Their labels are those of ``count`` items, drawn from the source by the seed; no seed of a sample comes twice.
    """
    spec = source.spec
    if not getattr(net, "classes", 0):
        return sample(net, spec, count, seed), None
    labels = _some_items(source, count, seed, lambda _, label: label)
    wanted = torch.bincount(labels, minlength=len(spec.classes)).tolist()
    starts = itertools.accumulate(wanted, initial=seed)
    asked = [(each, start, label) for label, (each, start) in enumerate(zip(wanted, starts, strict=False)) if each]
    return torch.cat([sample(net, spec, *each) for each in asked]), labels.sort().values


def _some_items(source: Source, count: int, seed: int, work: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """``work(x, label)`` of ``count`` items of a labelled source, read in parts.

    They are drawn: items at even distances miss classes where labels come in turn.
    """
    order = torch.randperm(len(source), generator=torch.Generator().manual_seed(key(seed, "labels")))
    places = order[:count].sort().values
    batches = (source.read(places[part]) for part in parts(count, CHUNK))
    return torch.cat([work(batch.x, cast(Tensor, batch.label)) for batch in batches])


def _judged(
    judge: Judge, samples: Tensor, labels: Tensor | None, source: Source, split: str, seed: int
) -> list[Figure]:
    count = len(samples)
    truth = _some_items(source, count, seed, lambda _, label: label)
    seen = _some_items(source, count, seed, lambda x, _: predict(judge.net, x))
    features = ClassifierFeatures(judge.net)
    told = {"by": features.name, "fingerprint": features.fingerprint, "split": split}
    return [*judged(predict(judge.net, samples), source.spec.classes, labels, (seen, truth), **told), _itself(judge)]


def _itself(judge: Judge) -> Figure:
    features = ClassifierFeatures(judge.net)
    return judge_itself(judge.right, judge.total, features.name, features.fingerprint)
