"""Judges: how likely and how odd items are by a model: the verbs score, outliers and calibrate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from latentia import data as data_layer
from latentia.core import Batch, HasDensity, Spec
from latentia.data.dataset import DataSet
from latentia.data.items import cells
from latentia.data.streaming import ROWS, stream
from latentia.data.tables.shown import Cells
from latentia.errors import BadRun
from latentia.metrics.features import Extractor
from latentia.scoring import Beside, Scorer, background_of
from latentia.tasks.annealing import Bracket, Ladder, annealed, bracket
from latentia.tasks.calibrate import Calibration
from latentia.tasks.evaluate import Figure
from latentia.tasks.items import numbers_of
from latentia.tasks.likelihood import DRAWS, LogProb, averaged, exact, log_likelihood
from latentia.tasks.outliers import Outliers, Rule
from latentia.tasks.score import Scores
from latentia.tasks.working import Net, place
from latentia.training.run import Event, Run

__all__ = ["Judged", "Judges"]

Labels = str | int | Sequence[str | int] | None  # one for all items, or one for each


class Judged(Protocol):
    """What the verbs need of a model."""

    net: nn.Module
    spec: Spec
    folder: Run
    beside: Beside

    @property
    def exact(self) -> nn.Module: ...
    @property
    def exact_others(self) -> tuple[nn.Module, ...]: ...
    @property
    def _opening(self) -> dict[str, Any]: ...
    def data(self) -> DataSet: ...
    def _same(self, data: Any) -> DataSet: ...
    def given(self, x: Any, label: Labels = None) -> tuple[Batch, list[str]]: ...
    def _can(self, verb: str, capability: type) -> nn.Module: ...
    def _scorer(
        self,
        draws: int,
        seed: int,
        data: Any = None,
        tell: Callable[[str], None] | None = None,
        by: str = "auto",
        features: str | Extractor | None = None,
        background: Any = None,
    ) -> Scorer: ...


class Judges:
    """The verbs themselves; :class:`latentia.model.Model` has them."""

    def log_prob(
        self: Judged,
        x: Any,
        draws: int = 1024,
        seed: int = 0,
        label: Labels = None,
        ladder: Ladder | None = None,
        tolerance: float = 0.0,
    ) -> LogProb:
        """Log p(x) of items in nats by importance sampling, with its standard error and how far it can be trusted.

        It depends on the item alone, and two calls give the same; tables are computed in float64. With a ``ladder`` it
        is by annealed chains, which do not need the encoder (:mod:`latentia.tasks.annealing`); with a ``tolerance`` an
        item whose error is at most that many nats gets no more draws, which is faster. Of a model of labels it
        is log p(x|label), by the labels of the items, as :meth:`encode` takes them; of several members the logarithm of
        the mean of their densities.
        """
        self._can("log_prob", HasDensity)
        items, _ = self.given(x, label)

        def told(net: Net) -> LogProb:
            if ladder is not None:
                return annealed(net, items.x, ladder, seed, items.label, items.mask)
            return log_likelihood(net, items.x, draws, seed, label=items.label, mask=items.mask, tolerance=tolerance)

        return averaged([told(net) for net in (self.exact, *self.exact_others)])[0]

    def bracket(self: Judged, count: int = 64, ladder: Ladder | None = None, seed: int = 0) -> Bracket:
        """Bounds of log p(x) from both sides, of items that the model itself makes."""
        self._can("log_prob", HasDensity)
        return bracket(self.exact, count, ladder or Ladder(), seed)

    def blocks(
        self: Judged, x: Any, key: str | None = None, label: Labels = None, rows: int = ROWS
    ) -> Iterator[tuple[Batch, list[str]]]:
        """Items with their names, a block at a time; a table in a file may be larger than memory.

        Args:
            x: the items.
            key: a column of a table that names its rows.
            label: of all items, for a model of labels.
            rows: of a block.
        """
        like = self.spec if label is None else replace(self.spec, classes=())
        for batch, names in stream(x, like, rows, key, **self._opening):
            number = numbers_of(label, self.net, self.spec, len(names))
            yield batch if label is None else batch._replace(label=number), names

    def cells(self: Judged, x: Any) -> Cells | None:
        """The rows of a table as they stand there, for who shows them; ``None`` of what has no columns."""
        return cells(x, self.spec, **self._opening) if self.spec.columns else None

    @cached_property
    def exact(self: Judged) -> nn.Module:
        """The net that scores are computed by: of a table's a copy in float64."""
        return exact(self.net) if self.spec.kind == "table" else self.net

    @cached_property
    def exact_others(self: Judged) -> tuple[nn.Module, ...]:
        """The other members, as :attr:`exact`."""
        return tuple(exact(net) if self.spec.kind == "table" else net for net in self.beside.others)

    def score(
        self: Judged,
        x: Any,
        draws: int = DRAWS,
        seed: int = 0,
        label: Labels = None,
        by: str = "likelihood",
        features: str | Extractor | None = None,
        background: Any = None,
    ) -> Scores:
        """How outlying items are, with where it comes from; higher is more outlying.

        ``-log p(x)`` of a density, the squared error of an autoencoder, what a generator cannot show (with its critic's
        word) of a game: ``kind`` says which. ``by``, ``features`` and ``background`` are as :meth:`outliers` takes
        them; ``features`` take the place of ``by``.
        """
        by = "auto" if features is not None and by == "likelihood" else by
        return self._scorer(draws, seed, None, None, by, features, background).scores(self.given(x, label)[0])

    def outliers(
        self: Judged,
        x: Any,
        rate: float | None = None,
        fdr: float | None = None,
        contamination: float | None = None,
        *,
        draws: int = DRAWS,
        seed: int = 0,
        label: Labels = None,
        refit: bool | None = None,
        by: str = "auto",
        features: str | Extractor | None = None,
        background: Any = None,
        data: Any = None,
        tell: Callable[[str], None] | None = None,
        progress: Callable[[Event], None] | None = None,
    ) -> Outliers:
        """Which items are outliers, with a p-value and reasons for each.

        The p-value is the share of good rows that are at least as odd: of the test split, which is scored once, and
        those that :meth:`calibrate` added. Rows that the model was trained on are recognised, and judged by models that
        were trained without them.

        Args:
            x: the items.
            rate: of false alarms: a good item is an outlier with at most this probability; 0.01 by default.
            fdr: instead of it a false discovery rate over all items (Benjamini-Hochberg).
            contamination: instead of both the share of items that are outliers, whatever their p-values.
            draws: of each likelihood.
            seed: of draws.
            label: of the items, for a model of labels.
            refit: whether five models may be trained to judge rows of the training, and kept in the run; by default for
                tables. Where they may not, such rows have no p-value.
            by: ``"likelihood"`` judges pictures by -log p(x) alone, ``"ratio"`` by the likelihood ratio to a background
                model, ``"regret"`` by the likelihood regret; by default in how unlikely a way they are odd
                (:mod:`latentia.tasks.oddness`). Tables are always judged by -log p(x).
            features: of pictures: how far these lie from those of training pictures is the score, whatever the model.
                ``"patches"`` (local defects, with maps), ``"random-conv"``, ``"pixels"``, or a callable from pictures
                ``(N, C, H, W)`` in [0, 1] to ``(N, D)`` or, place by place, ``(N, D, h, w)``.
            background: of a ratio: the folder of another run of pictures of this shape, or its model.
            data: what the model was trained on, opened or not, if it was an array in memory.
            tell: hears what takes long, and what a person should know.
            progress: is told what happens while those models are trained.

        Raises:
            BadField: several rules, a number outside (0, 1), or a rate that the calibration rows cannot reach.
            BadRun: the data that the model was trained on cannot be opened again.
        """
        rule, scorer = Rule(rate, fdr, contamination), self._scorer(draws, seed, data, tell, by, features, background)
        scorer.progress = progress
        return scorer.outliers(self.given(x, label)[0], rule, refit)

    def calibrate(
        self: Judged,
        x: Any,
        *,
        draws: int = DRAWS,
        seed: int = 0,
        label: Labels = None,
        by: str = "auto",
        features: str | Extractor | None = None,
        background: Any = None,
        data: Any = None,
        tell: Callable[[str], None] | None = None,
    ) -> Calibration:
        """Add good items that the model never saw to those that :meth:`outliers` judges by: lower rates are in reach.

        Raises:
            BadData: none of them is new.
        """
        name = str(x) if isinstance(x, str | Path) else f"{type(x).__name__}"
        return self._scorer(draws, seed, data, tell, by, features, background).calibrate(self.given(x, label)[0], name)

    def judged_by(self: Judged, draws: int = DRAWS, data: Any = None) -> Calibration:
        """What :meth:`outliers` judges by, made and kept in the run where it is not there yet."""
        return self._scorer(draws, 0, data).calibration

    def detects(
        self: Judged,
        bad: Any,
        draws: int = DRAWS,
        seed: int = 0,
        label: Labels = None,
        by: str = "auto",
        features: str | Extractor | None = None,
        background: Any = None,
        data: Any = None,
        tell: Callable[[str], None] | None = None,
    ) -> list[Figure]:
        """How well scores tell known bad items from good ones of the test split: AUROC, average precision, detected.

        Nothing is learnt from the bad items.
        """
        return self._scorer(draws, seed, data, tell, by, features, background).detects(self.given(bad, label)[0])

    def _same(self: Judged, data: Any) -> DataSet:
        """Data in memory that the model was trained on, opened as it was then.

        Raises:
            BadRun: it is other data.
        """
        opened = data_layer.open(data, **self._opening)
        if opened.signature != self.folder.facts["data"]["signature"]:
            raise BadRun(f"data is not what {self.folder.path} was trained on; give the same array or frame again")
        return opened

    def _scorer(
        self: Judged,
        draws: int,
        seed: int,
        data: Any = None,
        tell: Callable[[str], None] | None = None,
        by: str = "auto",
        features: str | Extractor | None = None,
        background: Any = None,
    ) -> Scorer:
        opened = self.data if data is None else (lambda: data if isinstance(data, DataSet) else self._same(data))
        against = None
        if background is not None:
            against = background_of(background, self.spec, str(place(self.net).device))
        beside: dict[str, Any] = {"by": by, "features": features, "background": against, "beside": self.beside}
        return Scorer(self.net, self.spec, self.folder, opened, draws, seed, tell or (lambda _: None), **beside)
