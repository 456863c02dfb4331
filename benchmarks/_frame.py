"""What every benchmark prints: a table, and as its last line one JSON object."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import torch

RUNS = Path("runs") / "benchmarks"
PACKAGES = ("latentia", "torch", "numpy", "pythae", "safetensors")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under a head, aligned."""
    lines = [[*map(str, head)], *([shown(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def shown(value: object) -> str:
    """A cell: four digits of a float."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def finish(name: str, figures: Mapping[str, Any], protocol: str, seed: int | Sequence[int]) -> dict[str, Any]:
    """Print the last line: the figures with how, where and with what they were made."""
    result = {
        "name": name,
        "figures": dict(figures),
        "protocol": protocol,
        "machine": {
            "processor": platform.machine() + " " + torch.backends.cpu.get_cpu_capability(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "load": round(os.getloadavg()[0], 2),
        },
        "versions": {"python": platform.python_version(), **installed(PACKAGES)},
        "seed": seed,
    }
    print(json.dumps(result))
    return result


def installed(packages: Sequence[str]) -> dict[str, str]:
    """The versions of those packages that are there."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def spread(values: Sequence[float]) -> dict[str, float]:
    """The minimum, median and maximum."""
    return {"min": min(values), "median": median(values), "max": max(values)}


def alternate(runs: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """A, B, A, B ...: the figures of each, so that a machine that drifts drifts for both."""
    figures: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            figures[name].append(run())
    return figures


def data_or_stop(name: str) -> str:
    """The name of a data set that is there, or a sentence and the end: benchmarks download nothing."""
    folder = os.environ.get("LATENTIA_DATA")
    if not folder or not (Path(folder) / name).is_dir():
        sys.exit(f"{name} is not there: set LATENTIA_DATA to a folder that holds {name}/")
    return name
