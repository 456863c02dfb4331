"""One training per run folder: a lock that the system takes back when its process ends, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from latentia.core import rank
from latentia.errors import BadRun

NAME = ".lock"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a run's folder inside; the first of several processes holds it for all.

    The file is removed at the end. One that a kill left behind holds nobody up: what counts is the system's lock on
    it, not that it is there.

    Raises:
        BadRun: another training holds the folder, or it may not be written.
    """
    if rank() > 0:
        yield
        return
    path = folder / NAME
    descriptor = _held(path)
    try:
        with suppress(OSError):  # a full disk is told of when the run itself is written
            os.truncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
        yield
    finally:
        with suppress(OSError):  # Windows keeps a file that is open
            path.unlink()  # before the lock is given back: who waits for it then finds another file, and tries anew
        os.close(descriptor)


def holder(folder: Path) -> int | None:
    """The process that trains in a run's folder now; ``None`` where there is none, whatever a kill left behind."""
    try:
        descriptor = os.open(folder / NAME, os.O_RDWR)
    except OSError:
        return None
    try:
        found = b"" if _locked(descriptor) else os.read(descriptor, 20)
    finally:
        os.close(descriptor)
    return int(found) if found.isdigit() else None


def _held(path: Path) -> int:
    """The locked file at ``path``, which is the one that others find there."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise BadRun(f"{path.parent} cannot be written: {error.strerror}") from None
        if not _locked(descriptor):
            holder = os.read(descriptor, 20).decode(errors="replace") or "unknown"
            os.close(descriptor)
            raise BadRun(
                f"{path.parent} is being trained by another process ({holder}); wait for it, or take another --run"
            )
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
        os.close(descriptor)  # its holder removed it between our opening and our locking


if sys.platform == "win32":
    import msvcrt

    def _locked(descriptor: int) -> bool:
        """Whether the lock is ours; taken on a byte past the end, so that others can read who holds it."""
        os.lseek(descriptor, 1 << 20, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True
else:
    import errno
    import fcntl

    def _locked(descriptor: int) -> bool:
        """Whether the lock is ours. A file system without locks locks nobody out."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
        return True
