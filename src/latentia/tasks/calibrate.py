"""Calibrate: the scores of rows that a model never saw, kept in its run, by which new scores are judged.

Rows of the test split are exchangeable with new rows; those of the validation split are less so, since the best weights
were chosen by them, and are not used. Rows are known again by a signature, a hash of what the net is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentia.core import Batch, Source
from latentia.errors import BadData, BadField
from latentia.metrics.conformal import p_values, reachable
from latentia.tasks.score import Scores, stacked
from latentia.tasks.working import parts

__all__ = ["Calibration", "calibrated", "check_rate", "filled", "repeated", "signatures"]

Array = NDArray[np.float64]
Marks = NDArray[np.int64]
CHUNK = 4096  # rows that are read at once


def signatures(batch: Batch) -> Marks:
    """A 63-bit hash of each row as the net is given it, ``(N,)``: the same for the same row, wherever it comes from."""
    extra = [batch.label, None if batch.mask is None or bool(batch.mask.all()) else batch.mask]
    held = [batch.x, *(slot for slot in extra if slot is not None)]
    parts = [slot.detach().cpu().to(torch.float32).reshape(len(batch.x), -1) + 0.0 for slot in held]  # -0.0 is 0.0
    rows = np.ascontiguousarray(torch.cat(parts, 1).numpy())
    hashed = (hashlib.blake2b(row.tobytes(), digest_size=8).digest() for row in rows)
    return np.array([int.from_bytes(each, "little") >> 1 for each in hashed], dtype=np.int64)


def repeated(train: Source, held: Mapping[str, Source]) -> list[str]:
    """Which splits have rows that training rows are equal to, a sentence each: no new row is known so well.

    Args:
        train: what is learnt from.
        held: the other splits by name.
    """
    known, told = _marks(train), []
    for name, split in held.items():
        count = int(np.isin(_marks(split), known).sum())
        if count:
            told.append(
                f"{count:,} of {len(split):,} {name} rows are equal to a training row: what they say of new rows is "
                "too good by these; if they are one row written twice, leave one out"
            )
    return told


def _marks(source: Source) -> Marks:
    blocks = [signatures(source.read(some)) for some in parts(len(source), CHUNK)]
    return np.concatenate(blocks) if blocks else np.zeros(0, np.int64)


@dataclass(frozen=True)
class Calibration:
    """What is known of the scores of good rows.

    Attributes:
        scores: ``(n,)``, in the order in which the rows came.
        marks: their signatures.
        mean: of each term of the scores, ``(T,)``.
        square: the sums of squared deviations of the terms from that mean, ``(T,)``.
        latent: the mean of their latent parts.
        seen: signatures of rows that are no good for calibration, sorted, by what the model did with them: it was
            trained on them, or its weights were chosen by them (validation).
        facts: where the rows come from, and by which weights, draws and seed they were scored.
        reference: what else the scores are made by (:class:`latentia.tasks.oddness.Reference`), by name.
    """

    scores: Array
    marks: Marks
    mean: Array
    square: Array
    latent: float
    seen: Mapping[str, Marks]
    facts: Mapping[str, Any]
    reference: Mapping[str, Array] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def reachable(self) -> float:
        """The smallest rate of false alarms that these rows can tell."""
        return reachable(len(self))

    @property
    def constant(self) -> float:
        """The mean score: what contributions are counted from."""
        return float(self.mean.sum() + self.latent)

    @property
    def deviation(self) -> Array:
        """The standard deviation of each term, ``(T,)``."""
        return np.asarray(np.sqrt(self.square / max(len(self) - 1, 1)))

    def places(self, marks: Marks) -> Marks:
        """The place of each row among the calibration rows, -1 where it is none of them."""
        order = np.argsort(self.marks, kind="stable")
        return _found(self.marks[order], marks, order)

    def origin(self, marks: Marks) -> NDArray[np.str_]:
        """What the model knows of each row: ``"new"``, ``"calibration"``, or a key of :attr:`seen`."""
        told = np.full(len(marks), "new", dtype="<U11")
        for name, known in self.seen.items():
            told[_found(known, marks, None) >= 0] = name
        told[self.places(marks) >= 0] = "calibration"
        return told

    def p_values(self, scores: Array, marks: Marks) -> Array:
        """The p-value of each row; one that is itself a calibration row is judged by the others, by its own score."""
        inside = self.places(marks)
        own = inside >= 0
        found = p_values(self.scores, scores)
        # counted with itself among n rows: (1 + others) / ((n - 1) + 1)
        found[own] = (p_values(self.scores, self.scores[inside[own]]) * (len(self) + 1) - 1) / max(len(self), 1)
        return found

    def more(self, scores: Scores, marks: Marks, name: str) -> Calibration:
        """With the scores of more good rows; rows that are there already, or were seen in training, are left out.

        Raises:
            BadData: scores of another kind, or no row is new.
        """
        fresh = self.origin(marks) == "new"
        fresh &= np.isin(np.arange(len(marks)), np.unique(marks, return_index=True)[1])  # the same row twice is once
        if not fresh.any():
            raise BadData(f"{name} has no row that is new: all {len(marks):,} are known to the run already")
        added = calibrated([(scores[fresh], marks[fresh])], self.seen, {})
        listed = [*self.facts.get("added", ()), {"name": name, "rows": int(fresh.sum())}]
        count, extra = len(self), len(added)
        shift = added.mean - self.mean
        return replace(
            self,
            scores=np.concatenate([self.scores, added.scores]),
            marks=np.concatenate([self.marks, added.marks]),
            mean=self.mean + shift * extra / (count + extra),
            square=self.square + added.square + shift**2 * count * extra / (count + extra),
            latent=(self.latent * count + added.latent * extra) / (count + extra),
            facts={**self.facts, "added": listed},
        )

    def tensors(self) -> dict[str, Tensor]:
        """All arrays by name, for a file."""
        arrays = {name: getattr(self, name) for name in ("scores", "marks", "mean", "square")}
        arrays |= {f"seen.{name}": marks for name, marks in self.seen.items()}
        arrays |= {f"reference.{name}": values for name, values in self.reference.items()}
        return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()} | {
            "latent": torch.tensor([self.latent], dtype=torch.float64)
        }

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> Calibration:
        """What :meth:`tensors` gave."""
        held = {name: tensor.numpy() for name, tensor in tensors.items()}
        seen, reference = (
            {name.removeprefix(front): held[name] for name in held if name.startswith(front)}
            for front in ("seen.", "reference.")
        )
        arrays = {name: held[name] for name in ("scores", "marks", "mean", "square")}
        return cls(**arrays, latent=float(held["latent"][0]), seen=seen, facts=dict(facts), reference=reference)


def filled(scores: Scores, mean: Array) -> tuple[Array, Array]:
    """Scores and terms of rows with what is unknown of them at its ``mean`` cost."""
    if scores.known is None:
        return scores.value, scores.terms
    return scores.value + (~scores.known * mean).sum(1), np.where(scores.known, scores.terms, mean)


def calibrated(
    scored: Iterable[tuple[Scores, Marks]], seen: Mapping[str, Marks], facts: Mapping[str, Any]
) -> Calibration:
    """A calibration from scored blocks of rows with their signatures.

    Args:
        scored: the blocks.
        seen: signatures of rows that must not calibrate, by what the model did with them.
        facts: what is to be remembered of where the rows come from.

    Raises:
        BadData: no rows.
    """
    blocks = [block for block in scored if len(block[1])]
    if not blocks:
        raise BadData("there are no rows to calibrate by")
    found = stacked([scores for scores, _ in blocks])
    weight = np.ones(found.terms.shape) if found.known is None else found.known
    mean = (found.terms * weight).sum(0) / np.maximum(weight.sum(0), 1)
    value, terms = filled(found, mean)
    marks = np.concatenate([marks for _, marks in blocks])
    seen = {name: np.sort(each) for name, each in seen.items()}
    return Calibration(value, marks, mean, np.square(terms - mean).sum(0), float(found.latent.mean()), seen, facts)


def check_rate(rate: float, count: int, what: str = "a rate of false alarms") -> None:
    """Refuse a rate that is none, or that ``count`` calibration rows cannot reach.

    Raises:
        BadField: with the rate that they reach, and how more rows are given.
    """
    if not 0 < rate < 1:
        raise BadField(f"{what} is {rate:g}; it lies between 0 and 1, for example 0.01")
    lowest = reachable(count)
    if rate < lowest * (1 - 1e-12):
        needed = int(np.ceil(1 / rate - 1e-9)) - 1
        raise BadField(
            f"{what} of {rate:g} needs {needed:,} calibration rows, and there are {count:,}, which reach {lowest:.3g}: "
            f"ask for that, or give more good rows (latentia calibrate RUN MORE_GOOD_DATA)"
        )


def _found(known: Marks, marks: Marks, order: NDArray[np.intp] | None) -> Marks:
    """Where each of ``marks`` stands among sorted ``known`` (by ``order`` in another one), -1 where it does not."""
    if not len(known):
        return np.full(len(marks), -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(known, marks), len(known) - 1)
    inside = known[at] == marks
    return np.asarray(np.where(inside, at if order is None else order[at], -1), dtype=np.int64)
