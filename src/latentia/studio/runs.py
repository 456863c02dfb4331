"""The runs below a folder, read on as their files grow; whoever asks, each file is read once."""

from __future__ import annotations

import html
import json
import math
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latentia import models
from latentia.errors import BadRun, Latentia
from latentia.facts import recipe_of
from latentia.studio.safety import inside
from latentia.training.lock import holder
from latentia.training.run import WEIGHTS, Run

__all__ = ["Shelf", "Track"]

DEEP = 3  # folders between the named one and a run, at most
MANY = 2_000  # rows of a log that a page is sent; of more every n-th of training is left out
FIGURE = re.compile(
    r"<div><h3>(.*?)</h3><b>(.*?)</b><small>(.*?)</small> (?:<small>(.*?)</small>)?<p>(.*?)</p></div>", re.DOTALL
)


@dataclass
class Track:
    """What is known of one run.

    Attributes:
        name: its path below the named folder.
        path: its folder.
        facts: recipe.json; empty for a damaged run.
        damage: what is wrong with it, a sentence.
        rows: those of log.jsonl.
        epoch: how often the log began anew; a resumed run drops rows.
        pictures: images seen at each picture.
        trains: the process that trains in it.
        score: the log that chooses the best weights, and whether higher wins.
        stamp: what the files looked like when they were read.
    """

    name: str
    path: Path
    facts: Mapping[str, Any] = field(default_factory=dict)
    damage: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    epoch: int = 0
    pictures: list[int] = field(default_factory=list)
    trains: int | None = None
    score: tuple[str, str] | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    stamp: tuple[Any, ...] = ()
    offset: int = 0

    def look(self) -> None:
        """Read what is new."""
        recipe, log, pictures = (self.path / name for name in ("recipe.json", "log.jsonl", "pictures"))
        trains = holder(self.path) if (self.path / ".lock").exists() else None
        files = [_seen(self.path / name) for name in (*WEIGHTS.values(), "report.html")]
        stamp: tuple[Any, ...] = (_seen(recipe), _seen(log), _seen(pictures), trains, *files)
        if stamp == self.stamp:
            return
        before: tuple[Any, ...] = self.stamp or (None,) * len(stamp)
        if before[0] != stamp[0]:
            self._recipe()
        if before[1] != stamp[1]:
            self._log(log, same=before[1] is not None and stamp[1] is not None and before[1][0] == stamp[1][0])
        if before[2] != stamp[2]:
            self.pictures = sorted(int(path.stem) for path in pictures.glob("*.png") if path.stem.isdecimal())
        self.stamp, self.trains = stamp, trains

    def _recipe(self) -> None:
        self.facts, self.damage, self.score = {}, "", None
        try:
            run = Run.open(self.path)
            self.facts = {**run.facts, "data": {**run.facts["data"]}, "spec": {**run.facts["spec"]}}
            if run.facts["model"] in (*models.names(), *models.UNLISTED):  # a file would be run to be read
                recipe = recipe_of(run)
                self.score, self.units = recipe.score, recipe.units
        except Latentia as error:
            self.damage = str(error)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            self.damage = f"{self.path / 'recipe.json'} is damaged: {type(error).__name__} {error}"

    def _log(self, path: Path, same: bool) -> None:
        """Read what the log gained; from its start if it is another file, or shorter than it was."""
        try:
            size = path.stat().st_size
            if not same or size < self.offset:
                self.rows, self.offset, self.epoch = [], 0, self.epoch + 1
            with path.open("rb") as file:
                file.seek(self.offset)
                text = file.read()
        except OSError:
            self.rows, self.offset, self.epoch = [], 0, self.epoch + 1
            return
        whole = text[: text.rfind(b"\n") + 1]  # a row that is being written is read when it is whole
        self.offset += len(whole)
        self.rows += _parsed(whole)

    @property
    def best(self) -> dict[str, Any] | None:
        """The best score on held-out items."""
        if self.score is None:
            return None
        name, wins = self.score
        found = [(row["logs"].get(name), row["seen"]) for row in self.rows if row["split"] == "validation"]
        known = [(value, seen) for value, seen in found if isinstance(value, int | float) and math.isfinite(value)]
        if not known:
            return None
        value, seen = (max if wins == "higher" else min)(known)
        return {"name": name, "value": value, "seen": seen, "wins": wins, "unit": self.units.get(name, "")}

    @property
    def state(self) -> str:
        """One word."""
        seen, budget = self.rows[-1]["seen"] if self.rows else 0, self.facts.get("budget")
        if self.damage:
            return "damaged"
        if self.trains is not None:
            return "training"
        return "finished" if budget and seen >= budget else "stopped"

    def summary(self) -> dict[str, Any]:
        """What a table of runs shows."""
        last = self.rows[-1] if self.rows else {}
        data = self.facts.get("data", {})
        return {
            "run": self.name,
            "path": str(self.path),
            "state": self.state,
            "damage": self.damage,
            "model": Path(str(self.facts.get("model", ""))).stem,
            "data": str(data.get("name", "")),
            "seen": last.get("seen", 0),
            "seconds": last.get("seconds", 0),
            "budget": self.facts.get("budget"),
            "best": self.best,
            "created": str(self.facts.get("created", "")),
            "weights": (self.path / WEIGHTS["best"]).is_file(),
            "report": (self.path / "report.html").is_file(),
            "rows": len(self.rows),
            "epoch": self.epoch,
            "pictures": self.pictures,
        }

    def told(self) -> list[dict[str, Any]]:
        """The rows as a page draws them: all of validations, and of training not too many."""
        each = max(1, len(self.rows) // MANY)
        return [row for place, row in enumerate(self.rows) if place % each == 0 or row["split"] != "train"]

    def figures(self) -> list[dict[str, str]]:
        """Those of the report, with what each means; none without one."""
        try:
            text = (self.path / "report.html").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return []
        names = ("name", "value", "unit", "spread", "meaning")
        return [{name: html.unescape(part) for name, part in zip(names, each, strict=True)} for each in _found(text)]


def _found(text: str) -> Sequence[tuple[str, ...]]:
    start = text.find("<h2>Held-out figures</h2>")
    return FIGURE.findall(text[start:]) if start >= 0 else []


def _seen(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file does."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _parsed(text: bytes) -> Iterator[dict[str, Any]]:
    """The rows of a log; one that a kill cut short is left out, and numbers that JSON has not are null."""
    for line in text.splitlines():
        try:
            row = json.loads(line, parse_constant=lambda _: None)
            logs = {str(name): value for name, value in row["logs"].items()}
            kept = {name: row[name] for name in ("seen", "seconds", "split")}
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
        yield {**kept, "logs": logs, **({"said": row["said"]} if isinstance(row.get("said"), dict) else {})}


class Shelf:
    """All runs below a folder, or the one run that the folder is, and those that are begun beside it."""

    def __init__(self, folder: Path) -> None:
        self.only = {folder.resolve().name} if (folder / "recipe.json").is_file() else None
        self.root = folder.resolve().parent if self.only else folder
        self.tracks: dict[str, Track] = {}
        self.lock = threading.Lock()

    def look(self) -> dict[str, Track]:
        """Every run as it is now, by name."""
        with self.lock:
            found = dict(self._found(self.root, DEEP))
            self.tracks = {name: self.tracks.get(name) or Track(name, path) for name, path in found.items()}
            for track in self.tracks.values():
                track.look()
            return dict(self.tracks)

    def track(self, name: str) -> Track:
        """One run as it is now.

        Raises:
            BadData: the name leads out of the folder.
            BadRun: there is no such run, or no longer.
        """
        path = inside(self.root, name)
        with self.lock:
            track = self.tracks.get(name)
            if not (path / "recipe.json").is_file() or (self.only is not None and name not in self.only):
                gone = "is no longer there: it was moved or removed" if track else "is no run of this folder"
                self.tracks.pop(name, None)
                raise BadRun(f"{name} {gone}")
            if track is None:
                track = self.tracks[name] = Track(path.relative_to(self.root.resolve()).as_posix(), path)
            track.look()
            return track

    def _found(self, folder: Path, deep: int) -> Iterator[tuple[str, Path]]:
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            return
        for entry in entries:
            other = self.only is not None and folder == self.root and entry.name not in self.only
            if other or entry.name.startswith(".") or not entry.is_dir(follow_symlinks=False):
                continue
            path = Path(entry.path)
            if (path / "recipe.json").is_file():
                yield path.relative_to(self.root).as_posix(), path
            elif deep > 1:
                yield from self._found(path, deep - 1)
