"""Video: frames as an MP4, through PyAV (the extra ``video``, whose wheels hold the GPL encoders x264 and x265)."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from latentia.data.planes import pyav
from latentia.errors import BadData
from latentia.tasks.pictures import opaque, picture

__all__ = ["film"]

RATE = 30.0
SIDE = 256  # small frames are enlarged until their shorter side has this many pixels, by repeating pixels
QUALITY = {"crf": "16", "preset": "medium"}  # x264's: 0 loses nothing, 23 is its default
BT709 = 1  # the number of its primaries and of its transfer curve


def film(frames: Tensor, path: str | os.PathLike[str], fps: float = RATE, cell: int = SIDE) -> Path:
    """Frames as an MP4 (H.264, 4:2:0, BT.709, limited range) that players and browsers show; whole or not at all.

    Args:
        frames: pictures in [0, 1], ``(N, C, H, W)`` with C of 1, 3 or 4; alpha is laid on white.
        path: where it appears when it is whole.
        fps: frames per second.
        cell: frames are enlarged by a whole factor until their shorter side has this many pixels. A side that is
            still odd gets its last pixels twice: 4:2:0 takes even sides.

    Raises:
        BadData: no frames, frames that are no pictures, or a rate that is not above 0.
        BadField: PyAV is not installed.
    """
    if not len(frames) or not fps > 0:
        raise BadData(f"{len(frames)} frames at {fps:g} a second: it takes at least one frame and a rate above 0")
    av, target = pyav(), Path(path)
    part = target.with_name(f".{target.name}.part")
    try:
        with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
            _write(av, container, frames, fps, cell)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _write(av: Any, container: Any, frames: Tensor, fps: float, cell: int) -> None:
    """Encode frame by frame; the encoder holds some back, which it gives when it is asked without a frame."""
    stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000), options=QUALITY)
    stream.height, stream.width = _even(frames[0], cell).shape[:2]
    stream.pix_fmt = "yuv420p"
    context, colours = stream.codec_context, av.video.reformatter
    context.color_range, context.colorspace = colours.ColorRange.MPEG, colours.Colorspace.ITU709
    context.color_primaries = context.color_trc = BT709
    for i, each in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(_even(each, cell), format="rgb24").reformat(
            format="yuv420p",
            src_color_range=colours.ColorRange.JPEG,
            dst_color_range=colours.ColorRange.MPEG,
            dst_colorspace=colours.Colorspace.ITU709,
        )
        frame.pts = i
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def _even(frame: Tensor, cell: int) -> NDArray[np.uint8]:
    """One frame as colours ``(H, W, 3)`` with even sides."""
    image = np.asarray(opaque(picture(frame, cell)).convert("RGB"))
    return np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2), (0, 0)), mode="edge")
