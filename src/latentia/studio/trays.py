"""What people hand in: files in a folder of their own until the studio ends, looked at as they come."""

from __future__ import annotations

import itertools
import shutil
import tempfile
import threading
import weakref
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from latentia.data.collection import PICTURES
from latentia.data.pictures import Unreadable, facts_of, opened
from latentia.data.tables.reading import TABLES
from latentia.errors import BadData, BadField
from latentia.studio.live import reading
from latentia.studio.safety import new_token, plain_name
from latentia.tasks.film import ENDINGS

__all__ = ["LARGEST", "LIMITS", "MANY", "Tray", "Trays", "kind_of"]

MIB = 1 << 20
LARGEST = 64 * MIB  # bytes of a picture or a table
LIMITS = {"picture": LARGEST, "table": LARGEST, "film": 16 * LARGEST}
MANY = 200  # files of a tray
KEPT = 8  # trays
FILMS = tuple(ending for ending in ENDINGS if ending != ".gif")  # a GIF is a picture here
KINDS = {"picture": PICTURES, "table": TABLES, "film": FILMS}


@dataclass
class Tray:
    """Files of one kind that were handed in together, and what was made of them."""

    name: str
    folder: Path
    kind: str = ""
    files: list[str] = field(default_factory=list)
    made: dict[str, Path] = field(default_factory=dict)

    @property
    def given(self) -> Path:
        """The folder of what was handed in."""
        return self.folder / "given"

    @property
    def out(self) -> Path:
        """The folder of what is made of it."""
        path = self.folder / "made"
        path.mkdir(exist_ok=True)
        return path

    def accept(self, name: str, path: Path) -> None:
        """Take a file that lies at ``path``; it is looked at first, and removed if it cannot be used.

        Raises:
            BadData: no picture, table or film, too many pixels, or another kind than the files before it.
        """
        kind = kind_of(name)
        try:
            if self.files and kind != self.kind:
                raise BadData(f"{name} is a {kind}, and what was handed in before is a {self.kind}: one kind at a time")
            if self.files and kind != "picture":
                raise BadData(f"one {kind} at a time; {self.files[0]} is here already")
            if len(self.files) >= MANY:
                raise BadData(f"at most {MANY} pictures at a time")
            if kind == "picture":
                _look(name, path)
        except BadData:
            path.unlink(missing_ok=True)
            raise
        self.kind = kind
        self.given.mkdir(exist_ok=True)
        stem, ending = Path(name).stem, Path(name).suffix
        names = itertools.chain([name], (f"{stem}-{number}{ending}" for number in itertools.count(2)))
        free = next(each for each in names if each not in self.files)
        path.replace(self.given / free)
        self.files.append(free)


def kind_of(name: str) -> str:
    """What a file is by its ending: a picture, a table or a film.

    Raises:
        BadData: another ending.
    """
    ending = Path(name).suffix.lower()
    for kind, endings in KINDS.items():
        if ending in endings:
            return kind
    known = ", ".join(itertools.chain.from_iterable(KINDS.values()))
    raise BadData(f"{name} is no picture, table or film that is read here; their names end in {known}")


def _look(name: str, path: Path) -> None:
    """Open a picture, as data does.

    Raises:
        BadData: it is no picture, a damaged one, or has too many pixels.
    """
    try:
        with reading, path.open("rb") as file, opened(file) as picture:
            facts_of(picture)
            picture.load()  # a file that is cut short has a whole header, too
    except Unreadable as error:
        raise BadData(f"{name} cannot be used: {error}") from None


class Trays:
    """All trays of a studio; the oldest are emptied for new ones, and :attr:`close` empties all."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="latentia-studio-"))
        self.close = weakref.finalize(
            self, shutil.rmtree, self.folder, ignore_errors=True
        )  # at the end, however it ends
        self.trays: OrderedDict[str, Tray] = OrderedDict()
        self.lock = threading.Lock()

    def new(self) -> Tray:
        """An empty tray."""
        with self.lock:
            name = new_token()
            folder = self.folder / f"{len(self.trays)}-{name.strip('-_')}"
            folder.mkdir()
            self.trays[name] = tray = Tray(name, folder)
            while len(self.trays) > KEPT:
                _, old = self.trays.popitem(last=False)
                shutil.rmtree(old.folder, ignore_errors=True)
            return tray

    def find(self, name: str) -> Tray:
        """The tray of a name.

        Raises:
            BadField: there is none, or no longer.
        """
        if name not in self.trays:
            raise BadField("what was handed in is no longer here; hand it in again")
        return self.trays[name]

    def part(self, tray: Tray, name: str) -> Path:
        """Where a file is written while it comes."""
        plain_name(name)
        kind_of(name)
        return tray.folder / f"coming-{new_token()}"

    def file(self, tray: str, name: str) -> Path:
        """A file that was handed in, or made of it.

        Raises:
            BadData: there is none of this name.
        """
        found = self.find(tray)
        if name in found.made:
            return found.made[name]
        if name in found.files:
            return found.given / name
        raise BadData(f"there is no file {name[:80]!r} here")


def limit_of(name: str) -> int:
    """How many bytes a file of this name may have."""
    return LIMITS[kind_of(name)]


def too_large(name: str, limit: int) -> str:
    """The sentence for a file that is larger."""
    return f"{name} is larger than {limit // MIB} MB, which is the most that is taken here; the command line takes any"
