"""The folder in which downloads and decoded pictures are kept, and how files get there whole or not at all."""

from __future__ import annotations

import builtins
import contextlib
import os
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from latentia.errors import BadData

__all__ = ["NpyRows", "cache_folder", "megabytes", "whole"]

SPARE = 16 << 20  # bytes that stay free on the disk


def cache_folder(given: str | Path | None = None) -> Path:
    """The folder given, or the one ``LATENTIA_CACHE`` names, or the platform's own."""
    if given or os.environ.get("LATENTIA_CACHE"):
        return Path(given or os.environ["LATENTIA_CACHE"]).expanduser()
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~/AppData/Local")).expanduser() / "latentia" / "cache"
    if sys.platform == "darwin":
        return Path("~/Library/Caches/latentia").expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "latentia"


@contextlib.contextmanager
def whole(path: Path, size: int) -> Iterator[BinaryIO]:
    """A file to write about ``size`` bytes to, which becomes ``path`` at the end, or leaves nothing behind.

    It has a name of its own until then, so two processes may make the same file at the same time.

    Raises:
        BadData: the folder cannot be written to, or the disk has too little space.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(path.parent).free
        if free < size + SPARE:
            raise BadData(
                f"the cache in {path.parent} needs {megabytes(size)} and the disk has {megabytes(free)} free; "
                f"make room, or name another folder in LATENTIA_CACHE"
            )
        with builtins.open(temporary, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise BadData(
            f"the cache in {path.parent} cannot be written: {error.strerror or error}; "
            f"name another folder in LATENTIA_CACHE"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


class NpyRows:
    """A .npy file written row by row, in any order.

    Written with plain writes and not through a memory map: a full disk is then an error, and not a killed process.
    """

    HEADER = 128  # bytes; the same for any number of rows, so that it can be written again

    def __init__(self, file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self.file, self.shape, self.dtype = file, shape, dtype
        self.row = int(np.prod(shape[1:])) * dtype.itemsize
        self._head(shape[0])

    def put(self, row: int, values: np.ndarray[Any, Any]) -> None:
        """Write one row."""
        self.file.seek(self.HEADER + row * self.row)
        self.file.write(np.ascontiguousarray(values, dtype=self.dtype).tobytes())

    def keep(self, rows: list[int]) -> None:
        """Keep only these rows, which are in ascending order."""
        if len(rows) == self.shape[0]:
            return
        for place, row in enumerate(rows):
            self.file.seek(self.HEADER + row * self.row)
            values = self.file.read(self.row)
            self.file.seek(self.HEADER + place * self.row)
            self.file.write(values)
        self.file.truncate(self.HEADER + len(rows) * self.row)
        self._head(len(rows))

    def _head(self, count: int) -> None:
        about = {"descr": self.dtype.str, "fortran_order": False, "shape": (count, *self.shape[1:])}
        text = repr(about).encode().ljust(self.HEADER - 11) + b"\n"
        self.file.seek(0)
        self.file.write(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)


def megabytes(size: float) -> str:
    """A number of bytes as people read it.

    >>> megabytes(36_700_160), megabytes(2_000)
    ('37 MB', '2 kB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{size / unit:.{0 if size >= 10 * unit else 1}f} {name}"
    return f"{size / 1e3:.0f} kB"
