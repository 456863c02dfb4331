"""Translating: pictures as people have them, one after another, through a model that translates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from latentia import data as data_layer
from latentia.core import Spec, TwoSided
from latentia.data.dataset import DataSet
from latentia.data.options import size_text
from latentia.data.originals import Halves, originals
from latentia.data.pairs import show_both
from latentia.data.sides import Pairs
from latentia.data.source import Split
from latentia.errors import BadData, BadField, OutOfMemory
from latentia.tasks.evaluate import Figure
from latentia.tasks.measure import Asked
from latentia.tasks.translate import check, destination, made_spec, translate
from latentia.tasks.translated import sides_of, translated
from latentia.tasks.working import Net
from latentia.training.machine import is_out_of_memory

__all__ = ["Translations", "input_halves", "translation_figures"]

USUAL = "random-conv"  # the features of pictures of both sides
PROPOSED = 512  # pixels of the tiles that are proposed where a picture does not fit


class Translations:
    """What pictures become, one after another: names and pictures ``(1, C, H, W)``, with draws ``(draws, C, H, W)``.

    Args:
        net: translates.
        spec: of the data that it was trained on.
        x: as :func:`latentia.data.originals.originals` takes it; all of it is looked at before the first is read.
        to, draws, seed, tile: as :func:`latentia.tasks.translate.translate` takes them.
        ground: the colour that transparent pictures are laid on.
        skip_bad: leave out pictures that cannot be read.
        halves: which pictures show input and output side by side (:func:`input_halves`).

    Attributes:
        to: the name of the domain.
        spec: of its pictures, but for height and width.
        pictures: names and notes of what is translated.

    Raises:
        BadData: pictures that cannot be read.
        BadField, CannotDo: what the net has not.
    """

    def __init__(
        self,
        net: Net,
        spec: Spec,
        x: Any,
        to: str | None = None,
        draws: int | None = None,
        seed: int = 0,
        tile: int | None = None,
        *,
        ground: str = "white",
        skip_bad: bool = False,
        halves: Halves | None = None,
    ) -> None:
        self.net, self.draws, self.seed, self.tile = net, draws, seed, tile
        self.to = destination(net, to)
        self.spec = made_spec(spec, self.to)
        check(net, draws, tile)
        self.pictures = originals(x, net.given(self.to), ground=ground, skip_bad=skip_bad, halves=halves)

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        for name, x in self.pictures:
            yield name, self._made(x)

    def together(self) -> Tensor:
        """All of them, ``(N, C, H, W)``, with draws ``(N, draws, C, H, W)``.

        Raises:
            BadData: pictures of more than one size, or none that could be read.
        """
        found = [made for _, made in self]
        sizes = {made.shape[2:] for made in found}
        if len(sizes) != 1:
            shown = (
                " and ".join(f"{width} x {height}" for height, width in sorted(sizes)[:2]) or "none that can be read"
            )
            raise BadData(f"pictures of one size have a tensor; these are {shown}: model.translations takes any")
        return torch.cat(found) if self.draws is None else torch.stack(found)

    def _made(self, x: Tensor) -> Tensor:
        try:
            made = translate(self.net, x, self.to, self.draws, self.seed, self.tile)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            size, tile = f"{x.shape[3]} x {x.shape[2]}", min(PROPOSED, (self.tile or 2 * PROPOSED) // 2)
            raise OutOfMemory(
                f"a picture of {size} pixels does not fit in memory; work on parts: --tile {tile}"
            ) from None
        return made if self.draws is None else made[0]


def input_halves(options: Mapping[str, Any], spec: Spec, x: Any, asked: bool | None = None) -> Halves | None:
    """Which of the pictures ``x`` show input and output side by side, as those that a model learnt from may have.

    Where it did, pictures of the same place do, and others whose halves have the shape of its inputs.

    Args:
        options: of the data that the model was trained on.
        spec: of that data.
        x: what is to be translated.
        asked: all do (``True``), or none (``False``).

    Raises:
        BadField: asked for where the model was not trained on pairs.
    """
    if asked and options.get("pairing") != "pairs":
        raise BadField("--halves is for models of pairs, which know an input and an output; leave it out")
    side, place = int(options.get("direction") == "BtoA"), options.get("what")
    if asked:
        return Halves(side)
    such = options.get("pairing") == "pairs" and options.get("other") is None
    if asked is False or place is None or not (such and show_both(place)):
        return None
    if isinstance(x, str | Path) and Path(place).resolve() in (at := Path(x).resolve(), *at.parents):
        return Halves(side)
    return Halves(side, (spec.shape[1], spec.shape[2]))


def translation_figures(
    net: Net, data: DataSet, split: str, asked: Asked, pairs: tuple[Any, Any] | None = None
) -> list[Figure]:
    """How good a model's translations are: see :func:`latentia.tasks.translated.translated`.

    Args:
        net: translates.
        data: what it was trained on.
        split: which of its items.
        asked: some of l1, psnr, ssim, kid and cycle; the features of the kernel distance; how many pictures of each
            side; the seed of halves and subsets; what hears what is left out.
        pairs: two places of true pairs (or one place that holds both, and ``None``), all of which are taken; where the
            model was trained on pictures of these places, only those pairs of which it has seen neither.

    Raises:
        BadField: an unknown metric or extractor, or what it needs is not there.
        BadData: pairs that do not fit the model, or too few.
    """
    say, spec, word = asked.tell or (lambda _: None), data.spec, asked.word(USUAL)
    if word == "classifier":
        raise BadField("the extractor classifier needs labels, which pairs and domains do not have; use random-conv")
    if asked.extractor_seed is not None and word != "random-conv":
        raise BadField("a seed of the extractor is for random-conv")
    if pairs is None:
        found = [cast(TwoSided, getattr(data, split))]
    else:
        found, split = _pairs(data, *pairs, say), "given"
    sides = sides_of(found, pairs is not None or spec.pairing == "pairs", asked.count)
    seen_by = partial(asked.built, usual=USUAL)
    return translated(net, spec, sides, seen_by, split=split, metrics=asked.metrics, seed=asked.seed, tell=say)


def _pairs(data: DataSet, first: Any, second: Any, tell: Callable[[str], None]) -> list[TwoSided]:
    """True pairs in the form of the data, all of them, or those of which neither picture was trained on."""
    told: Mapping[str, Any] = data.options
    height, width = data.spec.shape[1:]
    kept = {name: told[name] for name in ("fit", "background", "color", "skip_bad", "held_out")}
    turned = "BtoA" if data.spec.pairing == "domains" else told["direction"]  # the first of domains is x
    opened = data_layer.open(
        first, second, pairing="pairs", direction=turned, size=size_text(f"{width}x{height}"), **kept
    )
    for mine, theirs in ((data.spec, opened.spec), (data.spec.y, opened.spec.y)):
        if mine is not None and theirs is not None and mine.shape != theirs.shape:
            raise BadData(f"these pairs have pictures of {theirs.shape}, and the model knows {mine.shape}: see --color")
    splits = [cast(Pairs, each) for each in (opened.train, opened.validation, opened.test)]
    if [opened.options[name] for name in ("what", "other")] != [told["what"], told["other"]] or told["what"] is None:
        return [cast(TwoSided, each) for each in splits]
    return _unseen(data, splits, tell)


def _unseen(data: DataSet, splits: list[Pairs], tell: Callable[[str], None]) -> list[TwoSided]:
    """Pairs of which neither picture was trained on."""
    seen = [set(side.names()) for side in (cast(Pairs, data.train).of_x, cast(Pairs, data.train).of_y)]
    found = []
    for each in splits:
        both = zip(each.of_x.names(), each.of_y.names(), strict=True)
        fresh = torch.tensor([x not in seen[0] and y not in seen[1] for x, y in both], dtype=torch.bool)
        found.append(Pairs(each.spec, *(_some(side, fresh) for side in (each.of_x, each.of_y))))
    total, left = sum(map(len, splits)), sum(map(len, found))
    if not left:
        raise BadData(
            f"the model was trained on a picture of each of the {total:,} pairs; hold pairs out together: --group-from"
        )
    tell(f"{left:,} of {total:,} pairs: the model was trained on a picture of each of the others")
    return [cast(TwoSided, each) for each in found]


def _some(side: Split, mask: Tensor) -> Split:
    """The items of a side where a mask is true."""
    return Split(side.name, side.spec, side.values, side.rows[mask], names=side._names)
