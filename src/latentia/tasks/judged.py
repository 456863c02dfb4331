"""Judged: what a classifier says of samples, each figure beside what it says of real items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from latentia.metrics.classes import Modes, accuracy, modes, recall_by_class
from latentia.metrics.fractions import fraction
from latentia.tasks.evaluate import Figure

__all__ = ["EACH", "judge_itself", "judged"]

EACH = 20  # classes at most whose recalls are figures of their own


def judged(
    predicted: Tensor,
    classes: Sequence[str],
    wanted: Tensor | None = None,
    real: tuple[Tensor, Tensor] | None = None,
    *,
    by: str = "classifier",
    fingerprint: str = "",
    split: str = "reference",
) -> list[Figure]:
    """Classes that samples cover, and with wanted labels how many samples are right, over all and by class.

    Args:
        predicted: the class that the classifier takes each sample for, int64 ``(N,)``.
        classes: their names.
        wanted: the labels that samples were asked for; ``None`` for an unconditional model.
        real: predicted and true labels of real items: the floors, and the shares that classes should have where
            nothing was asked for.
        by: the classifier's name.
        fingerprint: of its weights.
        split: what the real items are called in sentences.

    Raises:
        BadData: labels that are no classes, or not one for each sample.
    """
    asked_of = wanted if wanted is not None else None if real is None else real[1]
    figures = _covered(predicted, classes, asked_of, None if real is None else real[0], split)
    if wanted is not None:
        figures += _asked(predicted, wanted, classes, real, split)
    told = {"samples": len(predicted), "split": split, "fingerprint": fingerprint}
    return [replace(each, name=f"{each.name} ({by})", **told) for each in figures]  # type: ignore[arg-type]


def judge_itself(right: int, count: int, by: str, fingerprint: str) -> Figure:
    """The classifier's own accuracy on held-out real items: no sample can be trusted to be told better."""
    found = fraction(np.arange(count) < right)
    told = (
        f"Real test items that the classifier itself takes for their class, of {count}; trained here with a fixed "
        f"seed, never on samples; SHA-256 of its weights {fingerprint}..."
    )
    return Figure(
        f"accuracy on real items ({by})", found.value, found.low, found.high, "", told, "",
        split="test", fingerprint=fingerprint,
    )  # fmt: skip


def _covered(
    predicted: Tensor, classes: Sequence[str], labels: Tensor | None, real: Tensor | None, split: str
) -> list[Figure]:
    count = len(classes)
    usual = None if labels is None else np.bincount(labels.numpy(), minlength=count).astype(np.float64)
    if usual is not None and usual.min() == 0:
        usual = None  # a class that the real items lack has no share to compare with
    found = modes(predicted.numpy(), count, usual)
    floor = None if real is None else modes(real.numpy(), count, usual)
    beside = ("", "") if floor is None else (f"; {split} items: {floor.covered}", f"; {split} items: {_told(floor)}")
    empty = [name for name, each in zip(classes, found.counts, strict=True) if each == 0]
    missing = f"none is taken for {', '.join(empty[:8])}{' ...' * (len(empty) > 8)}" if empty else "none is missing"
    told = f"Classes with at least one of {len(predicted)} samples, as the classifier sees them; {missing}{beside[0]}."
    to = "equal shares" if usual is None else "the data's shares"
    said = (
        f"How far the classes' shares are from {to}{beside[1]}: 0 at best, {np.log(count):.3g} with all in one of "
        f"equal classes."
    )
    covered = None if floor is None else float(floor.covered)
    apart = None if floor is None else floor.divergence
    return [
        Figure(
            "classes covered", found.covered, found.covered, found.covered, f"of {count}", told, "higher",
            floor=covered,
        ),
        Figure(
            "KL of classes", found.divergence, found.divergence, found.divergence, "nats", said, "lower",
            tuple(each / sum(found.counts) for each in found.counts), apart,
        ),
    ]  # fmt: skip


def _told(found: Modes) -> str:
    return f"{found.divergence:.2g}"


def _asked(
    predicted: Tensor, wanted: Tensor, classes: Sequence[str], real: tuple[Tensor, Tensor] | None, split: str
) -> list[Figure]:
    """Accuracy by label, the class that fares worst, and where they are not too many each class."""
    right = accuracy(predicted.numpy(), wanted.numpy())
    recalls = recall_by_class(predicted.numpy(), wanted.numpy(), len(classes))
    usual = np.full(len(classes), np.nan)
    floor, best = None, ""
    if real is not None:
        usual = recall_by_class(real[0].numpy(), real[1].numpy(), len(classes))
        floor = accuracy(real[0].numpy(), real[1].numpy()).value
        best = f"; {split} items by their own: {floor:.3g}"
    told = f"Samples that the classifier takes for the class they were asked for, of {len(wanted)}{best}."
    worst = int(np.nanargmin(recalls))
    lowest = _recall(predicted, wanted, worst, classes, usual, split)
    each = range(len(classes)) if len(classes) <= EACH else ()
    return [
        Figure("accuracy by label", right.value, right.low, right.high, "", told, "higher", (), floor),
        replace(
            lowest, name="lowest recall of a class", parts=tuple(float(every) for every in recalls),
            meaning=f"The class that fares worst is {classes[worst]}. {lowest.meaning}",
        ),
        *(
            _recall(predicted, wanted, place, classes, usual, split)
            for place in each if not np.isnan(recalls[place])
        ),
    ]  # fmt: skip


def _recall(
    predicted: Tensor, wanted: Tensor, place: int, classes: Sequence[str], usual: NDArray[np.float64], split: str
) -> Figure:
    asked = wanted == place
    found = fraction((predicted[asked] == place).numpy())
    floor = None if np.isnan(usual[place]) else float(usual[place])
    beside = "" if floor is None else f"; {split} items of it: {floor:.3g}"
    told = f"Of {int(asked.sum())} samples asked for as {classes[place]}, those taken for it{beside}."
    return Figure(f"recall of {classes[place]}", found.value, found.low, found.high, "", told, "higher", (), floor)
