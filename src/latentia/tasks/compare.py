"""Compare: the figures of several runs side by side, and which differences are more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from latentia.errors import BadData
from latentia.tasks.evaluate import Figure

__all__ = ["Line", "compare", "table"]


@dataclass(frozen=True)
class Line:
    """One figure of several runs."""

    name: str
    unit: str
    figures: tuple[Figure | None, ...]  # one per run, ``None`` where a run has not this figure
    best: int | None  # which run is best, if better has a direction and the values differ
    clear: bool  # whether the best run's interval meets no other run's

    @property
    def verdict(self) -> str:
        """In words what the line says."""
        if self.best is None:
            return ""
        return "clear" if self.clear else "intervals overlap"


def compare(runs: Mapping[str, Sequence[Figure]]) -> list[Line]:
    """The figures of runs side by side, in the order in which the runs have them.

    Intervals that overlap do not show that runs are equal, and figures in different units are different lines: a
    likelihood under one data option is no match for one under another.

    Raises:
        BadData: fewer than two runs.
    """
    if len(runs) < 2:
        raise BadData(f"{len(runs)} run to compare; it takes at least two")
    names = dict.fromkeys((figure.name, figure.unit) for figures in runs.values() for figure in figures)
    return [_line(name, unit, runs) for name, unit in names]


def _line(name: str, unit: str, runs: Mapping[str, Sequence[Figure]]) -> Line:
    row = tuple(
        next((figure for figure in figures if (figure.name, figure.unit) == (name, unit)), None)
        for figures in runs.values()
    )
    there = [(i, figure) for i, figure in enumerate(row) if figure is not None and not math.isnan(figure.value)]
    better = there[0][1].better if there else ""
    if len(there) < 2 or not better:
        return Line(name, unit, row, None, False)
    choose = max if better == "higher" else min
    best, winner = choose(there, key=lambda pair: pair[1].value)
    if all(figure.value == winner.value for _, figure in there):
        return Line(name, unit, row, None, False)
    clear = all(figure.high < winner.low or figure.low > winner.high for i, figure in there if i != best)
    return Line(name, unit, row, best, clear)


def table(runs: Mapping[str, Sequence[Figure]]) -> str:
    """:func:`compare` as text: the best of a line is marked ``*`` where it is clear, ``~`` where intervals overlap."""
    lines = compare(runs)
    rows = [["", *runs, ""]]
    for line in lines:
        cells = [_cell(figure, line, i) for i, figure in enumerate(line.figures)]
        rows.append([line.name if line.unit in ("", line.name) else f"{line.name}, {line.unit}", *cells, line.verdict])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cell(figure: Figure | None, line: Line, run: int) -> str:
    if figure is None:
        return "-"
    spread = f" ±{(figure.high - figure.low) / 2:.2g}" if figure.low < figure.high < math.inf else ""
    mark = "" if run != line.best else " *" if line.clear else " ~"
    return f"{figure.value:.5g}{spread}{mark}"
