"""Folders, zip and tar files of pictures: their names, and one open file after another. Nothing is extracted."""

from __future__ import annotations

import builtins
import hashlib
import os
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from latentia.errors import BadData

__all__ = ["ARCHIVES", "PICTURES", "VIDEOS", "Collection", "Files", "archive", "folder", "is_archive", "lettered"]

PICTURES = (
    *(".png", ".jpg", ".jpeg", ".jfif", ".webp", ".gif", ".bmp"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm"),
)
VIDEOS = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm"),
    *(".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp", ".ogv", ".y4m", ".mxf"),
)
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


LETTERED = re.compile(r"(?P<split>train|val|test|)[_-]?(?P<side>[AB])", re.IGNORECASE)  # trainA, test_b, A


class Collection:
    """Pictures that can be opened one after another.

    Attributes:
        name: what it is called in messages.
        names: the relative path of each picture, sorted; a picture's row is its place here.
        others: how many other files there are.
        order: the rows in the order in which reading them is cheap.
        stamp: changes when the content changes.
    """

    def __init__(self, name: str, names: list[str], others: int, stamp: str, order: list[int] | None = None) -> None:
        self.name, self.names, self.others, self.stamp = name, names, others, stamp
        self.order = list(range(len(names))) if order is None else order
        if not names:
            found = f"holds no pictures, but {others:,} other file{'s' * (others != 1)}" if others else "is empty"
            raise BadData(f"{name} {found}; pictures end in {' '.join(PICTURES)}")

    def open(self, row: int) -> BinaryIO:
        """The picture's file, opened for reading."""
        raise NotImplementedError

    def close(self) -> None:
        """Close what the pictures lie in."""


class Files(Collection):
    """Pictures that are files on disk: all of a folder, or a list of them."""

    def __init__(self, name: str, paths: dict[str, Path], others: int = 0) -> None:
        names = sorted(paths)
        stamp = hashlib.blake2b(digest_size=16)
        for each in names:
            found = paths[each].stat()
            stamp.update(f"{each}\0{found.st_size}\0{found.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
        super().__init__(name, names, others, stamp.hexdigest())
        self.paths = [paths[each] for each in names]

    def open(self, row: int) -> BinaryIO:
        return builtins.open(self.paths[row], "rb")


class Zip(Collection):
    """Pictures in a zip file."""

    def __init__(self, path: Path) -> None:
        self.file = zipfile.ZipFile(path)
        try:
            self._list(path)
        except BadData:
            self.close()
            raise

    def _list(self, path: Path) -> None:
        self.members = {each.filename: each for each in self.file.infolist() if not each.is_dir()}
        names, others = _pictures(self.members, path)
        order = sorted(range(len(names)), key=lambda row: self.members[names[row]].header_offset)
        told = "\n".join(f"{each}\0{self.members[each].file_size}\0{self.members[each].CRC}" for each in names)
        stamp = hashlib.blake2b(told.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
        super().__init__(str(path), names, others, stamp, order)

    def close(self) -> None:
        self.file.close()

    def open(self, row: int) -> BinaryIO:
        return self.file.open(self.members[self.names[row]])  # type: ignore[return-value]


class Tar(Collection):
    """Pictures in a tar file, compressed or not; links in it are not followed."""

    def __init__(self, path: Path) -> None:
        self.file = tarfile.open(path)  # noqa: SIM115 - closed by close()
        try:
            self._list(path)
        except (BadData, tarfile.TarError, EOFError, zlib.error, OSError):
            self.close()
            raise

    def _list(self, path: Path) -> None:
        self.members = {each.name: each for each in self.file.getmembers() if each.isfile()}
        names, others = _pictures(self.members, path)
        order = sorted(range(len(names)), key=lambda row: self.members[names[row]].offset)
        found = path.stat()
        super().__init__(str(path), names, others, f"{path.name} {found.st_size} {found.st_mtime_ns}", order)

    def close(self) -> None:
        self.file.close()

    def open(self, row: int) -> BinaryIO:
        return self.file.extractfile(self.members[self.names[row]])  # type: ignore[return-value]


def is_archive(path: Path) -> bool:
    """Whether the name of ``path`` is that of a zip or tar file."""
    return path.name.lower().endswith(ARCHIVES)


def archive(path: Path) -> Collection:
    """The pictures in a zip or tar file.

    Raises:
        BadData: a damaged archive, names that point out of it, or no pictures in it.
    """
    try:
        return Zip(path) if path.suffix.lower() == ".zip" else Tar(path)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, OSError) as error:
        raise BadData(f"{path} cannot be read as an archive: {error}") from None


def folder(path: Path) -> Collection:
    """The pictures in a folder and the folders in it. Hidden files are passed over.

    Raises:
        BadData: there are none, or a folder that may not be read.
    """

    def refuse(error: OSError) -> None:
        raise BadData(f"{error.filename} cannot be read: {error.strerror}")

    found: dict[str, Path] = {}
    others, visited = 0, set()
    for root, folders, names in os.walk(path, onerror=refuse, followlinks=True):
        if (real := os.path.realpath(root)) in visited:  # a link that leads back up
            folders.clear()
            continue
        visited.add(real)
        folders[:] = [each for each in folders if not _hidden(each)]
        for name in names:
            each = Path(root, name)
            if _hidden(name):
                continue
            if each.suffix.lower() in PICTURES:
                found[each.relative_to(path).as_posix()] = each
            else:
                others += 1
    return Files(str(path), found, others)


def lettered(collection: Collection) -> tuple[Collection, Collection] | None:
    """The two sides of a folder in which all pictures lie in folders called A and B, or trainA, trainB, testA, testB.

    Raises:
        BadData: a side without pictures.
    """
    if not isinstance(collection, Files):
        return None
    sides: dict[str, dict[str, Path]] = {"a": {}, "b": {}}
    for name, path in zip(collection.names, collection.paths, strict=True):
        top, _, rest = name.partition("/")
        if not rest or (found := LETTERED.fullmatch(top)) is None:
            return None
        split = found["split"].lower()
        sides[found["side"].lower()][f"{split}/{rest}" if split else rest] = path
    a, b = (Files(f"{collection.name} ({side.upper()})", files) for side, files in sides.items())
    return a, b


def _pictures(names: Iterable[str], path: Path) -> tuple[list[str], int]:
    """The sorted names that are pictures', and how many others there are."""
    found, others = [], 0
    for name in names:
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if name.startswith(("/", "\\")) or ".." in parts or (parts and parts[0].endswith(":")):
            raise BadData(f"{path} holds the name {name!r}, which points out of the archive; nothing was read")
        if any(_hidden(part) for part in parts):
            continue
        if PurePosixPath(name).suffix.lower() in PICTURES:
            found.append(name)
        else:
            others += 1
    return sorted(found), others


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"
