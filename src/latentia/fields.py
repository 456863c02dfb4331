"""Configuration, said once: the annotated fields of a frozen dataclass are its flags, help, ranges and JSON.

>>> @dataclass(frozen=True)
... class Small:
...     latent: Annotated[int, Help("size of z"), AtLeast(1)] = 32
...     beta: Annotated[float | str, Help("weight of the KL term"), Scheduled(), AtLeast(0)] = 1.0
>>> [field.flag for field in fields_of(Small)]
['--latent', '--beta']
>>> parse(fields_of(Small)[1], "0:1@2M")
'0:1@2M'
>>> check(Small(latent=0))
Traceback (most recent call last):
latentia.errors.BadField: latent is 0; it must be at least 1
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from latentia.errors import BadField, near

__all__ = [
    "Annotated",
    "AtLeast",
    "Between",
    "Field",
    "Help",
    "MoreThan",
    "OneOf",
    "Schedule",
    "Scheduled",
    "check",
    "defaults_of",
    "fields_of",
    "from_json",
    "number",
    "parse",
    "shown",
    "to_json",
]


@dataclass(frozen=True)
class Help:
    """One line for a person: what the field is, with its unit."""

    text: str


@dataclass(frozen=True)
class AtLeast:
    """The value, or each number of a schedule or tuple, is at least ``low``."""

    low: float

    def allows(self, value: float) -> bool:
        return value >= self.low

    def __str__(self) -> str:
        return f"at least {self.low:g}"


@dataclass(frozen=True)
class MoreThan:
    """The value, or each number of a schedule or tuple, is more than ``low``."""

    low: float

    def allows(self, value: float) -> bool:
        return value > self.low

    def __str__(self) -> str:
        return f"more than {self.low:g}"


@dataclass(frozen=True)
class Between:
    """The value, or each number of a schedule or tuple, lies between ``low`` and ``high``, both allowed."""

    low: float
    high: float

    def allows(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"between {self.low:g} and {self.high:g}"


@dataclass(frozen=True)
class OneOf:
    """The value is one of ``values``."""

    values: tuple[str, ...]

    def allows(self, value: object) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return f"one of {', '.join(self.values)}"


Rule = AtLeast | MoreThan | Between | OneOf


@dataclass(frozen=True)
class Scheduled:
    """The field takes a number or a schedule such as ``0:1@2M``: from 0 to 1 over the first 2 million images."""


@dataclass(frozen=True)
class Schedule:
    """A number that moves from ``start`` to ``end`` over the first ``images`` images, and stays at ``end``.

    Written ``start:end@images``, with ``~cosine`` behind it for half a cosine wave instead of a straight line.

    >>> Schedule.parse("0:1@2M")
    Schedule(start=0.0, end=1.0, images=2000000, shape='linear')
    """

    start: float
    end: float
    images: int = 0
    shape: str = "linear"

    @classmethod
    def parse(cls, value: float | str) -> Schedule:
        """The schedule that ``value`` writes; a plain number is a schedule that stays.

        Raises:
            BadField: ``value`` is no number and no schedule.
        """
        if isinstance(value, int | float):
            return cls(float(value), float(value))
        text, _, shape = value.partition("~")
        numbers, _, images = text.partition("@")
        start, colon, end = numbers.partition(":")
        if shape not in ("", "linear", "cosine"):
            raise BadField(f"the schedule {value!r} has the shape {shape!r}; allowed: linear, cosine")
        if bool(colon) != bool(images):
            raise BadField(f"{value!r} is no schedule; write START:END@IMAGES, for example 0:1@2M")
        if not colon:
            return cls(number(start), number(start))
        return cls(number(start), number(end), int(number(images)), shape or "linear")


T = TypeVar("T")
SUFFIXES = {"k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "B": 1e9}


def number(text: str) -> float:
    """A number as people write it: ``1e-4``, ``20M``, ``500k``.

    >>> number("20M"), number("1e-4")
    (20000000.0, 0.0001)

    Raises:
        BadField: the text is no finite number.
    """
    text = text.strip().replace("_", "")
    scale = SUFFIXES.get(text[-1:], 1.0)
    try:
        value = float(text[:-1] if scale != 1.0 else text) * scale
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadField(f"{text!r} is no number; write for example 128, 1e-4, 500k or 20M")
    return value


@dataclass(frozen=True)
class Field:
    """What one field of a configuration says about itself."""

    name: str
    type: Any
    default: Any
    help: str
    rules: tuple[Rule, ...]
    scheduled: bool

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def kinds(self) -> tuple[type, ...]:
        """The plain types the field takes: ``(int,)``, ``(float, str)``, ``(tuple,)``, perhaps with ``NoneType``."""
        union = typing.get_origin(self.type) in (typing.Union, types.UnionType)
        members = typing.get_args(self.type) if union else (self.type,)
        return tuple(typing.get_origin(member) or member for member in members)


def fields_of(cls: type) -> list[Field]:
    """The fields of a dataclass whose annotations carry a ``Help``, in the order they are written."""
    hints = typing.get_type_hints(cls, include_extras=True)
    found = []
    for field in dataclasses.fields(cls):
        kind, *notes = typing.get_args(hints[field.name]) if _annotated(hints[field.name]) else [hints[field.name]]
        text = next((note.text for note in notes if isinstance(note, Help)), "")
        rules = tuple(note for note in notes if isinstance(note, Rule))
        scheduled = any(isinstance(note, Scheduled) for note in notes)
        found.append(Field(field.name, kind, field.default, text, rules, scheduled))
    return found


def _annotated(hint: Any) -> bool:
    return typing.get_origin(hint) is Annotated


def parse(field: Field, text: str) -> Any:
    """The value that ``text`` (from a flag or a file) writes for ``field``.

    Raises:
        BadField: the text is no value of the field's kind.
    """
    kinds = field.kinds
    if type(None) in kinds and text.lower() == "none":
        return None
    if bool in kinds:
        if text.lower() not in ("true", "false", "yes", "no"):
            raise BadField(f"{field.flag} is {text!r}; it must be true or false")
        return text.lower() in ("true", "yes")
    try:
        if field.scheduled and ":" in text:
            Schedule.parse(text)
            return text
        if tuple in kinds:
            return tuple(int(number(part)) for part in text.split(",") if part.strip())
        if int in kinds and float not in kinds:
            return _whole(number(text))
        if float in kinds:
            return number(text)
    except BadField as error:
        raise BadField(f"{field.flag}: {error}") from None
    return text


def shown(value: Any) -> str:
    """A value as it would be typed: ``1M``, ``200,200``, ``0.001``, ``no``; :func:`parse` reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, int | float) and value >= 1e6 and value % 1e4 == 0:
        return f"{value / 1e6:.12g}M"
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


