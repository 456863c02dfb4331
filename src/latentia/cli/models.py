"""``latentia models``: what can be trained, and what each can do."""

from __future__ import annotations

from latentia.cli import output
from latentia.cli.common import DEFAULTS, Common


def models(*, common: Common = DEFAULTS) -> None:
    """The models, their families, and what each can do."""
    from latentia import models as known

    output.rows([vars(row) for row in known.about()], None, common.json)
