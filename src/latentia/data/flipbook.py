"""Reading films that need no PyAV: GIFs and folders of frames; and the door to all of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentia.data import clip as video
from latentia.data.clip import Clip, Frame
from latentia.data.collection import PICTURES
from latentia.data.objects import looked, rendered
from latentia.data.pictures import Plan
from latentia.data.stretches import numbered
from latentia.errors import BadData

__all__ = ["GIF_DEFAULT", "look", "moves", "read"]

Say = Callable[[str], None]
HUNDREDTH = Fraction(1, 100)
GIF_DEFAULT = Fraction(1, 10)  # seconds that browsers show a frame whose pause is 0
RATE = Fraction(30)  # of a folder, where nobody says it


def look(path: str | os.PathLike[str], rate: float | None = None) -> Clip:
    """What a film is: a video, a GIF, or a folder of frames, to be shown at ``rate``.

    Raises:
        BadData: there is no such film, it has no frames, or the frames of a folder differ in size.
        BadField: a video, and PyAV is not installed.
    """
    path = Path(path)
    if path.is_dir():
        return _folder(path, RATE if rate is None else Fraction(rate).limit_denominator(1001))
    return _gif(path) if path.suffix.lower() == ".gif" else video.look(path)


def read(
    clip: Clip, start: int = 0, frames: int | None = None, hdr: str = "tone-map", say: Say = lambda _: None
) -> Iterator[Frame]:
    """The frames of a film from number ``start`` on, each ``(3, H, W)`` in [0, 1], with its time.

    Raises:
        BadData: a frame that cannot be read.
    """
    if clip.kind == "video":
        return video.read(clip, start, frames, hdr, say)
    stop = clip.frames if frames is None else min(clip.frames, start + frames)
    return _pages(clip, start, stop) if clip.kind == "folder" else _gif_frames(clip, start, stop, say)


def moves(path: Path) -> bool:
    """Whether a file is a GIF of more than one frame."""
    if path.suffix.lower() != ".gif":
        return False
    try:
        return _gif(path).frames > 1
    except BadData:
        return False


def _folder(path: Path, rate: Fraction) -> Clip:
    names = sorted((each.name for each in path.iterdir() if each.suffix.lower() in PICTURES), key=numbered)
    names = [name for name in names if not name.startswith(".")]
    if not names:
        raise BadData(f"{path} has no frames: no pictures, which end in {' '.join(PICTURES)}")
    sizes = [(facts.height, facts.width) for facts in looked([path / name for name in names], str(path))]
    for name, size in zip(names, sizes, strict=True):
        if size != sizes[0]:
            told = [f"{width} x {height}" for height, width in (sizes[0], size)]
            raise BadData(f"{path}: {names[0]} has {told[0]} pixels and {name} {told[1]}; frames have one size")
    count = len(names)
    return Clip(path, "folder", sizes[0], count, count, rate, 1 / rate, names=tuple(names))


def _pages(clip: Clip, start: int, stop: int) -> Iterator[Frame]:
    form = Plan(*clip.size, "RGB", "crop", "white")
    for number in range(start, stop):
        array = rendered([clip.path / clip.names[number]], form, str(clip.path))
        yield Frame(_tensor(array[0]), number * clip.tick, clip.tick)


def _gif(path: Path) -> Clip:
    from PIL import Image

    if not path.is_file():
        raise BadData(f"there is no file {path}")
    try:
        with Image.open(path, formats=("GIF",)) as picture:
            count, size = int(getattr(picture, "n_frames", 1)), picture.size[::-1]
            loop, pause = picture.info.get("loop"), picture.info.get("duration", 0)
    except (OSError, SyntaxError, EOFError) as error:
        raise BadData(f"{path} is no GIF that can be read: {error}") from None
    rate = 1 / (Fraction(pause, 1000) if pause else GIF_DEFAULT)
    return Clip(path, "gif", size, count, count, rate, HUNDREDTH, codec="gif", loop=loop)


def _gif_frames(clip: Clip, start: int, stop: int, say: Say) -> Iterator[Frame]:
    """Each frame whole, as the ones before left it; what is transparent then is laid on white."""
    from PIL import Image

    time = Fraction(0)
    with Image.open(clip.path, formats=("GIF",)) as picture:
        for number in range(stop):
            try:
                picture.seek(number)
                seen = picture.convert("RGBA")
            except (OSError, SyntaxError, EOFError, ValueError) as error:
                raise BadData(f"frame {number} of {clip.path} cannot be read: {error}") from None
            pause = Fraction(picture.info.get("duration", 0), 1000) or GIF_DEFAULT
            if number == start and np.asarray(seen)[..., 3].min() < 255:
                say(f"{clip.path.name} is transparent in places, which are laid on white")
            if number >= start:
                ground = Image.new("RGBA", seen.size, "white")
                yield Frame(_tensor(np.asarray(Image.alpha_composite(ground, seen).convert("RGB"))), time, pause)
            time += pause


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(np.array(array)).permute(2, 0, 1).float().div_(255)
