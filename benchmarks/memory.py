"""Anonymous memory (RssAnon) that training adds to ``import torch``: at most set + 300 MiB, also with 10 x the data.

Protocol: two processes. One trains the default VAE on an array of 60,000 x 28 x 28 bytes (47 MB); the other a VAE of
one hidden layer on a folder of pictures whose decoded cache has 10 times as many bytes, so that it is the data that is
measured. RssAnon is read from /proc/self/status after ``import torch``, at every event, and after training.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._frame import finish, table  # imports torch, as the protocol wants it before the first reading

MIB = 1024 * 1024
SIDE, LARGE_SIDE = 28, 112
ALLOWED = 300 * MIB  # beside the set


def run(quick: bool, seed: int) -> None:
    """Both trainings, each in a process of its own."""
    count, images = (6_000, 1_280) if quick else (60_000, 12_800)
    bytes_of_set = count * SIDE * SIDE
    pictures = 10 * bytes_of_set // LARGE_SIDE**2
    with tempfile.TemporaryDirectory() as folder:
        cases = {
            "array": measured("array", str(count), str(images), str(seed), folder),
            "folder": measured("folder", str(pictures), str(images), str(seed), folder),
        }
    allowed = bytes_of_set + ALLOWED
    mebi = {name: {moment: value / MIB for moment, value in case.items()} for name, case in cases.items()}
    sizes = {"array": bytes_of_set / MIB, "folder": pictures * LARGE_SIDE**2 / MIB}
    rows = [[name, sizes[name], case["after"], case["most"], allowed / MIB] for name, case in mebi.items()]
    table(["data", "its MiB", "added after training", "most at an event", "bar"], rows)
    met = all(case["after"] <= allowed for case in cases.values())
    figures = {"added": mebi, "size": sizes, "allowed": allowed / MIB, "met": met}
    finish("memory", figures, " ".join((__doc__ or "").split()), seed)


def measured(*words: str) -> dict[str, int]:
    """What one training adds, from a process of its own."""
    environment = os.environ | {"LATENTIA_CACHE": str(Path(words[-1]) / "cache")}
    command = [sys.executable, "-m", "benchmarks.memory", *words]
    last = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, env=environment).stdout.splitlines()[
        -1
    ]
    after, most = map(int, last.split())
    return {"after": after, "most": most}


def anonymous() -> int:
    """The bytes of this process that no file stands for."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) * 1024


def main(kind: str, count: int, images: int, seed: int, folder: Path) -> None:
    """Train on one kind of data, and print what was added after training and at most."""
    before, most = anonymous(), 0

    def tell(_: object) -> None:
        nonlocal most
        most = max(most, anonymous() - before)

    {"array": train_on_array, "folder": train_on_folder}[kind](count, images, seed, folder, tell)
    after = anonymous() - before
    print(after, max(after, most))


def train_on_array(count: int, images: int, seed: int, folder: Path, tell: Callable[[Any], None]) -> None:
    """The default VAE on 8-bit pictures in memory."""
    import latentia as lt

    pictures = np.random.default_rng(seed).integers(0, 256, (count, SIDE, SIDE), dtype=np.uint8)
    lt.train(lt.VAE(), pictures, images=images, every=images // 2, seed=seed, run=folder / "array", progress=tell)


def train_on_folder(count: int, images: int, seed: int, folder: Path, tell: Callable[[Any], None]) -> None:
    """A small VAE on pictures that are decoded into the cache; another process writes them."""
    import latentia as lt

    writer = [sys.executable, "-c", "from benchmarks.memory import write; write()", str(count), str(seed), str(folder)]
    subprocess.run(writer, check=True)
    recipe = lt.VAE(body="mlp", hidden=(64,))
    training = {"images": images, "every": images // 2, "batch": 32, "seed": seed}
    lt.train(recipe, folder / "pictures", run=folder / "folder", progress=tell, **training)


def write() -> None:
    """Write ``count`` pictures of soft noise as PNG files; words: count, seed, folder."""
    from PIL import Image

    count, seed, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]) / "pictures"
    folder.mkdir()
    random = np.random.default_rng(seed)
    for place in range(count):
        small = random.integers(0, 256, (7, 7), dtype=np.uint8)
        picture = Image.fromarray(np.kron(small, np.ones((LARGE_SIDE // 7, LARGE_SIDE // 7), np.uint8)))
        picture.save(folder / f"{place:06}.png", compress_level=1)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), Path(sys.argv[5]))
