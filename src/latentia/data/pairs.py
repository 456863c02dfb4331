"""Two pictures at a time: pairs of an input and an output, or two domains."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from latentia.data.arrays import array_content
from latentia.data.collection import Collection, archive, folder, is_archive, lettered
from latentia.data.conform import conformed
from latentia.data.dataset import Content, DataSet, recorded, splits_of
from latentia.data.files import read_npz
from latentia.data.films import clips_in, same_films
from latentia.data.folders import pictures_content, short_name
from latentia.data.groups import grouped
from latentia.data.known import KNOWN
from latentia.data.matching import Sides, matched, side_by_side, written
from latentia.data.options import DataOptions, size_text
from latentia.data.reading import content_of
from latentia.data.sides import Domains, Pairs
from latentia.data.source import Split
from latentia.data.stretches import framed
from latentia.errors import BadData, BadField

__all__ = ["open_two", "show_both"]

SPLITS = ("train", "validation", "test")
ONE_AT_A_TIME = ("labels", "labels_from", "binarize")


def open_two(what: Any, other: Any, options: DataOptions, cache: Path) -> DataSet:
    """Open pairs or domains; the arguments are those of :func:`latentia.data.open`.

    Raises:
        BadData, BadField: as :func:`latentia.data.open`.
    """
    for name in ONE_AT_A_TIME:
        if getattr(options, name):
            raise BadField(f"{name} is for data of one picture at a time, not for {options.pairing}")
    if options.pairing == "domains" and options.direction:
        raise BadField("direction is for pairs; domains are learnt both ways")
    if other is None:
        found = _one_place(what, options, cache)
    elif _where(what) == _where(other):
        raise BadData(f"both places are {_called(what)}; {options.pairing} need two")
    else:
        found = _two_places(what, other, options, cache)
    told = _told(what), None if other is None else _told(other)
    return _assembled(found, told if told[0] and (told[1] or other is None) else (None, None), options)


def show_both(what: Any) -> bool:
    """Whether the pictures of one place are pairs side by side: not where they lie in folders A and B."""
    path = Path(what).expanduser()
    if not path.is_dir():
        return path.suffix.lower() not in (".csv", ".tsv", ".npz")
    with contextlib.closing(folder(path)) as collection:
        return lettered(collection) is None


def _one_place(what: Any, options: DataOptions, cache: Path) -> Sides:
    """Both sides from one file or folder."""
    if not isinstance(what, str | Path):
        raise BadData(f"{options.pairing} are given in two places, or as the path of one that holds both")
    content = (
        None if (path := Path(what).expanduser()).exists() else content_of(what, options, cache)
    )  # or says why not
    if content is None and path.suffix.lower() == ".npz":
        return _arrays(path, options)
    if content is None and (path.is_dir() or is_archive(path)):
        with contextlib.closing(_collection(path)) as collection:
            if (two := lettered(collection)) is not None:
                return _of_collections(*two, ("a", "b"), options, cache)
            if options.pairing == "pairs":
                return side_by_side(collection, options, cache)
    if content is None and options.pairing == "pairs" and path.suffix.lower() in (".csv", ".tsv"):
        return written(path, options, cache)
    if options.pairing == "domains":
        raise BadData(
            f"{what} is one domain; give the other too, or a folder with trainA and trainB (or A and B) in it"
        )
    raise BadData(
        f"{what} has no pairs; give two folders, or one of pictures with both sides, a CSV file with two columns of "
        f"paths, or a .npz with a and b"
    )


def _two_places(what: Any, other: Any, options: DataOptions, cache: Path) -> Sides:
    """One side from each place."""
    ends = [short_name(str(each)) if isinstance(each, str | Path) else "" for each in (what, other)]
    names = (ends[0], ends[1]) if all(ends) and ends[0] != ends[1] else ("a", "b")
    holds = [_holds_pictures(each) for each in (what, other)]
    if all(holds) and options.pairing == "pairs":
        return _of_collections(_collection(Path(what)), _collection(Path(other)), names, options, cache)
    a, b = (conformed(content_of(each, options, cache)[0], options) for each in (what, other))
    if options.pairing == "domains":
        return Sides(a, b, names)
    same_films(a, b)
    if any(holds) or a.test is not None or b.test is not None:
        raise BadData(
            f"{_called(what)} and {_called(other)} cannot be matched; pairs are two folders or archives of pictures "
            f"(by name), or two arrays (row by row)"
        )
    return _row_by_row(a, b, names)


def _arrays(path: Path, options: DataOptions) -> Sides:
    """The arrays a and b of a .npz file."""
    arrays = read_npz(path)
    if not ("a" in arrays and "b" in arrays):
        raise BadData(f"{path} holds {', '.join(arrays) or 'nothing'}; {options.pairing} are looked for under a and b")
    a, b = (
        dataclasses.replace(
            conformed(array_content(arrays[each], f"{path}, {each}"), options), name=short_name(path.name)
        )
        for each in ("a", "b")
    )
    return _row_by_row(a, b, ("a", "b")) if options.pairing == "pairs" else Sides(a, b, ("a", "b"))


def _row_by_row(a: Content, b: Content, names: tuple[str, str]) -> Sides:
    if len(a.items) != len(b.items):
        raise BadData(
            f"{names[0]} has {len(a.items):,} items and {names[1]} has {len(b.items):,}; pairs need as many of each"
        )
    return Sides(a, b, names)


def _of_collections(a: Collection, b: Collection, names: tuple[str, str], options: DataOptions, cache: Path) -> Sides:
    """Pictures in files as pairs or as domains."""
    if options.pairing == "pairs":
        return Sides(*matched(a, b, options, cache), names)
    return Sides(pictures_content(a, options, cache), pictures_content(b, options, cache), names)


def _collection(path: Path) -> Collection:
    return archive(path.expanduser().absolute()) if is_archive(path) else folder(path.expanduser().absolute())


def _holds_pictures(what: Any) -> bool:
    """Whether ``what`` is the path of a folder or archive."""
    path = Path(what).expanduser() if isinstance(what, str | Path) and str(what) not in KNOWN else None
    if path is None or not path.exists():
        return False
    return is_archive(path) or (path.is_dir() and not clips_in(path))


def _told(what: Any) -> str | None:
    """How a place is recorded: a known name or a whole path."""
    if not isinstance(what, str | Path):
        return None
    return str(what) if str(what) in KNOWN else str(Path(what).expanduser().absolute())


def _where(what: Any) -> str | int:
    """What tells one place from another, whatever leads to it."""
    told = _told(what)
    return id(what) if told is None else told if told in KNOWN else str(Path(told).resolve())


def _called(what: Any) -> str:
    return str(what) if isinstance(what, str | Path) else "an array"


def _assembled(found: Sides, told: tuple[str | None, str | None], options: DataOptions) -> DataSet:
    """Two contents as pairs or as domains, cut into splits.

    Raises:
        BadData: sides of different sizes, no pictures, or too few of them.
        BadField: an option that the data cannot follow.
    """
    _one_size(found, options)
    if options.frames_every is not None:
        found = _framed(found, options.frames_every, options)
    if options.group_from is not None:
        found = _grouped(found, options)
    a, b, sides = found
    paired = options.pairing == "pairs"
    turned = paired and options.direction != "BtoA"
    output, given = (b, a) if turned else (a, b)
    x = splits_of(output, options)
    y = _beside(x, given, options) if paired else splits_of(given, options)
    spec = dataclasses.replace(
        x["train"].spec, y=y["train"].spec, pairing=options.pairing or "", sides=sides[::-1] if turned else sides
    )
    make: Callable[[Any, Split, Split], Split] = Pairs if paired else Domains
    splits: dict[str, Any] = {name: make(spec, x[name], y[name]) for name in SPLITS}
    content = hashlib.blake2b(f"{a.hash} {b.hash}".encode(), digest_size=16).hexdigest()
    kept, signature = recorded(*told, options, content)
    return DataSet(
        a.name if a.name == b.name else f"{a.name}-{b.name}",
        spec,
        kept,
        signature,
        **splits,
        notes=list(dict.fromkeys((*a.notes, *b.notes))),
        description="; ".join(dict.fromkeys((a.description, b.description))),
        terms="; ".join(dict.fromkeys(filter(None, (a.terms, b.terms)))),
    )


def _one_size(found: Sides, options: DataOptions) -> None:
    for content in found[:2]:
        if content.spec.kind != "image":
            raise BadData(f"{content.name} is a {content.spec.kind}; {options.pairing} are made of pictures")
    (height, width), (other_height, other_width) = (each.spec.shape[1:] for each in found[:2])
    if (height, width) != (other_height, other_width):
        size = size_text(
            min((width * height, f"{width}x{height}"), (other_width * other_height, f"{other_width}x{other_height}"))[1]
        )
        raise BadData(
            f"the pictures of {found.names[0]} are {width} x {height} and those of {found.names[1]} {other_width} x "
            f"{other_height}; give one size for all: --size {size} (in Python size={size!r})"
        )


def _grouped(found: Sides, options: DataOptions) -> Sides:
    """Both sides with splits that keep groups together: those of A for pairs, those of both for domains."""
    wanted = [found.a] if options.pairing == "pairs" else [found.a, found.b]
    changed = grouped(wanted, options.group_from or "", options.held_out)
    return found._replace(
        a=changed[0], b=dataclasses.replace(found.b, held=changed[0].held) if len(changed) == 1 else changed[1]
    )


def _framed(found: Sides, every: int, options: DataOptions) -> Sides:
    """Both sides as frames of films; those of pairs go by the names of A."""
    a = framed(found.a, every, options.held_out)
    if options.pairing == "domains":
        return found._replace(a=a, b=framed(found.b, every, options.held_out))
    parts = {name: getattr(a, name) for name in ("items", "validation", "test")}
    rows = {name: dataclasses.replace(getattr(found.b, name), rows=part.rows) for name, part in parts.items() if part}
    return found._replace(a=a, b=dataclasses.replace(found.b, held=a.held, **rows))


def _beside(x: dict[str, Split], given: Content, options: DataOptions) -> dict[str, Split]:
    """The splits of the other side, each row beside that of ``x``."""
    spec, part = splits_of(given, options)["train"].spec, given.items
    return {name: Split(name, spec, part.values, split.rows, names=part.names) for name, split in x.items()}
