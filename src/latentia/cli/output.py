"""Where results go: OUT's ending is the form, and nothing half-written is left behind.

Every file is written under a temporary name beside the one asked for, then renamed.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from latentia.errors import BadData

ITEMS = (".png", ".gif", ".mp4", ".npz", ".npy", ".csv", ".parquet", ".json", "folder/")
CODES = (".csv", ".json", ".npz", ".npy")
ROWS = (".csv", ".json")
TABLES = (".csv", ".parquet", ".json")

Rows = Sequence[Mapping[str, Any]]
Number = Callable[[float], str]


def five(value: float) -> str:
    """A number with five digits: what is estimated has no more."""
    return f"{value:.5g}"


def form(out: str | None, allowed: Sequence[str]) -> str:
    """The form that OUT asks for; the empty string without OUT. Ask before the work, so that a typo costs nothing.

    Raises:
        BadData: an ending that this verb does not write, or a folder that is not there.
        BadField: an .mp4 without the extra that writes it.
    """
    if out is None:
        return ""
    path = Path(out)
    found = "folder/" if out.endswith(("/", os.sep)) or path.is_dir() else path.suffix.lower()
    if found not in allowed:
        shown = "is a folder" if found == "folder/" else f"ends in {found!r}" if found else "has no ending"
        raise BadData(f"{out} {shown}; this can be written as {', '.join(allowed)}")
    if not path.absolute().parent.is_dir():
        raise BadData(f"{out}: there is no folder {path.parent}; make it first")
    if found == ".mp4":
        from latentia.data.planes import pyav

        pyav()
    return found


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when all went well, and vanishes when not."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def rows(found: Rows, out: str | None = None, as_json: bool = False, number: Number = five) -> None:
    """Rows with named columns: to OUT (.csv, .parquet or .json), or to stdout as aligned text or JSON.

    Text has numbers as ``number`` writes them.
    """
    if out is None:
        print(json.dumps([plain(row) for row in found], indent=2) if as_json else table(found, number))
        return
    with replacing(Path(out)) as temporary:
        ending = form(out, TABLES)
        if ending == ".json":
            temporary.write_text(json.dumps([plain(row) for row in found], indent=2) + "\n", encoding="utf-8")
        elif ending == ".parquet":
            _parquet(temporary, found)
        else:
            _csv(temporary, found)


def _csv(path: Path, found: Rows) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(found[0]) if found else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(found)


def _parquet(path: Path, found: Rows) -> None:
    from latentia.data.tables.reading import needs

    needs("pyarrow")
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist([dict(row) for row in found]), path)


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON takes it, which has no infinities and no NaN: they become null."""
    return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in row.items()}


def table(found: Rows, number: Number = five) -> str:
    """Rows as aligned text: words to the left, numbers to the right.

    >>> print(table([{"name": "elbo", "value": -87.25}, {"name": "kl", "value": 25.0}]))
    name   value
    elbo  -87.25
    kl        25
    """
    if not found:
        return "nothing"
    names = list(found[0])
    cells = [names, *([_cell(row[name], number) for name in names] for row in found)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    right = [all(isinstance(row[name], int | float) for row in found) for name in names]
    aligned = [[_pad(*each) for each in zip(line, widths, right, strict=True)] for line in cells]
    return "\n".join("  ".join(line).rstrip() for line in aligned)


def _pad(cell: str, width: int, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)


def _cell(value: Any, number: Number = five) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, list | tuple | frozenset):
        return ", ".join(map(str, value))
    return "" if value is None else str(value)


def written(out: str | None, as_json: bool) -> None:
    """Tell a program where the result is: with --json and OUT, a row on stdout."""
    if as_json and out is not None:
        rows([{"out": out}], as_json=True)


def facts(found: Mapping[str, Any], as_json: bool = False, out: str | None = None) -> None:
    """Named facts on stdout: one per line, or one JSON object, which goes to OUT where there is one.

    Text of several lines is indented.
    """
    if out is not None:
        with replacing(Path(out)) as temporary:
            temporary.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        return
    if as_json:
        print(json.dumps(found, indent=2))
        return
    width = max(len(name) for name in found)
    for name, value in found.items():
        print(f"{name.ljust(width)}  " + _cell(value).replace("\n", "\n" + " " * (width + 2)))
