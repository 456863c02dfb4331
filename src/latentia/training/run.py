"""A run: the folder of one training, and the events that it tells while it trains.

recipe.json             format, model, recipe, training, spec, data, versions, threads, processes, budget
log.jsonl               one row per reading: images seen, seconds, split, logs
weights.safetensors     averaged weights of the best validation score
weights-last.safetensors  averaged weights of the last validation
checkpoints/SEEN/       all state; the last two and the best are kept
pictures/SEEN.png       what the same noise gave at each validation
"""

from __future__ import annotations

import errno
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from latentia.core import rank
from latentia.errors import BadField, BadRun
from latentia.training import checkpoint

FORMAT = 1
DECIDED = ("threads", "every", "created", "budget", "minutes", "asked")  # by an earlier start, kept by the next
SAME_BITS = ("torch", "machine", "device", "processes")
WEIGHTS = {"best": "weights.safetensors", "last": "weights-last.safetensors"}


@dataclass(frozen=True)
class Said:
    """A sentence for the person who watches."""

    text: str


@dataclass(frozen=True)
class Started:
    """The training begins, or goes on at ``seen`` images. ``budget`` is None until minutes are turned into images."""

    path: Path
    seen: int
    budget: int | None


@dataclass(frozen=True)
class Logged:
    """Means of the logs since the last reading; ``remaining`` is in seconds."""

    seen: int
    budget: int | None
    logs: Mapping[str, float]
    images_per_second: float
    remaining: float | None


@dataclass(frozen=True)
class Validated:
    """The logs on held-out data with the averaged weights; ``best`` when no earlier score was better.

    ``net`` has the averaged weights, ``learner`` those that learn: to look at, never to change.
    """

    seen: int
    logs: Mapping[str, float]
    best: bool
    seconds: float = 0.0  # spent on the run so far
    net: nn.Module | None = field(default=None, repr=False, compare=False)
    learner: nn.Module | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Finished:
    """The budget is spent."""

    path: Path
    seen: int
    best_seen: int


Event = Said | Started | Logged | Validated | Finished
Tell = Callable[[Event], None]


