"""The one door: whatever holds data becomes a :class:`latentia.data.dataset.DataSet`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from latentia.data.cache import cache_folder
from latentia.data.conform import conformed
from latentia.data.dataset import DataSet, assemble
from latentia.data.groups import grouped
from latentia.data.options import DataOptions, size_text
from latentia.data.pairs import open_two
from latentia.data.reading import content_of, labelled_by
from latentia.data.stretches import framed
from latentia.data.tables.fitting import typed
from latentia.data.tables.overrides import columns_text

__all__ = ["open"]


def open(
    what: Any,
    other: Any = None,
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
    pairing: str | None = None,
    direction: str | None = None,
    group_from: str | None = None,
    jitter: float = 0.0,
    columns: str | Path | Mapping[str, Any] | None = None,
    frames_every: int | None = None,
    cache: str | Path | None = None,
) -> DataSet:
    """Open data, and cut it into training, validation and test split.

    Args:
        what: a known name (``"digits"``; a folder of that name is ``"./digits"``); the path of a folder of pictures
            (folders in it are classes, or splits if they are called train and test), of a .zip or .tar of them, of a
            .npy, .npz, idx, CSV or Parquet file; a film (a video, a moving GIF) or a folder of films, whose frames are
            the pictures; an array or tensor, or a pair of one and its labels; a data frame; a
            list of pictures; a torch ``Dataset``. With ``pairing="pairs"`` also a folder or archive of pictures that
            show input and output side by side, a CSV file with two columns of paths, or a .npz with ``a`` and ``b``.
        other: the second place of two: the other side of pairs (files matched by name, arrays by row), or the other
            domain.
        size: pixels of every picture: one number for squares, or ``"WIDTHxHEIGHT"``.
        fit: how a picture comes to that size: ``"crop"`` its centre, ``"pad"`` it with the background, ``"stretch"``.
        mirror: show training pictures mirrored left to right half of the time.
        background: the colour behind transparent pictures and padding, a name or ``#rrggbb``.
        color: turn every picture into ``"grey"``, ``"rgb"`` or ``"rgba"``; by default all must agree.
        labels: use the labels the data brings: folders of classes, or a label array.
        labels_from: read the labels from ``FILE.csv`` or ``FILE.csv:COLUMN``.
        binarize: draw black or white with the grey value as probability: ``"dynamic"`` anew, ``"static"`` once.
        held_out: share held out for validation, and again for testing where the data has no test set.
        skip_bad: leave out pictures that cannot be read, or have no partner, instead of refusing.
        pairing: ``"pairs"`` of an input and an output, or ``"domains"`` that have nothing in common but a batch; by
            default what is given in two places is two domains.
        direction: which side of pairs is the input: ``"AtoB"`` (as by default) or ``"BtoA"``.
        group_from: keep items of one group in one split; ``FILE.csv`` or ``FILE.csv:COLUMN`` names the groups.
        jitter: enlarge training pictures by this share and cut them back at a random place.
        columns: what columns of a table are, where it should not be inferred: a TOML file or a mapping,
            ``{"age": {"kind": "integer"}}`` with numeric, integer, binary, categorical, datetime or ignore; ``names``
            is a list of all names for a CSV file without a header.
        frames_every: take every so-many-th frame of films. Given for a folder of pictures, it says that they are
            frames: each folder of them is a clip, and neighbours are held out together
            (:mod:`latentia.data.stretches`).
        cache: the folder for downloads and decoded pictures; by default the one ``LATENTIA_CACHE`` names, or the
            platform's own.

    Raises:
        BadData: the data cannot be used; the message says what was found, and what to do.
        BadField: an option that is out of range, or that this data cannot follow.
    """
    if other is not None and pairing is None:
        pairing = "domains"
    options = DataOptions(
        size_text(size),
        fit,
        mirror,
        background,
        color,
        labels,
        labels_from,
        binarize,
        held_out,
        skip_bad,
        pairing,
        direction,
        group_from,
        jitter,
        columns_text(columns),
        frames_every,
    )
    if pairing is not None:
        return open_two(what, other, options, cache_folder(cache))
    content, told = content_of(what, options, cache_folder(cache))
    if labels_from is not None:
        content = labelled_by(content, labels_from)
    if frames_every is not None:
        content = framed(content, frames_every, held_out)
    if group_from is not None:
        (content,) = grouped([content], group_from, held_out)
    return assemble(typed(conformed(content, options), options), told, options)
