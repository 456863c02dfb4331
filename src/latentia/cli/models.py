"""``latentia models``: what can be trained, and what each can do."""

from __future__ import annotations

from latentia.cli import output
from latentia.cli.common import DEFAULTS, Common


def models(*, common: Common = DEFAULTS) -> None:
    """The models, their families, and what each can do."""
    from latentia import models as known

    found = known.about()
    if common.json:
        output.rows([vars(row) for row in found], as_json=True)
    else:
        output.facts({row.name: f"{row.about}\nfamily: {row.family}; can {row.can}" for row in found})
