"""Pictures made on the spot, and the folder of real data if there is one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the test's own."""
    monkeypatch.setenv("LATENTIA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def real() -> Path:
    """The folder of real data."""
    if not os.environ.get("LATENTIA_DATA"):
        pytest.skip("LATENTIA_DATA is not set: it names the folder of real data sets")
    return Path(os.environ["LATENTIA_DATA"])


@pytest.fixture
def picture() -> Callable[..., np.ndarray]:
    """Makes a smooth picture ``(height, width)`` or ``(height, width, channels)``, uint8, another for each seed."""

    def make(height: int = 12, width: int = 10, channels: int | None = None, seed: int = 0) -> np.ndarray:
        down, right = np.mgrid[0:height, 0:width]
        planes = [(seed * 37 + 60 * k + 5 * down + 3 * right) % 256 for k in range(channels or 1)]
        stacked = np.stack(planes, -1).astype(np.uint8)
        return stacked if channels else stacked[..., 0]

    return make


@pytest.fixture
def folder(tmp_path: Path, picture: Callable[..., np.ndarray]) -> Callable[..., Path]:
    """Makes a folder of ``count`` PNG pictures; ``names`` gives them other names."""
    from PIL import Image

    def make(count: int = 6, channels: int | None = 3, names: list[str] | None = None, **sides: int) -> Path:
        root = tmp_path / "pictures"
        for seed, name in enumerate(names or [f"{index:03}.png" for index in range(count)]):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture(channels=channels, seed=seed, **sides)).save(path)
        return root

    return make
