"""``latentia datasets``: the data sets that have a name."""

from __future__ import annotations

from latentia.cli import output
from latentia.cli.common import DEFAULTS, Common


def datasets(*, common: Common = DEFAULTS) -> None:
    """The data sets that have a name, and the terms of each."""
    from latentia import data

    found = data.known()
    if common.json:
        output.rows([vars(row) for row in found], as_json=True)
        return
    output.facts(
        {
            row.name: f"{row.line}\n{row.items:,} items of {'x'.join(map(str, row.shape))}; {row.where}\n"
            f"terms: {row.terms}"
            for row in found
        }
    )
