"""Scoring: what a run keeps to judge rows by, and how rows that it was trained on are judged without it.

    calibration-KEY.safetensors, .json          scores of the test split, and of good rows that were added; KEY is of
                                                what they are measured by, and each measure has its own
    folds/K-of-5/                               the same recipe, trained without the K-th fifth of the training rows
    references/K-of-5/                          what features are measured by, from all but the K-th fifth

A row that the model was trained on fits it better than a new one, and cannot be held against new ones by that model. It
gets its p-value from a model that was trained without it and its fifth: under that one it is exchangeable with the
other rows of the fifth and with the test split (Vovk 2015, "Cross-conformal predictors", out-of-fold).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from latentia.core import Batch, Spec, Training
from latentia.data.dataset import DataSet
from latentia.data.source import Split
from latentia.errors import BadField, BadRun
from latentia.facts import facts_of, net_of, recipe_of
from latentia.fields import from_json
from latentia.metrics.features import Extractor
from latentia.tasks.calibrate import Calibration, calibrated, signatures
from latentia.tasks.evaluate import Figure
from latentia.tasks.likelihood import DRAWS, exact
from latentia.tasks.outliers import Judged, Outliers, Rule, decided, detected, joined, judged
from latentia.tasks.score import DENSITY, ERROR, Kind, Scores, averaged, stacked
from latentia.tasks.working import Net, parts
from latentia.tasks.working import place as nearest
from latentia.tasks.yardstick import Reference, Yardstick
from latentia.tasks.yardsticks import yardstick_for
from latentia.training import checkpoint, loop
from latentia.training.lock import alone
from latentia.training.run import WEIGHTS, Event, Run

__all__ = ["FOLDS", "Scorer", "background_of", "draws_of", "fingerprint"]

FOLDS = 5
LEARNT = "learnt"  # what rows are called that were learnt from since the training
FORMAT = 2  # of 1 the scores of tables were in the data's units
FORMATS = (1, FORMAT)
BEFORE = "calibration"  # the name that an earlier version kept one under, and the beginning of all others
CHUNK = 4096  # rows that are scored and judged at once
REFERENCE = 2000  # items that a yardstick gets to know, at most
KNOWN = {"train": "training rows", "validation": "validation rows", "calibration": "calibration rows"}
MEASURE = ("draws", "seed", "by")  # scores by another one are not comparable, as are those of other weights
Tell = Callable[[str], None]


class Judge(NamedTuple):
    """A net to score by, what its yardstick knows of good items, and nets to average it with."""

    net: Net
    reference: Reference
    others: tuple[Net, ...] = ()


@dataclass(frozen=True)
class Beside:
    """What a model is judged with beside its run.

    Attributes:
        others: nets of the same recipe: scores are those of the mean of all densities.
        good: rows that no net learnt from; where they are given they calibrate, instead of the test split.
        seen: signatures of rows that must not calibrate then, by what the nets did with them
            (:attr:`latentia.tasks.calibrate.Calibration.seen`); those learnt from since the training are ``"learnt"``.
    """

    others: tuple[nn.Module, ...] = ()
    good: Batch | None = None
    seen: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)


@dataclass
class Scorer:
    """A trained net with its run, as a judge of rows.

    Attributes:
        net: as it was loaded; tables are scored by a copy of it in float64.
        spec: of its data.
        run: its folder.
        open: opens the data that it was trained on.
        draws: of each likelihood.
        seed: of draws and searches.
        tell: hears what takes long, and what a person should know.
        progress: is told what happens while folds are trained.
        by, features, background: what a score is (:func:`latentia.tasks.yardsticks.yardstick_for`).
        beside: nets and rows that the run knows nothing of.
    """

    net: Net
    spec: Spec
    run: Run
    open: Callable[[], DataSet]
    draws: int
    seed: int
    tell: Tell
    progress: Callable[[Event], None] | None = None
    by: str = "auto"
    features: str | Extractor | None = None
    background: Net | None = None
    beside: Beside = field(default_factory=Beside)

    def __post_init__(self) -> None:
        told = None if self.background is None else (self.background, fingerprint(self.background))
        self.yardstick: Yardstick = yardstick_for(
            self.net, self.spec, self.draws, self.seed, self.by, self.features, told
        )

    @cached_property
    def exact(self) -> Net:
        """The net that scores are computed by."""
        return exact(self.net) if self.spec.kind == "table" else self.net

    @cached_property
    def data(self) -> DataSet:
        """The data that the net was trained on."""
        return self.open()

    @property
    def kind(self) -> Kind:
        """What a score is."""
        return self.yardstick.kind

    def scores(self, batch: Batch, judge: Judge | None = None) -> Scores:
        """The scores of items, by another net than that of the run where one is given."""
        judge = judge or self.judge
        found = [self.yardstick.scores(net, batch, judge.reference) for net in (judge.net, *judge.others)]
        return averaged(found) if judge.others else found[0]

    @cached_property
    def judge(self) -> Judge:
        """The net of the run with its reference, the one that was kept where there is one."""
        kept = self._kept
        own = self.judge_of(self.exact) if kept is None else Judge(self.exact, kept.reference)
        return own._replace(others=tuple(exact(net) for net in self.beside.others))

    def judge_of(self, net: Net, train: Split | None = None) -> Judge:
        """A net with what its yardstick has to know: of the validation split, or of the training split or ``train``."""
        if not self.yardstick.reads:
            return Judge(net, {})
        some = self.data.validation if self.yardstick.reads == "validation" else train or self.data.train
        places = torch.linspace(0, len(some) - 1, min(len(some), REFERENCE)).round().long()
        batches = (some.read(places[rows]) for rows in parts(len(places), CHUNK))
        return Judge(net, self.yardstick.reference(net, batches))

    def outliers(self, batch: Batch, rule: Rule, refit: bool | None = None) -> Outliers:
        """Which items are outliers, with their p-values and reasons.

        Args:
            batch: the items; rows that were used in training are recognised.
            rule: the decision.
            refit: whether :data:`FOLDS` models may be trained to judge such rows, kept in the run; by default for
                tables. Where they may not, those rows have no p-value (NaN).

        Raises:
            BadField: a rate that the calibration rows cannot reach.
            BadRun, BadData: the data that the model was trained on cannot be opened again.
        """
        calibration = self.calibration
        rule.check(len(calibration))
        marks = signatures(batch)
        found = joined([self.judged(_rows(batch, some), marks[some]) for some in parts(len(marks), CHUNK)])
        cheap = self.spec.kind == "table" or not self.yardstick.trained
        self._trained(batch, marks, found, cheap if refit is None else refit)
        return decided(found, rule, self.spec, self.kind, calibration)

    def detects(self, bad: Batch) -> list[Figure]:
        """How well known bad items are told from the calibration rows; says how many of them are known as good ones."""
        marks = signatures(bad)
        origin = self.calibration.origin(marks)
        names, counts = np.unique(origin[origin != "new"], return_counts=True)
        if len(names):
            told = ", ".join(
                f"{count:,} {KNOWN.get(str(name), name)}" for name, count in zip(names, counts, strict=True)
            )
            self.tell(
                f"{counts.sum():,} of {len(marks):,} bad items are known to the run as good ones: {told}. It has "
                f"learnt that they are ordinary, or judges by them: these figures are too low; leave such items out"
            )
        found = joined([self.judged(_rows(bad, some), marks[some]) for some in parts(len(marks), CHUNK)])
        return detected(self.calibration.scores, found.scores, self.kind)

    def judged(self, batch: Batch, marks: NDArray[np.int64]) -> Judged:
        """Items beside the calibration rows of the run."""
        return judged(self.scores(batch), marks, self.calibration)

    # --- calibration ---------------------------------------------------------------------------------------------

    @cached_property
    def calibration(self) -> Calibration:
        """That of the run, made from the test split and kept when it is first asked for."""
        if self._kept is not None:
            return self._kept
        for kept in self._by_this_measure:
            if kept.facts.get("added"):
                self._refuse(kept)
        self._say_others()
        if (good := self.beside.good) is not None:
            batches = (_rows(good, some) for some in parts(len(good.x), CHUNK))
            return self._calibrated(batches, self.beside.seen, len(good.x))
        test, seen = self.data.test, {"validation": self.data.validation, "train": self.data.train}
        if not len(test):
            raise BadRun(f"{self.run.path} has no test split to judge rows by; give good rows: latentia calibrate")
        self.tell(f"calibration: {len(test):,} test rows are scored once and kept in {self.run.path}")
        marks = {name: np.concatenate([signatures(each) for each in _read_all(split)]) for name, split in seen.items()}
        return self._calibrated(_read_all(test), marks, len(test))

    def _calibrated(self, good: Iterable[Batch], seen: Mapping[str, NDArray[np.int64]], count: int) -> Calibration:
        """A calibration by these rows, kept in the run."""
        scored = calibrated(self._scored(good, self.judge), seen, {**self.facts, "test": count, "added": []})
        self._keep(self.run.path, found := self._with_reference(scored, self.judge))
        return found

    @cached_property
    def _kept(self) -> Calibration | None:
        """The calibration in the run, if its scores are of the kind that is asked for."""
        for kept in self._by_this_measure:
            if kept.facts["fingerprint"] == self.facts["fingerprint"] and self.yardstick.fits(kept.reference):
                return kept
        return None

    @cached_property
    def _by_this_measure(self) -> list[Calibration]:
        """The calibrations in the run by the measure that is asked for; an earlier version kept but one, of any."""
        found = [_read(self.run.path, stem) for stem in (self._stem, BEFORE)]
        whole = [each for each in found if each is not None]
        if self.spec.kind == "table":
            whole = [each for each in whole if each.facts["format"] == FORMAT]
        return [each for each in whole if self._measure(each.facts) == self._measure(self.facts)]

    def _measure(self, facts: Mapping[str, Any]) -> list[Any]:
        """What scores of the same weights depend on; those without a likelihood do not depend on draws."""
        return [facts.get(name) for name in MEASURE if name != "draws" or self.kind is not ERROR]

    @property
    def _stem(self) -> str:
        """The name of the calibration's files."""
        return f"{BEFORE}-" + hashlib.blake2b(repr(self._measure(self.facts)).encode(), digest_size=4).hexdigest()

    def _say_others(self) -> None:
        """Say that rows were added to the calibrations of other measures, which do not count here."""
        for facts in _added(self.run.path):
            if facts["fingerprint"] == self.facts["fingerprint"] and self._measure(facts) != self._measure(self.facts):
                self.tell(
                    f"{_rows_added(facts):,} rows were added to the calibration by {_told(facts)}, and do not count by "
                    f"{_told(self.facts)}: ask by the former, or calibrate by the latter, too"
                )

    def _refuse(self, kept: Calibration) -> None:
        """Scores of added rows are not thrown away for others' sake, unless their weights are gone.

        Raises:
            BadField: features of the same name that are others.
        """
        if kept.facts["fingerprint"] != self.facts["fingerprint"]:
            count = f"{_rows_added(kept.facts):,}"
            self.tell(
                f"the weights have changed: {count} rows that were added to the calibration have to be added again"
            )
            return
        raise BadField(
            f"{self.run.path} was calibrated with more rows by {_told(kept.facts)}, which measured otherwise then: ask "
            f"with the same features, or remove {self._stem}.* there to begin anew"
        )

    def calibrate(self, batch: Batch, name: str) -> Calibration:
        """Add the scores of good rows that the model never saw; those that it knows already are left out.

        Raises:
            BadData: none of them is new.
        """
        marks = signatures(batch)
        found = stacked([self.scores(_rows(batch, some)) for some in parts(len(marks), CHUNK)])
        try:
            self.calibration = self.calibration.more(found, marks, name)
        except BadRun as error:
            self.tell(f"{error}; these rows alone calibrate, and rows of the training are not recognised")
            told = {**self.facts, "test": 0, "added": [{"name": name, "rows": len(marks)}]}
            self.calibration = calibrated([(found, marks)], {}, told)
        self._keep(self.run.path, self.calibration)
        return self.calibration

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What scores depend on beside the rows."""
        asked = {"draws": self.draws, "seed": self.seed, "by": self.yardstick.name}
        nets = (self.net, *self.beside.others)
        return {"format": FORMAT, "fingerprint": "-".join(fingerprint(net) for net in nets), **asked}

    def _scored(self, batches: Iterable[Batch], judge: Judge) -> Iterator[tuple[Scores, NDArray[np.int64]]]:
        for batch in batches:
            yield self.scores(batch, judge), signatures(batch)

    def _with_reference(self, found: Calibration, judge: Judge) -> Calibration:
        return dataclasses.replace(found, reference=judge.reference)

    def _keep(self, path: Path, found: Calibration) -> None:
        """Write a calibration; a run that cannot be written to is used without."""
        try:
            with self.run.writing():
                checkpoint.write_tensors(path / f"{self._stem}.safetensors", found.tensors())
                checkpoint.write_json(path / f"{self._stem}.json", dict(found.facts))
        except BadRun as error:
            self.tell(f"the calibration is not kept: {error}")

    # --- rows of the training --------------------------------------------------------------------------------------

    def _trained(self, batch: Batch, marks: NDArray[np.int64], found: Judged, refit: bool) -> None:
        """Judge rows of the training split by models without them, or not at all; in place.

        Rows that were learnt from since have no p-value: what the others are judged by is not what they changed.
        """
        later = found.origin == LEARNT
        found.p_values[later] = np.nan
        if later.any():
            self.tell(f"{int(later.sum()):,} of {len(marks):,} rows were learnt from since, and get no p-value")
        rows = np.flatnonzero(found.origin == "train")
        if not len(rows):
            return
        told = f"{len(rows):,} of {len(marks):,} rows were used in training"
        if not refit:
            found.p_values[rows] = np.nan
            self.tell(f"{told}: they fit the model better than new rows would, and get no p-value without a refit")
            return
        judges = "models that were trained" if self.yardstick.trained else "references that were made"
        self.tell(f"{told}: they are judged by {FOLDS} {judges} without them ({self._cost()})")
        for fold in sorted(set((marks[rows] % FOLDS).tolist())):
            own = rows[marks[rows] % FOLDS == fold]
            judge, calibration = self._fold(int(fold))
            for some in parts(len(own), CHUNK):
                places = own[some]
                part = _rows(batch, torch.from_numpy(places))
                better = judged(self.scores(part, judge), marks[places], calibration)
                for name in ("scores", "p_values", "contributions", "constants"):
                    getattr(found, name)[places] = getattr(better, name)

    def _place(self, fold: int) -> Path:
        return self.run.path / ("folds" if self.yardstick.trained else "references") / f"{fold + 1}-of-{FOLDS}"

    def _cost(self) -> str:
        kept = sum(self._is_kept(self._place(fold)) for fold in range(FOLDS))
        if kept == FOLDS:
            return "kept in the run"
        if not self.yardstick.trained:
            return "once, without training; kept in the run"
        return f"{FOLDS - kept} trainings of {self.run.facts['budget'] or 0:,} rows each, once; kept in the run"

    def _is_kept(self, place: Path) -> bool:
        """Whether a fold needs no training, or no reference."""
        if not self.yardstick.trained:
            return (place / f"{self._stem}.json").is_file()
        if not (place / "recipe.json").is_file() or (own := Run.open(place)).checkpoints.exists():
            return False  # checkpoints are gone once it is trained
        return own.facts.get("of") == self.facts["fingerprint"] and any(
            (place / name).is_file() for name in WEIGHTS.values()
        )

    def _fold(self, fold: int) -> tuple[Judge, Calibration]:
        """A model that was trained without a fold, and the scores of the fold and of the test split by it."""
        place = self._place(fold)
        kept = _read(place, self._stem)
        if kept is not None and kept.facts.get("of") == self.facts and self.yardstick.fits(kept.reference):
            return Judge(self._net_at(place) if self.yardstick.trained else self.net, kept.reference), kept
        marks = np.concatenate([signatures(each) for each in _read_all(self.data.train)])
        inside = torch.from_numpy(np.flatnonzero(marks % FOLDS == fold))
        outside = torch.from_numpy(np.flatnonzero(marks % FOLDS != fold))
        if not len(outside):
            raise BadRun(f"{self.run.path} was trained on {len(marks):,} rows: without a fold of them none is left")
        judge = self._judge_without(place, fold, outside)
        rows = (*_read_all(self.data.test), *_read_all(_subset(self.data.train, inside)))
        scored = list(self._scored(rows, judge))
        found = calibrated(scored, {}, {"format": FORMAT, "of": self.facts, "fold": fold})
        self._keep(place, found := self._with_reference(found, judge))
        return judge, found

    def _judge_without(self, place: Path, fold: int, rows: torch.Tensor) -> Judge:
        """What is to judge a fold, from these other rows: a net that is trained again where it has a part in scores."""
        if self.yardstick.trained:
            return self.judge_of(self._refitted(place, fold, rows))
        place.mkdir(parents=True, exist_ok=True)
        return self.judge_of(self.net, _subset(self.data.train, rows))

    def _refitted(self, place: Path, fold: int, rows: torch.Tensor) -> Net:
        """The recipe of the run trained again, with its budget and seed, on these rows of its training split."""
        if self._is_kept(place):
            return self._net_at(place)
        asked = {**self.run.facts["asked"], "images": self.run.facts["budget"], "steps": None, "minutes": None}
        training = from_json(Training, {**asked, "members": 1, "tensorboard": False})
        recipe = recipe_of(self.run)
        data = dataclasses.replace(
            self.data, train=_subset(self.data.train, rows), signature=f"{self.data.signature}-{fold}"
        )
        if place.exists() and (Run.open(place).facts.get("of") != self.facts["fingerprint"]):
            shutil.rmtree(place)
        folder = Run(place)
        with alone(place):
            folder.begin({**facts_of(recipe, data, training), "of": self.facts["fingerprint"]})
            loop.train(recipe, data.train, data.validation, training, folder, self.progress or (lambda _: None))
        shutil.rmtree(folder.checkpoints, ignore_errors=True)
        return self._net_at(place)

    def _net_at(self, place: Path) -> Net:
        path = next((place / name for name in WEIGHTS.values() if (place / name).is_file()), place / WEIGHTS["best"])
        if self.spec.kind == "table":
            return exact(net_of(Run.open(place), path, "cpu")[0])
        return net_of(Run.open(place), path, str(nearest(self.net).device))[0]


def background_of(given: Any, spec: Spec, device: str) -> Net:
    """The net of a background model, which is a run's folder or a loaded model, for pictures of ``spec``.

    Raises:
        BadRun: no run, or pictures of another shape.
    """
    if isinstance(given, str | Path):
        run = Run.open(given)
        net, _, own = net_of(run, run.path / WEIGHTS["best"], device)
    else:
        net, own = given.net, given.spec
    if (own.kind, own.shape) != (spec.kind, spec.shape):
        raise BadRun(
            f"the background model is of {own.kind} {own.shape}; a ratio needs one of {spec.kind} {spec.shape}"
        )
    return net


def fingerprint(net: nn.Module) -> str:
    """A hash of all weights of a net."""
    found = hashlib.blake2b(digest_size=12)
    for name, tensor in net.state_dict().items():
        found.update(name.encode())
        found.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def _read(path: Path, stem: str) -> Calibration | None:
    """The calibration in a folder; ``None`` where there is none, or none that is whole."""
    try:
        facts = json.loads((path / f"{stem}.json").read_text(encoding="utf-8"))
        if facts["format"] not in FORMATS:
            return None
        return Calibration.of_tensors(checkpoint.read_tensors(path / f"{stem}.safetensors"), facts)
    except (OSError, ValueError, KeyError, TypeError, BadRun):
        return None


def _added(path: Path) -> Iterator[Mapping[str, Any]]:
    """What the calibrations of a run say that rows were added to."""
    for file in sorted(path.glob(f"{BEFORE}*.json")):
        kept = _read(path, file.stem)
        if kept is not None and kept.facts.get("added"):
            yield kept.facts


def _rows_added(facts: Mapping[str, Any]) -> int:
    return sum(each["rows"] for each in facts["added"])


def _told(facts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {facts[name]}" for name in MEASURE)


def draws_of(run: Run) -> int:
    """The draws of the scores that a run judges by: of the calibration that most rows were added to, or the usual."""
    own = [facts for facts in _added(run.path) if facts["by"] == DENSITY.name]
    return int(max(own, key=_rows_added)["draws"]) if own else DRAWS


def _read_all(source: Split) -> Iterator[Batch]:
    return (source.read(some) for some in parts(len(source), CHUNK))


def _subset(source: Split, places: torch.Tensor) -> Split:
    """Some rows of a split."""
    told = (source.binarize, source.mirror, source.jitter)
    return Split(source.name, source.spec, source.values, source.rows[places], source.labels, None, *told)


def _rows(batch: Batch, rows: Any) -> Batch:
    return batch._replace(**{name: slot[rows] for name, slot in batch.slots()})
