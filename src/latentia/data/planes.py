"""Frames of PyAV and tensors: the planes of a frame as numbers, and numbers as a frame; nothing is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentia.data.colour import Tags
from latentia.errors import BadField

__all__ = ["depth", "filled", "halved", "planar", "planes", "pyav"]

NAMES = {(True, True): "yuv420p", (False, True): "yuv422p", (True, False): "yuv440p", (False, False): "yuv444p"}


def pyav() -> Any:
    """PyAV.

    Raises:
        BadField: it is not installed.
    """
    try:
        import av
    except ImportError:
        raise BadField("an .mp4 needs an extra: pip install 'latentia[video]'; a .gif needs none") from None
    return av


def depth(form: Any) -> int:
    """The bits of one number of a pixel format."""
    return max((int(part.bits) for part in form.components), default=8)


def halved(form: Any) -> tuple[bool, bool]:
    """Whether chroma of a pixel format has half the (height, width)."""
    if form.is_rgb or len(form.components) < 3:
        return False, False
    return form.chroma_height(64) == 32, form.chroma_width(64) == 32


def planar(form: Any) -> str:
    """The pixel format of planes that holds the same numbers: itself, if it is one that is read as it is."""
    parts, bits = form.components, depth(form)
    if form.has_palette or (form.is_rgb and not form.is_planar) or (form.is_rgb and form.is_big_endian):
        return "gbrp" if bits <= 8 else "gbrp16le"
    bare = bits <= 16 and not form.is_big_endian and not form.is_bit_stream
    if len(parts) <= 2 and not form.is_rgb:
        return form.name if bare and len(parts) == 1 else "gray" if bits <= 8 else "gray16le"
    thirds = (form.chroma_height(64), form.chroma_width(64)) in ((32, 32), (64, 32), (32, 64), (64, 64))
    if form.is_planar and bare and thirds and len({part.plane for part in parts[:3]}) == 3:
        return str(form.name)
    return NAMES[halved(form) if thirds else (False, False)] + ("" if bits <= 8 else f"{bits}le")


def planes(frame: Any) -> list[Tensor]:
    """The planes of a frame as float32, ``(1, height, width)`` each: luma and chroma; green, blue, red; or grey."""
    wanted = planar(frame.format)
    if wanted != frame.format.name:
        frame = frame.reformat(format=wanted)
    found = []
    for plane in frame.planes[: min(3, len(frame.format.components))]:
        kind = np.dtype("u1" if depth(frame.format) <= 8 else "<u2")
        rows = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)
        found.append(torch.from_numpy(rows[:, : plane.width].astype(np.float32))[None])
    return found


def filled(numbers: Sequence[Tensor], size: tuple[int, int], form: str, tags: Tags) -> Any:
    """A frame of this (height, width), pixel format and tags with these planes ``(height, width)``, integers."""
    frame = pyav().VideoFrame(size[1], size[0], form)
    kind = np.dtype("u1" if depth(frame.format) <= 8 else "<u2")
    for plane, values in zip(frame.planes, numbers, strict=True):
        rows = np.zeros((plane.buffer_size // plane.line_size, plane.line_size // kind.itemsize), kind)
        rows[: plane.height, : plane.width] = values.numpy()
        plane.update(rows.tobytes())
    frame.colorspace, frame.color_range = tags.matrix, tags.range
    frame.color_primaries, frame.color_trc = tags.primaries, tags.transfer
    return frame
