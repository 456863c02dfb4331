"""Judging: how good the samples of a trained model are, with the extractor and the classifier that this takes."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from torch import Tensor

from latentia import data as data_layer
from latentia.core import Reconstructs
from latentia.data.dataset import DataSet
from latentia.errors import BadData, BadField
from latentia.metrics.features import Extractor
from latentia.tasks.distances import chosen
from latentia.tasks.evaluate import Figure
from latentia.tasks.features import ClassifierFeatures, known, predict, usual
from latentia.tasks.latent import LATENT, latent_figures
from latentia.tasks.measure import ALL, CLASSES, Asked, Judge, measure, size_of
from latentia.tasks.synthetic import TABLE
from latentia.tasks.working import Net, parts, place, require
from latentia.training.kept import kept

__all__ = ["judge", "judging", "latent"]

CHUNK = 512  # items that are read at once


def judging(net: Net, data: DataSet, split: str, asked: Asked) -> list[Figure]:
    """The figures of samples: see :func:`latentia.tasks.measure.measure` and :meth:`latentia.model.Model.evaluate`.

    A classifier is trained, once, where the data was opened with labels (two classes or more), or where it is asked
    for: then labels that the data brings and the run did not use are read as well.

    Raises:
        BadField: an unknown metric or extractor, or what it needs is not there.
        BadData: too few items, or a file of weights that is missing or damaged.
    """
    metrics, spec = asked.metrics, data.spec
    if LATENT in (metrics or ()):
        rest = [name for name in metrics or () if name != LATENT]
        figures = latent(net, data, split, asked)
        return [*figures, *(judging(net, data, split, dataclasses.replace(asked, metrics=rest)) if rest else [])]
    word = asked.word(usual(spec))
    _check(word, data, split, asked)  # all that can be refused is, before a classifier is trained
    seen_by = None if word == "classifier" else asked.built(spec, usual(spec))
    found = None
    if CLASSES in (metrics or ()) or word == "classifier":
        data = labelled(data)
        found = judge(data, str(place(net).device))
    elif metrics is None and spec.kind == "image" and len(spec.classes) > 1:
        found = judge(data, str(place(net).device))
    return measure(
        net,
        getattr(data, split),
        seen_by or ClassifierFeatures(cast(Judge, found).net),
        found,
        data.test if split == "train" else None,
        split=split,
        metrics=metrics,
        count=asked.count,
        seed=asked.seed,
        tell=asked.tell,
    )


def latent(net: Net, data: DataSet, split: str, asked: Asked) -> list[Figure]:
    """The figures of a latent space (:func:`latentia.tasks.latent.latent_figures`) in the features that are asked for.

    Raises:
        BadField, BadData: as :func:`judging`.
    """
    word = asked.word(usual(data.spec))
    require(net, Reconstructs, "the metric latent")
    _check(word, data, split, asked)
    if word == "classifier":
        data = labelled(data)
        found: Extractor = ClassifierFeatures(judge(data, str(place(net).device)).net)
    else:
        found = asked.built(data.spec, usual(data.spec))
    return latent_figures(net, getattr(data, split), found, split=split, count=asked.count, seed=asked.seed)


def _check(word: str | None, data: DataSet, split: str, asked: Asked) -> None:
    """Refuse unknown names, what would have no effect, and too few items."""
    metrics = asked.metrics
    chosen(metrics or (), (*ALL, LATENT, TABLE))
    if metrics is not None and not metrics:
        raise BadField(f"no metric is named; known: {', '.join((*ALL, LATENT, TABLE))}")
    if word is not None:
        known(word, data.spec)
    if CLASSES in (metrics or ()) and data.spec.kind != "image":
        raise BadField(f"the metric {CLASSES} is of pictures, and the data is a {data.spec.kind}")
    called = word or "your own extractor"
    if asked.extractor_seed is not None and word != "random-conv":
        raise BadField(f"a seed of the extractor is for random-conv, and {called} has none")
    if asked.extractor_weights is not None and word != "inception":
        raise BadField(f"a file of weights is for the extractor inception, and {called} takes none")
    size_of(getattr(data, split), asked.count, split)


def labelled(data: DataSet) -> DataSet:
    """The same items, with the labels that the data brings where the run was trained without.

    Raises:
        BadField: there are none, or all items have the same.
    """
    if not data.spec.classes:
        try:
            data = data_layer.open(**{**data.options, "labels": True})
        except BadData as error:
            raise BadField(f"a classifier needs labels to learn from: {error}") from None
    if len(data.spec.classes) < 2:
        raise BadField(
            f"a classifier needs two classes or more, and all items of {data.name} are {data.spec.classes[0]}"
        )
    return data


def judge(data: DataSet, device: str = "auto") -> Judge:
    """The classifier of labelled pictures: trained with a fixed seed the first time, then read from the cache."""
    from latentia.models import _classifier

    recipe, training = _classifier.judge(len(data.train))

    def measured(net: Any) -> dict[str, int]:
        batches = (data.test.read(rows) for rows in parts(len(data.test), CHUNK))
        right = sum(int((predict(net, batch.x) == cast(Tensor, batch.label)).sum()) for batch in batches)
        return {"right": right, "total": len(data.test)}

    found = kept(recipe, data, dataclasses.replace(training, device=device), measured)
    return Judge(found.net, **found.facts)
