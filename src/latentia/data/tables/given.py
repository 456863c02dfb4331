"""Values of some columns, as a person says them, as the entries that a model has for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from latentia.core import Column, Spec
from latentia.data.tables.coding import canonical, numeric
from latentia.data.tables.text import MISSING
from latentia.errors import BadData, near
from latentia.spec import OTHER

__all__ = ["given_entries", "given_values"]


def given_entries(spec: Spec, said: Mapping[str, Any]) -> dict[int, float | None]:
    """The entry of each column that is said, by its place; ``None`` where it is said to be missing.

    Raises:
        BadData: as :func:`given_values`.
    """
    return {place: _entry(spec.columns[place], value) for place, value in given_values(spec, said).items()}


def given_values(spec: Spec, said: Mapping[str, Any]) -> dict[int, float | str | None]:
    """What each column that is said holds, by its place: a number in the units of the data, or a category.

    Raises:
        BadData: no such column, a category that was never trained, or a value that the column cannot hold.
    """
    names = [column.name for column in spec.columns]
    for name in said:
        if name not in names:
            aside = name in {each.name for each in spec.asides}
            raise BadData(
                f"column {name!r} is left out of this model; it cannot be given"
                if aside
                else f"there is no column {name!r} to be given; {near(name, names)}"
            )
    return {names.index(name): _value(spec.columns[names.index(name)], value) for name, value in said.items()}


def _value(column: Column, value: Any) -> float | str | None:
    text = "" if value is None else str(value).strip()
    if text.lower() in MISSING:
        if not column.missing:
            raise BadData(f"column {column.name!r} is never missing in training rows; give a value")
        return None
    if column.coded:
        return _category(column, text)
    number = _time(column, value, text) if column.kind == "datetime" else _number(column, text)
    if column.kind == "integer" and number != math.floor(number):
        raise BadData(f"column {column.name!r} holds whole numbers, and {text} is none")
    return number


def _entry(column: Column, value: float | str | None) -> float | None:
    if isinstance(value, str):  # a rare one stands at the last place, with all others
        return float(column.categories.index(value) if value in column.categories else len(column.categories) - 1)
    return None if value is None else (value - column.center) / column.scale


def _category(column: Column, text: str) -> str:
    text = canonical(text) if numeric(column.dtype) else text
    known = [name for name in column.categories if name != OTHER]
    if text in known or text in column.merged or text == OTHER:
        return text
    raise BadData(f"column {column.name!r} never is {text!r} in training rows; {near(text, known)}")


def _number(column: Column, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadData(f"column {column.name!r} holds numbers, and {text!r} is none")
    return number


def _time(column: Column, value: Any, text: str) -> float:
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(text)
    except ValueError:
        raise BadData(f"column {column.name!r} holds times, and {text!r} is none; write 2024-01-31T12:00:00") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
