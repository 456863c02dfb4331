"""The one door: whatever holds data becomes a :class:`latentia.data.dataset.DataSet`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from latentia.data.arrays import array_content
from latentia.data.cache import cache_folder
from latentia.data.dataset import Content, DataSet, assemble
from latentia.data.known import KNOWN
from latentia.data.options import DataOptions, size_text
from latentia.errors import BadData, near

__all__ = ["open"]


def open(
    what: Any,
    *,
    size: int | str | None = None,
    fit: str = "crop",
    mirror: bool = False,
    background: str = "white",
    color: str | None = None,
    labels: bool = False,
    labels_from: str | None = None,
    binarize: str | None = None,
    held_out: float = 0.1,
    skip_bad: bool = False,
    cache: str | Path | None = None,
) -> DataSet:
    """Open data, and cut it into training, validation and test split.

    Args:
        what: a known name, a path, an array, a tensor, or a pair of one of them and its labels.
        size: pixels of every picture: one number for squares, or ``"WIDTHxHEIGHT"``.
        fit: how a picture comes to that size: ``"crop"`` its centre, ``"pad"`` it with the background, ``"stretch"``.
        mirror: show training pictures mirrored left to right half of the time.
        background: the colour behind transparent pictures and padding, a name or ``#rrggbb``.
        color: turn every picture into ``"grey"``, ``"rgb"`` or ``"rgba"``; by default all must agree.
        labels: use the labels the data brings: folders of classes, or a label array.
        labels_from: read the labels from ``FILE.csv`` or ``FILE.csv:COLUMN``.
        binarize: draw black or white with the grey value as probability: ``"dynamic"`` anew, ``"static"`` once.
        held_out: share held out for validation, and again for testing where the data has no test set.
        skip_bad: leave out pictures that cannot be read, instead of refusing.
        cache: the folder for downloads and decoded pictures; by default the one ``LATENTIA_CACHE`` names, or the
            platform's own.

    Raises:
        BadData: the data cannot be used; the message says what was found, and what to do.
        BadField: an option that is out of range, or that this data cannot follow.
    """
    options = DataOptions(
        size_text(size), fit, mirror, background, color, labels, labels_from, binarize, held_out, skip_bad
    )
    content, told = _content(what, options, cache_folder(cache))
    return assemble(content, told, options)


def _content(what: Any, options: DataOptions, cache: Path) -> tuple[Content, str | None]:
    if isinstance(what, str | Path):
        if str(what) in KNOWN:
            known = KNOWN[str(what)]
            return known.read(known, options, cache), known.name
        raise BadData(f"there is no data set and no path {str(what)!r}; {near(str(what), KNOWN)}")
    return array_content(what), None
