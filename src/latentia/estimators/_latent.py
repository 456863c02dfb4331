"""What both estimators share: tables in and out, training, thresholds, p-values, explanations, files."""

from __future__ import annotations

import json
import logging
import math
import os
import shutil
import tempfile
import warnings
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, OutlierMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from latentia import api, data
from latentia.core import Batch, Recipe
from latentia.errors import BadField, BadRun
from latentia.estimators._learner import Learner
from latentia.model import Model, load
from latentia.scoring import LEARNT, Beside, draws_of
from latentia.tasks.calibrate import signatures
from latentia.tasks.encode import encode
from latentia.tasks.likelihood import DRAWS
from latentia.tasks.outliers import Outliers
from latentia.training.machine import threads
from latentia.training.run import WEIGHTS, Event, Run, Said

__all__ = ["LatentEstimator"]

FEWEST = 3  # rows: one each to train on, to choose by, to judge by
CHECKED = 0.5  # any share: p-values do not depend on the decision
JUDGES = 100  # of the rows held out from calls of partial_fit, that are kept at least
RATE = 0.01  # of false alarms, where nobody asked for one
FILE = "estimator.json"
DRAWN = 2**31 - 1
log = logging.getLogger("latentia")
Array = np.ndarray[Any, np.dtype[np.float64]]


