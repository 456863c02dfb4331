"""What nets that make numbers, and no categories, say to a table."""

from __future__ import annotations

from latentia.core import Spec
from latentia.errors import BadField


def only_numbers(model: str, spec: Spec) -> None:
    """Refuse a table with categories; one of two values is a number, 0 or 1.

    Raises:
        BadField: a categorical column.
    """
    names = [column.name for column in spec.columns if column.kind == "categorical"]
    if names:
        more = f" and {len(names) - 1} more" if names[1:] else ""
        raise BadField(
            f"{model} makes numbers, and column {names[0]!r}{more} is categorical: a vae learns such a table, "
            "and --columns F.toml leaves a column out (ignore)"
        )
