"""Array files: idx and idx.gz, .npy and .npz, without pickle."""

from __future__ import annotations

import builtins
import gzip
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from latentia.errors import BadData

__all__ = ["Array", "read_idx", "read_npy", "read_npz"]

Array = np.ndarray[Any, Any]
IDX_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path) -> Array:
    """The array in an idx file, gzipped or not (the format of the MNIST files).

    Raises:
        BadData: the file is no idx file, or is cut short.
    """
    opener: Any = gzip.open if path.suffix == ".gz" else builtins.open
    try:
        with opener(path, "rb") as file:
            zeros, kind, axes = struct.unpack(">HBB", file.read(4))
            if zeros or kind not in IDX_TYPES or not axes:
                raise BadData(f"{path} is no idx file: it starts with {zeros:04x}{kind:02x}{axes:02x}")
            shape = struct.unpack(f">{axes}I", file.read(4 * axes))
            array = np.empty(shape, IDX_TYPES[kind])
            found = file.readinto(memoryview(array.data).cast("B")) if array.size else 0
    except (struct.error, EOFError, OSError) as error:
        raise BadData(f"{path} cannot be read as an idx file: {error or 'it is cut short'}") from None
    if found != array.nbytes:
        raise BadData(f"{path} is cut short: {found:,} of {array.nbytes:,} bytes of numbers")
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def read_npy(path: Path) -> Array:
    """The array in a .npy file, as a memory map that never writes back.

    Raises:
        BadData: no array, or one of Python objects.
    """
    try:
        return np.load(path, mmap_mode="c", allow_pickle=False)
    except ValueError as error:
        raise BadData(f"{path}: {_reason(error)}") from None
    except (OSError, EOFError) as error:
        raise BadData(f"{path} cannot be read as a .npy file: {getattr(error, 'strerror', None) or error}") from None


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays in a .npz file, by name.

    Raises:
        BadData: no .npz file, or an array of Python objects in it.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except ValueError as error:
        raise BadData(f"{path}: {_reason(error)}") from None
    except (OSError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise BadData(f"{path} cannot be read as a .npz file: {error}") from None


def _reason(error: ValueError) -> str:
    if "allow_pickle" in str(error) or "objects" in str(error):
        return "an array of Python objects, which is not read (it could run code); save it with a number dtype"
    return f"no array that can be read ({error})"
