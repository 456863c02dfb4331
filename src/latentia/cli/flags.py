"""Flags from fields: a configuration says its flags, help, defaults and ranges once (``latentia.fields``).

Every flag arrives as text and is read by :func:`latentia.fields.parse`, so the command line, TOML files and JSON have
the same grammar (``20M``, ``1e-4``, ``200,200``, ``0:1@2M``). A flag that is not given is ``None``: it overrides
nothing.
"""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from latentia.errors import BadField, near
from latentia.fields import Field, fields_of, parse, shown

MODEL, DATA, BUDGET, MACHINE = (
    Group(name, sort_key=place) for place, name in enumerate(("Model", "Data", "Budget", "Machine"), 1)
)
WORDS = ("model", "data", "data_b", "run", "preset")  # what a file may say beside fields
OF_BUDGET = ("images", "steps", "minutes", "batch", "every", "average")


def group_of_training(field: Field) -> Group:
    """Fields of the training are about how long it learns, or about the machine that does it."""
    return BUDGET if field.name in OF_BUDGET else MACHINE


def options(name: str, config: type, group: Callable[[Field], Group], defaults: Mapping[str, Any]) -> type:
    """A dataclass that cyclopts flattens into the flags of ``config``; every field is optional.

    Args:
        name: the name of the new class.
        config: the dataclass whose annotated fields become flags.
        group: the heading under which a field's flag is shown.
        defaults: defaults to show instead of the class's own.
    """
    made = [
        (field.name, _annotation(field, group(field), defaults), dataclasses.field(default=None, kw_only=True))
        for field in fields_of(config)
    ]
    flags = dataclasses.make_dataclass(name, made, frozen=True)
    flags.__module__ = __name__  # cyclopts takes a class of the module "types" for a builtin
    return Parameter(name="*")(flags)


def _annotation(field: Field, group: Group, defaults: Mapping[str, Any]) -> Any:
    default = defaults.get(field.name, field.default)
    notes = [] if default in (None, "", ()) or default is dataclasses.MISSING else [f"default: {shown(default)}"]
    notes += [str(rule) for rule in field.rules]
    notes += ["or a schedule 0:1@2M"] if field.scheduled else []
    text = field.help + (f" [{'; '.join(notes)}]" if notes else "")
    switch = bool in field.kinds
    flag = Parameter(
        name=field.flag,
        help=text,
        group=group,
        show_default=False,
        allow_leading_hyphen=not switch,
        negative=f"--no-{field.flag[2:]}" if switch else "",
        metavar=_metavar(field),
    )
    return Annotated[(bool | None) if switch else (str | None), flag]


def _metavar(field: Field) -> str:
    if tuple in field.kinds:
        return "N,N"
    if float in field.kinds:
        return "X"
    return "N" if int in field.kinds else "WORD"


def given(flags: Any, config: type) -> dict[str, Any]:
    """The fields of ``config`` that were given on the command line, read.

    Raises:
        BadField: a text that is no value of its field's kind.
    """
    found = {} if flags is None else {name: value for name, value in vars(flags).items() if value is not None}
    known = {field.name: field for field in fields_of(config)}
    return {name: parse(known[name], value) if isinstance(value, str) else value for name, value in found.items()}


def read_toml(path: Path) -> dict[str, Any]:
    """What a TOML file says.

    Raises:
        BadField: no such file, or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadField(f"--config {path}: {error.strerror}") from None
    except ValueError as error:
        raise BadField(f"--config {path} is no TOML file: {error}") from None


def fields_in(path: Path, configs: Iterable[type]) -> dict[str, Any]:
    """The fields that a TOML file sets, by name: ``latent = 8``, ``images = "2M"``, ``model = "vae"``.

    Raises:
        BadField: no TOML file, or a name that none of ``configs`` has.
    """
    known = {field.name: field for config in configs for field in fields_of(config)}
    found = {}
    for key, value in read_toml(path).items():
        name = key.replace("-", "_")
        if name in WORDS:
            found[name] = value
        elif name not in known:
            raise BadField(f"--config {path}: there is no field {key!r}; {near(name, known)}")
        else:
            found[name] = parse(known[name], value) if isinstance(value, str) else _plain(value)
    return found


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def only(config: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """The part of ``values`` that ``config`` has fields for."""
    names = {field.name for field in fields_of(config)}
    return {name: value for name, value in values.items() if name in names}
