"""Pictures: items laid out in a grid, a strip, or one after another in a film."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from latentia.errors import BadData

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["animate", "cut", "grid", "mosaic", "opaque", "picture", "pixels", "strip"]

CELL = 56  # a cell is enlarged to at least this many pixels, by whole factors
CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}
PAPER, INK = 255, 90
GAP = 4  # pixels between captions


def pixels(x: Tensor) -> NDArray[np.uint8]:
    """Pictures in [0, 1] as bytes: ``(N, C, H, W)`` to ``(N, H, W, C)`` with C of 1, 3 or 4; rounded, never wrapped.

    Raises:
        BadData: the shape is no stack of pictures, or a number is not finite.
    """
    if x.dim() == 2:
        raise BadData(f"rows of a table, {tuple(x.shape)}, are no pictures; write them as .csv, .json, .npy or .npz")
    if x.dim() != 4 or x.shape[1] not in CHANNELS:
        raise BadData(f"a picture needs the shape (N, 1, 3 or 4, height, width); this has {tuple(x.shape)}: no picture")
    if not bool(torch.isfinite(x).all()):
        raise BadData(f"{int((~torch.isfinite(x)).sum())} numbers of these pictures are not finite")
    scaled = x.detach().to("cpu", torch.float32).clamp(0, 1).mul(255).round()
    return np.asarray(scaled.to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy())


def picture(x: Tensor, smallest: int = 0, deep: bool = False) -> Image:
    """One item ``(C, H, W)`` as a picture, its pixels repeated until the shorter side has ``smallest``.

    ``deep`` pictures have 16 bits a pixel; they are grey, and as large as the item.
    """
    from PIL import Image

    if deep:
        return Image.fromarray(
            x[0].detach().to("cpu", torch.float64).clamp(0, 1).mul(65535).round().numpy().astype(np.uint16)
        )
    cell = pixels(x[None])[0].repeat(factor := _factor(x.shape, smallest), 0).repeat(factor, 1)
    return Image.fromarray(cell[..., 0] if cell.shape[-1] == 1 else cell)


def grid(
    x: Tensor, columns: int | None = None, padding: int = 2, numbers: Sequence[object] | None = None, cell: int = CELL
) -> Image:
    """Items side by side, row by row.

    Args:
        x: pictures in [0, 1], ``(N, C, H, W)`` with C of 1, 3 or 4.
        columns: how many side by side; about square when it is not given.
        padding: white pixels around each cell.
        numbers: what is printed under each cell, one per item; cells are enlarged so that it fits, up to three times
            (not where ``cell`` is less than the usual).
        cell: small pictures are enlarged until their shorter side has this many pixels, by repeating pixels.

    Raises:
        BadData: no items, items that are no pictures (rows of a table), or numbers that do not match.
    """
    from PIL import Image, ImageDraw, ImageFont

    cells = pixels(x)
    if not len(cells) or (numbers is not None and len(numbers) != len(cells)):
        told = "" if numbers is None else f" and {len(numbers)} numbers"
        raise BadData(f"a grid of {len(cells)} items{told}: it takes at least one item, and a number for each or none")
    font, factor = ImageFont.load_default(11), _factor(x.shape[1:], cell)
    if numbers is not None and cell >= CELL:
        widest = max(font.getlength(str(number)) for number in numbers)
        factor = min(max(factor, math.ceil((widest + GAP) / x.shape[3])), 3 * factor)
    cells = cells.repeat(factor, 1).repeat(factor, 2)
    count, height, width, _ = cells.shape
    across = min(columns or _columns(count, height, width), count)
    gap, foot = padding, 0 if numbers is None else 16
    size = (across * (width + gap) + gap, -(-count // across) * (height + gap + foot) + gap)
    mode = CHANNELS[x.shape[1]]
    paper = Image.new(mode, size, PAPER if mode == "L" else (PAPER,) * len(mode))
    for i, each in enumerate(cells):
        left, top = gap + i % across * (width + gap), gap + i // across * (height + gap + foot)
        paper.paste(Image.fromarray(each[..., 0] if mode == "L" else each), (left, top))
        if numbers is not None:
            ink = INK if mode == "L" else (INK, INK, INK, 255)[: len(mode)]
            where = (left + width // 2, top + height + foot // 2 + gap // 2)
            ImageDraw.Draw(paper).text(where, str(numbers[i]), ink, font, anchor="mm")
    return paper


def cut(image: Image, shape: Sequence[int], padding: int = 2, cell: int = CELL) -> Tensor:
    """The items ``(N, C, H, W)`` of a :func:`grid` without numbers, float32; white ones where its last row ends early.

    Raises:
        BadData: the picture is no such grid of items of this shape.
    """
    factor = _factor(shape, cell)
    height, width = (factor * side + padding for side in shape[-2:])
    rows, columns = (image.height - padding) // height, (image.width - padding) // width
    if (columns * width, rows * height) != (image.width - padding, image.height - padding) or rows * columns == 0:
        raise BadData(f"a picture of {image.width} x {image.height} is no grid of items of {tuple(shape)}")
    whole = torch.as_tensor(np.array(image)).reshape(image.height, image.width, -1)[padding:, padding:]
    tiles = whole.reshape(rows, height, columns, width, -1).permute(0, 2, 4, 1, 3).flatten(0, 1)
    items: Tensor = tiles[..., : factor * shape[-2] : factor, : factor * shape[-1] : factor].float() / 255
    return items


def strip(x: Tensor, padding: int = 2, numbers: Sequence[object] | None = None, cell: int = CELL) -> Image:
    """Items in one row: a :func:`grid` as wide as there are items."""
    return grid(x, len(x), padding, numbers, cell)


def mosaic(x: Tensor, columns: int | None = None, gap: int = 1) -> Tensor:
    """Pictures ``(frames, N, C, H, W)`` side by side in each frame, ``(frames, C, height, width)``; gaps are white.

    Args:
        x: pictures in [0, 1].
        columns: how many side by side; about square when it is not given.
        gap: pixels between them.
    """
    frames, count, channels, height, width = x.shape
    across = min(columns or _columns(count, height, width), count)
    down = -(-count // across)
    paper = x.new_ones(frames, channels, down * (height + gap) - gap, across * (width + gap) - gap)
    for place in range(count):
        top, left = place // across * (height + gap), place % across * (width + gap)
        paper[:, :, top : top + height, left : left + width] = x[:, place]
    return paper


def animate(frames: Tensor, path: str | os.PathLike[str], fps: float = 12, cell: int = 256) -> Path:
    """Frames ``(N, C, H, W)`` as a GIF that goes round for ever; it appears under ``path`` when it is whole.

    A GIF counts time in hundredths of a second, at least two: up to 50 frames a second, ``fps`` is met on the whole.
    Alpha is laid on white.

    Raises:
        BadData: no frames, frames that are no pictures, or a rate that is not above 0.
    """
    if not len(frames) or not fps > 0:
        raise BadData(f"{len(frames)} frames at {fps:g} a second: it takes at least one frame and a rate above 0")
    films = [opaque(picture(frame, cell)) for frame in frames]
    target = Path(path)
    part = target.with_name(f".{target.name}.part")
    ends = [round(100 * i / fps) for i in range(len(films) + 1)]
    pauses = [10 * max(2, end - start) for start, end in itertools.pairwise(ends)]
    films[0].save(part, format="GIF", save_all=True, append_images=films[1:], duration=pauses, loop=0, disposal=1)
    os.replace(part, target)
    return target


def opaque(image: Image) -> Image:
    """The picture laid on white, if it has alpha."""
    if image.mode != "RGBA":
        return image
    from PIL import Image as images

    return images.alpha_composite(images.new("RGBA", image.size, (PAPER,) * 4), image).convert("RGB")


def _factor(shape: Sequence[int], smallest: int) -> int:
    """The whole factor that brings the shorter side to ``smallest``."""
    return max(1, -(-smallest // max(1, min(shape[-2:]))))


def _columns(count: int, height: int, width: int) -> int:
    """As many columns as make the whole about square."""
    return max(1, round(math.sqrt(count * height / width)))