def _whole(value: float) -> int:
    if value != int(value):
        raise BadField(f"{value:g} is no whole number")
    return int(value)


def check_names(cls: type, names: Iterable[str]) -> None:
    """Hold names against the fields of a configuration.

    Raises:
        BadField: the first that it does not have, with those that come near.
    """
    known = {field.name for field in dataclasses.fields(cls)}
    for name in names:
        if name not in known:
            raise BadField(f"{cls.__name__} has no field {name!r}; {near(name, known)}")


def check(config: Any) -> None:
    """Hold every field of ``config`` against its kind and range.

    Raises:
        BadField: the first field that does not fit, with what is allowed.
    """
    for field in fields_of(type(config)):
        value = getattr(config, field.name)
        if value is None and type(None) in field.kinds:
            continue
        allowed = tuple(int if kind is float else kind for kind in field.kinds) + field.kinds
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in field.kinds):
            kinds = " or ".join("none" if kind is type(None) else kind.__name__ for kind in field.kinds)
            several = tuple(value) if isinstance(value, list) else (value,)
            example = f", such as {several}" if tuple in field.kinds and isinstance(value, int | list) else ""
            raise BadField(f"{field.name} is {value!r}; it must be {kinds}{example}")
        for rule in field.rules:
            if not all(rule.allows(part) for part in _parts(field, value)):
                raise BadField(f"{field.name} is {value!r}; it must be {rule}")


def _parts(field: Field, value: Any) -> list[Any]:
    if field.scheduled:
        schedule = Schedule.parse(value)
        return [schedule.start, schedule.end]
    return list(value) if isinstance(value, tuple) else [value]


def to_json(config: Any) -> dict[str, Any]:
    """The fields of ``config`` as plain JSON values."""
    return {
        field.name: list(value) if isinstance(value := getattr(config, field.name), tuple) else value
        for field in dataclasses.fields(config)
    }


def defaults_of(cls: type) -> dict[str, Any]:
    """The defaults of a configuration's fields, as plain JSON values."""
    found = {field.name: field.default for field in dataclasses.fields(cls) if field.default is not dataclasses.MISSING}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def from_json(cls: type[T], values: Mapping[str, Any]) -> T:
    """The configuration that :func:`to_json` wrote.

    Raises:
        BadField: a name that the configuration does not have, or a value out of range.
    """
    check_names(cls, values)
    return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
