"""A table with a column of every kind, as data frame and as files."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROWS = 300


def customers(rows: int = ROWS, seed: int = 0) -> Any:
    """Customers: what is learnt (numbers, whole numbers, truths, categories, times, gaps), and what is left out."""
    pandas = importlib.import_module("pandas")
    draw = np.random.default_rng(seed)
    frame = {
        "customer": np.arange(rows) + 1000,
        "age": draw.integers(18, 90, rows),
        "income": np.round(draw.lognormal(10, 1, rows), 2),
        "region": draw.choice(["north", "south", "east"], rows),
        "smoker": draw.choice([True, False], rows),
        "level": draw.choice([0, 1], rows),
        "since": np.datetime64("2020-01-01", "us") + draw.integers(0, 900, rows).astype("timedelta64[D]"),
        "note": [f"came by on day {row} of the year" for row in range(rows)],
        "unit": 1.5,
        "gap": np.where(draw.random(rows) < 0.2, np.nan, draw.normal(size=rows)),
        "gain": np.where(draw.random(rows) < 0.8, 0.0, np.round(draw.exponential(1000, rows), 1)),
    }
    return pandas.DataFrame(frame)


@pytest.fixture(scope="session")
def frame() -> Any:
    return customers()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path
