"""Which picture belongs to which: by name, by a CSV file, or side by side in one picture."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from latentia.core import Spec
from latentia.data.collection import Collection, Files
from latentia.data.dataset import Content, Part
from latentia.data.decode import Decoded, decode, look, named
from latentia.data.folders import own_splits, short_name, splits_and_classes
from latentia.data.labels import read_csv
from latentia.data.options import DataOptions
from latentia.data.source import ArrayValues, Values
from latentia.errors import BadData

__all__ = ["Picked", "Sides", "matched", "side_by_side", "written"]

Couple = tuple[str, str]  # names of the two pictures of a pair, in their collections
BY_NAME = "pairs are matched by name without its ending, in the same folders"


class Sides(NamedTuple):
    """The two sides of pairs, row by row, and what the data calls them."""

    a: Content
    b: Content
    names: tuple[str, str]


class Picked:
    """Other values in the order of ``rows``, which may repeat and leave out."""

    def __init__(self, values: Values, rows: Tensor) -> None:
        self.values, self.rows = values, rows

    def __len__(self) -> int:
        return len(self.rows)

    def gather(self, rows: Tensor) -> Tensor:
        return self.values.gather(self.rows[rows])


def matched(a: Collection, b: Collection, options: DataOptions, cache: Path) -> tuple[Content, Content]:
    """Pairs of the pictures of two folders or archives that have one name, whatever its ending.

    Raises:
        BadData: pictures without a partner (``skip_bad`` leaves them out), two of one name on a side, or what
            :func:`latentia.data.decode.decode` refuses.
    """
    with contextlib.closing(a), contextlib.closing(b):
        couples, left_out = _couples(a, b, options)
        decoded = _decoded(a, b, couples, options, cache)
    return _joined((a, b), decoded, couples, left_out)


def side_by_side(collection: Collection, options: DataOptions, cache: Path) -> Sides:
    """Pairs from pictures whose left half is A and whose right half is B.

    Raises:
        BadData: an odd width, or what :func:`latentia.data.decode.decode` refuses.
    """
    a, b = (decode(collection, options, cache, half) for half in (0, 1))
    couples = [(name, name) for name in a.names]
    height, width = a.size(0)
    cut = f"pictures of {2 * width} x {height} are" if len(a.sizes) == 1 else "each picture is"
    notes = [f"{cut} cut in the middle: a is the left half, b the right one"]
    return Sides(*_joined((collection, collection), (a, b), couples, notes), ("a", "b"))


def written(path: Path, options: DataOptions, cache: Path) -> Sides:
    """Pairs from a CSV file with two columns of paths, relative to its folder.

    Raises:
        BadData: no such columns, files that are not there, or what :func:`latentia.data.decode.decode` refuses.
    """
    header, rows = read_csv(path)
    if any((path.parent / cell).is_file() for cell in header):  # no header: the first line is a pair
        header, rows = ["a", "b"] if len(header) == 2 else header, [header, *rows]
    places = _columns(path, header)
    couples = [(row[places[0]], row[places[1]]) for row in rows]
    files = [{couple[side]: path.parent / Path(couple[side]).expanduser() for couple in couples} for side in (0, 1)]
    missing = {name: "" for side in files for name, file in side.items() if not file.is_file()}
    if missing:
        files_are = "files that are" if len(missing) > 1 else "file that is"
        raise BadData(
            f"{path} names {len(missing):,} {files_are} not there: {named(missing)}; looked for from {path.parent}"
        )
    if not couples:
        raise BadData(f"{path} has no pairs under its header")
    a, b = Files(str(path), files[0]), Files(str(path), files[1])
    decoded = _decoded(a, b, couples, options, cache)
    one, two = _joined((a, b), decoded, couples, [], splits=False)
    return Sides(one, two, (short_name(header[places[0]]), short_name(header[places[1]])))


def _columns(path: Path, header: list[str]) -> tuple[int, int]:
    """Which two columns hold the paths: the only ones, or those called a and b, input and output."""
    if len(header) == 2:
        return 0, 1
    lower = [each.lower() for each in header]
    for names in (("a", "b"), ("input", "output")):
        if all(name in lower for name in names):
            return lower.index(names[0]), lower.index(names[1])
    columns = f"the column{'s' * (len(header) > 1)} {', '.join(header)}"
    raise BadData(f"{path} has {columns}; pairs need two columns of paths, or columns called a and b")


def _couples(a: Collection, b: Collection, options: DataOptions) -> tuple[list[Couple], list[str]]:
    """The names that belong together, and sentences about those left out."""
    stems = [_stems(each) for each in (a, b)]
    common = [stem for stem in stems[0] if stem in stems[1]]
    if not common:
        examples = " and ".join(next(iter(each.values())) for each in stems)
        raise BadData(f"no picture of {a.name} has the name of one of {b.name} (such as {examples}); {BY_NAME}")
    alone = [
        (one, other, {name: "" for stem, name in mine.items() if stem not in theirs}, len(mine))
        for one, other, mine, theirs in ((a, b, stems[0], stems[1]), (b, a, stems[1], stems[0]))
    ]
    orphans = [
        f"{len(found):,} of {count:,} pictures in {one.name} have no partner in {other.name}: {named(found)}"
        for one, other, found, count in alone
        if found
    ]
    if orphans and not options.skip_bad:
        raise BadData(f"{'; '.join(orphans)};\n{BY_NAME}; leave them out: --skip-bad (in Python skip_bad=True)")
    return [(stems[0][stem], stems[1][stem]) for stem in common], [f"left out: {each}" for each in orphans]


def _stems(collection: Collection) -> dict[str, str]:
    """The names by what they are called without their ending, folders included."""
    found: dict[str, str] = {}
    for name in collection.names:
        stem = str(PurePosixPath(name).with_suffix(""))
        if stem in found:
            raise BadData(f"{collection.name} has two pictures called {stem}: {found[stem]} and {name}; {BY_NAME}")
        found[stem] = name
    return found


def _decoded(
    a: Collection, b: Collection, couples: Sequence[Couple], options: DataOptions, cache: Path
) -> tuple[Decoded, Decoded]:
    """Both sides, after the sizes inside each pair were held against each other."""
    try:
        decoded = decode(a, options, cache), decode(b, options, cache)
    except BadData:  # mixed sizes perhaps: what differs inside a pair is the better message
        sizes = [_sizes_in_files(each) for each in (a, b)]
        _agree(couples, sizes, "")
        raise
    if options.size and options.fit != "stretch":
        sizes = [{name: each.size(row) for row, name in enumerate(each.names)} for each in decoded]
        _agree(couples, sizes, "or --fit stretch")
    return decoded


def _sizes_in_files(collection: Collection) -> dict[str, tuple[int, int]]:
    facts, _ = look(collection)
    return {collection.names[row]: (each.height, each.width) for row, each in facts.items()}


def _agree(couples: Sequence[Couple], sizes: Sequence[dict[str, tuple[int, int]]], hint: str) -> None:
    """Refuse pairs of two shapes; 128 x 96 and 64 x 48 are one shape, up to rounding."""
    bad = {}
    for one, two in couples:
        if one in sizes[0] and two in sizes[1]:
            (height, width), (other_height, other_width) = sizes[0][one], sizes[1][two]
            sides = (height, width, other_height, other_width)
            if abs(width * other_height - other_width * height) > max(sides):
                bad[one] = f"{width} x {height} and {other_width} x {other_height}"
    if bad:
        advice = " ".join(filter(None, ("give them one shape", hint)))
        raise BadData(f"{len(bad):,} of {len(couples):,} pairs have pictures of two shapes: {named(bad)}; {advice}")


def _joined(
    collections: tuple[Collection, Collection],
    decoded: tuple[Decoded, Decoded],
    couples: Sequence[Couple],
    notes: list[str],
    splits: bool = True,
) -> tuple[Content, Content]:
    """Both sides as contents whose rows belong together; pairs with a picture that was left out are left out."""
    rows = [{name: row for row, name in enumerate(each.names)} for each in decoded]
    kept = [couple for couple in couples if couple[0] in rows[0] and couple[1] in rows[1]]
    if not kept:
        raise BadData(f"{collections[0].name} has no pair of pictures that can be read")
    cut = splits_and_classes([one for one, _ in kept])[0] if splits else ["train"] * len(kept)
    parts, notes = np.array(cut), [*notes, *own_splits(cut)]
    told = hashlib.blake2b(repr(kept).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
    contents = []
    for side, (collection, each) in enumerate(zip(collections, decoded, strict=True)):
        chosen = torch.tensor([rows[side][couple[side]] for couple in kept])
        values = Picked(ArrayValues(each.array, each.top), chosen)
        names = [couple[side] for couple in kept]
        found = {
            split: Part(values, None, names, torch.from_numpy(np.flatnonzero(parts == split)))
            for split in np.unique(parts).tolist()
        }
        height, width, channels = each.array.shape[1:]
        contents.append(
            Content(
                short_name(collection.name),
                Spec("image", (channels, height, width), each.levels),
                found["train"],
                f"{collection.stamp} {told}",
                test=found.get("test"),
                validation=found.get("validation"),
                notes=(*each.notes, *notes),
                description=f"{len(kept):,} pictures in {collection.name}",
            )
        )
    return contents[0], contents[1]
