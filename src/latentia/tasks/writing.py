"""Writing films: frames in a container beside the sound and the subtitles of the film they were made from."""

from __future__ import annotations

import contextlib
import math
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from latentia.data.clip import Clip, opened, pasted, reason, stored
from latentia.data.colour import from_rgb
from latentia.data.planes import filled, pyav
from latentia.errors import BadData
from latentia.tasks.encoders import TIMES, Plan, plan, settle

__all__ = ["Moment", "Writer", "aside", "writing"]

Say = Callable[[str], None]


class Moment(NamedTuple):
    """When a frame appears, and how long it stays if that is known, in seconds."""

    time: Fraction
    lasts: Fraction | None = None


@contextmanager
def aside(target: Path) -> Iterator[Path]:
    """A path beside ``target`` that takes its place when all went well, and of which nothing is left when not."""
    part = target.with_name(f".{target.stem}.{uuid.uuid4().hex[:8]}{target.suffix}")
    try:
        yield part
        os.replace(part, target)
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


@contextmanager
def writing(
    target: str | os.PathLike[str],
    like: Clip,
    *,
    shown: tuple[int, int] | None = None,
    codec: str | None = None,
    crf: int | None = None,
    hdr: str = "tone-map",
    window: bool = False,
    say: Say = lambda _: None,
) -> Iterator[Writer]:
    """A film that is written beside ``target`` and takes its place when it is whole.

    Args:
        target: .mp4, .m4v, .mov, .mkv or .webm.
        like: the film it is made from: size, times, way up, pixel aspect, colours and codec are its own, and its other
            streams are copied packet by packet.
        shown: (height, width) of the frames as shown, if they are not those of ``like``.
        codec: as :func:`latentia.tasks.encoders.plan` takes it.
        crf: likewise.
        hdr: likewise.
        window: the frames are a part of ``like``: the first is moved to time 0, and what lies outside is not copied.
        say: is told what will differ from ``like``.

    Raises:
        BadData: the container cannot hold a stream of ``like``, or the file cannot be written.
        BadField: PyAV is not installed, or a codec or quality that this container does not take.
    """
    av, path = pyav(), Path(target)
    size = (shown or like.shown) if like.shown == like.size else (shown or like.shown)[::-1]
    chosen = plan(path, like, size, codec, crf, hdr, say)
    with contextlib.ExitStack() as stack:
        part = stack.enter_context(aside(path))
        try:
            output = av.open(str(part), "w", format=chosen.container, container_options=_settings(chosen, like))
            with output:
                writer = Writer(output, like, chosen, window, say)
                stack.callback(writer.source.close)
                yield writer
                writer.finish()
        except av.error.FFmpegError as error:
            raise BadData(f"{path} cannot be written: {reason(error)}") from error


class Writer:
    """Takes frames and passes on what belongs beside them."""

    def __init__(self, output: Any, like: Clip, plan: Plan, window: bool, say: Say) -> None:
        self.output, self.like, self.plan = output, like, plan
        self.source = contextlib.ExitStack()
        self.begin: Fraction | None = None if window else Fraction(0)
        self.end: Fraction | None = None
        self.window = window
        self.lasts: dict[int, int] = {}
        self.first: tuple[int, int] | None = None  # when the first frame is shown and when it is decoded, in ticks
        self.late: Any = None  # the packet that may be the last
        copied = self.source.enter_context(opened(like.path)) if like.kind == "video" else None
        chapters = copied.chapters() if copied is not None else []
        if chapters and not window:
            output.set_chapters(chapters)
        elif chapters:
            say("chapters are not copied to a part of a film")
        self.stream, self.beside = _streams(output, copied, like, plan, say)
        self.waiting = iter(_packets(copied, self.beside))
        self.held: Any = next(self.waiting, None)

    def write(self, frames: Tensor, moments: Sequence[Moment]) -> None:
        """Encode frames ``(N, 3, H, W)`` in [0, 1], upright, that appear at these moments of the film."""
        for x, moment in zip(frames, moments, strict=True):
            if self.begin is None:
                self.begin = moment.time
            numbers = from_rgb(stored(x, self.like.matrix)[None], self.plan.coding, self.plan.form.startswith("gray"))
            frame = filled([plane[0] for plane in numbers], self.plan.size, self.plan.form, self.plan.tags)
            frame.time_base = self.like.tick
            frame.pts = round((moment.time - self.begin) / self.like.tick)
            self.lasts[frame.pts] = round((moment.lasts or 1 / self.like.rate) / self.like.tick)
            self.end = moment.time + (moment.lasts or 1 / self.like.rate)
            self._mux(self.stream.encode(frame))
            self._copy(moment.time)

    def finish(self) -> None:
        """The frames that the encoder holds back, and the rest of the other streams."""
        self._mux(self.stream.encode(None))
        if self.late is not None and self.first is not None and self.end is not None and self.begin is not None:
            # an .mp4 is as long as its packets take to decode: the last one takes what is left of the time shown
            end = round((self.end - self.begin) / self.like.tick)
            self.late.duration = max(1, end - self.first[0] - (self.late.dts - self.first[1]))
            self.output.mux(self.late)
        self._copy(self.end if self.window else None)

    def _mux(self, packets: Sequence[Any]) -> None:
        for packet in packets:
            packet.duration = self.lasts.pop(packet.pts, packet.duration)
            if self.first is None:
                self.first = packet.pts, packet.dts
            if self.late is not None:
                self.output.mux(self.late)
            self.late = packet

    def _copy(self, until: Fraction | None) -> None:
        """Pass on what appears before ``until``, so that the streams lie beside each other in the file."""
        begin = self.begin or Fraction(0)
        while self.held is not None:
            packet, tick = self.held, self.held.time_base
            time = (packet.dts if packet.pts is None else packet.pts) * tick
            if until is not None and time >= until:
                return
            if not self.window or time >= begin:
                offset = round(begin / tick)
                packet.pts = None if packet.pts is None else packet.pts - offset
                packet.dts = None if packet.dts is None else packet.dts - offset
                packet.stream = self.beside[packet.stream.index]
                self.output.mux(packet)
            self.held = next(self.waiting, None)


