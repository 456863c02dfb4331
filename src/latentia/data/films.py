"""Films to learn from: the frames of clips as a set of pictures, decoded once into the cache."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from torch import Tensor

from latentia.core import Spec
from latentia.data import flipbook
from latentia.data.cache import NpyRows, megabytes, whole
from latentia.data.clip import Clip
from latentia.data.collection import PICTURES, VIDEOS
from latentia.data.dataset import Content, Part
from latentia.data.decode import cached, named
from latentia.data.folders import short_name
from latentia.data.options import DataOptions
from latentia.data.pictures import Facts, Plan, plan, render
from latentia.data.progress import Progress
from latentia.data.source import ArrayValues
from latentia.data.stretches import UNORDERED, gap_of, held_out, numbered
from latentia.errors import BadData

__all__ = ["clips_in", "film_content", "is_clip", "same_films"]

FORMAT = 1  # of what is cached; part of its key
log = logging.getLogger("latentia")


def is_clip(path: Path) -> bool:
    """Whether a file is a film: a video by its ending, or a GIF of several frames."""
    ending = path.suffix.lower()
    return ending in VIDEOS or (ending == ".gif" and flipbook.moves(path))


def clips_in(path: Path) -> list[Path]:
    """The clips of a folder and the folders in it, in the order of the numbers in their names.

    None where there are pictures, too: films beside them are passed over, as other files are. A folder of GIFs holds
    clips if all of them move.
    """
    files = [Path(root, name) for root, _, names in os.walk(path, followlinks=False) for name in names]
    shown = [each for each in files if not any(part.startswith(".") for part in each.relative_to(path).parts)]
    films = [each for each in shown if each.suffix.lower() in VIDEOS]
    pictures = [each for each in shown if each.suffix.lower() in PICTURES]
    if any(each.suffix.lower() != ".gif" for each in pictures) or not all(map(flipbook.moves, pictures)):
        return []
    return sorted([*films, *pictures], key=lambda each: numbered(each.relative_to(path).as_posix()))


def film_content(path: Path, clips: Sequence[Path], options: DataOptions, cache: Path) -> Content:
    """The frames of clips as pictures, every ``options.frames_every``-th of them.

    Args:
        path: one film, or the folder of all of them.
        clips: the films.
        options: size, fit, background and color as for pictures; ``held_out``; ``skip_bad`` leaves out films that
            cannot be read.
        cache: where frames are kept.

    Raises:
        BadData: films that cannot be read, or differ in size where none is given.
        BadField: a video, and PyAV is not installed.
    """
    every = options.frames_every or 1
    stamp = _stamp(path, clips)
    key = (FORMAT, stamp, every, options.size, options.fit, options.background, options.color, options.skip_bad)
    place = cache / "films" / f"{hashlib.blake2b(repr(key).encode(), digest_size=16).hexdigest()}.npy"
    try:
        decoded = cached(place)
    except (OSError, ValueError, TypeError, EOFError):  # not there, or damaged: it is made again
        _make(place, path, clips, options, every)
        decoded = cached(place)
    counts = _counts(decoded.names)
    height, width, channels = decoded.array.shape[1:]
    gap = gap_of(float(Fraction(decoded.notes[0])), every)
    held, told = held_out(list(counts.values()), list(counts), options.held_out, gap)
    taken = "" if every == 1 else f", every {every}th" if every > 3 else f", every {('2nd', '3rd')[every - 2]}"
    return Content(
        short_name(path.name),
        Spec("image", (channels, height, width), decoded.levels),
        Part(ArrayValues(decoded.array, decoded.top), None, decoded.names),
        f"{stamp} frames {every}",
        notes=(*decoded.notes[1:], f"{len(decoded.names):,} frames{taken}: {told}", UNORDERED),
        description=f"{len(decoded.names):,} frames of {path}",
        held=tuple(held),
    )


def same_films(a: Content, b: Content) -> None:
    """Refuse films as pairs where a clip has no partner, or one of another length: frames are matched by number.

    Raises:
        BadData: naming the first such clips.
    """
    counts = [_counts(each.items.names or ()) for each in (a, b)]
    if not all(counts) or a.held is None or b.held is None:
        return
    stems = [{str(Path(name).with_suffix("")): count for name, count in each.items()} for each in counts]
    pairs = [*zip(*(each.items() for each in stems), strict=False)]
    for (one, first), (two, second) in pairs:
        if first != second or (one != two and len(pairs) > 1):
            raise BadData(
                f"{one} of {a.name} has {first:,} frames and {two} of {b.name} {second:,}; films are pairs by the "
                f"names of clips and the numbers of frames"
            )
    if len(stems[0]) != len(stems[1]):
        raise BadData(f"{a.name} has {len(stems[0]):,} clips and {b.name} {len(stems[1]):,}; pairs need as many")


def _counts(names: Sequence[str]) -> dict[str, int]:
    """How many frames each clip has, by its name."""
    return dict(Counter(name.rpartition("#")[0] for name in names))


def _stamp(path: Path, clips: Sequence[Path]) -> str:
    """Changes when the films do."""
    found = [(_called(path, clip), (seen := clip.stat()).st_size, seen.st_mtime_ns) for clip in clips]
    return hashlib.blake2b(repr(found).encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def _called(path: Path, clip: Path) -> str:
    return clip.name if clip == path else clip.relative_to(path).as_posix()


def _make(place: Path, path: Path, clips: Sequence[Path], options: DataOptions, every: int) -> None:
    """Decode all frames into the cache."""
    films, bad = _looked(path, clips, options)
    facts = [Facts(*each.shown, "rgb", False) for each in films.values()]
    form, notes = plan(facts, options, str(path))
    notes += [f"{name}: {note}" for name, each in films.items() for note in each.notes]
    rate = min(each.rate for each in films.values())
    count = sum(-(-each.whole // every) for each in films.values())
    size = count * int(np.prod(form.shape))
    log.info("decoding %s frames into a cache of %s: %s", f"{count:,}", megabytes(size), place)
    names: list[str] = []
    with whole(place, size) as file:
        writer = NpyRows(file, (count, *form.shape), form.dtype)
        told = Progress(count, "decoded", lambda number: f"{number:,} frames")
        for name, clip in films.items():
            for number, x in _frames(clip, every, notes, count - len(names)):
                writer.put(len(names), _pixels(x, form))
                names.append(f"{name}#{number}")
                told.more(1)
        writer.keep(list(range(len(names))))
        notes += [f"{len(bad):,} films left out: {named(bad)}"] if bad else []
        told_of = {
            "names": names,
            "top": form.top,
            "levels": form.top + 1,
            "sizes": [[facts[0].height, facts[0].width]],
        }
        with whole(place.with_suffix(".json"), 0) as text:
            text.write(json.dumps({**told_of, "notes": [str(rate), *notes]}).encode())  # the rate before the notes


def _looked(path: Path, clips: Sequence[Path], options: DataOptions) -> tuple[dict[str, Clip], dict[str, str]]:
    """What the films are, and why the others cannot be read.

    Raises:
        BadData: none can be read, or one cannot that may not be left out.
    """
    found, bad = {}, {}
    for clip in clips:
        name = _called(path, clip)
        try:
            film = flipbook.look(clip)
            if film.whole < film.frames:
                raise BadData(f"{clip} is cut short: {film.whole} of its {film.frames} frames are there")
            found[name] = film
        except BadData as error:
            if not options.skip_bad or len(clips) == 1:
                raise
            bad[name] = str(error)
    if not found:
        raise BadData(f"none of the {len(clips):,} films in {path} can be read: {named(bad)}")
    return found, bad


def _frames(clip: Clip, every: int, notes: list[str], most: int) -> Iterator[tuple[int, Tensor]]:
    """The frames that are taken, with their numbers."""
    frames = flipbook.read(clip, say=lambda note: notes.append(f"{clip.path.name}: {note}"))
    for number, frame in enumerate(frames):
        if number % every == 0 and number // every < most:
            yield number, frame.x


def _pixels(x: Tensor, form: Plan) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A frame in the form of the data."""
    from PIL import Image

    frame = x.mul(255).round().byte().permute(1, 2, 0).contiguous().numpy()
    return render(Image.fromarray(frame), form)
