"""What a film keeps when it is made anew: frames, times, size, way up, colour tags, sound; equal or not in each column.

Protocol: each clip of the folder video/ in LATENTIA_DATA, and clips made here for what those do not have (a variable
rate that begins late, a turned phone, odd sides, the full range, 10 bits, PQ), goes through translate_video with the
identity as the function. Input and output are then read by PyAV alone, without a line of ours, and compared: number of
frames; presentation time of each, as a fraction; when the stream ends; width and height; display matrix; pixel aspect;
primaries, transfer, matrix and range; a hash of the packets of sound (bytes and times). Beside them the mean absolute
error of the decoded luma in grey levels of 255 (that of the encoder at its default quality, and where luma goes beyond
white, as a tenth of realshort's does, that of cutting it off), and frames a second from file to file, in one process.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks._frame import data_or_stop, finish, table
from latentia.tasks.film import translate_video

COLUMNS = ("frames", "times", "end", "size", "rotation", "aspect", "colours", "sound")
QUARTER = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
TICK = 12800
EVEN = tuple(range(0, 24 * 512, 512))
UNEVEN = (640, 1000, 1512, 5000, 5100, 9000, 9512, 9700, 12800, 13000, 13512, 14000)
MADE: dict[str, dict[str, Any]] = {
    "uneven.mp4": {"times": UNEVEN},
    "turned.mp4": {"matrix": QUARTER, "aspect": Fraction(4, 3)},
    "odd.mp4": {"size": (123, 161), "form": "yuv444p"},
    "odd.webm": {"size": (123, 161), "codec": "libvpx-vp9", "times": tuple(range(0, 24 * 40, 40)), "tick": 1000},
    "full.mp4": {"tags": (5, 6, 5, 2)},
    "deep.mp4": {"tags": (9, 14, 9, 1), "form": "yuv420p10le"},
    "pq.mp4": {"tags": (9, 16, 9, 1), "form": "yuv420p10le", "codec": "libx265"},
}


def run(quick: bool, seed: int) -> None:
    """Take every clip through the identity, and print what is equal."""
    try:
        import av
    except ImportError:
        sys.exit("films need PyAV: pip install 'latentia[video]'")
    folder = Path(os.environ.get("LATENTIA_DATA", "")) / data_or_stop("video")
    clips = sorted(each for each in folder.iterdir() if each.suffix in (".mp4", ".mov", ".mkv", ".webm"))
    rows, figures = [], {}
    with tempfile.TemporaryDirectory() as place:
        made = [] if quick else [make(av, Path(place, name), **how) for name, how in MADE.items()]
        for clip in [*sorted(clips, key=lambda each: each.stat().st_size)[: 1 if quick else None], *made]:
            equal, error, speed, before = compared(av, clip, Path(place, f"out-{clip.name}"))
            rows.append([clip.name, *("equal" if equal[name] else "NOT" for name in COLUMNS), error, speed])
            figures[clip.name] = {**equal, "error": error, "frames per second": speed, "of": before}
    table(["clip", *COLUMNS, "error", "frames/s"], rows)
    whole = all(figures[name][column] for name in figures for column in COLUMNS)
    print("every column equal" if whole else "NOT every column equal")
    finish("video-contract", figures | {"all equal": whole}, " ".join((__doc__ or "").split()), seed)


def same(x: Tensor) -> Tensor:
    """The identity."""
    return x


def compared(av: Any, source: Path, target: Path) -> tuple[dict[str, bool], float, float, dict[str, Any]]:
    """What is equal in a film and in the one made of it, the error of its pictures, frames a second, and what it is."""
    start = time.perf_counter()
    translate_video(same, source, target, hdr="keep")
    seconds = time.perf_counter() - start
    before, after = described(av, source), described(av, target)
    equal = {name: before[name] == after[name] for name in COLUMNS}
    told = {name: str(before[name]) for name in ("size", "rotation", "aspect", "colours")}
    return equal, difference(av, source, target), before["frames"] / seconds, told | {"frames": before["frames"]}


def described(av: Any, path: Path) -> dict[str, Any]:
    """The columns of one film."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context, times, matrix = stream.codec_context, [], None
        for frame in container.decode(stream):
            times.append(frame.pts * frame.time_base)
            sides = {side.type.name: bytes(side) for side in frame.side_data}
            matrix = sides.get("DISPLAYMATRIX", matrix)
        end = (stream.start_time + stream.duration) * stream.time_base if stream.duration else times[-1]
        return {
            "frames": len(times),
            "times": times,
            "end": end,
            "size": (context.width, context.height),
            "rotation": None if matrix is None else tuple(np.frombuffer(matrix, "<i4").tolist()),
            "aspect": stream.sample_aspect_ratio or None,
            "colours": (context.color_primaries, context.color_trc, context.colorspace, context.color_range),
            "sound": heard(av, path),
        }


