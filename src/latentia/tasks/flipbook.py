"""Writing films that need no PyAV: GIFs with exactly the frames and pauses they are given, and folders of frames."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import struct
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from torch import Tensor

from latentia.data.clip import Clip
from latentia.errors import BadData
from latentia.tasks.pictures import picture
from latentia.tasks.writing import Moment, aside

__all__ = ["Gif", "Pages", "gif", "pages"]

SHORTEST, LONGEST = 2, 65535  # hundredths of a second; less is shown as 10 by browsers


@contextmanager
def gif(target: Path, like: Clip) -> Iterator[Gif]:
    """A GIF that takes the place of ``target`` when it is whole."""
    with aside(target) as part, part.open("wb") as file:
        writer = Gif(file, like)
        yield writer
        file.write(b";")


class Gif:
    """Takes frames; each gets 256 colours of its own.

    Pillow joins frames that are the same into one, so each is coded by Pillow as a picture and set in here.
    """

    def __init__(self, file: BinaryIO, like: Clip) -> None:
        self.file, self.loop, self.rate = file, like.loop, like.rate
        self.begin, self.written = Fraction(-1), 0
        self.least = 1 if like.kind == "gif" else SHORTEST

    def write(self, frames: Tensor, moments: Sequence[Moment]) -> None:
        """Write frames ``(N, 3, H, W)`` in [0, 1]; times are met to a hundredth of a second on the whole."""
        for x, moment in zip(frames, moments, strict=True):
            if self.begin < 0:
                self.begin = moment.time
                height, width = x.shape[-2:]
                self.file.write(b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0))
                if self.loop is not None:
                    self.file.write(b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<HB", self.loop, 0))
            end = round(100 * (moment.time - self.begin + (moment.lasts or 1 / self.rate)))
            pause = min(max(self.least, end - self.written), LONGEST)
            self.written += pause
            self.file.write(b"!\xf9\x04\x04" + struct.pack("<HBB", pause, 0, 0) + _block(x))


def _block(x: Tensor) -> bytes:
    """One picture as a GIF's image block with a table of colours of its own."""
    single = io.BytesIO()
    picture(x).convert("RGB").quantize(256).save(single, "GIF")
    data = single.getvalue()
    bits = data[10] & 7
    table, rest = data[13 : 13 + 3 * 2 ** (bits + 1)], data[13 + 3 * 2 ** (bits + 1) :]
    at = 0
    while rest[at] == 0x21:  # an extension: its label, then blocks with their lengths, then 0
        at += 2
        while rest[at]:
            at += rest[at] + 1
        at += 1
    return rest[at : at + 9] + bytes([0x80 | bits]) + table + rest[at + 10 : -1]


@contextmanager
def pages(target: Path, like: Clip, first: int = 0) -> Iterator[Pages]:
    """A folder of pictures from frame number ``first`` on; those in a folder that is there are replaced at the end."""
    part = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    part.mkdir()
    try:
        yield Pages(part, like, first)
        if target.is_dir():
            for each in sorted(part.iterdir()):
                os.replace(each, target / each.name)
        else:
            os.replace(part, target)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(part)


class Pages:
    """Takes frames as pictures, named as those of the folder they come from, or by their numbers."""

    def __init__(self, folder: Path, like: Clip, first: int = 0) -> None:
        self.folder, self.number = folder, first
        digits = max(6, len(str(like.frames)))
        self.names = like.names or tuple(f"{number:0{digits}d}.png" for number in range(like.frames))

    def write(self, frames: Tensor, moments: Sequence[Moment]) -> None:
        """Write frames ``(N, 3, H, W)`` in [0, 1]."""
        for x, _ in zip(frames, moments, strict=True):
            name = self.names[self.number]
            self.number += 1
            kept: dict[str, Any] = (
                {"quality": 95, "subsampling": 0} if name.lower().endswith((".jpg", ".jpeg", ".jfif")) else {}
            )
            try:
                picture(x).save(self.folder / name, **kept)
            except (OSError, ValueError, KeyError) as error:
                raise BadData(f"{name} cannot be written: {error}") from None
