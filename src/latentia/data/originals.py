"""Pictures in the sizes they have, one at a time, in the colours that a trained model takes."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from latentia.core import Spec
from latentia.data.arrays import array_of, picture_values
from latentia.data.augment import quantized
from latentia.data.cache import cache_folder
from latentia.data.collection import PICTURES, Collection, Files, archive, folder, is_archive
from latentia.data.conform import Conformed
from latentia.data.decode import look, named, refuse
from latentia.data.items import MODES, items
from latentia.data.known import KNOWN
from latentia.data.objects import is_picture
from latentia.data.options import DataOptions
from latentia.data.pictures import Facts, Plan, Unreadable, background, facts_of, halved, opened, render
from latentia.data.reading import content_of
from latentia.errors import BadData

__all__ = ["Halves", "Originals", "originals"]

GREY = {1: "grey", 3: "rgb", 4: "rgb"}
WIDE = 1.5  # times the shape of an input: wider than that, a picture may show two


@dataclass(frozen=True)
class Halves:
    """Pictures that show input and output side by side, of which the input is taken.

    Attributes:
        side: which half that is: 0 the left one, 1 the right one.
        size: (height, width) of an input: pictures whose halves have its shape are such pictures, and others are inputs
            alone; ``None`` where all pictures show both.
    """

    side: int
    size: tuple[int, int] | None = None

    def taken(self, facts: Facts) -> bool:
        """Whether a picture shows both."""
        if self.size is None or facts.width % 2:
            return self.size is None
        (height, width), half = self.size, facts.width // 2
        return 2 * abs(half * height - width * facts.height) <= max(half, facts.height)  # up to rounding

    def notes(self, facts: list[Facts]) -> list[str]:
        """What is said of pictures with these facts."""
        taken = [self.taken(each) for each in facts]
        told = [f"{_share(sum(taken), len(facts))} halved: the {('left', 'right')[self.side]} half is the input"]
        left = [each for each, half in zip(facts, taken, strict=True) if not half]
        height, width = self.size or (1, 1)
        wide = sum(each.width * height > WIDE * width * each.height for each in left)
        if wide:
            told.append(f"{_share(wide, len(facts))} wide, and taken whole: --halves takes the input half")
        return told[not any(taken) :]


class Originals:
    """Pictures with their names, read when they are asked for.

    Attributes:
        names: of each: its path in the folder or archive, or its row.
        alone: whether one picture was given, and no collection.
        notes: sentences for the person; reading may add to them.
    """

    def __init__(self, names: list[str], alone: bool, notes: list[str]) -> None:
        self.names, self.alone, self.notes = names, alone, notes

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        """Name and picture ``(1, C, H, W)``, float32 in [0, 1]; one that may be left out is passed over.

        Raises:
            BadData: a picture whose pixels are damaged.
        """
        raise NotImplementedError


def originals(
    what: Any,
    like: Spec,
    *,
    ground: str = "white",
    skip_bad: bool = False,
    cache: str | Path | None = None,
    halves: Halves | None = None,
) -> Originals:
    """Pictures for a model that takes those of ``like``, each in its own size.

    Args:
        what: a picture file, a folder or archive of pictures, a known name or a file of arrays (with ``:test`` behind
            it for a split), a Pillow picture, an array or tensor of one or more pictures, or a list of these.
        like: channels and levels are brought to its; height and width are not.
        ground: the colour that transparent pictures are laid on.
        skip_bad: leave out what cannot be read.
        cache: as for :func:`latentia.data.open`.
        halves: which pictures show input and output side by side; of arrays all of them or none.

    Raises:
        BadData: nothing there, or pictures that cannot be read.
        BadField: a ground that is no colour.
    """
    background(ground)
    options = DataOptions(background=ground, skip_bad=skip_bad)
    if isinstance(what, str | Path) and str(what) not in KNOWN:
        path = Path(what).expanduser()
        if path.is_dir() or (path.is_file() and is_archive(path)):
            return _InFiles(folder(path) if path.is_dir() else archive(path), like, options, halves, alone=False)
        if path.is_file() and path.suffix.lower() in PICTURES:
            return _InFiles(Files(str(path), {path.name: path}), like, options, halves, alone=True)
    if isinstance(what, str | Path):
        return _input(_stored(what, like, options, cache), halves)
    if isinstance(what, list | tuple):
        several = (originals(each, like, ground=ground, skip_bad=skip_bad, cache=cache, halves=halves) for each in what)
        return _Several(list(several))
    if is_picture(what):
        return _Pillow(what, like, options, halves)
    return _input(_array(what, like, options), halves)


class _InFiles(Originals):
    """Those of a collection; their headers have been looked at."""

    def __init__(
        self, collection: Collection, like: Spec, options: DataOptions, halves: Halves | None, alone: bool
    ) -> None:
        self.collection, self.like, self.options, self.halves = collection, like, options, halves
        self.facts, bad = look(collection)
        if halves is not None and halves.size is None:
            bad |= look(collection, halves=True)[1]  # those of odd width
            self.facts = {row: each for row, each in self.facts.items() if collection.names[row] not in bad}
        if alone and bad:
            raise BadData(f"{collection.name} cannot be read: {next(iter(bad.values()))}")
        refuse(bad, collection, options)
        rows = sorted(self.facts)
        notes = [f"{len(bad):,} pictures left out: {named(bad)}"] if bad else []
        facts = [self.facts[row] for row in rows]
        notes += [*_recoloured(facts, like), *(halves.notes(facts) if halves else [])]
        if collection.others:
            notes.append(f"{collection.others:,} other files are no pictures and are passed over")
        super().__init__([collection.names[row] for row in rows], alone, notes)

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        for row in sorted(self.facts):
            name = self.collection.names[row]
            try:
                with self.collection.open(row) as file, opened(file) as picture:
                    yield name, _rendered(picture, self.facts[row], self.like, self.options, self.halves)
            except Unreadable as error:
                if self.alone or not self.options.skip_bad:
                    where = self.collection.name if self.alone else f"{name} in {self.collection.name}"
                    raise BadData(f"{where} cannot be read: {error}") from None
                self.notes.append(f"left out: {named({name: str(error)})}")


class _Pillow(Originals):
    """One picture of Pillow's."""

    def __init__(self, picture: Any, like: Spec, options: DataOptions, halves: Halves | None) -> None:
        facts = facts_of(picture)
        super().__init__(["0"], True, _recoloured([facts], like) + (halves.notes([facts]) if halves else []))
        self.found = _rendered(picture, facts, like, options, halves)

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        yield "0", self.found


