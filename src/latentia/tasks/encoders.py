"""How a film is coded when it is written: like the one it is made from as far as the container and encoder hold it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from latentia.data.clip import STANDARD, Clip
from latentia.data.colour import Coding, Tags
from latentia.data.planes import depth, halved, pyav
from latentia.errors import BadField, near

__all__ = ["CODECS", "CONTAINERS", "Encoder", "Plan", "plan"]

Say = Callable[[str], None]


@dataclass(frozen=True)
class Encoder:
    """An encoder of FFmpeg.

    Attributes:
        name: what FFmpeg calls it.
        crf: its default of constant quality here, and ``most`` its worst; ``None`` for one that loses nothing.
        options: its other settings.
        even: whether a side that chroma has half of must be even.
    """

    name: str
    crf: int | None
    most: int = 0
    options: tuple[tuple[str, str], ...] = ()
    even: bool = True


CODECS = {
    "h264": Encoder("libx264", 18, 51, (("preset", "medium"),)),
    "hevc": Encoder("libx265", 20, 51, (("preset", "fast"), ("x265-params", "log-level=none"))),
    "vp9": Encoder("libvpx-vp9", 24, 63, (("deadline", "good"), ("cpu-used", "4"), ("row-mt", "1")), even=False),
    "av1": Encoder("libsvtav1", 26, 63, (("preset", "8"),)),
    "ffv1": Encoder("ffv1", None, even=False),
}
OTHER_NAMES = {"h265": "hevc", "avc": "h264", "x264": "h264", "x265": "hevc"} | {
    encoder.name: name for name, encoder in CODECS.items()
}
CONTAINERS = {  # by ending: FFmpeg's name, and the codecs that players expect in it, the first by default
    ".mp4": ("mp4", ("h264", "hevc", "vp9", "av1")),
    ".m4v": ("mp4", ("h264", "hevc")),
    ".mov": ("mov", ("h264", "hevc")),
    ".mkv": ("matroska", ("h264", "hevc", "vp9", "av1", "ffv1")),
    ".webm": ("webm", ("vp9", "av1")),
}
SUBSAMPLED = {(True, True): "yuv420p", (False, True): "yuv422p", (False, False): "yuv444p"}
MILLISECOND = Fraction(1, 1000)
TIMES = 1 << 31  # a container counts time in less than this many ticks a second


@dataclass(frozen=True)
class Plan:
    """What is written: the container, the encoder with its quality, the pixel format, the colours."""

    container: str
    codec: str
    encoder: Encoder
    crf: int | None
    form: str
    coding: Coding
    tags: Tags
    size: tuple[int, int]  # (height, width) as stored

    @property
    def options(self) -> dict[str, str]:
        """The settings of the encoder."""
        quality = {} if self.crf is None else {"crf": str(self.crf)}
        return dict(self.encoder.options) | quality


def plan(
    target: Path, like: Clip, size: tuple[int, int], codec: str | None, crf: int | None, hdr: str, say: Say
) -> Plan:
    """How ``target`` is written.

    Args:
        target: its ending is the container.
        like: the film it is made from.
        size: (height, width) as stored.
        codec: as asked for, or that of ``like``.
        crf: as asked for, or the encoder's default.
        hdr: ``"keep"`` leaves PQ and HLG as they are, ``"tone-map"`` makes them BT.709.
        say: is told what differs from ``like``.

    Raises:
        BadField: a codec that is not known or not in this container, or a quality that is none.
    """
    container, held = CONTAINERS[target.suffix.lower()]
    name = _codec(target, held, like, codec, say)
    encoder = CODECS[name]
    if crf is not None and (encoder.crf is None or not 0 <= crf <= encoder.most):
        allowed = (
            "no --crf: it loses nothing"
            if encoder.crf is None
            else f"0 (best) to {encoder.most}, {encoder.crf} by default"
        )
        raise BadField(f"--crf is {crf}; {name} takes {allowed}")
    tags, bits = like.tags, like.bits
    if like.hdr:
        tags, bits = _range(like, hdr, say)
    form = _form(like, encoder, size, bits, say)
    written = pyav().VideoFormat(form, 64, 64)
    coding = replace(like.coding, bits=depth(written), halves=halved(written))
    if tags != like.tags or (coding.matrix == 0 and not written.is_rgb):
        tags = STANDARD
        coding = replace(coding, matrix=STANDARD.matrix, full=False)
    if container in ("matroska", "webm") and like.tick % MILLISECOND:
        say(f"a {target.suffix} counts milliseconds: frames appear at most half of one earlier or later")
    return Plan(container, name, encoder, encoder.crf if crf is None else crf, form, coding, tags, size)


def _codec(target: Path, held: tuple[str, ...], like: Clip, codec: str | None, say: Say) -> str:
    if codec is None:
        if like.kind == "video" and like.codec not in held:
            say(f"{like.path.name} is coded by {like.codec}; {target.name} is by {held[0]}")
        return like.codec if like.codec in held else held[0]
    name = OTHER_NAMES.get(codec.lower(), codec.lower())
    if name not in CODECS:
        raise BadField(f"--codec is {codec!r}; {near(name, CODECS)}")
    if name not in held:
        raise BadField(f"a {target.suffix} holds {' or '.join(held)}, not {name}; .mkv holds {', '.join(CODECS)}")
    return name


def _range(like: Clip, hdr: str, say: Say) -> tuple[Tags, int]:
    told = f"{like.path.name} has high dynamic range ({like.hdr}, {like.bits} bits)"
    if hdr == "keep":
        say(f"{told}, which is kept: the model sees its signal as it is, and mastering data beside it is not written")
        return like.tags, like.bits
    say(f"{told}, which is tone-mapped to BT.709 in 8 bits; --hdr keep leaves it as it is")
    return STANDARD, 8


def _form(like: Clip, encoder: Encoder, size: tuple[int, int], bits: int, say: Say) -> str:
    """The pixel format: that of the film, or the next that loses nothing and that the encoder takes."""
    known = {form.name for form in pyav().codec.Codec(encoder.name, "w").video_formats}
    if like.kind == "video" and like.form.replace("yuvj", "yuv") in known and bits == like.bits:
        halves, wanted = like.halves, like.form.replace("yuvj", "yuv")
    else:
        halves = (True, True) if like.kind != "video" else _halves(like.halves, known)
        wanted = _deep(SUBSAMPLED[halves], bits, known)
        if like.kind == "video" and (bits == like.bits and halved_worse(like, wanted)):
            say(f"{encoder.name} does not take {like.form}; {wanted} is written")
    odd = (halves[0] and size[0] % 2) or (halves[1] and size[1] % 2)
    if not (odd and encoder.even):
        return wanted
    whole = _deep(SUBSAMPLED[False, False], bits, known)
    if whole not in known:
        raise BadField(
            f"{size[1]} x {size[0]} is odd, and {encoder.name} takes even sides; --codec h264 or vp9 takes any"
        )
    say(f"{size[1]} x {size[0]} is odd, and {encoder.name} halves no odd side: colour is written in full, as {whole}")
    return whole


def halved_worse(like: Clip, wanted: str) -> bool:
    """Whether a pixel format holds less than that of the film, or mixes its colours anew."""
    form = pyav().VideoFormat(wanted, 64, 64)
    return depth(form) < like.bits or halved(form) > like.halves or like.coding.matrix == 0


def _halves(halves: tuple[bool, bool], known: set[str]) -> tuple[bool, bool]:
    """The subsampling that the encoder takes and that keeps most of this one."""
    for kept in (halves, (False, halves[1]), (False, False), (True, True)):
        if SUBSAMPLED.get(kept) in known:
            return kept
    return True, True


def _deep(base: str, bits: int, known: set[str]) -> str:
    """The format of ``base`` with at least so many bits, or the deepest there is."""
    deep = {(int(name[len(base) : -2]) if name != base else 8): name for name in known if _is_deep(name, base)}
    return deep[min((each for each in deep if each >= bits), default=max(deep))] if deep else base


def _is_deep(name: str, base: str) -> bool:
    return name == base or (name.startswith(base) and name.endswith("le") and name[len(base) : -2].isdigit())


def settle(context: Any, plan: Plan, like: Clip) -> None:
    """Tell an encoder of PyAV all that is known before the first frame."""
    context.height, context.width = plan.size
    context.pix_fmt, context.time_base = plan.form, like.tick
    context.color_primaries, context.color_trc = plan.tags.primaries, plan.tags.transfer
    context.colorspace, context.color_range = plan.tags.matrix, plan.tags.range
    if like.aspect:
        context.sample_aspect_ratio = like.aspect
    if plan.codec == "av1":
        os.environ.setdefault("SVT_LOG", "1")  # it writes its settings to stderr and has no other switch
    if plan.codec == "hevc" and plan.container in ("mp4", "mov"):
        context.codec_tag = "hvc1"  # players of Apple take no other