def _settings(plan: Plan, like: Clip) -> dict[str, str]:
    """Times of an .mp4 in the film's own unit, and in one that fits all its streams where they begin late."""
    if plan.container not in ("mp4", "mov"):
        return {}
    settings = {"movflags": "+faststart"}
    if like.tick.numerator == 1 and like.tick.denominator < TIMES:
        settings["video_track_timescale"] = str(like.tick.denominator)
    ticks = [like.tick.denominator]
    if like.kind == "video":
        with opened(like.path) as container:
            ticks += [stream.time_base.denominator for stream in container.streams if stream.time_base]
    common = math.lcm(*ticks)
    if common < TIMES:
        settings["movie_timescale"] = str(common)
    return settings


def _streams(output: Any, source: Any, like: Clip, plan: Plan, say: Say) -> tuple[Any, dict[int, Any]]:
    """The streams of the output in the order of the source: the film's own, and those copied by their number there."""
    made, copied, left = None, {}, []
    for stream in source.streams if source is not None else []:
        if made is None and stream.type == "video" and not pasted(stream):
            made = _video(output, like, plan)
            made.metadata.update(stream.metadata)
        elif stream.type in ("audio", "subtitle") or (stream.type == "attachment" and plan.container == "matroska"):
            copied[stream.index] = _template(output, stream, like, plan)
        else:
            left.append(stream.type if stream.type != "video" else "second video")
    if source is not None:
        output.metadata.update({k: v for k, v in source.metadata.items() if k not in ("encoder", *BRANDS)})
    if "data" in left and output.chapters():
        left.remove("data")  # an .mp4 holds its chapters twice, once as such a stream
    if left:
        say(f"not copied: {', '.join(left)}")
    return made if made is not None else _video(output, like, plan), copied


SILENT = b"\0\0"  # a subtitle without words
BRANDS = ("major_brand", "minor_version", "compatible_brands")  # of the container itself


def _video(output: Any, like: Clip, plan: Plan) -> Any:
    stream = output.add_stream(plan.encoder.name, rate=like.rate.limit_denominator(1_000_000), options=plan.options)
    stream.time_base = like.tick
    settle(stream.codec_context, plan, like)
    stream.set_display_matrix(like.matrix)
    return stream


def _template(output: Any, stream: Any, like: Clip, plan: Plan) -> Any:
    try:
        made = output.add_stream_from_template(stream)
    except ValueError:
        codec, can = stream.codec_context.name, ".mkv" if stream.type == "audio" else like.path.suffix
        raise BadData(
            f"a {plan.container} file cannot hold the {stream.type} of {like.path.name}, which is {codec}; a {can} can"
        ) from None
    made.metadata.update(stream.metadata)
    made.disposition = stream.disposition
    return made


def _packets(source: Any, beside: dict[int, Any]) -> Iterator[Any]:
    """The packets of the streams that are copied, as they lie in the file."""
    if not beside:
        return
    av = pyav()
    try:
        for packet in source.demux([source.streams[index] for index in beside]):
            # the last of each stream is empty: it only asks a decoder for what it held back; an .mp4 makes its silent
            # subtitles anew where nothing is said
            if packet.size and not (packet.stream.name == "mov_text" and bytes(packet) == SILENT):
                yield packet
    except av.error.FFmpegError as error:
        raise BadData(f"the sound of {source.name} cannot be read to its end: {reason(error)}") from None