@dataclass
class Run:
    """The folder of one training; only the process of rank 0 writes."""

    path: Path
    facts: dict[str, Any] = field(default_factory=dict)
    mirror: Mirror | None = None

    def member(self, number: int) -> Run:
        """The run of a member, counted from 1: the first is the run itself."""
        return self if number == 1 else Run(self.path / "members" / str(number))

    @property
    def members(self) -> list[Run]:
        """The runs of the other members that it was asked for."""
        return [self.member(number) for number in range(2, self.facts["asked"].get("members", 1) + 1)]

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """An existing run.

        Raises:
            BadRun: there is none at ``path``, its facts are damaged, or a later version wrote them.
        """
        path = Path(path)
        if not (path / "recipe.json").is_file():
            raise BadRun(f"{path} is no run: it has no recipe.json")
        try:
            facts = json.loads((path / "recipe.json").read_text())
            written = facts["format"]
        except (ValueError, KeyError, TypeError):
            raise BadRun(f"{path / 'recipe.json'} is damaged") from None
        if written != FORMAT:
            raise BadRun(f"{path} has format {written}; this version of latentia reads format {FORMAT}")
        return cls(path, facts)

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def pictures(self) -> Path:
        return self.path / "pictures"

    def begin(self, facts: Mapping[str, Any], defaults: Mapping[str, Any] = MappingProxyType({})) -> list[str]:
        """Make the folder, or hold its facts against ``facts`` and keep what only the first start decides.

        Args:
            facts: those of this start.
            defaults: of the recipe's fields: a run that is older than a field was trained with its default.

        Returns:
            What the same bits depend on and is no longer as it was: a sentence, or none.

        Raises:
            BadRun: the folder belongs to another recipe, training or data; the message names the differing field.
        """
        self.facts, notes = dict(facts), []
        if (self.path / "recipe.json").is_file():
            kept = Run.open(self.path).facts
            kept["recipe"] = {**defaults, **kept["recipe"]}
            difference = differing(kept, facts)
            if difference and checkpoint.found(self.checkpoints):  # without one, nothing was trained yet
                raise BadRun(f"{self.path} {difference}; give the same, or --fresh for a new run")
            if not difference:
                self.facts |= {name: kept[name] for name in DECIDED}
                notes = moved(kept, facts) if checkpoint.found(self.checkpoints) else []
        self.write_facts()
        return notes

    def write_facts(self, **changes: Any) -> None:
        """Write recipe.json, with ``changes``."""
        self.facts.update(changes)
        if rank() == 0:
            with self.writing():
                self.path.mkdir(parents=True, exist_ok=True)
                checkpoint.write_json(self.path / "recipe.json", self.facts)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Turn what a disk can refuse into a message; half-written parts are removed.

        Raises:
            BadRun: the disk is full, or the folder may not be written.
        """
        try:
            yield
        except (OSError, SafetensorError) as error:
            for part in [*self.path.glob(".*.part"), *self.checkpoints.glob(".*.part")]:
                shutil.rmtree(part, ignore_errors=True) if part.is_dir() else part.unlink(missing_ok=True)
            raise BadRun(f"{self.path} cannot be written: {_reason(error)}; what was saved before is intact") from None

    def log(self, seen: int, seconds: float, split: str, logs: Mapping[str, float], **more: Any) -> None:
        """Append a row to log.jsonl, with ``more`` that is no number where there is any."""
        if rank() == 0:
            row = {"seen": seen, "seconds": round(seconds, 3), "split": split, "logs": dict(logs)}
            row |= {name: value for name, value in more.items() if value}
            with self.writing(), (self.path / "log.jsonl").open("a") as file:
                file.write(json.dumps(row) + "\n")
            if self.mirror:
                self.mirror.add(seen, split, logs)

    def rows(self) -> list[dict[str, Any]]:
        """The rows of log.jsonl; a row that a kill cut short is left out."""
        path, rows = self.path / "log.jsonl", []
        for line in path.read_text().splitlines() if path.exists() else []:
            try:
                rows.append(json.loads(line))
            except ValueError:
                continue
        return rows

    def forget_after(self, seen: int) -> float:
        """Drop rows and pictures from after the checkpoint at ``seen``; the seconds spent until there."""
        rows = [row for row in self.rows() if row["seen"] <= seen]
        if rank() == 0 and (self.path / "log.jsonl").exists():
            part = self.path / ".log.jsonl.part"
            with self.writing():
                part.write_text("".join(json.dumps(row) + "\n" for row in rows))
                part.replace(self.path / "log.jsonl")
                for picture in self.pictures.glob("*.png"):
                    if picture.stem.isdecimal() and int(picture.stem) > seen:
                        picture.unlink()
        return max((row["seconds"] for row in rows), default=0.0)

    def write_weights(self, which: str, tensors: Mapping[str, Tensor]) -> None:
        """Write the ``best`` or the ``last`` weights."""
        if rank() == 0:
            with self.writing():
                checkpoint.write_tensors(self.path / WEIGHTS[which], tensors)

    def save(self, seen: int, parts: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> None:
        """Write a checkpoint; keep the last two and the best."""
        if rank() == 0:
            with self.writing():
                checkpoint.save(self.checkpoints, seen, parts, state)
                checkpoint.prune(self.checkpoints, seen, keep={state["best"]["seen"]})


class Mirror:
    """TensorBoard events beside log.jsonl.

    Raises:
        BadField: tensorboard is not installed.
    """

    def __init__(self, path: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise BadField("--tensorboard needs an extra: pip install 'latentia[tensorboard]'") from None
        self.writer = SummaryWriter(str(path))

    def add(self, seen: int, split: str, logs: Mapping[str, float]) -> None:
        """Write one row; a step in TensorBoard is an image seen."""
        for name, value in logs.items():
            self.writer.add_scalar(f"{split}/{name}", value, seen)
        self.writer.flush()


def _reason(error: Exception) -> str:
    number = getattr(error, "errno", None)
    if number == errno.ENOSPC or "No space left" in str(error):
        return "the disk is full"
    if number in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "no permission to write there"
    return str(error)


def differing(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """The first thing that makes two runs different: model, data, or a field of recipe or training."""
    if kept["model"] != wanted["model"]:
        return f"is a run of {kept['model']}, not of {wanted['model']}"
    before, now = kept["data"], wanted["data"]
    if before["signature"] != now["signature"]:  # first: what nobody asked for may follow from the data
        before, now = ({"name": each["name"], **each["options"], **each} for each in (before, now))
        name = next(name for name in before if name != "options" and before[name] != now.get(name))
        return f"was trained on other data: {name} was {before[name]!r}, now it is {now.get(name)!r}"
    for part in ("recipe", "training"):
        for name in sorted(set(kept[part]) | set(wanted[part])):
            before, now = kept[part].get(name), wanted[part].get(name)
            if before != now:
                return f"was trained with {name} = {before!r}, now it is {now!r}"
    return None


def moved(kept: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What the same bits depend on and differs between two starts of a run: a sentence, or none."""
    both = [{**each["versions"], "device": each["device"], "processes": each["processes"]} for each in (kept, now)]
    found = [
        f"{name} was {both[0].get(name)}, now {both[1][name]}"
        for name in SAME_BITS
        if both[0].get(name) != both[1][name]
    ]
    return [f"{'; '.join(found)}: the run goes on to the same up to rounding, not to the last bit"] if found else []


def versions() -> dict[str, str]:
    """What the same bits depend on."""
    from latentia import __version__

    return {
        "latentia": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
        "processors": str(os.cpu_count()),
    }
