"""The options of the data, said once: the command line makes flags of these fields, a run records them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from latentia.errors import BadField
from latentia.fields import AtLeast, Between, Help, OneOf, check

__all__ = ["SMALLEST", "DataOptions", "pixels", "size_text"]

SMALLEST = 8  # pixels a side


@dataclass(frozen=True)
class DataOptions:
    """How data is opened. No field shares its name with one of :class:`latentia.core.Training`."""

    size: Annotated[str | None, Help("pixels of every picture: one number for squares, or WIDTHxHEIGHT")] = None
    fit: Annotated[
        str,
        Help("how a picture comes to --size: crop its centre, pad it with the background, or stretch it"),
        OneOf(("crop", "pad", "stretch")),
    ] = "crop"
    mirror: Annotated[bool, Help("show training pictures mirrored left to right half of the time")] = False
    background: Annotated[str, Help("the colour behind transparent pictures and padding: a name or #rrggbb")] = "white"
    color: Annotated[
        str | None,
        Help("turn every picture into this; by default all must agree, and transparency is filled"),
        OneOf(("grey", "rgb", "rgba")),
    ] = None
    labels: Annotated[bool, Help("use the labels the data brings: folders of classes, or a label array")] = False
    labels_from: Annotated[str | None, Help("read the labels from FILE.csv or FILE.csv:COLUMN")] = None
    binarize: Annotated[
        str | None,
        Help("draw black or white with the grey value as its probability: anew each time, or once"),
        OneOf(("dynamic", "static")),
    ] = None
    held_out: Annotated[
        float,
        Help("share held out for validation, and again for testing where the data has no test set"),
        Between(0.001, 0.45),
    ] = 0.1
    skip_bad: Annotated[
        bool, Help("leave out pictures that cannot be read, or have no partner, instead of refusing")
    ] = False
    pairing: Annotated[
        str | None,
        Help("two pictures at a time: pairs of an input and an output, or domains that only look alike in themselves"),
        OneOf(("pairs", "domains")),
    ] = None
    direction: Annotated[
        str | None, Help("which side of pairs is the input: AtoB (default) or BtoA"), OneOf(("AtoB", "BtoA"))
    ] = None
    group_from: Annotated[
        str | None, Help("items of one group stay in one split: FILE.csv or FILE.csv:COLUMN, matched by name")
    ] = None
    jitter: Annotated[
        float,
        Help("enlarge training pictures by this share and cut them back at a random place; 0.12 is 286 to 256 pixels"),
        Between(0.0, 1.0),
    ] = 0.0

    columns: Annotated[
        str | None, Help('what columns of a table are: FILE.toml with [COLUMN] and under it kind = "categorical" ...')
    ] = None
    frames_every: Annotated[
        int | None,
        Help("take every so-many-th frame of films; a folder of pictures then holds frames, each folder in it a clip"),
        AtLeast(1),
    ] = None

    def __post_init__(self) -> None:
        check(self)
        pixels(self.size)


def pixels(size: str | None) -> tuple[int, int] | None:
    """The (height, width) that a size such as ``"128"`` or ``"128x96"`` (width x height) writes.

    Raises:
        BadField: the text is no size, or a side is shorter than 8 pixels.
    """
    if size is None:
        return None
    sides = size.lower().split("x")
    if len(sides) > 2 or not all(side.strip().isdecimal() for side in sides):
        raise BadField(f"size is {size!r}; write one number, or WIDTHxHEIGHT: 128 or 128x96")
    width, height = int(sides[0]), int(sides[-1])
    if min(width, height) < SMALLEST:
        raise BadField(f"size is {size!r}; each side must be at least {SMALLEST} pixels")
    return height, width


def size_text(size: Any) -> str | None:
    """The size as it is recorded: ``128`` and ``"128x128"`` are ``"128"``.

    Raises:
        BadField: a pair of numbers, whose order cannot be known.
    """
    if size is None or isinstance(size, str):
        sides = pixels(size)
        return None if sides is None else _short(*sides)
    if isinstance(size, int) and not isinstance(size, bool):
        return size_text(str(size))
    raise BadField(f"size is {size!r}; write one number, or the text 'WIDTHxHEIGHT': 128 or '128x96'")


def _short(height: int, width: int) -> str:
    return str(width) if width == height else f"{width}x{height}"