class _Held(Originals):
    """Pictures of one size, in memory or in the cache."""

    def __init__(self, x: Tensor, names: list[str], alone: bool) -> None:
        super().__init__(names, alone, [])
        self.x = x

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        return zip(self.names, self.x[:, None], strict=True)


class _Several(Originals):
    """One after another."""

    def __init__(self, found: list[Originals]) -> None:
        if not found:
            raise BadData("an empty list holds no pictures")
        self.found = found
        names = [name for each in found for name in each.names]
        names = names if len(set(names)) == len(names) else [str(row) for row in range(len(names))]
        super().__init__(names, False, [note for each in found for note in each.notes])

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        return zip(self.names, (x for each in self.found for _, x in each), strict=False)


def _rendered(picture: Any, facts: Facts, like: Spec, options: DataOptions, halves: Halves | None = None) -> Tensor:
    """The pixels of a picture in its own size, or those of its input half, ``(1, C, H, W)``."""
    half = halves.side if halves is not None and halves.taken(facts) else None
    facts = facts if half is None else halved(facts)
    mode = "I;16" if like.shape[0] == 1 and (like.levels or 0) > 256 else MODES[like.shape[0]]
    form = Plan(facts.height, facts.width, mode, "stretch", options.background, half)
    pixels = torch.from_numpy(render(picture, form).astype("float32")) / form.top
    return quantized(pixels.permute(2, 0, 1)[None], like.levels)


def _recoloured(facts: list[Facts], like: Spec) -> list[str]:
    """What happens to colours on the way to the model."""
    wanted = GREY[like.shape[0]]
    found = Counter(each.color for each in facts)["rgb" if wanted == "grey" else "grey"]
    deep = 0 if (like.levels or 0) > 256 else sum(each.deep for each in facts)
    told = ((found, f"brought to {wanted}, as the model takes them"), (deep, "reduced from 16 bits to 8"))
    return [f"{_share(count, len(facts))} {what}" for count, what in told if count]


def _share(count: int, total: int) -> str:
    return "the picture is" if total == 1 else f"{count:,} of {total:,} pictures are"


def _input(found: _Held, halves: Halves | None) -> _Held:
    """Pictures of one size, or their input halves where all of them show both."""
    if halves is None or halves.size is not None:
        return found
    width = found.x.shape[3]
    if width % 2:
        raise BadData(f"pictures {width} pixels wide; two side by side have one width, so they are an even number")
    return _Held(found.x[..., halves.side * width // 2 :][..., : width // 2], found.names, found.alone)


def _stored(what: str | Path, like: Spec, options: DataOptions, cache: str | Path | None) -> _Held:
    """A known set or a file of arrays, whose pictures are of one size."""
    front = str(what)
    if ":" in front and not Path(front).expanduser().exists():
        front = front.rpartition(":")[0]
    spec = content_of(front, options, cache_folder(cache))[0].spec
    own = dataclasses.replace(like, shape=(like.shape[0], *spec.shape[1:])) if spec.kind == "image" else like
    x, names = items(what, own, cache=cache, background=options.background, skip_bad=options.skip_bad)
    return _Held(x, names, alone=False)


def _array(what: Any, like: Spec, options: DataOptions) -> _Held:
    """An array or tensor: pictures as :func:`latentia.data.open` takes them, or one alone ``(C, H, W)``."""
    array = array_of(what, "the array")
    last = array.ndim == 3 and array.dtype.kind != "f" and array.shape[-1] in MODES
    alone = array.ndim == 2 or last or (array.ndim == 3 and array.shape[0] == like.shape[0])
    spec, values = picture_values(array[None] if alone else array, "the array")
    own = dataclasses.replace(like, shape=(like.shape[0], *spec.shape[1:]))
    x = Conformed(values, own, "stretch", options.background).gather(torch.arange(len(values)))
    return _Held(x, [str(row) for row in range(len(x))], alone)
