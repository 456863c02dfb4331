"""A collection of pictures, decoded once into a memory-mapped array in the cache."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import logging
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from latentia.data.cache import NpyRows, megabytes, whole
from latentia.data.collection import Collection
from latentia.data.files import Array
from latentia.data.options import DataOptions
from latentia.data.pictures import Facts, Plan, Unreadable, facts_of, halved, opened, plan, render
from latentia.data.progress import Progress
from latentia.errors import BadData

__all__ = ["Decoded", "cached", "decode", "look", "named", "refuse"]

FORMAT = 2  # of what is cached; part of its key
LARGEST = 1 << 29  # bytes of one picture's file
log = logging.getLogger("latentia")


@dataclass(frozen=True)
class Decoded:
    """Pictures as an array ``(N, height, width, channels)``, with the names of those that could be read.

    ``sizes`` holds height and width of each picture's file, or one entry for all.
    """

    array: Array
    names: list[str]
    top: int
    levels: int
    notes: list[str]
    sizes: list[list[int]]

    def size(self, row: int) -> tuple[int, int]:
        """Height and width of a picture in its file."""
        height, width = self.sizes[row if len(self.sizes) > 1 else 0]
        return height, width


def decode(collection: Collection, options: DataOptions, cache: Path, half: int | None = None) -> Decoded:
    """The pictures of ``collection``, or their left (0) or right (1) halves, from the cache or else decoded into it.

    Raises:
        BadData: pictures that cannot be read (without ``skip_bad``), mixed sizes or colours, a cache that cannot be
            written.
    """
    path = cache / "pictures" / f"{_key(collection, options, half)}.npy"
    try:
        return cached(path)
    except (OSError, ValueError, TypeError, EOFError):  # not there, or damaged: it is made again
        said = _make(path, collection, options, half)
        found = cached(path)
        return dataclasses.replace(found, notes=[said, *found.notes])


def _key(collection: Collection, options: DataOptions, half: int | None) -> str:
    told = (options.size, options.fit, options.background, options.color, options.skip_bad, half)
    return hashlib.blake2b(repr((FORMAT, collection.stamp, told)).encode(), digest_size=16).hexdigest()


def cached(path: Path) -> Decoded:
    """The pictures of an array in the cache, and what stands beside it.

    Raises:
        OSError, ValueError, TypeError, EOFError: they are not there, or damaged.
    """
    about = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    array = np.load(path, mmap_mode="c", allow_pickle=False)
    if len(array) != len(about["names"]):
        raise ValueError(path)
    return Decoded(array, **about)


def _make(path: Path, collection: Collection, options: DataOptions, half: int | None) -> str:
    """Decode everything into ``path``, and return what was said of it.

    What describes the array is in place before it, so the array completes the pair.
    """
    facts, bad = look(collection, half is not None)
    if bad and not options.skip_bad:
        bad |= broken(collection, facts)  # so that one look names them all
    refuse(bad, collection, options)
    form, notes = plan(list(facts.values()), options, collection.name, half)
    rows = [row for row in collection.order if row in facts]
    size = len(rows) * int(np.prod(form.shape)) * form.dtype.itemsize
    said = f"decoding {len(rows):,} picture{'s' * (len(rows) != 1)} into a cache of {megabytes(size)}: {path}"
    log.info(said)
    with whole(path, size) as file:
        writer = NpyRows(file, (len(rows), *form.shape), form.dtype)
        place = {row: index for index, row in enumerate(sorted(rows))}
        binary = _write(writer, collection, rows, place, form, bad)
        refuse(bad, collection, options)
        good = [row for row in sorted(rows) if collection.names[row] not in bad]
        writer.keep([place[row] for row in good])
        if bad:
            notes.append(f"{len(bad):,} pictures left out: {named(bad)}")
        sizes = [[facts[row].height, facts[row].width] for row in good]
        about = {
            "names": [collection.names[row] for row in good],
            "top": form.top,
            "levels": 2 if binary else form.top + 1,
            "notes": notes,
            "sizes": sizes if any(each != sizes[0] for each in sizes) else sizes[:1],
        }
        with whole(path.with_suffix(".json"), 0) as text:
            text.write(json.dumps(about).encode())
    return said


def look(collection: Collection, halves: bool = False) -> tuple[dict[int, Facts], dict[str, str]]:
    """What each header says (of one half of the picture) by row, and why the others cannot be read by name."""
    facts, bad = {}, {}
    for row in collection.order:
        try:
            with collection.open(row) as file, opened(file) as picture:
                facts[row] = halved(facts_of(picture)) if halves else facts_of(picture)
        except Unreadable as error:
            bad[collection.names[row]] = str(error)
        except PermissionError:
            bad[collection.names[row]] = "no permission to read it"
        except Exception as error:  # a damaged archive member
            bad[collection.names[row]] = f"damaged ({error})"
    return facts, bad


def broken(collection: Collection, rows: Iterable[int]) -> dict[str, str]:
    """Why pictures whose header is good cannot be read, by name."""
    bad = {}
    for row in rows:
        try:
            with opened(io.BytesIO(_bytes(collection, row)), looked=True) as picture:
                picture.load()
        except Unreadable as error:
            bad[collection.names[row]] = str(error)
    return bad


def _write(
    writer: NpyRows, collection: Collection, rows: list[int], place: dict[int, int], form: Plan, bad: dict[str, str]
) -> bool:
    """Decode the rows into their places, several at once; whether every pixel was black or white."""
    binary = form.dtype == np.uint8
    told = Progress(len(rows), "decoded", lambda count: f"{count:,} pictures")
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for block in _blocks(collection, rows):
            for row, pixels in zip(block, pool.map(lambda data: _pixels(data, form), block.values()), strict=True):
                if isinstance(pixels, str):
                    bad[collection.names[row]] = pixels
                    continue
                binary = binary and bool(((pixels == 0) | (pixels == 255)).all())
                writer.put(place[row], pixels)
            told.more(len(block))
    return binary


def _blocks(collection: Collection, rows: list[int], size: int = 256) -> Iterator[dict[int, bytes]]:
    """The files' bytes by row, some at a time."""
    left = iter(rows)
    while block := list(islice(left, size)):
        yield {row: _bytes(collection, row) for row in block}


def _bytes(collection: Collection, row: int) -> bytes:
    try:
        with collection.open(row) as file:
            return file.read(LARGEST)
    except Exception:  # a damaged archive member: it is named when its bytes turn out to be no picture
        return b""


def _pixels(data: bytes, form: Plan) -> Array | str:
    """The pixels, or why there are none."""
    file: BinaryIO = io.BytesIO(data)
    try:
        with opened(file, looked=True) as picture:
            return render(picture, form)
    except Unreadable as error:
        return str(error)


def refuse(bad: dict[str, str], collection: Collection, options: DataOptions) -> None:
    """Refuse pictures that cannot be read, unless they may be left out and others are there.

    Raises:
        BadData: naming the first of them.
    """
    if not bad:
        return
    found = f"{len(bad):,} of {len(collection.names):,} pictures in {collection.name} cannot be read: {named(bad)}"
    if len(bad) == len(collection.names):
        raise BadData(found)
    if not options.skip_bad:
        raise BadData(f"{found};\nrepair or remove them, or leave them out: --skip-bad (in Python skip_bad=True)")


def named(bad: dict[str, str], most: int = 3) -> str:
    """The first few names of ``bad``, each with its reason if it has one, and how many more there are."""
    first = ", ".join(f"{name} ({bad[name]})" if bad[name] else name for name in sorted(bad)[:most])
    return first + (f" and {len(bad) - most:,} more" if len(bad) > most else "")
