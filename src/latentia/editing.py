"""Editing: what a model does with directions and places of its latent space: the verbs edit, map and weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from latentia import data as data_layer
from latentia.core import Batch, Encodes, Reconstructs, Spec
from latentia.data.dataset import DataSet
from latentia.errors import BadData, BadField, BadRun, CannotDo, near
from latentia.tasks.directions import Direction, between, orthogonal, principal
from latentia.tasks.edit import arithmetic, edit
from latentia.tasks.encode import encode
from latentia.tasks.map import CELLS, LatentMap, latent_map
from latentia.tasks.weights import LARGEST, Balance, balance
from latentia.tasks.working import Net, label_of, require

__all__ = ["GROUP", "Edited", "Edits"]

GROUP = "a label of the data, or a file or folder of examples; principal:1 is a direction that needs no examples"
LIMIT = 10_000  # training items that groups are taken from
PRINCIPAL = "principal:"


class Edited(Protocol):
    """What the verbs need of a model."""

    net: Any
    spec: Spec
    batch: int

    @property
    def _opening(self) -> dict[str, Any]: ...
    def data(self) -> DataSet: ...
    def given(self, x: Any, label: Any = None) -> tuple[Batch, list[str]]: ...
    def as_data(self, x: Tensor) -> Any: ...
    def direction(
        self, towards: str, away: str | None = None, keep: Sequence[str] = (), along: str = "means"
    ) -> Direction: ...
    def _ends(
        self, items: Sequence[str | int], label: Any, tell: Callable[[str], None] | None = None, seed: int | None = None
    ) -> tuple[Tensor, Tensor | None]: ...


class Edits:
    """The verbs themselves; :class:`latentia.model.Model` has them."""

    def direction(
        self: Edited, towards: str, away: str | None = None, keep: Sequence[str] = (), along: str = "means"
    ) -> Direction:
        """The direction of latent space that leads to a group of items.

        Args:
            towards: the group: a label of the data (of a model trained without labels, too, where its data brings
                them), or a file or folder of examples; ``principal:2`` is the second principal direction of the
                decoder's first layer, which needs no examples and no encoder.
            away: the group it comes from; by default all other training items.
            keep: groups whose own directions are taken out of it, so that moving along it moves along none of them.
            along: ``"means"`` goes from mean to mean; ``"discriminant"`` the shortest way that tells the groups apart,
                which changes less of an item: for a trait within a kind, not for another kind.

        Raises:
            CannotDo: a group, of a model without an encoder.
            BadData: no such label and no such file, a group without items, or all items of one label.
        """
        if towards.startswith(PRINCIPAL):
            if away is not None:
                raise BadField(f"{towards} comes from no group of items; leave out {away!r}")
            found = principal(self.net, _number(towards, int(getattr(self.net, "latent", 0))))[-1]
            others = [self.direction(each).vector for each in keep]
            return Direction(orthogonal(found.vector, others))
        groups = _Groups(self)
        others = [self.direction(each, along=along).vector for each in keep]
        return between(groups.codes(towards), groups.codes(away) if away else groups.others(towards), others, along)

    def edit(
        self: Edited,
        items: Sequence[str | int],
        towards: str | None = None,
        amounts: Sequence[float] = (1.0,),
        away: str | None = None,
        keep: Sequence[str] = (),
        plus: Sequence[str | int] = (),
        minus: Sequence[str | int] = (),
        label: str | int | None = None,
        tell: Callable[[str], None] | None = None,
        along: str = "means",
    ) -> Tensor:
        """Items moved through latent space, ``(len(items), len(amounts), *spec.shape)``; amount 0 leaves them.

        Along the :meth:`direction` to a group, whose amount 1 leads as far as from the mean of the others to that
        of the group; or by arithmetic, where items are added and others taken away: ``plus=[5], minus=[7]``.

        Args:
            items: seeds, ``row:12`` of the test split, or files.
            towards: as of :meth:`direction`.
            amounts: how far, negative to the other side.
            away: as of :meth:`direction`.
            keep: as of :meth:`direction`.
            plus: items to add.
            minus: items to take away, as many.
            label: that of seeds and files, for a model of labels; it is kept.
            tell: hears what the direction is and, without an encoder, how far latents that were searched are off.
            along: as of :meth:`direction`.

        Raises:
            BadField: neither or both of a group and items to add.
            BadData, CannotDo: as :meth:`direction`.
        """
        if (towards is None) == (not plus and not minus):
            raise BadField("an edit goes towards a group, or adds items and takes others away: give one of the two")
        if towards is not None:
            found = self.direction(towards, away, keep, along)
            vector = found.vector
            if tell is not None:
                tell(f"{towards}: {found}")
        elif away is not None or keep:
            raise BadField("away and keep belong to a group that an edit goes towards; plus and minus take none")
        else:
            nothing = torch.empty(0, self.net.latent)
            vector = arithmetic(*(self._ends(each, label, tell)[0] if each else nothing for each in (plus, minus)))
        z, labels = self._ends(items, label, tell)
        return edit(self.net, z, vector, amounts, labels, self.batch)

    def map(self: Edited, x: Any, cells: int = CELLS, label: str | int | None = None) -> LatentMap:
        """The data set in two dimensions of latent space, with what the decoder makes of each cell of the ground.

        ``label`` is the class of items that bring none, for a model of labels; cells are of no class in particular.

        Raises:
            CannotDo: the model does not encode and decode.
            BadData: fewer than 3 items.
        """
        require(self.net, Reconstructs, "map")
        batch, _ = self.given(x, label)
        return latent_map(self.net, encode(self.net, batch.x, self.batch, label_of(self.net, batch)), cells)

    def weights(
        self: Edited,
        x: Any,
        within: Sequence[str] | None = None,
        largest: float = LARGEST,
        strength: float = 1.0,
        label: str | int | None = None,
    ) -> Balance:
        """How much each item should count, so that rare kinds are seen as often as common ones.

        See :func:`latentia.tasks.weights.balance`, which tells the arguments.

        Raises:
            CannotDo: the model has no encoder.
        """
        require(self.net, Encodes, "weights")
        batch, _ = self.given(x, label)
        return balance(encode(self.net, batch.x, self.batch, label_of(self.net, batch)), within, largest, strength)

    def named_labels(self: Edited, x: Any) -> list[str] | None:
        """The labels that items bring, by name, whether or not the model was trained with them; ``None`` if none."""
        try:
            names = _with_labels(self.data()).spec.classes
            batch, _ = data_layer.labelled(x, replace(self.spec, classes=names), **self._opening)
        except (BadData, BadRun):
            return None
        return None if batch.label is None else [names[place] for place in batch.label.tolist()]


class _Groups:
    """Groups of items by their words, as codes."""

    def __init__(self, model: Edited) -> None:
        net: Net = model.net
        if not isinstance(net, Encodes):
            raise CannotDo(
                "a direction to a group needs a model that has an encoder, and this one has none; "
                "principal:1 is a direction that needs none, and so do --plus and --minus"
            )
        self.model = model
        self.known: tuple[Tensor, np.ndarray] | None = None

    def codes(self, word: str) -> Tensor:
        """The codes of a group ``(N, latent)``."""
        if word in self.names:
            codes, own = self._labelled()
            return codes[torch.as_tensor(own == self.names.index(word))]
        if not Path(word).exists():
            hint = near(word, self.names) if self.names else "the data has no labels"
            raise BadData(f"{word!r} is no label of the data and no file or folder that is there; {hint}")
        batch, _ = self.model.given(word)
        return self._coded(batch)

    def others(self, word: str) -> Tensor:
        """The codes of all training items that are not of a group."""
        if word in self.names:
            codes, own = self._labelled()
            return codes[torch.as_tensor(own != self.names.index(word))]
        train = self.model.data().train
        return self._coded(train.read(slice(0, min(LIMIT, len(train)))))

    @property
    def names(self) -> tuple[str, ...]:
        """The labels of the data, whether or not the model was trained with them.

        Raises:
            BadData: there is one only.
        """
        try:
            classes = self._opened.spec.classes
        except BadRun:  # it was trained on an array in memory: groups are files then
            return ()
        if len(classes) == 1:
            raise BadData(f"all items of {self._opened.name} are {classes[0]}: a direction needs two groups of items")
        return classes

    @property
    def _opened(self) -> DataSet:
        if not hasattr(self, "_data"):
            self._data = _with_labels(self.model.data())
        return self._data

    def _labelled(self) -> tuple[Tensor, np.ndarray]:
        if self.known is None:
            train = self._opened.train
            order = torch.randperm(len(train), generator=torch.Generator().manual_seed(0))[:LIMIT]
            batch = train.read(order.sort().values)
            if batch.label is None:
                raise BadData(f"{self._opened.name} has no labels")
            self.known = self._coded(batch), batch.label.numpy()
        return self.known

    def _coded(self, batch: Batch) -> Tensor:
        net = self.model.net
        return torch.as_tensor(encode(net, batch.x, self.model.batch, label_of(net, batch)))


def _with_labels(data: DataSet) -> DataSet:
    """The same items with the labels that the data brings, if it brings any."""
    if data.spec.classes:
        return data
    try:
        return data_layer.open(**{**data.options, "labels": True})
    except BadData:
        return data


def _number(word: str, latents: int) -> int:
    text = word.removeprefix(PRINCIPAL)
    if not text.isdecimal() or not 1 <= int(text) <= latents:
        raise BadField(f"{word!r} is no principal direction; this model has principal:1 to principal:{latents}")
    return int(text)
