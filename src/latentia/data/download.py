"""Files from their public address, accepted only with the bytes that are expected."""

from __future__ import annotations

import builtins
import hashlib
import http.client
import logging
import urllib.error
import urllib.request
from pathlib import Path

from latentia.data.cache import megabytes, whole
from latentia.data.progress import Progress
from latentia.errors import BadData

__all__ = ["fetch", "sha256", "verify"]

BLOCK = 1 << 20
log = logging.getLogger("latentia")


def fetch(address: str, path: Path, expected: str, size: int) -> Path:
    """The file at ``path``, downloaded from ``address`` if it is not there.

    Args:
        address: where the file is published.
        path: where it is kept.
        expected: the SHA-256 that it must have.
        size: how many bytes it has, for the check of the disk.

    Raises:
        BadData: the address cannot be reached, or the bytes are others; nothing is kept then.
    """
    if path.exists():
        return verify(path, expected)
    log.info("downloading %s from %s to %s", megabytes(size), address, path)
    found, told = hashlib.sha256(), Progress(size, "downloaded", megabytes)
    with whole(path, size) as file:
        try:
            with urllib.request.urlopen(address, timeout=60) as answer:
                while block := answer.read(BLOCK):
                    found.update(block)
                    file.write(block)
                    told.more(len(block))
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            raise BadData(
                f"{address} cannot be downloaded ({getattr(error, 'reason', error)}); "
                f"put {path.name} into {path.parent}, or name a folder with it in LATENTIA_DATA"
            ) from None
        if found.hexdigest() != expected:
            raise BadData(
                f"{address} has the SHA-256 {found.hexdigest()}, not {expected}: it changed or was damaged on its way; "
                f"nothing was kept. Try again later"
            )
    return path


def verify(path: Path, expected: str) -> Path:
    """``path``, if it has the SHA-256 that is expected.

    Raises:
        BadData: its bytes are others.
    """
    if (found := sha256(path)) != expected:
        raise BadData(f"{path} has the SHA-256 {found}, not {expected}; remove it and it is fetched again")
    return path


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with builtins.open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
