"""Runs that are killed (SIGKILL) before, between and during checkpoints end in the same bytes as one that is not.

Protocol: a training is started again and again; each start is killed at a moment of the wanted kind, found by watching
the run folder: *before* the first checkpoint is whole, *between* two checkpoints, or *during* one (a temporary name is
there). When every kind has had its kills, the training runs to its end. Its weights, and its newest checkpoint, are
compared with an undisturbed run's.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

import torch

import latentia as lt
from benchmarks._frame import finish, table

MOMENTS = ("before", "between", "during")
RECIPE = lt.VAE(latent=8, hidden=(256, 128))
SETTINGS = {"batch": 32, "every": 640, "precision": "float32"}
IMAGES = 64_000


def run(quick: bool, seed: int) -> None:
    """Kill, go on, compare."""
    counts = dict.fromkeys(MOMENTS, 2 if quick else 12)
    with tempfile.TemporaryDirectory() as folder:
        done, same = killed_equals_whole(Path(folder), counts, IMAGES // 10 if quick else IMAGES)
    table(["moment", "kills"], [[moment, done[moment]] for moment in MOMENTS])
    print("byte-identical" if same else "DIFFERENT")
    finish("resume", {"kills": dict(done), "identical": same}, " ".join((__doc__ or "").split()), seed)


def killed_equals_whole(folder: Path, counts: dict[str, int], images: int) -> tuple[Counter[str], bool]:
    """How many kills there were of each kind, and whether the files are the same as without any."""
    whole, killed = folder / "whole", folder / "killed"
    _wait(_start(whole, images))
    done: Counter[str] = Counter()
    for moment in MOMENTS:
        while done[moment] < counts.get(moment, 0):
            process = _start(killed, images)
            struck = _kill_at(process, killed, moment, delay=0.003 * (done[moment] % 7))
            done[struck] += 1
            if struck == "finished":  # too late: this run ended before its moment came
                shutil.rmtree(killed)
    if (status := _wait(_start(killed, images))) != 0:
        raise RuntimeError(f"the last start ended with {status}")
    return done, _digest(whole) == _digest(killed)


def _start(path: Path, images: int) -> int:
    """A process that trains into ``path``; forked, so that it need not import torch again."""
    process = os.fork()
    if process:
        return process
    try:
        torch.set_num_threads(1)
        lt.train(RECIPE, "digits", run=path, images=images, **SETTINGS)
    except BaseException:
        traceback.print_exc(file=sys.stderr)
        os._exit(1)
    os._exit(0)


def _wait(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _kill_at(process: int, path: Path, moment: str, delay: float) -> str:
    """Kill the process at its moment; the kind of moment that it was, or ``finished``."""
    while not _is(moment, path):
        if os.waitpid(process, os.WNOHANG)[0]:
            return "finished"
    time.sleep(delay if moment != "during" else 0.0)
    os.kill(process, signal.SIGKILL)
    _wait(process)
    return _kind(path)


def _is(moment: str, path: Path) -> bool:
    if moment == "during":
        return bool(_parts(path))
    if moment == "before":
        return (path / "recipe.json").exists() and not _whole(path)
    return bool(_whole(path)) and not _parts(path)


def _kind(path: Path) -> str:
    """The kind of moment at which the folder was left."""
    if _parts(path):
        return "during"
    return "between" if _whole(path) else "before"


def _whole(path: Path) -> list[Path]:
    return list((path / "checkpoints").glob("[0-9]*"))


def _parts(path: Path) -> list[Path]:
    return [*(path / "checkpoints").glob(".*.part"), *path.glob(".weights*.part")]


def _digest(path: Path) -> list[str]:
    newest = sorted((path / "checkpoints").glob("[0-9]*"))[-1]
    files = [path / "weights.safetensors", path / "weights-last.safetensors", newest / "state.safetensors"]
    return [newest.name, *(hashlib.sha256(file.read_bytes()).hexdigest() for file in files)]