def heard(av: Any, path: Path) -> str:
    """The hash of the packets of all streams of sound: bytes, times and durations."""
    told = hashlib.sha256()
    with av.open(str(path)) as container:
        streams = list(container.streams.audio)
        for packet in container.demux(streams) if streams else ():
            if packet.size:
                told.update(bytes(packet))
                told.update(repr((packet.pts * packet.time_base, packet.duration * packet.time_base)).encode())
    return told.hexdigest()


def difference(av: Any, one: Path, two: Path) -> float:
    """The mean absolute difference of the first planes (luma), in grey levels of 255; both have the same frames."""
    total = count = 0.0
    with av.open(str(one)) as first, av.open(str(two)) as second:
        for a, b in zip(first.decode(video=0), second.decode(video=0), strict=True):
            top = 2 ** a.format.components[0].bits - 1
            total += float(np.abs(luma(a) - luma(b)).mean()) / top * 255
            count += 1
    return total / count


def luma(frame: Any) -> np.ndarray[Any, Any]:
    """The first plane of a frame."""
    plane = frame.planes[0]
    kind = np.dtype("u1" if frame.format.components[0].bits <= 8 else "<u2")
    rows = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)
    return rows[:, : plane.width].astype(np.float64)


def make(
    av: Any,
    path: Path,
    times: tuple[int, ...] = EVEN,
    size: tuple[int, int] = (120, 160),
    codec: str = "libx264",
    form: str = "yuv420p",
    tags: tuple[int, int, int, int] = (2, 2, 2, 0),
    matrix: tuple[int, ...] | None = None,
    aspect: Fraction | None = None,
    tick: int = TICK,
) -> Path:
    """A clip of slow waves that has what the clips of the data folder have not."""
    unit = Fraction(1, tick)
    timing = {} if path.suffix == ".webm" else {"movie_timescale": str(tick)}
    quality = {"crf": "10"} | ({"x265-params": "log-level=none"} if codec == "libx265" else {})
    with av.open(str(path), "w", container_options=timing) as output:
        stream = output.add_stream(codec, rate=25, options=quality)
        stream.height, stream.width = size
        stream.pix_fmt, stream.time_base = form, unit
        context = stream.codec_context
        context.time_base = unit
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = tags
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        stream.set_display_matrix(matrix)
        packets = []
        for number, pts in enumerate(times):
            frame = av.VideoFrame.from_ndarray(waves(number, size), "rgb24").reformat(format=form)
            frame.pts, frame.time_base = pts, unit
            packets += stream.encode(frame)
        packets += stream.encode(None)
        first, last = packets[0], packets[-1]
        shown = times[-1] + tick // 25 - times[0]
        last.duration = max(1, shown - (last.dts - first.dts))  # so the stream is as long as its frames are shown
        output.mux(packets)
    return path


def waves(number: int, size: tuple[int, int]) -> np.ndarray[Any, Any]:
    """A picture ``(height, width, 3)`` of bytes."""
    across, down = torch.arange(size[1]) / 20, torch.arange(size[0])[:, None] / 15
    parts = [across + number / 8 + 0 * down, down - number / 9 + 0 * across, across + down + number / 7]
    return (127 + 90 * torch.stack(parts, -1).sin()).to(torch.uint8).numpy()
