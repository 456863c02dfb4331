"""Reading films: what a video is, and its frames one after another as colours, the way up that they are shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from latentia.data.colour import BT709, Coding, Tags, coding, to_rgb
from latentia.data.hdr import CURVES, tone_mapped
from latentia.data.planes import depth, halved, planar, planes, pyav
from latentia.errors import BadData

__all__ = ["Clip", "Frame", "Say", "look", "read", "stored", "upright"]

Say = Callable[[str], None]
LONGEST = 100  # ordinary frames that the last may stay, by what the container says
FULL = ("yuvj",)  # pixel formats whose name says the full range
STANDARD = Tags(BT709, BT709, BT709, 1)  # of a video of the standard range


class Frame(NamedTuple):
    """One picture of a film."""

    x: Tensor  # (3, height, width) float32 in [0, 1], upright
    time: Fraction  # seconds at which it appears
    lasts: Fraction | None = None  # seconds, where the film says it


@dataclass(frozen=True)
class Clip:
    """What a film is.

    Attributes:
        path: its file, or its folder of frames.
        kind: ``"video"``, ``"gif"`` or ``"folder"``.
        size: (height, width) as stored.
        frames: how many there are; those of a video are counted, not believed.
        whole: how many of them are there to be read: fewer if the file is cut short.
        rate: frames a second, about.
        tick: the unit of its times, in seconds.
        tags: its colour tags.
        form: its pixel format.
        bits: of one number.
        halves: whether chroma has half the (height, width).
        codec: what it is coded by.
        matrix: the display matrix that turns it upright (nine numbers), if there is one.
        aspect: the width of a pixel over its height, if it is said.
        others: the streams beside it: what kind, and coded by what.
        names: the files of a folder; or nothing.
        loop: how often a GIF goes round: 0 for ever, ``None`` once.
        notes: what a person should know of it, a sentence each.
    """

    path: Path
    kind: str
    size: tuple[int, int]
    frames: int
    whole: int
    rate: Fraction
    tick: Fraction
    tags: Tags = STANDARD
    form: str = "rgb24"
    bits: int = 8
    halves: tuple[bool, bool] = (False, False)
    codec: str = ""
    matrix: tuple[int, ...] | None = None
    aspect: Fraction | None = None
    others: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    loop: int | None = 0
    notes: tuple[str, ...] = ()

    @property
    def shown(self) -> tuple[int, int]:
        """(height, width) of its frames when they are upright."""
        return self.size[::-1] if across(self.matrix) else self.size

    @property
    def hdr(self) -> str:
        """``"PQ"`` or ``"HLG"``, or nothing for a film of the standard range."""
        return CURVES.get(self.tags.transfer, "")

    @property
    def coding(self) -> Coding:
        """How its numbers stand for colours."""
        if self.form.startswith("gbr"):
            return Coding(0, True, self.bits)
        tags = replace(self.tags, range=2) if self.form.startswith(FULL) else self.tags
        return coding(tags, min(self.size), self.bits, self.halves)


def look(path: str | os.PathLike[str]) -> Clip:
    """What the video of a file is; its packets are counted, and its first frame is decoded.

    Raises:
        BadData: no file, no video, no video stream, no frames, or colours that are not read.
        BadField: PyAV is not installed.
    """
    av, path = pyav(), Path(path)
    with opened(path) as container:
        stream = _stream(container, path)
        found, whole = _counted(av, container, stream, path)
    with opened(path) as container:
        stream = _stream(container, path)
        first = next(_decoded(container, stream, path, 1), None)
        if first is None:
            raise BadData(f"{path} has a video stream ({stream.codec_context.name}), but no frames")
        clip = _clip(path, container, stream, first, found, whole)
    clip.coding.weights if clip.coding.matrix else None  # noqa: B018 - refuses colours that are not read
    return clip


def read(
    clip: Clip, start: int = 0, frames: int | None = None, hdr: str = "tone-map", say: Say = lambda _: None
) -> Iterator[Frame]:
    """The frames of a video, from number ``start`` on; with ``hdr="keep"`` those of PQ or HLG are the signal itself.

    Raises:
        BadData: a frame that cannot be decoded, or that has another size than the first.
    """
    damaged, stop = 0, clip.frames if frames is None else start + frames
    waiting: Frame | None = None  # until the next says how long it stays: a packet tells that of another frame
    last: Fraction | None = None
    with opened(clip.path) as container:
        stream = _stream(container, clip.path)
        stream.thread_type = "AUTO"
        for number, frame in enumerate(_decoded(container, stream, clip.path, stop)):
            time = _time(frame, last, clip)
            if last is not None and time <= last:
                say(f"frame {number} comes no later than the one before it: it is shown one tick later")
                time = last + clip.tick
            last, damaged = time, damaged + frame.is_corrupt
            if waiting is not None:
                yield waiting._replace(lasts=time - waiting.time)
                waiting = None
            if number >= stop and frames is not None:
                break
            if number >= start:
                waiting = Frame(_colours(frame, clip, number, hdr), time)
                lasts = frame.duration * frame.time_base if frame.duration else None
        if waiting is not None:
            yield waiting._replace(lasts=_left(stream, waiting.time, lasts, clip))
    if damaged:
        say(f"{damaged} frames of {clip.path} are damaged; the decoder has patched them")


def _left(stream: Any, time: Fraction, lasts: Fraction | None, clip: Clip) -> Fraction | None:
    """How long the last frame stays: until the stream ends, or what its packet says."""
    if clip.whole < clip.frames:
        return 1 / clip.rate
    if stream.duration and stream.start_time is not None:
        left = (stream.start_time + stream.duration) * stream.time_base - time
        if 0 < left < LONGEST / clip.rate:
            return Fraction(left)
    return lasts


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The container of a film.

    Raises:
        BadData: no such file, or none that is a film.
    """
    av = pyav()
    if path.is_dir() or not path.is_file():
        raise BadData(f"{path} is a folder" if path.is_dir() else f"there is no file {path}")
    try:
        container = av.open(str(path), metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise BadData(
            f"{path} is no video that can be read: {reason(error)}; is it whole, and is it a video?"
        ) from None
    with container:
        yield container


def reason(error: Exception) -> str:
    """What FFmpeg says, without the number and the path."""
    return str(getattr(error, "strerror", None) or error).lower()


def _stream(container: Any, path: Path) -> Any:
    """The first video stream that is no cover picture."""
    for stream in container.streams.video:
        if not pasted(stream):
            return stream
    others = ", ".join(_told(stream) for stream in container.streams) or "nothing"
    raise BadData(f"{path} has no video stream; it has {others}")


def pasted(stream: Any) -> bool:
    """Whether a video stream is a cover picture."""
    return "attached_pic" in str(getattr(stream.disposition, "name", None) or stream.disposition)


def _told(stream: Any) -> str:
    codec = stream.codec_context.name if stream.codec_context is not None else ""
    return f"{codec} {'cover picture' if stream.type == 'video' and pasted(stream) else stream.type}".strip()


def _counted(av: Any, container: Any, stream: Any, path: Path) -> tuple[int, int]:
    """How many frames the file tells of, and how many from the first on can be had of it."""
    size, count, cut = path.stat().st_size, 0, False
    shown: list[int] = []  # the times of frames that are there, in the order they are coded, as far as they have one
    last = 0
    try:
        for packet in container.demux(stream):
            if packet.is_corrupt or (packet.pos or 0) + packet.size > size:
                cut = True
            elif packet.size and not cut:
                count += not packet.is_discard
                if packet.pts is not None and packet.dts is not None and not packet.is_discard:
                    shown.append(packet.pts)
                    last = packet.dts
    except av.error.FFmpegError:
        cut = True
    if not cut and stream.frames == len(stream.index_entries) and count < stream.frames:
        cut = any(entry.pos + entry.size > size for entry in stream.index_entries)
    if not cut:
        return count, count
    # what is missing is coded later than the last that is there, so it is shown later than the last is coded
    return max(count + 1, stream.frames), sum(time <= last for time in shown)


def _decoded(container: Any, stream: Any, path: Path, enough: int) -> Iterator[Any]:
    """The frames as FFmpeg decodes them; what is wrong after ``enough`` of them does not matter."""
    error: type[Exception] = pyav().error.FFmpegError
    frames, number = container.decode(stream), 0
    while True:
        try:
            frame = next(frames)
        except StopIteration:
            return
        except error as reasons:
            if number >= enough:
                return
            raise BadData(f"frame {number} of {path} cannot be decoded: {reason(reasons)}") from None
        yield frame
        number += 1


def _clip(path: Path, container: Any, stream: Any, first: Any, found: int, whole: int) -> Clip:
    context, form = stream.codec_context, first.format
    held = first.format.__class__(planar(form), 64, 64)
    return Clip(
        path=path,
        kind="video",
        size=(first.height, first.width),
        frames=found,
        whole=whole,
        rate=Fraction(stream.average_rate or stream.guessed_rate or 25),
        tick=Fraction(stream.time_base),
        tags=Tags(
            *(int(getattr(context, name)) for name in ("color_primaries", "color_trc", "colorspace", "color_range"))
        ),
        form=held.name,
        bits=depth(held),
        halves=halved(held),
        codec=context.codec.canonical_name if hasattr(context.codec, "canonical_name") else context.name,
        matrix=_matrix(first),
        aspect=stream.sample_aspect_ratio or None,
        others=tuple(_told(other) for other in container.streams if other.index != stream.index),
        notes=tuple(_notes(path, first)),
    )


def _notes(path: Path, first: Any) -> Iterator[str]:
    if first.interlaced_frame:
        yield f"{path.name} is interlaced: its frames are taken as they are, both fields at once"
    if len(first.format.components) in (2, 4):
        yield f"{path.name} has transparency, which is left out"
    matrix = _matrix(first)
    if matrix is not None and not across(matrix) and (matrix[1] or matrix[3]):
        yield f"{path.name} is shown at a slant: its frames are taken as they are stored"


def _matrix(frame: Any) -> tuple[int, ...] | None:
    """The nine numbers of the display matrix; ``None`` if it changes nothing."""
    for side in frame.side_data.keys() if hasattr(frame.side_data, "keys") else frame.side_data:
        if side.type.name == "DISPLAYMATRIX":
            return tuple(int(value) for value in np.frombuffer(side, "<i4"))
    return None


def _time(frame: Any, last: Fraction | None, clip: Clip) -> Fraction:
    if frame.pts is None:
        return Fraction(0) if last is None else last + 1 / clip.rate
    return Fraction(frame.pts * frame.time_base)


def _colours(frame: Any, clip: Clip, number: int, hdr: str) -> Tensor:
    if (frame.height, frame.width) != clip.size or planar(frame.format) != clip.form:
        before, now = (f"{size[1]} x {size[0]}" for size in (clip.size, (frame.height, frame.width)))
        raise BadData(
            f"{clip.path} changes at frame {number} from {before} {clip.form} to "
            f"{now} {frame.format.name}; cut it there"
        )
    x = to_rgb(planes(frame), clip.coding)
    if clip.hdr and hdr == "tone-map":
        x = tone_mapped(x, clip.tags.transfer)
    return upright(x, clip.matrix)[0]


# --- turned films: the display matrix (a b u; c d v; x y w) sends (x, y) to (a x + c y, b x + d y) --------------------


def across(matrix: tuple[int, ...] | None) -> bool:
    """Whether rows are shown as columns."""
    return matrix is not None and matrix[0] == matrix[4] == 0 and matrix[1] != 0 != matrix[3]


def upright(x: Tensor, matrix: tuple[int, ...] | None) -> Tensor:
    """Pictures ``(..., H, W)`` as they are shown. A matrix that is no quarter turn and no mirror leaves them."""
    if across(matrix):
        x = x.transpose(-1, -2)
    return x.flip(axes) if (axes := _mirrors(matrix)) else x


def stored(x: Tensor, matrix: tuple[int, ...] | None) -> Tensor:
    """Pictures as they are stored: the way back from :func:`upright`."""
    if axes := _mirrors(matrix):
        x = x.flip(axes)
    return x.transpose(-1, -2) if across(matrix) else x


def _mirrors(matrix: tuple[int, ...] | None) -> list[int]:
    if matrix is None or not (across(matrix) or matrix[1] == matrix[3] == 0):
        return []
    to_x, to_y = (matrix[3], matrix[1]) if across(matrix) else (matrix[0], matrix[4])
    return [axis for axis, value in ((-1, to_x), (-2, to_y)) if value < 0]
