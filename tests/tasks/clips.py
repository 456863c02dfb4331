"""Tiny films that tests make for themselves, by PyAV."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from latentia.data.colour import Tags
from latentia.data.planes import depth

av = pytest.importorskip("av", reason="films need PyAV: pip install 'latentia[video]'")

STEADY_TIMES = tuple(range(0, 6 * 512, 512))  # of 6 frames at 25 a second
TICK = Fraction(1, 12800)
BT601 = 5  # as swscale counts
QUARTER = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)  # the display matrix of a phone that is held upright


def picture(number, height=24, width=32):
    """A smooth picture ``(3, H, W)`` in [0, 1] in which a square moves: compression leaves it nearly as it is."""
    across, down = torch.linspace(0.15, 0.85, width), torch.linspace(0.2, 0.8, height)[:, None]
    x = torch.stack([across.expand(height, -1), down.expand(-1, width), 0.5 * (across + down)])
    x[:, 4:12, 2 + 2 * number : 10 + 2 * number] = torch.tensor([0.8, 0.3, 0.4])[:, None, None]
    return x


def film(
    path,
    times=STEADY_TIMES,
    tick=TICK,
    size=(24, 32),
    codec="libx264",
    form="yuv420p",
    tags=None,
    matrix=None,
    aspect=None,
    sound=False,
    subtitles=None,
    options=None,
    container=None,
    last=512,
    **settings,
):
    """A video whose frames appear at ``times``; with a sine of 0.25 s, and subtitles, beside it if asked for."""
    tags = tags or Tags()
    with av.open(str(path), "w", format=container, container_options=settings) as output:
        stream = output.add_stream(codec, rate=25, options=options or {"crf": "4"})
        stream.height, stream.width = size
        stream.pix_fmt = form
        stream.time_base = stream.codec_context.time_base = tick
        context = stream.codec_context
        context.color_primaries, context.color_trc = tags.primaries, tags.transfer
        context.colorspace, context.color_range = tags.matrix, tags.range
        if aspect:
            context.sample_aspect_ratio = aspect
        stream.set_display_matrix(matrix)
        beside = _sound(output, sound) if sound else None
        words = _words(output, subtitles) if subtitles else None
        for number, time in enumerate(times):
            image = (picture(number, *size).permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
            frame = _coded(image, form, tags)
            frame.pts, frame.time_base = time, tick
            frame.color_range, frame.colorspace = tags.range, tags.matrix
            frame.color_primaries, frame.color_trc = tags.primaries, tags.transfer
            _mux(output, stream.encode(frame), dict(zip(times, [*np.diff(times), last], strict=True)))
        _mux(output, stream.encode(None), dict(zip(times, [*np.diff(times), last], strict=True)))
        if beside:
            _sing(output, beside)
        if words:
            _say(output, words, subtitles)
    return Path(path)


def _coded(image, form, tags):
    """RGB in a pixel format by swscale, told all it would guess; grey it takes as of the full range."""
    how = av.video.reformatter.Interpolation
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(image), "rgb24").reformat(
        format=form,
        src_colorspace=BT601,
        dst_colorspace=BT601 if tags.matrix in (2, 14) else tags.matrix,
        src_color_range=2,
        dst_color_range=2 if "bgr" in form else tags.range or 1,
        interpolation=how.BICUBIC | how.ACCURATE_RND | how.FULL_CHR_H_INP | how.FULL_CHR_H_INT,
    )


def _mux(output, packets, lasts):
    for packet in packets:
        packet.duration = int(lasts.get(packet.pts, 512))
        output.mux(packet)


def _sound(output, codec):
    stream = output.add_stream("aac" if codec is True else codec, rate=48000)
    stream.codec_context.layout = "mono"
    stream.metadata["language"] = "deu"
    return stream


def _sing(output, stream):
    wave = np.sin(np.arange(12000) * 0.06).astype(np.float32)
    for start in range(0, 12000, 960):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 960], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48000, start, Fraction(1, 48000)
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _words(output, codec):
    return output.add_mux_stream(codec, time_base=Fraction(1, 1000))


def _say(output, stream, codec):
    packet = av.Packet(b"hello" if codec != "mov_text" else b"\x00\x05hello")
    packet.stream, packet.pts, packet.dts, packet.duration = stream, 40, 40, 100
    packet.time_base = Fraction(1, 1000)
    output.mux(packet)


def heard(path, kind="audio"):
    """The hash of the packets of sound (or subtitles) of a film: their bytes and times; and how many there are."""
    told, count = hashlib.sha256(), 0
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        for packet in container.demux(streams) if streams else []:
            if packet.size and bytes(packet) != b"\0\0":
                count += 1
                told.update(bytes(packet))
                told.update(repr((packet.pts * packet.time_base, packet.duration * packet.time_base)).encode())
    return told.hexdigest(), count


def bits_of(form):
    return depth(av.VideoFormat(form, 16, 16))
