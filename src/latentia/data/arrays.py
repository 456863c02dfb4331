"""Arrays and tensors as data: which are pictures, which are tables, and which are refused."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentia.core import Spec
from latentia.data.dataset import Content, Part
from latentia.data.files import Array
from latentia.data.source import ArrayValues, Values
from latentia.data.tables.frame import RawTable, frame_of_array
from latentia.errors import BadData

__all__ = ["array_content", "array_of", "classes_of", "digest", "picture_values", "raw_table", "with_labels"]

CHANNELS = (1, 3, 4)
TOPS = {np.dtype("bool"): 1, np.dtype("uint8"): 255, np.dtype("uint16"): 65535}
BLOCK = 1 << 22  # numbers looked at in one go


def array_content(what: Any, name: str = "array") -> Content:
    """An array or tensor, or a pair of one and its labels, as content.

    Pictures: uint8, uint16 or bool as ``(N, H, W)``, ``(N, H, W, C)`` or ``(N, C, H, W)``, or float in [0, 1] as
    ``(N, H, W)`` or ``(N, C, H, W)``, with 1, 3 or 4 channels. Tables: ``(N, columns)``, NaN where one is missing.

    Raises:
        BadData: anything else, numbers that are not finite, or labels that do not match.
    """
    what, labels = what if isinstance(what, tuple) else (what, None)
    array = array_of(what, name)
    spec, values = raw_table(array, name) if array.ndim == 2 else picture_values(array, name)
    content = Content(name, spec, Part(values), digest(array), description=_describe(array))
    return content if labels is None else with_labels(content, array_of(labels, f"the labels of {name}"))


def with_labels(content: Content, labels: Array) -> Content:
    """``content`` with one label for each of its items.

    Raises:
        BadData: the labels do not match.
    """
    codes, classes = classes_of(labels, len(content.items), content.name)
    together = f"{content.hash}{digest(codes.numpy())}"
    return dataclasses.replace(content, items=Part(content.items.values, codes), classes=classes, hash=together)


def array_of(what: Any, name: str) -> Array:
    """``what`` as a numpy array of numbers.

    Raises:
        BadData: an array of objects, or none at all.
    """
    if isinstance(what, Tensor):
        what = what.detach().cpu()
        what = (what.float() if what.dtype in (torch.bfloat16, torch.float16) else what).numpy()
    if hasattr(what, "to_numpy"):
        what = what.to_numpy()
    try:
        array = np.asarray(what)
    except ValueError:
        raise BadData(f"{name} has rows of different lengths; all items must be of one shape") from None
    if array.dtype == object:
        raise BadData(f"{name} is an array of Python objects; give numbers, all items of one shape and dtype")
    return array


def picture_values(array: Array, name: str) -> tuple[Spec, ArrayValues]:
    """The spec and the values of an array of pictures.

    Raises:
        BadData: a shape or dtype that pictures do not have, or floats outside [0, 1].
    """
    if array.ndim not in (3, 4):
        raise BadData(
            f"{name} has the shape {array.shape}; pictures are (N, H, W), (N, C, H, W) or uint8 (N, H, W, C), "
            f"tables are (N, columns)"
        )
    if not len(array):
        raise BadData(f"{name} has the shape {array.shape}: no items")
    if array.dtype.kind == "f":
        return _float_pictures(array, name)
    if array.dtype not in TOPS:
        raise BadData(
            f"{name} has the dtype {array.dtype}; pictures are uint8, uint16 or bool, or float32 in [0, 1]: "
            f"convert it, for example with .astype('uint8')"
        )
    pictures = _channels_last(array, name)
    top = 1 if _binary(pictures, 1) else TOPS[pictures.dtype]
    levels = 2 if _binary(pictures, top) else top + 1
    pictures = pictures.view(np.uint8) if pictures.dtype == np.bool_ else pictures
    height, width, channels = pictures.shape[1:]
    return Spec("image", (channels, height, width), levels), ArrayValues(_writeable(pictures), top)


def raw_table(array: Array, name: str) -> tuple[Spec, Values]:
    """A table of real numbers, ``(N, columns)``, whose columns wait for their types.

    Raises:
        BadData: no numbers, none at all, or infinite ones.
    """
    return Spec("table", (array.shape[1],)), RawTable(frame_of_array(array, name))


def classes_of(labels: Array, count: int, name: str) -> tuple[Tensor, tuple[str, ...]]:
    """Labels as int64 codes, and the names of the classes in their natural order.

    Raises:
        BadData: the labels do not match the items in number, or are no labels.
    """
    if labels.ndim != 1 or len(labels) != count:
        found = f"{len(labels):,} labels" if labels.ndim == 1 else f"labels of the shape {labels.shape}"
        raise BadData(f"{name} has {count:,} items and {found}; one label per item is needed")
    if labels.dtype.kind == "f" and not np.all(np.isfinite(labels) & (labels == np.floor(labels))):
        raise BadData(f"{name}: the labels are fractions; labels are whole numbers or names")
    if labels.dtype.kind == "f":
        labels = labels.astype(np.int64)
    names, codes = np.unique(labels, return_inverse=True)
    if names.dtype.kind == "U" and all(each.isdecimal() for each in names.tolist()):
        order = np.argsort(names.astype(np.int64), kind="stable")
        names, codes = names[order], np.argsort(order)[codes]
    return torch.from_numpy(codes.astype(np.int64)), tuple(str(each) for each in names.tolist())


def digest(array: Array) -> str:
    """A hash of the shape, the dtype and the bytes of an array."""
    found = hashlib.blake2b(f"{array.shape} {array.dtype.str}".encode(), digest_size=16)
    for block in _blocks(array):
        found.update(np.ascontiguousarray(block).tobytes())
    return found.hexdigest()


def _float_pictures(array: Array, name: str) -> tuple[Spec, ArrayValues]:
    if array.ndim == 4 and array.shape[1] not in CHANNELS:
        hint = "; put the channels second: numpy.moveaxis(x, -1, 1)" if array.shape[-1] in CHANNELS else ""
        raise BadData(f"{name} has the shape {array.shape}; float pictures are (N, C, H, W) with C 1, 3 or 4{hint}")
    _finite(array, name)
    low, high = float(array.min()), float(array.max())
    if low < 0 or high > 1:
        raise BadData(
            f"{name} has values from {low:g} to {high:g}; float pictures lie in [0, 1]: scale them, "
            f"or give 8-bit pictures as uint8"
        )
    pictures = array[:, None] if array.ndim == 3 else array
    last = np.ascontiguousarray(np.moveaxis(pictures, 1, -1), dtype=np.float32)
    levels = 2 if _binary(last, 1) else None
    return Spec("image", pictures.shape[1:], levels), ArrayValues(_writeable(last))


def _channels_last(array: Array, name: str) -> Array:
    if array.ndim == 3:
        return array[..., None]
    if array.shape[-1] in CHANNELS:
        return array
    if array.shape[1] in CHANNELS:
        return np.ascontiguousarray(np.moveaxis(array, 1, -1))
    raise BadData(f"{name} has the shape {array.shape}; pictures have 1, 3 or 4 channels, first or last")


def _finite(array: Array, name: str) -> None:
    for start, block in zip(range(0, len(array), _rows(array)), _blocks(array), strict=True):
        if block.dtype.kind == "f" and not np.isfinite(block).all():
            row = start + int(np.argmax(~np.isfinite(block.reshape(len(block), -1)).all(1)))
            raise BadData(f"{name} has numbers that are not finite (NaN or infinity), the first in row {row}")


def _binary(array: Array, top: int) -> bool:
    return all(bool(((block == 0) | (block == top)).all()) for block in _blocks(array))


def _rows(array: Array) -> int:
    return max(1, BLOCK // max(1, array[0].size)) if len(array) else 1


def _blocks(array: Array) -> Any:
    return (array[start : start + _rows(array)] for start in range(0, len(array), _rows(array)))


def _writeable(array: Array) -> Array:
    return array if array.flags.writeable and array.flags.c_contiguous else np.array(array, order="C")


def _describe(array: Array) -> str:
    return f"an array of the shape {array.shape} and dtype {array.dtype}"
