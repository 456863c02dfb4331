"""Named columns to OUT, block by block: what is written is not kept in memory, where the form allows it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from latentia.cli import output
from latentia.cli.codes import output_arrays

FORMS = (".csv", ".parquet", ".json", ".npz")

Block = Mapping[str, Sequence[Any]]  # columns of one length, by name
Write = Callable[[Block], None]


@contextmanager
def writing(out: str | None, as_json: bool = False) -> Iterator[Write]:
    """A function that takes blocks of columns, all of the same names, and writes them to OUT or to stdout.

    CSV, Parquet and JSON are written as they come; .npz and what goes to stdout are collected first. Nothing
    half-written is left behind.
    """
    ending = output.form(out, FORMS)
    if ending in ("", ".npz"):
        blocks: list[Block] = []
        yield blocks.append
        _together(blocks, out, as_json)
    else:
        with output.replacing(Path(out or "")) as temporary, ExitStack() as stack:
            yield {".csv": _csv, ".parquet": _parquet, ".json": _json}[ending](temporary, stack)
    output.written(out, as_json)


def _together(blocks: Sequence[Block], out: str | None, as_json: bool) -> None:
    whole = {name: [value for block in blocks for value in block[name]] for name in (blocks[0] if blocks else ())}
    if out is None:
        output.rows(_rows(whole), None, as_json)
        return
    import numpy as np

    output_arrays(Path(out), {name: np.array(values) for name, values in whole.items()}, "")


def _csv(path: Path, stack: ExitStack) -> Write:
    file = stack.enter_context(path.open("w", newline="", encoding="utf-8"))
    writer = csv.writer(file, lineterminator="\n")

    def write(block: Block) -> None:
        if not file.tell():
            writer.writerow(block)
        writer.writerows(zip(*block.values(), strict=True))

    return write


def _json(path: Path, stack: ExitStack) -> Write:
    file = stack.enter_context(path.open("w", encoding="utf-8"))
    begun: list[bool] = []
    stack.callback(lambda: file.write("\n]\n" if begun else "[]\n"))

    def write(block: Block) -> None:
        for row in _rows(block):
            file.write((",\n " if begun else "[\n ") + json.dumps(output.plain(row)))
            begun.append(True) if not begun else None

    return write


def _parquet(path: Path, stack: ExitStack) -> Write:
    from latentia.data.tables.reading import needs

    needs("pyarrow")
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    opened: list[Any] = []

    def write(block: Block) -> None:
        table = pyarrow.table({name: pyarrow.array(list(values)) for name, values in block.items()})
        if not opened:
            opened.append(stack.enter_context(ParquetWriter(str(path), table.schema)))
        opened[0].write_table(table.cast(opened[0].schema))

    return write


def _rows(block: Block) -> list[dict[str, Any]]:
    return [dict(zip(block, row, strict=True)) for row in zip(*block.values(), strict=True)]
