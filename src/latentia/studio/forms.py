"""The form of a training, made from the fields that the recipe, the data and the training declare."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from latentia import models
from latentia.core import Recipe, Training
from latentia.data.collection import is_archive
from latentia.data.known import known
from latentia.data.options import DataOptions
from latentia.data.tables.reading import TABLES
from latentia.errors import BadData, BadField, near
from latentia.fields import AtLeast, Between, Field, MoreThan, OneOf, fields_of, parse, shown
from latentia.studio.answers import said
from latentia.studio.safety import inside

__all__ = ["Wanted", "form", "offered", "wanted"]

Given = Mapping[str, Any]
FILES = ("labels_from", "group_from", "columns")  # fields whose value is a file, perhaps with :COLUMN behind it
ARRAYS = (".npy", ".npz", ".csv", *TABLES)


def form(model: str) -> dict[str, Any]:
    """The fields of a model, of its data and of its training, as controls."""
    recipe = _recipe(model)
    decided = {"images": recipe.images, "batch": recipe.batch}
    groups: tuple[tuple[str, type, dict[str, Any]], ...] = (
        ("Model", recipe, {}),
        ("Data", DataOptions, {}),
        ("Training", Training, decided),
    )
    return {
        "model": model,
        "pairing": recipe.pairing,
        "groups": [{"name": name, "fields": _controls(config, defaults)} for name, config, defaults in groups],
    }


def _recipe(model: str) -> type[Recipe]:
    """A model of the package; a file would be run to be read, so the page cannot name one."""
    if model not in models.names():
        raise BadField(f"there is no model {model[:40]!r}; {near(model, models.names())}")
    return models.load(model)


def _controls(config: type, defaults: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_control(field, defaults.get(field.name, field.default)) for field in fields_of(config)]


def _control(field: Field, default: Any) -> dict[str, Any]:
    number = not field.scheduled and tuple not in field.kinds and str not in field.kinds
    kind = "text"
    if bool in field.kinds:
        kind = "switch"
    elif choices := [rule.values for rule in field.rules if isinstance(rule, OneOf)]:
        return {**_words(field, default), "kind": "choice", "choices": list(choices[0])}
    elif number and (int in field.kinds or float in field.kinds):
        kind = "number"
    return {**_words(field, default), "kind": kind}


def _words(field: Field, default: Any) -> dict[str, Any]:
    known_default = default not in (None, "", ()) and default is not dataclasses.MISSING
    notes = [str(rule) for rule in field.rules if not isinstance(rule, OneOf)]
    notes += ["or a schedule such as 0:1@2M"] if field.scheduled else []
    notes += ["numbers with commas between"] if tuple in field.kinds else []
    low = next((rule.low for rule in field.rules if isinstance(rule, AtLeast | MoreThan | Between)), None)
    return {
        "name": field.name,
        "flag": field.flag,
        "help": field.help,
        "default": shown(default) if known_default else "",
        "notes": "; ".join(notes),
        "low": low,
    }


def offered(folders: Sequence[Path]) -> dict[str, Any]:
    """What can be trained, and on what: data sets that need no network, and what lies in the named folders."""
    return {
        "models": [{**vars(each), "pairing": models.load(each.name).pairing} for each in models.about()],
        "data": [{"name": each.name, "about": each.line} for each in known() if each.where != "download"],
        "folders": [str(folder) for folder in folders],
        "places": [path for folder in folders for path in _places(folder)],
    }


def _places(folder: Path) -> Iterator[str]:
    """The folder itself, and what in it can hold data."""
    yield str(folder)
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for path in entries:
        if not path.name.startswith(".") and (path.is_dir() or is_archive(path) or path.suffix.lower() in ARRAYS):
            yield str(path)


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A training as it was asked for: the words of its command behind ``train``, without the run's folder."""

    model: str
    places: list[str]
    flags: list[str]

    @property
    def words(self) -> list[str]:
        return [self.model, *self.places, *self.flags]


def wanted(given: Given, folders: Sequence[Path]) -> Wanted:
    """What a form says, every field held against its range before anything starts.

    Raises:
        BadField: an unknown model or field, or a value out of range.
        BadData: data that is neither a known set nor in a named folder.
    """
    model = said(given, "model")
    recipe = _recipe(model)
    texts = given.get("fields") or {}
    if not isinstance(texts, Mapping):
        raise BadField("fields are names with their values")
    configs = (recipe, DataOptions, Training)
    fields = {field.name: field for config in configs for field in fields_of(config)}
    if strange := [name for name in texts if name not in fields]:
        raise BadField(f"{model} has no field {strange[0]!r}; {near(strange[0], fields)}")
    told = {name: _text(name, value, folders) for name, value in texts.items() if value not in ("", None)}
    values = {name: _value(fields[name], text) for name, text in told.items()}
    for config in configs:
        names = {field.name for field in fields_of(config)}
        config(**{name: value for name, value in values.items() if name in names})
    other = given.get("other") or None
    if bool(other) != bool(recipe.pairing) and other:
        raise BadField(f"{model} learns from one data set; leave the second empty")
    places = [_place(each, folders) for each in (said(given, "data"), other) if each]
    return Wanted(model, places, [_flag(fields[name], text, values[name]) for name, text in told.items()])


def _text(name: str, value: Any, folders: Sequence[Path]) -> str:
    text = str(value).strip()
    if name in FILES:
        path, colon, column = text.partition(":")
        return f"{_place(path, folders)}{colon}{column}"
    return text


def _value(field: Field, text: str) -> Any:
    if bool in field.kinds:
        if text not in ("yes", "no"):
            raise BadField(f"{field.flag} is {text!r}; it is yes or no")
        return text == "yes"
    return parse(field, text)


def _flag(field: Field, text: str, value: Any) -> str:
    if isinstance(value, bool):
        return field.flag if value else f"--no-{field.flag[2:]}"
    return f"{field.flag}={text}"


def _place(word: Any, folders: Sequence[Path]) -> str:
    """A known data set that needs no download, or a path in one of the named folders."""
    sets = {each.name: each.where for each in known()}
    if word in sets:
        if sets[word] == "download":
            raise BadData(f"{word} is not on this machine yet; `latentia info {word}` fetches it once")
        return str(word)
    for folder in folders:
        try:
            path = inside(folder, str(word))
        except BadData:
            continue
        if path.exists():
            return str(path)
    named = ", ".join(map(str, folders)) or "none"
    raise BadData(
        f"{str(word)[:80]!r} is neither a data set with a name nor in a folder that the studio was given ({named}); "
        f"start it with --data FOLDER to train on what lies there"
    )
