"""Watch: pictures of the same noise, and the detectors of a game, at each validation of a training.

Nothing here moves a weight: nets are asked in eval mode, without gradients, and the noise is that of seeds. How many
items are asked follows from the images between two validations, so that watching stays a small share of the training.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from latentia.core import Batch, HasCritic, Samples, Source, Translates, TwoSided
from latentia.tasks import detectors
from latentia.tasks.curves import series
from latentia.tasks.pictures import CHANNELS, grid
from latentia.tasks.sample import BLOCK, draw, sample
from latentia.tasks.shown import counterparts
from latentia.tasks.working import Net, given, label_of, parts, place, still

__all__ = ["COLUMNS", "Found", "Watch"]

COLUMNS = 8  # seeds side by side
SEEDS = 64  # of a picture
INPUTS = 16  # of a picture of translations
CLASSES = 16  # rows of a picture at most, where there are classes
SHARE = 20  # images between two validations for each item that is asked
FEWEST, MOST = 128, 1_000  # items that are asked
COARSE = 12  # pixels at which modes are told apart: what a picture shows, not how it is drawn
PER_MODE = 20  # samples that each mode of the training set should get
NUMBERS = 2**25  # in the items that are read at once, at most
KNOWN = 5_000  # items among which copies are looked for, at most
PLAYERS = ("critic", "generator")


@dataclass(frozen=True)
class Found:
    """What the detectors measured, which of them saw something, and the sentences to say now, by detector."""

    figures: Mapping[str, float] = field(default_factory=dict)
    found: Sequence[str] = ()
    said: Mapping[str, str] = field(default_factory=dict)


class Watch:
    """Looks at a training from outside; what it measured and said before, it reads from the log.

    Args:
        train: the items that are learnt from.
        held_out: those of the validation.
    """

    def __init__(self, train: Source, held_out: Source) -> None:
        self.train, self.held_out, self.spec = train, held_out, train.spec

    def draw(self, net: Net, folder: Path, seen: int) -> Path | None:
        """A picture of seeds 0 and on in ``folder``, named by images seen; with classes a row of each, the same seeds.

        Of a net that translates it shows the same held-out pictures. ``None`` where the net does neither, or makes no
        pictures.
        """
        if not isinstance(net, Samples | Translates) or self.spec.kind != "image" or self.spec.shape[0] not in CHANNELS:
            return None
        items = self._shown(net)
        folder.mkdir(exist_ok=True)
        path = folder / f"{seen:010d}.png"
        part = path.with_name(f".{path.name}.part")
        grid(items, COLUMNS).save(part, format="PNG")
        os.replace(part, path)
        return path

    def _shown(self, net: Net) -> Tensor:
        """The items of a picture."""
        if isinstance(net, Translates):
            return counterparts(net, cast(TwoSided, self.held_out), INPUTS)
        classes = range(min(getattr(net, "classes", 0), CLASSES))
        rows = [sample(net, self.spec, COLUMNS, label=each) for each in classes]
        return torch.cat(rows) if rows else sample(net, self.spec, SEEDS)

    def look(
        self, net: Net, learner: Net, seen: int, every: int, budget: int | None, rows: Sequence[Mapping[str, Any]]
    ) -> Found:
        """Ask the critic about training items, held-out ones and fakes, and hold samples against the training set.

        A sentence is said once in a run, and only of what was found at three validations in a row.

        Args:
            net: with the averaged weights, whose samples people will use.
            learner: with the weights that learn: it is their game that the critic's answers tell of.
            seen: images of the training until now.
            every: images between two validations.
            budget: images of the whole training, if that is known.
            rows: those of ``log.jsonl`` until now.
        """
        if not isinstance(learner, HasCritic):
            return Found()
        count = max(FEWEST, min(every // SHARE, MOST, NUMBERS // (2 * self.spec.size)))
        answers = self._answers(learner, count)
        verdicts = {"overfitting": detectors.overfitting(*answers), **self._samples(net, count)}
        means = zip(("train", "held_out", "fake"), answers, strict=True)
        figures = {f"answer_{name}": float(each.mean()) for name, each in means}
        figures["balance"] = detectors.balance(answers[0], answers[2]).value
        figures |= {name: verdict.value for name, verdict in verdicts.items() if np.isfinite(verdict.value)}
        lasting = {name: verdict.said for name, verdict in verdicts.items() if verdict.said and _lasts(name, rows)}
        for name in ("lost_modes", "sameness"):
            if not detectors.left_out(_history(rows, figures, name), late=2 * seen >= (budget or math.inf)):
                lasting.pop(name, None)
        said = lasting | {"balance": detectors.saturation(_history(rows, figures, "balance"))}
        said |= {f"{name}_loss": detectors.divergence(_series(rows, name), f"{name}'s loss") for name in PLAYERS}
        before = {name for row in rows for name in row.get("said", {})}
        now = {name: sentence for name, sentence in said.items() if sentence and name not in before}
        return Found(figures, [name for name, verdict in verdicts.items() if verdict.said], now)

    def _answers(self, net: Net, count: int) -> list[Tensor]:
        """The critic's answers to training items, held-out items and fakes."""
        known, unseen = (each.read(spread(each, count)) for each in (self.train, self.held_out))
        return [_answers(net, each) for each in (known, unseen, _made(net, known, count))]

    def _samples(self, net: Net, count: int) -> dict[str, detectors.Verdict]:
        """What samples tell: copies, and modes of the training set that they leave out."""
        places = spread(self.train, 2 * count)
        some = self.train.read(places)
        made = _made(net, some, count).x
        most = min(KNOWN, max(1, NUMBERS // self.spec.size))
        known, unseen = (Part(each, spread(each, most)) for each in (self.train, self.held_out))
        found = {"copies": detectors.memorisation(made, known, unseen)}
        if len(places) >= 2 * PER_MODE:
            real, drawn = _coarse(_detailed(net, some.x), made)
            centres = detectors.bins(real, count // PER_MODE)
            nearest = torch.cdist(torch.as_tensor(centres), real).argmin(1).tolist()
            names = [f"around training item {places[place]}" for place in nearest]
            placed = [detectors.nearest_bin(each, centres) for each in (drawn, real)]
            found["lost_modes"] = detectors.mode_coverage(placed[0], placed[1], names)
            found["sameness"] = detectors.sameness(drawn, real)
        return found


def _history(rows: Sequence[Mapping[str, Any]], figures: Mapping[str, float], name: str) -> list[float]:
    """A figure at all validations, that of now last."""
    return [*series(rows, "watch", name)[1].tolist(), *([figures[name]] if name in figures else [])]


def _series(rows: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    values: list[float] = series(rows, "train", name)[1].tolist()
    return values


def _lasts(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a detector found something at each of the last validations, that of now not counted."""
    before = [row.get("found", ()) for row in rows if row.get("split") == "watch"][1 - detectors.LASTS :]
    return len(before) == detectors.LASTS - 1 and all(name in each for each in before)


class Part:
    """Some items of a source."""

    def __init__(self, source: Source, places: Sequence[int]) -> None:
        self.source, self.places, self.spec = source, torch.as_tensor(list(places)), source.spec

    def __len__(self) -> int:
        return len(self.places)

    def take(self, seed: int, start: int, count: int, rows: slice = slice(None)) -> Batch:
        return self.source.take(seed, start, count, rows)

    def read(self, indices: Sequence[int] | Tensor | slice) -> Batch:
        return self.source.read(self.places[indices])


def spread(source: Source, count: int) -> range:
    """At most ``count`` places that lie evenly over a source."""
    return range(0, len(source), -(-len(source) // count))


def _made(net: Net, like: Batch, count: int) -> Batch:
    """Items made of seeds 0 to ``count``, given the labels of ``like`` in turn if the net takes labels."""
    own = label_of(net, like)
    label = None if own is None else own[torch.arange(count) % len(like.x)]
    z, done = draw(net, range(count)), []
    with still(net):
        for rows in parts(count, BLOCK):
            made: Tensor = net.decode(z[rows].to(place(net)), *given(label, place(net), rows))
            done.append(made.to("cpu", torch.float32))
    return Batch(torch.cat(done), label=label)


def _answers(net: Net, batch: Batch) -> Tensor:
    """The critic's answers to items, ``(N,)`` on the CPU."""
    done = []
    with still(net):
        for rows in parts(len(batch.x), BLOCK):
            label = None if batch.label is None else batch.label[rows].to(place(net).device)
            done.append(net.answer(batch.x[rows].to(place(net)), label).float().cpu())
    return torch.cat(done)


def _detailed(net: Net, x: Tensor) -> Tensor:
    """Items with the detail that the game has by now, on the CPU."""
    with still(net):
        done = [net.detailed(x[rows].to(place(net))).to("cpu", torch.float32) for rows in parts(len(x), BLOCK)]
    return torch.cat(done)


def _coarse(real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
    """What modes are told by, float64 ``(N, D)``: pictures of about 12 pixels, columns in deviations of real ones."""
    if real.dim() == 4:
        factor = max(1, min(real.shape[-2:]) // COARSE)
        known, drawn = (functional.avg_pool2d(each, factor).flatten(1).double() for each in (real, made))
        return known, drawn
    scale = real.double().std(0).clamp_min(1e-6)
    return real.double().flatten(1) / scale, made.double().flatten(1) / scale
