"""How far a long job is, said every few seconds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

__all__ = ["Progress"]

log = logging.getLogger("latentia")


class Progress:
    """Tells the log ``latentia`` how far a job is and how long it will take.

    Args:
        total: how much there is to do.
        done: the word for what is done to it: ``"decoded"``.
        shown: how an amount is written.
        every: seconds from one line to the next.
    """

    def __init__(self, total: int, done: str, shown: Callable[[int], str] = "{:,}".format, every: float = 5.0) -> None:
        self.total, self.word, self.shown, self.every = total, done, shown, every
        self.done = 0
        self.start = self.said = time.monotonic()

    def more(self, count: int) -> None:
        """So much more is done."""
        self.done += count
        now = time.monotonic()
        if now - self.said >= self.every and self.done < self.total:
            self.said = now
            left = (now - self.start) / self.done * (self.total - self.done)
            log.info("%s %s of %s, %.0f s left", self.word, self.shown(self.done), self.shown(self.total), left)