class LatentEstimator(OutlierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A table's model behind scikit-learn's verbs; what differs is the recipe, and what a score is."""

    model_: Model
    offset_: float
    rate_: float
    random_state: Any
    contamination: float | str
    rate: float
    learning_rate: float
    images: int | None
    batch: int | None
    n_jobs: int | None
    device: str
    members = 1  # nets whose densities are averaged
    _held: Array
    _learners: list[Learner]

    # --- what the two kinds say --------------------------------------------------------------------------------------

    def _recipe(self) -> Recipe:
        raise NotImplementedError

    def _score(self, batch: Batch) -> Array:
        raise NotImplementedError

    # --- fitting -----------------------------------------------------------------------------------------------------

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from rows ``(N, columns)``: an array, or a data frame whose columns may be of any type, and missing.

        A tenth of the rows chooses the best weights, and another tenth says how odd good rows look.

        Raises:
            ValueError: fewer than 3 rows, or values that are no numbers of a table.
        """
        check_contamination(self.contamination, self.rate)
        table = self._checked(X, reset=True)
        seed = self._seed()
        opened = data.open(table, held_out=0.1)
        folder = tempfile.mkdtemp(prefix="latentia-")
        with threads(self._threads()):
            told: dict[str, Any] = {"images": self.images, "batch": self.batch, "members": self.members}
            told |= {"device": self.device, "seed": seed}
            self.diagnosis_: list[str] = []
            try:
                self.model_ = api.train(self._recipe(), opened, run=folder, progress=self._listen, **told)
            except BaseException:
                shutil.rmtree(folder, ignore_errors=True)
                raise
            weakref.finalize(self.model_.folder, shutil.rmtree, folder, True)  # models of partial_fit share it
            self._opened = opened
            self._settle(table)
        if self.contamination == "auto" and self.rate_ > self.rate:
            self.diagnosis_.append(
                f"rate {self.rate:g} is out of reach of {len(self._held):,} rows held out: {self.rate_:.3g} is used"
            )
        for text in self.diagnosis_:
            if "collapsed" in text or (text.startswith("rate ") and self.rate != RATE):
                warnings.warn(text, stacklevel=2)
        self._n_features_out = self.model_.net.latent
        self.__dict__.pop("_learners", None)
        return self

    def _listen(self, event: Event) -> None:
        if isinstance(event, Said):
            log.info(event.text)
            self.diagnosis_.append(event.text)

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Go on learning from more rows; the first call is :meth:`fit`, which decides what the columns are.

        Every tenth row is not learnt from: it says how odd good rows look from now on.
        """
        if not hasattr(self, "model_"):
            return self.fit(X)
        batch = self.model_.given(self._checked(X, reset=False))[0]
        with threads(self._threads()):
            beside = self._parted(batch)
            learnt = _rows(batch, torch.from_numpy(np.isin(signatures(batch), beside.seen[LEARNT])))
            if len(learnt.x):
                self._learn(learnt)
            self.model_.beside = replace(beside, others=self.model_.beside.others)
            if beside.good is not None:
                self._held = self._score(beside.good)
            self._threshold(self._score(batch))
        return self

    def _learn(self, rows: Batch) -> None:
        """Let every member go on, in a copy of the run: that of the first fit stays what it was."""
        before = self.model_
        if not hasattr(self, "_learners"):
            nets = (before.net, *before.beside.others)
            self._learners = [Learner(before.recipe, net, self.learning_rate) for net in nets]
            parent = tempfile.mkdtemp(prefix="latentia-")
            self._folder = Run.open(before.save(Path(parent) / "run"))
            weakref.finalize(self._folder, shutil.rmtree, parent, True)
        for learner in self._learners:
            learner.learn(rows, self.batch, self._seed())
        first, *others = (learner.settled(before.spec, rows) for learner in self._learners)
        self.model_ = Model(first, before.recipe, before.spec, self._folder, before.batch)
        self.model_.beside = Beside(tuple(others))
        for member, net in enumerate((first, *others), 1):
            for name in WEIGHTS:
                self._folder.member(member).write_weights(name, net.state_dict())

    def _parted(self, batch: Batch) -> Beside:
        """The rows of a call by what becomes of them: every tenth that is new is not learnt from, and judges others.

        As many of the latest of these rows are kept as were held out by the first fit, at least :data:`JUDGES`.
        """
        before, marks = self.model_.beside, signatures(batch)
        seen, good = dict(before.seen), before.good
        if not seen:
            draws, opened = getattr(self, "draws", DRAWS), getattr(self, "_opened", None)
            seen = {LEARNT: np.zeros(0, np.int64), **self.model_.judged_by(draws, opened).seen}
        if good is None:
            good = self._opened.test.read(slice(None)) if hasattr(self, "_opened") else _rows(batch, slice(0))
        judging = np.isin(marks, signatures(good) if len(good.x) else marks[:0])
        fresh = np.flatnonzero(~judging & ~np.isin(marks, np.concatenate(list(seen.values()))))[9::10]
        held = judging.copy()
        held[fresh] = True
        seen[LEARNT] = np.union1d(seen[LEARNT], marks[~held])
        good = _joined(good, _rows(batch, torch.from_numpy(fresh)), max(len(good.x), JUDGES))
        return Beside(good=good if len(good.x) else None, seen=seen)

    def _settle(self, table: Any) -> None:
        """The threshold, from rows that the model never saw, or from a share of those it did."""
        self._held = self._score(self._opened.test.read(slice(None)))
        training = None if self.contamination == "auto" else self._score(self.model_.given(table)[0])
        self._threshold(training)

    def _threshold(self, training: Array | None) -> None:
        if isinstance(self.contamination, str) or training is None:
            self.offset_, self.rate_ = offset_at(self._held, self.rate)
        else:
            self.offset_ = float(np.percentile(training, 100.0 * self.contamination))
            self.rate_ = (1 + int((self._held < self.offset_).sum())) / (len(self._held) + 1)

    # --- scikit-learn's verbs ----------------------------------------------------------------------------------------

    def score_samples(self, X: Any) -> Array:
        """How ordinary each row is, float64 ``(N,)``; higher is more ordinary."""
        return self._asked(X, self._score)

    def decision_function(self, X: Any) -> Array:
        """``score_samples - offset_``: below 0 for outliers."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
        """+1 for rows that belong, -1 for outliers."""
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of :meth:`score_samples`: what a grid search chooses by."""
        return float(self.score_samples(X).mean())

    def transform(self, X: Any) -> Array:
        """The codes of rows, float64 ``(N, latent)``."""
        return self._asked(X, lambda batch: encode(self.model_.exact, batch.x))

    def pvalues(self, X: Any, refit: bool = True) -> Array:
        """How many good rows are as odd: the share of those that the model never saw, itself included, ``(N,)``.

        Good rows have p-values that are uniform (Vovk, Gammerman & Shafer 2005, section 2.2). Rows that the model was
        trained on are recognised, and judged by 5 models that are trained without them once they are asked for;
        without ``refit`` they have none (NaN).
        """
        return self._judged(X, refit).p_values

    def explain(self, X: Any) -> Any:
        """Why a row is odd: what each column adds to its score, less what it adds on average; the code's part last.

        A data frame where one came in, else ``(N, columns + 1)``; the columns are :attr:`explained_`. A row of them and
        :attr:`explained_mean_`, the mean score of good rows, add up to the score that p-values are counted by: of an
        autoencoder ``-score_samples``, of a density that with numbers in units of their column's scale.
        """
        found = self._judged(X, refit=False)
        self.explained_, self.explained_mean_ = list(found.names), float(found.constants[0])
        if not hasattr(X, "iloc"):
            return found.contributions
        import pandas

        return pandas.DataFrame(found.contributions, columns=self.explained_, index=X.index)

    def _judged(self, X: Any, refit: bool) -> Outliers:
        check_is_fitted(self)
        table = self._checked(X, reset=False)
        with threads(self._threads()):
            return self._calibrated(table, refit)

    def _calibrated(self, table: Any, refit: bool) -> Outliers:
        """Rows beside those that the model never saw; once it was loaded, by what its run keeps of these."""
        draws, opened = getattr(self, "draws", DRAWS), getattr(self, "_opened", None)
        return self.model_.outliers(table, contamination=CHECKED, refit=refit, draws=draws, data=opened)

    def sample(self, n_samples: int = 1, random_state: Any = None) -> Any:
        """New rows, of the kind that was learnt from: an array, or a data frame of the same types."""
        check_is_fitted(self)
        seed = self._seed() if random_state is None else int(check_random_state(random_state).randint(DRAWN))
        with threads(self._threads()):
            return self.model_.sample(n_samples, seed=seed)

    def inverse_transform(self, X: Any) -> Any:
        """What codes ``(N, latent)`` stand for, of the kind that was learnt from."""
        check_is_fitted(self)
        with threads(self._threads()):
            return self.model_.decode(np.array(X, dtype=np.float64))

    # --- files -------------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> Path:
        """Keep the estimator in a new folder: its run, and one JSON file. No pickle."""
        check_is_fitted(self)
        with threads(self._threads()):
            self._calibrated(Batch(torch.zeros(1, *self.model_.spec.shape)), refit=False)  # keeps it in the run
        kept = self.model_.save(path)
        told = {name: value for name, value in vars(self).items() if name in (*self.get_params(), *KEPT)}
        told |= {"class": type(self).__name__, "held": self._held.tolist()}
        told |= {name: list(told[name]) for name in ("feature_names_in_", "hidden") if told.get(name) is not None}
        (kept / FILE).write_text(json.dumps(told, indent=1), encoding="utf-8")
        return kept

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """An estimator that :meth:`save` wrote, or one around the run of a training (``runs/vae-customers``).

        Raises:
            BadRun: no run, one of another model, or one whose data are no table.
        """
        model = load(path)
        if model.spec.kind != "table" or not model.spec.columns:
            raise BadRun(f"{path} was trained on {model.spec.kind} data; estimators are for tables")
        if model.facts["model"] != cls.__name__.lower():
            raise BadRun(f"{path} is a run of {model.facts['model']}, and this is {cls.__name__}")
        file = Path(path) / FILE
        told = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        own = cls._get_param_names()
        found = cls(**{name: told[name] for name in own if name in told})
        if isinstance(found.hidden, list):
            found.hidden = tuple(found.hidden)
        found.model_, found._n_features_out = model, model.net.latent
        if told:
            found.__dict__ |= {name: told[name] for name in KEPT if name in told}
            found._held = np.asarray(told["held"])
        else:
            found._wrap()
        if hasattr(found, "feature_names_in_"):
            found.feature_names_in_ = np.asarray(found.feature_names_in_, dtype=object)
        return found

    def _wrap(self) -> None:
        """What fit would know, from the run's own data, with the draws that the run judges by."""
        self._opened = self.model_.data()
        if hasattr(self, "draws"):
            self.draws = draws_of(self.model_.folder)
        spec = self.model_.spec
        names = [column.name for column in spec.columns]
        for aside in sorted(spec.asides, key=lambda each: each.place):
            names.insert(aside.place, aside.name)
        self.n_features_in_ = len(names)
        if spec.form == "frame":
            self.feature_names_in_ = np.asarray(names, dtype=object)
        self._held = self._score(self._opened.test.read(slice(None)))
        training = self._score(self._opened.train.read(slice(None))) if self.contamination != "auto" else None
        self._threshold(training)

    # --- tables ------------------------------------------------------------------------------------------------------

    def _checked(self, X: Any, reset: bool) -> Any:
        """The table as the data layer takes it: a frame as it is, anything else as float64 numbers.

        Raises:
            ValueError: as scikit-learn says it.
        """
        fewest = FEWEST if reset else 1
        if is_frame(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
            if len(X) < fewest:
                raise ValueError(f"Found array with {len(X)} sample(s) while a minimum of {fewest} is required.")
            return X
        told = {"ensure_min_samples": fewest, "ensure_all_finite": "allow-nan", "dtype": np.float64}
        return validate_data(self, X, reset=reset, **told)

    def _asked(self, X: Any, work: Any) -> Array:
        check_is_fitted(self)
        table = self._checked(X, reset=False)
        with threads(self._threads()):
            return np.asarray(work(self.model_.given(table)[0]), dtype=np.float64)

    def _seed(self) -> int:
        return int(check_random_state(self.random_state).randint(DRAWN))

    def _threads(self) -> int | None:
        if self.n_jobs is None or self.n_jobs > 0:
            return self.n_jobs
        return max(1, (os.cpu_count() or 1) + 1 + self.n_jobs)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


KEPT = ("offset_", "rate_", "n_features_in_", "feature_names_in_")


def is_frame(table: Any) -> bool:
    """Whether a table has columns with names and types."""
    return hasattr(table, "columns") and hasattr(table, "shape")


def _joined(one: Batch, other: Batch, most: int) -> Batch:
    """The rows of both, at most so many of the last."""
    x, masks = torch.cat([one.x, other.x])[-most:], [each.mask for each in (one, other) if each.mask is not None]
    if not masks:
        return Batch(x)
    whole = [
        masks[0].new_ones(len(each.x), masks[0].shape[1]) if each.mask is None else each.mask for each in (one, other)
    ]
    return Batch(x, mask=torch.cat(whole)[-most:])


def offset_at(held: Array, rate: float) -> tuple[float, float]:
    """The score below which a row is an outlier, and the share of good rows that lie below it.

    Args:
        held: scores of good rows that were not learnt from, higher for ordinary ones.
        rate: of false alarms that is wanted; where so few rows cannot reach it, the least that they can.
    """
    ranked, count = np.sort(held), len(held)
    below = max(1, math.floor(rate * (count + 1) + 1e-9))  # p <= rate: at most so many of all rows, itself included
    return float(np.nextafter(ranked[below - 1], np.inf)), below / (count + 1)  # the row that it comes from lies below


def check_contamination(contamination: Any, rate: float) -> None:
    """Refuse shares that are none.

    Raises:
        BadField: says what is allowed.
    """
    if contamination != "auto" and not (isinstance(contamination, float | int) and 0 < contamination <= 0.5):
        raise BadField(f"contamination is {contamination!r}; it is 'auto', or a share in (0, 0.5]")
    if not 0 < rate < 1:
        raise BadField(f"rate is {rate!r}; it lies between 0 and 1, for example 0.01")


def _rows(batch: Batch, rows: Any) -> Batch:
    return batch._replace(**{name: slot[rows] for name, slot in batch.slots()})
