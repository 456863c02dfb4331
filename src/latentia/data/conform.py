"""Pictures that lie in an array, brought to another size and other channels as they are gathered."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from latentia.core import Spec
from latentia.data.augment import quantized
from latentia.data.dataset import Content, Part
from latentia.data.options import DataOptions, pixels
from latentia.data.pictures import background
from latentia.data.source import Values
from latentia.errors import BadData

__all__ = ["Conformed", "brought", "conformed", "recoloured"]

CHANNELS = {"grey": 1, "rgb": 3, "rgba": 4}
LUMA = (0.299, 0.587, 0.114)  # of ITU-R BT.601, as Pillow's


class Conformed:
    """Other values, with their pictures brought to the shape of a spec and rounded to its levels.

    Args:
        values: the pictures, ``(N, channels, height, width)`` in [0, 1] when gathered.
        like: the spec they are brought to.
        fit: ``"crop"``, ``"pad"`` or ``"stretch"``.
        color: the background, as :func:`latentia.data.pictures.background` reads it.
    """

    def __init__(self, values: Values, like: Spec, fit: str, color: str) -> None:
        self.values, self.like, self.fit = values, like, fit
        self.ground = torch.tensor(background(color), dtype=torch.float32) / 255

    def __len__(self) -> int:
        return len(self.values)

    def gather(self, rows: Tensor) -> Tensor:
        x = recoloured(self.values.gather(rows), self.like.shape[0], self.ground)
        return quantized(_fitted(x, self.like.shape[1:], self.fit, self.ground), self.like.levels)


def conformed(content: Content, options: DataOptions) -> Content:
    """``content`` with the size and the colour that the options ask for; pictures in files have them already.

    Raises:
        BadData: a table, which has neither.
    """
    if options.size is None and options.color is None:
        return content
    if content.spec.kind != "image":
        raise BadData(f"size and color are for pictures; {content.name} is a {content.spec.kind}")
    channels, height, width = content.spec.shape
    shape = (CHANNELS.get(options.color or "", channels), *(pixels(options.size) or (height, width)))
    if shape == content.spec.shape:
        return content
    mixes = shape[1:] != (height, width) or shape[0] < channels
    levels = max(content.spec.levels, 256) if mixes and content.spec.levels else content.spec.levels
    spec = dataclasses.replace(content.spec, shape=shape, levels=levels)

    def changed(part: Part) -> Part:
        return dataclasses.replace(part, values=Conformed(part.values, spec, options.fit, options.background))

    test = content.test and changed(content.test)
    notes = (*content.notes, f"{brought(content.spec.shape, shape)} as they are read")
    return dataclasses.replace(content, spec=spec, items=changed(content.items), test=test, notes=notes)


def brought(before: tuple[int, ...], after: tuple[int, ...]) -> str:
    """What happens to pictures of one shape (channels, height, width) that are wanted in another."""
    return f"the pictures are brought from {_written(before)} to {_written(after)}"


def _written(shape: tuple[int, ...]) -> str:
    """A shape (channels, height, width) as people write it."""
    return f"{shape[2]} x {shape[1]} {({1: 'grey', 3: 'RGB'}).get(shape[0], 'RGBA')}"


def recoloured(x: Tensor, wanted: int, ground: Tensor) -> Tensor:
    """Pictures with 1, 3 or 4 channels as ``wanted`` says; transparency is laid on the RGB colour ``ground``."""
    have = x.shape[1]
    if have == wanted:
        return x
    if have == 4:
        color, alpha = x[:, :3], x[:, 3:]
        x = color * alpha + ground.reshape(1, 3, 1, 1) * (1 - alpha)
    if wanted == 1:
        return (x * torch.tensor(LUMA).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
    x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x
    return x if wanted == 3 else torch.cat((x, torch.ones_like(x[:, :1])), 1)


def _fitted(x: Tensor, size: tuple[int, ...], fit: str, ground: Tensor) -> Tensor:
    """Antialiased resizing; the same three ways as for files."""
    (height, width), (wanted_height, wanted_width) = x.shape[2:], size
    if (height, width) == (wanted_height, wanted_width):
        return x
    if fit == "stretch":
        return _resized(x, wanted_height, wanted_width)
    choose = min if fit == "pad" else max
    scale = choose(wanted_height / height, wanted_width / width)
    x = _resized(x, max(1, round(height * scale)), max(1, round(width * scale)))
    top, left = abs(wanted_height - x.shape[2]) // 2, abs(wanted_width - x.shape[3]) // 2
    if fit == "crop":
        return x[:, :, top : top + wanted_height, left : left + wanted_width]
    grey = (ground * torch.tensor(LUMA)).sum()
    fill = {1: grey[None], 3: ground, 4: torch.cat((ground, torch.ones(1)))}[x.shape[1]]
    out = fill.reshape(1, -1, 1, 1).repeat(len(x), 1, wanted_height, wanted_width)
    out[:, :, top : top + x.shape[2], left : left + x.shape[3]] = x
    return out


def _resized(x: Tensor, height: int, width: int) -> Tensor:
    return interpolate(x, (height, width), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1)
