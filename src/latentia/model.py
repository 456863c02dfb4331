"""A trained model: ``load`` brings it back from its run, and it has one method per verb."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from latentia import data as data_layer
from latentia import models
from latentia.core import (
    Batch,
    Encodes,
    HasDensity,
    Recipe,
    Reconstructs,
    Samples,
    Spec,
    Translates,
    key,
)
from latentia.editing import Edits
from latentia.errors import BadField, BadRun, CannotDo, near
from latentia.facts import data_of, net_of
from latentia.judges import Judges
from latentia.judging import judging
from latentia.metrics.features import Extractor
from latentia.scoring import Beside
from latentia.tasks.conditional import effective, sample_given
from latentia.tasks.encode import decode, encode
from latentia.tasks.evaluate import Figure, evaluate
from latentia.tasks.hourglass import Row, hourglass
from latentia.tasks.invert import Inverted, Told, invert
from latentia.tasks.items import coder_of, ends_of, labels_of, numbers_of
from latentia.tasks.measure import Asked, samples_like
from latentia.tasks.reconstruct import reconstruct
from latentia.tasks.sample import classes_of, sample
from latentia.tasks.synthetic import ROWS, TABLE, Synthetic, synthetic, target_of
from latentia.tasks.traverse import importance, traverse
from latentia.tasks.walk import Features, Walk, walk
from latentia.tasks.working import label_of
from latentia.training.run import WEIGHTS, Run
from latentia.translating import Translations, input_halves, translation_figures

Labels = str | int | Sequence[str | int] | None  # one for all items, or one for each
BATCH = 256  # items that a loaded model works on at once
SPLITS = ("train", "validation", "test")


def load(run: str | Path, weights: str = "best", device: str = "auto", batch: int = BATCH) -> Model:
    """The model of a run.

    Args:
        run: the folder.
        weights: ``"best"``, the averaged weights with the best score on held-out data, or ``"last"``.
        device: where it computes.
        batch: items that are encoded or decoded at once.

    Raises:
        BadRun: no run, no weights yet, or damaged ones.
    """
    folder = Run.open(run)
    if weights not in WEIGHTS:
        raise BadField(f"weights is {weights!r}; {near(weights, WEIGHTS)}")
    path = folder.path / WEIGHTS[weights]
    if not path.is_file() and (folder.path / WEIGHTS["last"]).is_file():
        raise BadRun(
            f"{folder.path} has no best weights: no score on held-out data was a number; --weights last is there"
        )
    if not path.is_file():
        raise BadRun(f"{folder.path} has no weights yet: its training was stopped before the first validation")
    net, recipe, spec = net_of(folder, path, device)
    model = Model(net, recipe, spec, folder, batch)
    files = [member.path / path.name for member in folder.members]
    model.beside = Beside(tuple(net_of(folder, file, device)[0] for file in files if file.is_file()))
    return model


class Model(Edits, Judges):
    """A trained net with its recipe and spec. It is read-only; each verb refuses what the net cannot do."""

    def __init__(self, net: nn.Module, recipe: Recipe, spec: Spec, folder: Run, batch: int = BATCH) -> None:
        self.net, self.recipe, self.spec, self.folder, self.batch = net, recipe, spec, folder, batch
        self.beside = Beside()  # nets and rows that it is judged with, for who learns more than a run keeps

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.folder.path

    @property
    def facts(self) -> dict[str, Any]:
        """What recipe.json says."""
        return self.folder.facts

    def data(self) -> data_layer.DataSet:
        """The data that the model was trained on, opened again."""
        return data_of(self.folder)

    def items(self, x: Any, **options: Any) -> Tensor:
        """Items as the net takes them, ``(N, *spec.shape)``: from paths, pictures, arrays or tensors.

        ``options`` of the data go over those of the training: ``skip_bad=True`` leaves out what cannot be read.
        """
        return self.named_items(x, **options)[0]

    def named_items(self, x: Any, **options: Any) -> tuple[Tensor, list[str]]:
        """:meth:`items` with their names: files, or row numbers."""
        return data_layer.items(x, self.spec, **{**self._opening, **options})

    @property
    def _opening(self) -> dict[str, Any]:
        told = self.facts["data"]["options"].items()
        return {name: value for name, value in told if name not in ("what", "other")}

    def given(self, x: Any, label: Labels = None, **options: Any) -> tuple[Batch, list[str]]:
        """:meth:`named_items` with labels, for a model that takes them: those that are said, or those that they bring.

        Raises:
            BadData: a label that was never trained, or another number of labels than items.
            CannotDo: a label for a model that takes none.
        """
        if isinstance(x, Batch):
            return x, [str(row) for row in range(len(x.x))]
        if label is None and vars(self.net).get("classes"):
            return data_layer.labelled(x, self.spec, **{**self._opening, **options})
        like = replace(self.spec, classes=())
        items, names = data_layer.labelled(x, like, **{**self._opening, **options})
        return items._replace(label=numbers_of(label, self.net, self.spec, len(items.x))), names

    def sample(
        self,
        count: int = 1,
        seed: int = 0,
        label: str | int | None = None,
        truncation: float | None = None,
        *,
        given: Mapping[str, Any] | None = None,
        extrapolate: bool = False,
        tell: Callable[[str], None] | None = None,
    ) -> Any:
        """New items; item i is that of seed + i, whatever the count.

        Pictures are a tensor ``(count, *spec.shape)``. A table is what it was trained on: a data frame with the same
        columns and types, or an array ``(count, columns)``.

        Args:
            count: how many.
            seed: of the first.
            label: of a model that was trained with labels: its name, or its place among ``spec.classes``; by default
                each item has its own, drawn as often as in the training.
            truncation: with 1.5 each number of the noise lies within 1.5 of 0: items more alike, and fewer odd ones.
            given: values of some columns, ``{"region": "north"}``; the others are drawn given those.
            extrapolate: whether values of a table may lie outside the range of the training rows.
            tell: hears how many proposals count where columns are given.

        Raises:
            BadData: a label that was never trained, or a given value that its column cannot hold.
            BadField: a truncation that is not above 0.
            CannotDo: a model without labels or columns.
        """
        number, net = numbers_of(label, self.net, self.spec, 1), self._can("sample", Samples)
        code = None if number is None else int(number)
        seeds = range(seed, seed + count)
        if not given:
            x = sample(net, self.spec, count, seed, code, truncation, self.shares)
            return self.as_data(x, seeds, self.labels_of_seeds(seeds, code), extrapolate)
        self._needs_columns("given")
        held = data_layer.given_values(self.spec, given)
        x, ess = sample_given(net, self.spec, count, data_layer.given_entries(self.spec, given), seed, code)
        (tell or (lambda _: None))(effective(ess))
        own = self.labels_of_seeds(seeds, code, given=True)
        return data_layer.table(x, self.spec, seeds, extrapolate, own, held)

    @property
    def shares(self) -> Tensor | None:
        """How often each class came in training, ``(classes,)``, of a model of labels; evenly where it is not known."""
        classes = vars(self.net).get("classes")
        return torch.tensor(self.facts.get("labels") or [1] * classes).double() if classes else None

    def labels_of_seeds(self, seeds: Sequence[int], code: int | None = None, given: bool = False) -> Any:
        """The label that :meth:`sample` gives the items of seeds: one for all, one for each, or none."""
        if code is not None:
            return self.spec.classes[code]
        if self.shares is None or given:
            return None
        return [self.spec.classes[place] for place in classes_of(seeds, self.shares).tolist()]

    def as_data(
        self, x: Tensor, seeds: Sequence[int] | None = None, label: Any = None, extrapolate: bool = False
    ) -> Any:
        """Items ``(..., *spec.shape)`` as what the model was trained on: rows of a table as a data frame or array.

        ``seeds`` of the rows decide fresh identifiers; ``label`` stands in the column that labels were read from.
        """
        return data_layer.table(x, self.spec, seeds, extrapolate, label) if self.spec.columns else x

    @property
    def header(self) -> list[str]:
        """The names of the columns of a table as it comes out; empty for anything else."""
        return data_layer.names_of(self.spec) if self.spec.columns else []

    def _needs_columns(self, what: str) -> None:
        if not self.spec.columns:
            raise CannotDo(
                f"{what} is for tables whose columns have names; this model was trained on {self.spec.kind}s"
            )

    def encode(self, x: Any, label: Labels = None) -> np.ndarray:
        """The codes of items, float64 ``(N, latent)``; without an encoder those that :meth:`invert` finds.

        A model that was trained with labels needs those of the items: those that they bring, as :meth:`items` reads
        them, or ``label``, one for all or one for each.
        """
        if not isinstance(self.net, Encodes) and isinstance(self.net, Samples):
            return self.invert(x, label=label).z.double().numpy()
        net, (items, _) = self._can("encode", Encodes), self.given(x, label)
        return encode(net, items.x, self.batch, items.label)

    def invert(
        self,
        x: Any,
        starts: int = 8,
        steps: int = 200,
        seed: int = 0,
        progress: Told | None = None,
        label: Labels = None,
    ) -> Inverted:
        """Latents of items by optimisation, which needs no encoder: with what is left of the error of each."""
        net, (items, _) = self._can("find latents", Samples), self.given(x, label)
        return invert(net, items.x, starts, steps, seed, progress=progress, batch=self.batch, label=items.label)

    def decode(self, z: Any, label: Labels = None) -> Any:
        """What codes ``(N, latent)`` stand for; ``label``, one for all or one for each, may be another than encoded.

        Items come in the kind that :meth:`sample` gives: of a table the mean, and the most probable categories.
        """
        number = None if label is None else numbers_of(label, self.net, self.spec, len(z))
        return self.as_data(decode(self._can("decode", Samples), z, self.batch, number))

    def reconstruct(self, x: Any, draws: int | None = None, seed: int = 0, label: Labels = None) -> Any:
        """Items through encoder and decoder ``(N, *shape)``; with ``draws`` several per item ``(N, draws, *shape)``.

        Rows of a table come in the kind that :meth:`sample` gives, the draws of a row one after another. A model of
        labels takes those of the items, as :meth:`encode` does.
        """
        needed = Reconstructs if draws is None else HasDensity
        net, (items, _) = self._can("reconstruct", needed), self.given(x, label)
        return self.as_data(reconstruct(net, items.x, draws, seed, self.batch, items.label))

    def latents(
        self,
        items: Sequence[str | int],
        tell: Callable[[str], None] | None = None,
        seed: int | None = None,
        label: str | int | None = None,
    ) -> Tensor:
        """The latents of items by their words: ``17`` or ``seed:17``, ``row:12`` of the test split, or a file.

        ``tell`` hears how far the picture of each real item's latent is from the item. With a ``seed``, ``label:7`` is
        an item, too: its latent is that of the seed. ``label`` is that of seeds and files, for a model of labels.
        """
        return self._ends(items, label, tell, seed)[0]

    def _ends(
        self,
        items: Sequence[str | int],
        label: str | int | None,
        tell: Callable[[str], None] | None = None,
        seed: int | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Latents of items, and their labels if they have any."""
        words = [str(item) for item in items]
        source = self.data().test if any(word.startswith("row:") for word in words) else None
        seeds = all(word.removeprefix("seed:").isdecimal() or word.startswith("label:") for word in words)
        self._can("interpolate", Samples if seeds or not isinstance(self.net, Encodes) else Reconstructs)
        labels = labels_of(self.net, self.spec, words, label, source, self.shares)

        def opener(path: Any, like: Spec) -> tuple[Tensor, list[str]]:
            return self.named_items(path)  # as encode reads it: with the options of the run's data

        return ends_of(self.net, self.spec, words, source, opener, coder_of(self.net, self.batch, tell), seed, labels)

    def interpolate(
        self,
        items: Sequence[str | int],
        steps: int = 9,
        how: str = "slerp",
        loop: bool = False,
        even: bool = False,
        label: str | int | None = None,
        seed: int = 0,
    ) -> Any:
        """The walk through latent space from item to item ``(frames, *shape)``, as :meth:`walk` tells it."""
        return self.as_data(self.walk(items, steps, how, loop, even, label=label, seed=seed).x)

    def walk(
        self,
        items: Sequence[str | int],
        steps: int = 9,
        how: str = "slerp",
        loop: bool = False,
        even: bool = False,
        frames: int | None = None,
        features: Features | None = None,
        tell: Callable[[str], None] | None = None,
        label: str | int | None = None,
        seed: int = 0,
    ) -> Walk:
        """The walk with its latents, and its steps as measured in the pictures (:mod:`latentia.tasks.walk`).

        Between labels (``label:3``) the noise is that of ``seed``, and the label's features are interpolated. In such a
        walk ``label`` is that of seeds and files; rows of the test split have their own.
        """
        ends, labels = self._ends(items, label, tell, seed)
        return walk(self.net, ends, steps, how, loop, even, frames, features, self.batch, labels)

    def traverse(
        self,
        at: str | int | None = None,
        steps: int = 9,
        latents: Sequence[int] | None = None,
        label: str | int | None = None,
        tell: Callable[[str], None] | None = None,
    ) -> tuple[list[int], Tensor, Tensor]:
        """One latent moved at a time: latents, values, items ``(rows, steps, *shape)``.

        The most informative latents come first where the model has an encoder that can tell. ``label`` is that of all
        items, for a model of labels; a row of the test split has its own. ``tell`` hears how far the latents that
        were found for it are from the item.
        """
        net = self._can("traverse", Samples)
        ends, labels = self._ends([0 if at is None else at], label, tell)
        some = self.data().validation.read(slice(0, 1000)) if isinstance(net, Encodes) else None
        order = None if some is None else importance(net, some.x, label_of(net, some))
        return traverse(
            net, None if at is None else ends[0], steps, order, latents, None if labels is None else labels[0]
        )

    def translate(
        self, x: Any, to: str | None = None, draws: int | None = None, seed: int = 0, tile: int | None = None
    ) -> Tensor:
        """Counterparts of pictures of one size, exactly as large: ``(N, C, H, W)``, or ``(N, draws, C, H, W)``."""
        return self.translations(x, to, draws, seed, tile).together()

    def translations(
        self,
        x: Any,
        to: str | None = None,
        draws: int | None = None,
        seed: int = 0,
        tile: int | None = None,
        skip_bad: bool = False,
        halves: bool | None = None,
    ) -> Translations:
        """The same of pictures of any sizes, one after another with their names: files, or row numbers.

        Where pictures show input and output side by side, as those of the training, the input half is taken;
        ``halves`` says that all of them do, or none.
        """
        net, told = self._can("translate", Translates), self.facts["data"]["options"]
        both, ground = input_halves(told, self.spec, x, halves), told["background"]
        return Translations(net, self.spec, x, to, draws, seed, tile, ground=ground, skip_bad=skip_bad, halves=both)

    def evaluate(
        self,
        split: str = "test",
        draws: int = 1000,
        seed: int = 0,
        *,
        metrics: Sequence[str] | None = None,
        extractor: str | Extractor | None = None,
        extractor_seed: int | None = None,
        extractor_weights: str | Path | None = None,
        count: int | None = None,
        tell: Callable[[str], None] | None = None,
        pairs: tuple[Any, Any] | None = None,
    ) -> list[Figure]:
        """The figures of a split of the data the model was trained on.

        A model that only samples is measured by how far its samples are from the split's items. Any other that samples
        is, too, where an extractor or a number of samples is given; with metrics, by those alone. A model of labels is
        asked for the labels of the split's items. Translations are measured by l1, psnr, ssim, kid and cycle.

        Args:
            split: ``"train"``, ``"validation"`` or ``"test"``.
            draws: of each likelihood.
            seed: of draws and samples.
            metrics: of samples, some of frechet, kid, precision, recall, density, coverage, wasserstein, ms-ssim and
                classes (what a classifier says of them); by default those that the data allows. ``latent``: the
                completeness and continuity of the latent space, of a model that encodes and decodes. ``table``: what
                :meth:`synthetic` says of rows.
            extractor: ``"random-conv"`` (tables: ``"pixels"``, the numbers as they are), ``"classifier"`` (trained on
                the data's labels), ``"inception"``, or any callable from pictures ``(N, C, H, W)`` to ``(N, D)``.
            extractor_seed: of random convolutions. Hyper-parameters chosen with one seed are reported with another.
            extractor_weights: the local file of inception's weights.
            count: of samples; by default half as many as the split has items, at most 5,000.
            tell: hears what is left out, and why.
            pairs: places of true pairs instead of the split, as :func:`latentia.data.open` takes them; the second may
                be ``None``. Of the run's own places only what it has not seen is taken.

        Raises:
            BadField: an unknown metric or extractor, or what it needs is not there.
            BadData: too few items or samples; says how many are needed.
        """
        if split not in SPLITS:
            raise BadField(f"split is {split!r}; {near(split, SPLITS)}")
        if TABLE in (metrics or ()):
            rest = [name for name in metrics or () if name != TABLE]
            more = self.evaluate(split, draws, seed, metrics=rest, count=count, tell=tell) if rest else []
            return [*self.synthetic(split, count, seed).figures, *more]
        data, found = self.data(), []
        asked = Asked(metrics, extractor, extractor_seed, extractor_weights, count, seed, tell)
        if pairs is not None and not isinstance(self.net, Translates):
            raise CannotDo("places of pairs are for models that translate; this one is measured on a split of its data")
        if isinstance(self.net, Translates):
            return translation_figures(self.net, data, split, asked, pairs)
        only_samples = isinstance(self.net, Samples) and not isinstance(self.net, Reconstructs)
        if metrics is None and not only_samples:
            found = evaluate(self._can("evaluate", Reconstructs), getattr(data, split), draws, seed)
        if only_samples or asked.features or metrics is not None:
            found += judging(self._can("evaluate with samples", Samples), data, split, asked)
        return found

    def synthetic(
        self, split: str = "test", count: int | None = None, seed: int = 0, target: str | None = None
    ) -> Synthetic:
        """How good rows of a table are that the model makes (:func:`latentia.tasks.synthetic.synthetic`).

        Args:
            split: the held-out rows, ``"test"`` or ``"validation"``.
            count: of rows; at most, and by default, as many as were learnt from, up to 10,000. A model of labels makes
                them with the labels of training rows.
            seed: of the first row, and of what is learnt from rows.
            target: the column that utility is told by; by default the last one with categories.

        Raises:
            BadField: a column or a split that is not there, or data without columns.
            BadData: fewer than 20 held-out rows, or a single column.
        """
        if split not in SPLITS[1:]:
            raise BadField(f"split is {split!r}; rows that are made are held against validation or test")
        net = self._can("make rows", Samples)
        target_of(self.spec, target)
        data = self.data()
        made, _ = samples_like(net, data.train, min(count or ROWS, ROWS, len(data.train)), seed)
        mixed = torch.randperm(len(made), generator=torch.Generator().manual_seed(key(seed, "made rows")))
        rows = self.as_data(made[mixed], range(seed, seed + len(made)))  # rounded and within the range, as for a person
        items, _ = data_layer.items(rows, replace(self.spec, classes=()), **self._opening)
        return synthetic(items, data.train, getattr(data, split), target, seed, split)

    def hourglass(self) -> list[Row]:
        """The layers from x to z to x-hat, with shape and number of weights."""
        return hourglass(self.net, self.spec)

    def report(self, data: data_layer.DataSet | None = None) -> Path:
        """Write ``report.html`` into the run."""
        from latentia.tasks.report import report

        return report(
            self.net,
            self.spec,
            data or self.data(),
            self.folder.rows(),
            {**self.facts, "model": type(self.recipe).__name__},
            self.run / "report.html",
            pictures=self.folder.pictures,
        )

    def save(self, path: str | Path) -> Path:
        """Keep the run under ``path`` (a new folder), without its checkpoints.

        Raises:
            BadRun: something is there already.
        """
        path = Path(path)
        if path.exists():
            raise BadRun(f"{path} is there already; give a new folder")
        shutil.copytree(self.run, path, ignore=shutil.ignore_patterns("checkpoints", ".*.part"))
        return path

    def _can(self, verb: str, capability: type) -> nn.Module:
        """The net, if it has the capability that the verb needs.

        Raises:
            CannotDo: naming the models that have it.
        """
        if not isinstance(self.net, capability):
            have = ", ".join(models.having(capability)) or "none yet"
            raise CannotDo(f"{models.name_of(self.recipe)} cannot {verb}; models that can: {have}")
        return self.net
