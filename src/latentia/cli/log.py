"""What the package says on the log ``latentia`` - the cache's size, downloads, resizing - shown to the person.

Nothing of torch is imported here: every command starts with it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager

from latentia.cli.common import first

LOG = logging.getLogger("latentia")


class Told(logging.Handler):
    """Writes each message once on stderr, and remembers it; of several processes the first one does."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.texts: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text not in self.texts and first():
            self.texts.add(text)
            print(text, file=sys.stderr, flush=True)


@contextmanager
def heard(quiet: bool) -> Iterator[None]:
    """While this is open, the log is shown on stderr, unless ``quiet``."""
    if quiet:
        yield
        return
    told, before = Told(), LOG.level
    LOG.addHandler(told)
    LOG.setLevel(logging.INFO)
    try:
        yield
    finally:
        LOG.removeHandler(told)
        LOG.setLevel(before)


def told() -> Container[str]:
    """What has been shown: a set that grows, so that nobody says it again."""
    return next((handler.texts for handler in LOG.handlers if isinstance(handler, Told)), frozenset())
