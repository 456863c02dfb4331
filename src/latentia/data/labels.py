"""CSV files of labels, read by the standard library."""

from __future__ import annotations

import builtins
import csv
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from latentia.data.files import Array
from latentia.errors import BadData, near

__all__ = ["is_number", "labels_file", "labels_for", "read_csv"]

LABELS = ("label", "labels", "class", "target", "y", "category")
NAMES = ("file", "filename", "name", "path", "image", "image_id", "id")


def labels_file(text: str, word: str = "label") -> tuple[Path, str | None]:
    """The file and the column that ``FILE[:COLUMN]`` names; a drive letter is no column.

    Raises:
        BadData: there is no such file.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return path, None
    file, _, column = text.rpartition(":")
    path = Path(file).expanduser()
    if file and path.is_file():
        return path, column
    option = {"label": "labels_from", "group": "group_from"}[word]
    raise BadData(f"{option} is {text!r}, and there is no such file; write FILE.csv or FILE.csv:COLUMN")


def labels_for(text: str, names: Sequence[str] | None, count: int, what: str, word: str = "label") -> Array:
    """One label per item of ``what``, or one group where ``word`` says so, from the CSV file that ``text`` names.

    A file with a column of names (``file``, ``name``, ``path``, ``id`` ...) is matched by name: the whole relative
    path, the last part of it, or that without its ending. Any other has its rows in the order of the items.

    Raises:
        BadData: no such column, an item without a label, or another number of rows than items.
    """
    path, column = labels_file(text, word)
    header, rows = read_csv(path)
    place = _column(path, header, column, word)
    by = next((index for index, each in enumerate(header) if each.lower() in NAMES and index != place), None)
    if by is not None and names is not None:
        return _by_name(path, {row[by]: row[place] for row in rows}, names, word)
    if len(rows) != count:
        raise BadData(f"{path} has {len(rows):,} {word}s and {what} has {count:,} items; one {word} per item is needed")
    if bare := [number for number, row in enumerate(rows, 1) if not row[place]]:
        raise BadData(f"{path} has no {word} in row {bare[0]:,}; one {word} per item is needed")
    return np.array([row[place] for row in rows])


def read_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    """The header (made up as ``0``, ``1``, ... where the first line holds numbers) and the rows of a CSV file.

    Raises:
        BadData: nothing in it, rows of different lengths, or no text.
    """
    try:
        with builtins.open(path, newline="", encoding="utf-8-sig") as file:
            first = file.readline()
            file.seek(0)
            separator = max(",;\t", key=first.count)
            lines = [row for row in csv.reader(file, delimiter=separator) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadData(f"{path} cannot be read as a CSV file: {error}") from None
    if not lines:
        raise BadData(f"{path} is empty")
    for number, line in enumerate(lines, 1):
        if len(line) != len(lines[0]):
            raise BadData(f"{path} has {len(line)} columns in line {number} and {len(lines[0])} in the first")
    lines = [[cell.strip() for cell in line] for line in lines]
    if all(is_number(cell) for cell in lines[0]):
        return [str(index) for index in range(len(lines[0]))], lines
    return lines[0], lines[1:]


def _column(path: Path, header: list[str], column: str | None, word: str) -> int:
    if column is not None:
        if column not in header:
            raise BadData(f"{path} has no column {column!r}; {near(column, header)}")
        return header.index(column)
    if len(header) == 1:
        return 0
    known = LABELS if word == "label" else (word, f"{word}s")
    found = [index for index, each in enumerate(header) if each.lower() in known]
    if len(found) != 1:
        raise BadData(f"{path} has the columns {', '.join(header)}; say which holds the {word}s: {path.name}:COLUMN")
    return found[0]


def _by_name(path: Path, labels: dict[str, str], names: Sequence[str], word: str) -> Array:
    found = []
    for name in names:
        pure = PurePosixPath(name)
        label = next((labels[each] for each in (name, pure.name, pure.stem) if each in labels), None)
        if not label:
            raise BadData(f"{path} has {len(labels):,} {word}s, and none for {name}; one {word} per item is needed")
        found.append(label)
    return np.array(found)


def is_number(text: str) -> bool:
    """Whether text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
