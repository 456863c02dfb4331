"""Models that are at hand: loaded once, kept while they are used, with what the explorer asks of each."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentia import data as data_layer
from latentia.core import Encodes, HasDensity, Reconstructs, Samples, Translates
from latentia.data.dataset import DataSet
from latentia.errors import BadData, BadField, Refused
from latentia.model import Model, load
from latentia.studio.runs import Shelf
from latentia.tasks.encode import codes_of, decode
from latentia.tasks.items import numbers_of
from latentia.tasks.sample import draw
from latentia.tasks.traverse import importance, prior_quantiles
from latentia.tasks.working import label_of

__all__ = ["Live", "Loaded", "reading"]

Array = NDArray[np.float64]
KEPT = 3  # models at hand at once
MEASURED = 1_000  # items by which latents are put in order, and that a map shows
EDGES = (0.001, 0.5, 0.999)  # of the prior: the ends and the middle of a slider
CAN = {
    "sample": Samples,
    "encode": Encodes,
    "reconstruct": Reconstructs,
    "density": HasDensity,
    "translate": Translates,
}

# Pillow's limit of pixels is told by a warning, and the filters of warnings belong to the whole process: one at a time.
reading = threading.RLock()


@dataclass
class Loaded:
    """A model with what is asked of it again and again."""

    model: Model

    def can(self, verb: str) -> bool:
        """Whether the model has what a verb needs."""
        return isinstance(self.model.net, CAN[verb])

    @property
    def latent(self) -> int:
        """How many latents there are; 0 where there are none."""
        return int(vars(self.model.net).get("latent", 0))

    @property
    def classes(self) -> tuple[str, ...]:
        """Of a model of labels."""
        return self.model.spec.classes if vars(self.model.net).get("classes") else ()

    @cached_property
    def data(self) -> DataSet:
        """What it was trained on, with labels if they can be had."""
        with reading:
            options = dict(self.model.facts["data"]["options"])
            if not options.get("labels") and not options.get("labels_from") and not options.get("pairing"):
                what, other = options.pop("what"), options.pop("other", None)
                try:
                    if what is not None:
                        return data_layer.open(what, other, **{**options, "labels": True})
                except Refused:
                    pass  # it brings none
            return self.model.data()

    @cached_property
    def carries(self) -> Array | None:
        """How much each latent carries: KL in nats, or of a model without a density the variance of codes."""
        if not isinstance(self.model.net, Encodes):
            return None
        try:
            some = self.data.validation.read(slice(0, MEASURED))
        except Refused:  # an array in memory, or data that was moved
            return None
        return importance(self.model.net, some.x, label_of(self.model.net, some))

    @cached_property
    def edges(self) -> Tensor:
        """Low end, middle and high end of each latent, ``(3, latent)``."""
        return prior_quantiles(self.model.net, torch.tensor(EDGES))

    @cached_property
    def cloud(self) -> tuple[Tensor, list[int], list[str]]:
        """Codes of held-out items, their classes and the names of these; without an encoder latents that are drawn."""
        net = self.model.net
        if not isinstance(net, Encodes):
            return draw(net, range(MEASURED // 4)), [], []
        some = self.data.test.read(slice(0, MEASURED))
        codes = codes_of(net, some.x, label=label_of(net, some))
        return codes, [] if some.label is None else some.label.tolist(), list(self.data.spec.classes)

    def codes(self, word: str, label: str | None, truncation: float | None = None) -> Tensor:
        """The latents of an item ``(latent,)``: ``seed:17`` or ``row:12``; files are handed in elsewhere.

        Raises:
            BadField: another kind of item.
        """
        kind, _, number = word.partition(":")
        if kind not in ("seed", "row") or not number.isdecimal() or len(number) > 18:
            raise BadField(f"{word[:40]!r} is no item here; items are seed:17, or row:12 of the test split")
        if kind == "seed":
            return draw(self.model.net, [int(number)], truncation)[0]
        if not self.can("encode"):
            with reading:
                return self.model.latents([word], label=label)[0]
        if int(number) >= len(self.data.test):
            raise BadField(f"{word}: the test split has the rows 0 to {len(self.data.test) - 1}")
        with reading:
            item = self.data.test.read([int(number)])
        return codes_of(self.model.net, item.x, label=numbers_of(label, self.model.net, self.model.spec, 1))[0]

    def decoded(self, z: Tensor, label: str | None) -> Tensor:
        """What latents ``(N, latent)`` stand for, as numbers: pictures within their range."""
        spec = self.model.spec
        made = decode(self.model.net, z, label=numbers_of(label, self.model.net, spec, len(z)))
        return made.clamp(spec.low, spec.high) if spec.kind == "image" else made

    def latents_in(self, given: Any) -> Tensor:
        """Latents as the page sends them, ``(latent,)``.

        Raises:
            BadData: another number of them, or what is no finite number.
        """
        count = self.latent
        if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != count:
            raise BadData(f"this model takes {count} latents")
        try:
            z = torch.tensor([float(value) for value in given])
        except (TypeError, ValueError, OverflowError):
            raise BadData("latents are numbers") from None
        if not bool(torch.isfinite(z).all()):
            raise BadData("latents are finite numbers")
        return z


class Live:
    """The models that are at hand, the last used of them; a run that was trained on is loaded again."""

    def __init__(self, shelf: Shelf, device: str = "auto") -> None:
        self.shelf, self.device = shelf, device
        self.loaded: OrderedDict[tuple[Any, ...], Loaded] = OrderedDict()
        self.lock = threading.Lock()

    def model(self, run: str) -> Loaded:
        """The model of a run.

        Raises:
            BadRun, BadData: as the shelf and :func:`latentia.model.load` say.
        """
        track = self.shelf.track(run)
        key = (run, track.stamp[0], track.stamp[4])
        with self.lock:
            if key not in self.loaded:
                self.loaded[key] = Loaded(load(track.path, device=self.device))
                for old in [old for old in self.loaded if old[0] == run and old != key]:
                    del self.loaded[old]
            self.loaded.move_to_end(key)
            while len(self.loaded) > KEPT:
                self.loaded.popitem(last=False)
            return self.loaded[key]
