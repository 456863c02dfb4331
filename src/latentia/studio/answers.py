"""What an answer to the page may be, beside JSON: bytes of a kind, or a file."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from latentia.errors import BadField

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["Bytes", "File", "address", "png", "said", "whole"]


@dataclass(frozen=True)
class Bytes:
    """A body with its content type."""

    body: bytes
    kind: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class File:
    """A file that is handed out; with ``keep`` under that name, as a download."""

    path: Path
    kind: str
    keep: str = ""
    policy: str = ""


def png(x: Tensor | Image) -> bytes:
    """An item ``(C, H, W)``, or a picture, as a PNG file in its own size."""
    from latentia.tasks.pictures import picture

    image: Any = picture(x) if isinstance(x, Tensor) else x
    kept = io.BytesIO()
    image.save(kept, format="PNG", compress_level=1)
    return kept.getvalue()


def address(x: Tensor | Image) -> str:
    """The same as a data address, to stand in JSON."""
    return "data:image/png;base64," + base64.b64encode(png(x)).decode("ascii")


def said(given: Any, name: str) -> str:
    """A text that the page has to say.

    Raises:
        BadField: it did not.
    """
    value = given.get(name) if hasattr(given, "get") else None
    if not isinstance(value, str) or not value:
        raise BadField(f"the page did not say {name}; load it again")
    return value


def whole(given: Any, name: str, default: int, low: int = 0, high: int = 2**63 - 1) -> int:
    """A whole number that the page may say.

    Raises:
        BadField: it is none, or out of range.
    """
    value = given.get(name)
    if value is None or value == "":
        return default
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        raise BadField(f"{name} is {value!r}; it must be a whole number") from None
    if not low <= number <= high:
        raise BadField(f"{name} is {number}; it must be between {low} and {high}")
    return number
