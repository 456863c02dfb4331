"""What a person says of columns: ``--columns F.toml``, kept as text in the options of the data."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latentia.core import Column
from latentia.errors import BadData, BadField, near

__all__ = ["KINDS", "Said", "columns_text", "said", "said_by"]

KINDS = ("numeric", "integer", "binary", "categorical", "datetime", "ignore")
READ_AS = {"numeric": "number", "integer": "number", "datetime": "time", "binary": "text", "categorical": "text"}


@dataclass(frozen=True)
class Said:
    """Kinds of columns by name, and the names of all of them where a file has no header."""

    kinds: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    read_as: Mapping[str, str] = field(default_factory=dict)  # of a trained model: more exact than its kinds

    def reading(self, name: str) -> str | None:
        """As what a column of text is read: ``"number"``, ``"time"``, ``"truth"`` or ``"text"``; ``None`` by itself."""
        return self.read_as.get(name) or READ_AS.get(self.kinds.get(name, ""))

    def text(self) -> str:
        """The same as text, for the options of data that a trained model reads."""
        return json.dumps({"kinds": dict(self.kinds), "names": self.names, "read_as": dict(self.read_as)})

    def check(self, where: str, names: Iterable[str]) -> None:
        """Refuse what is said of a column that is not there.

        Raises:
            BadData: no such column.
        """
        known = list(names)
        if strange := [name for name in self.kinds if name not in known]:
            raise BadData(f"--columns speaks of {strange[0]!r}, which {where} has not; {near(strange[0], known)}")


def columns_text(what: str | Path | Mapping[str, Any] | None) -> str | None:
    """Overrides as the text that a run records: from a TOML file, a mapping, or that text itself.

    Raises:
        BadField: no such file, no TOML, or a kind that is not known.
    """
    if what is None:
        return None
    if isinstance(what, Mapping):
        found = dict(what)
    elif isinstance(what, str) and what.lstrip().startswith("{"):
        found = json.loads(what)
    else:
        found = _file(Path(what).expanduser())
    _checked(found)
    return json.dumps(found)


def said(text: str | None) -> Said:
    """What :func:`columns_text` wrote."""
    if text is None:
        return Said()
    found = json.loads(text)
    if "kinds" in found:
        return Said(found["kinds"], tuple(found["names"]), found["read_as"])
    kinds = {name: each["kind"] for name, each in found.items() if isinstance(each, Mapping)}
    return Said(kinds, tuple(found.get("names", ())))


def said_by(columns: Iterable[Column], names: tuple[str, ...] = ()) -> Said:
    """How a trained model's columns are read: as what they were in training."""
    read_as = {}
    for column in columns:
        read_as[column.name] = READ_AS[column.kind]
        if column.kind == "binary" and column.dtype in ("bool", "boolean"):
            read_as[column.name] = "truth"
    return Said({}, names, read_as)


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadField(f"--columns {path}: {error.strerror}") from None
    except ValueError as error:
        raise BadField(f"--columns {path} is no TOML file: {error}") from None


def _checked(found: Mapping[str, Any]) -> None:
    example = '[age] and under it kind = "integer"'
    for name, each in found.items():
        if name == "names" and isinstance(each, list) and all(isinstance(word, str) for word in each):
            continue
        if not isinstance(each, Mapping) or not isinstance(each.get("kind"), str):
            raise BadField(f"--columns: {name!r} says no kind; write {example}")
        if strange := [word for word in each if word != "kind"]:
            raise BadField(f"--columns: {name!r} says {strange[0]!r}; a column has a kind: {', '.join(KINDS)}")
        if each["kind"] not in KINDS:
            raise BadField(f"--columns: the kind of {name!r} is {each['kind']!r}; {near(each['kind'], KINDS)}")
