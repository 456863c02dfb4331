"""Scoring a Parquet file of many rows: memory (RssAnon at most 1 GiB, whatever the rows), and rows a second.

Protocol: a default VAE of a table of ten columns (six numbers, two integers, a category, yes or no) learns from 20,000
rows. ``latentia score RUN FILE -o scores.parquet --tolerance 0.05`` scores 10 million others, and a tenth of them, in
processes of their own; RssAnon is read from /proc every half second, its maximum counts. Rows a second are counted from
start to end, start of Python and both files included, and by the processor's time, which a busy machine does not
change. scikit-learn's GaussianMixture (10 components, as default) learns
the same rows, categories as 0 and 1, and scores the file block by block, by the processor's time. Scores are held
against those that the model gives in Python for the first thousand rows.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._frame import RUNS, finish, table

BAR = 1024  # MiB
BLOCK = 100_000  # rows that are made at once
LEARNT = 20_000
CHECKED = 1_000
NAMES = ("region", "member")
TOLERANCE = 0.05
SHOWN = ("rows_per_second", "rows_per_processor_second", "most_mib")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the file")
    parser.add_argument("--images", type=int, default=400_000, help="the model's budget")


def run(quick: bool, seed: int, rows: int, images: int) -> None:
    """Train, write the file, score it, and a tenth of it."""
    import latentia as lt

    rows, images = (rows // 100, images // 4) if quick else (rows, images)
    RUNS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=RUNS) as name:
        folder = Path(name)
        model = lt.train(lt.VAE(), made(LEARNT, seed, 0), images=images, seed=seed, run=folder / "run", device="cpu")
        sides = {}
        for count in (rows // 10, rows):
            write(folder / "big.parquet", count, seed)
            sides[count] = scored(folder)
        agreed = agreement(model, folder)
        mixture = by_mixture(folder / "big.parquet", seed)
    least, most = sides[rows // 10], sides[rows]
    lines = [[f"latentia, {count:,} rows", *(side[name] for name in SHOWN)] for count, side in sides.items()]
    head = ["scored by", "rows a second", "rows a processor second", "most RssAnon, MiB"]
    table(head, [*lines, ["GaussianMixture", "", mixture, ""]])
    figures = {
        "rows": rows,
        **most,
        "of_a_tenth": least,
        "mixture_rows_per_processor_second": mixture,
        "apart": agreed,
        "met": most["most_mib"] <= BAR and agreed < 1e-6,
    }
    finish("score-stream", figures, " ".join((__doc__ or "").split()), seed)


def made(count: int, seed: int, place: int) -> Any:
    """Rows of a table whose columns go together, as a data frame; block ``place`` of an endless one."""
    import pandas

    random = np.random.default_rng([seed, place])
    codes = random.normal(size=(count, 3))
    weights = np.random.default_rng([seed, 2**31]).normal(size=(3, 6))
    numbers = codes @ weights + 0.3 * random.normal(size=(count, 6))
    told: dict[str, Any] = {f"number{column}": numbers[:, column] for column in range(6)}
    told["age"] = np.clip((45 + 12 * codes[:, 0] + 4 * random.normal(size=count)).round(), 18, 95).astype(int)
    told["visits"] = np.exp(1 + 0.5 * codes[:, 1]).round().astype(int)
    told["region"] = np.array(list("abcdef"))[np.clip((1.2 * codes[:, 2] + 3).astype(int), 0, 5)]
    told["member"] = codes[:, 0] + random.normal(size=count) > 0
    return pandas.DataFrame(told)


def write(path: Path, count: int, seed: int) -> None:
    """A Parquet file of so many rows, a block at a time."""
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    begins = range(0, count, BLOCK)
    first = pyarrow.Table.from_pandas(made(1, seed, 1), preserve_index=False)
    with ParquetWriter(str(path), first.schema) as writer:
        for place, begin in enumerate(begins, 1):
            block = made(min(BLOCK, count - begin), seed, place)
            writer.write_table(pyarrow.Table.from_pandas(block, schema=first.schema, preserve_index=False))


def scored(folder: Path) -> dict[str, float]:
    """What the command takes, in a process of its own."""
    from pyarrow.parquet import ParquetFile

    words = ["score", "run", "big.parquet", "-o", "scores.parquet", "--tolerance", str(TOLERANCE), "--device", "cpu"]
    begin, spent = time.perf_counter(), of_children()
    process = subprocess.Popen([sys.executable, "-m", "latentia", *words, "--quiet"], cwd=folder)
    most = 0.0
    while process.poll() is None:
        most = max(most, anonymous(process.pid))
        time.sleep(0.5)
    seconds = time.perf_counter() - begin
    if process.returncode:
        sys.exit(f"latentia score ended with {process.returncode}")
    with ParquetFile(folder / "big.parquet") as asked, ParquetFile(folder / "scores.parquet") as written:
        counts = asked.metadata.num_rows, written.metadata.num_rows
    if counts[0] != counts[1]:
        sys.exit(f"{counts[1]:,} scores for {counts[0]:,} rows")
    used = of_children() - spent
    told = {"rows_per_second": counts[0] / seconds, "rows_per_processor_second": counts[0] / used}
    return {**told, "most_mib": most, "seconds": seconds}


def of_children() -> float:
    """Processor seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def anonymous(process: int) -> float:
    """The MiB of a process that no file stands for; 0 once it has ended."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon")), 0.0)


def agreement(model: Any, folder: Path) -> float:
    """The largest difference of the file's first scores to those that the model gives of these rows alone."""
    first = next(blocks(folder / "big.parquet", CHECKED))
    told = next(blocks(folder / "scores.parquet", len(first)))
    own = model.log_prob(first, draws=128, tolerance=TOLERANCE).value
    return float(np.abs(told["log_prob"].to_numpy() - own).max())


def blocks(path: Path, rows: int) -> Iterator[Any]:
    """The rows of a Parquet file as data frames."""
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=rows):
            yield batch.to_pandas()


def by_mixture(path: Path, seed: int) -> float:
    """Rows a second of a mixture of normals, from the same file."""
    from sklearn.mixture import GaussianMixture

    mixture = GaussianMixture(10, random_state=seed).fit(numbers(made(LEARNT, seed, 0)))
    begin, count = time.process_time(), 0
    for block in blocks(path, 50_000):
        count += len(mixture.score_samples(numbers(block)))
    return count / (time.process_time() - begin)


def numbers(frame: Any) -> Any:
    """A data frame as numbers, categories as 0 and 1."""
    import pandas

    return pandas.get_dummies(frame.astype({name: pandas.CategoricalDtype(values(name)) for name in NAMES})).to_numpy(
        float
    )


def values(name: str) -> list[Any]:
    """What a column of names may hold."""
    return list("abcdef") if name == "region" else [False, True]
