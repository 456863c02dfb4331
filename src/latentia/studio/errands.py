"""Work that takes longer than an answer may: done beside, one at a time, with progress that the page asks for."""

from __future__ import annotations

import itertools
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from latentia.errors import BadField, Latentia

__all__ = ["Errand", "Errands"]

KEPT = 50  # that are done
LOG = logging.getLogger("latentia")


@dataclass
class Errand:
    """One piece of work."""

    number: int
    done: int = 0
    total: int = 0
    state: str = "waiting"
    said: list[str] = field(default_factory=list)
    result: Any = None
    error: str = ""

    def progress(self, done: int, total: int) -> None:
        """So many parts of the work are done."""
        self.done, self.total = done, total

    def tell(self, text: str) -> None:
        """A sentence for the person."""
        if text not in self.said:
            self.said.append(text)

    def told(self) -> dict[str, Any]:
        """What the page shows."""
        return dict(vars(self))


class Errands:
    """The work that is asked for, in order."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1, "errand")
        self.numbers = itertools.count(1)
        self.known: dict[int, Errand] = {}
        self.lock = threading.Lock()

    def begin(self, work: Callable[[Errand], Any]) -> Errand:
        """Do it when its turn comes."""
        with self.lock:
            number = next(self.numbers)
            errand = self.known[number] = Errand(number)
            for old in [old for old, each in self.known.items() if each.state in ("done", "failed")][:-KEPT]:
                del self.known[old]
        self.pool.submit(self._do, errand, work)
        return errand

    def find(self, number: int) -> Errand:
        """The errand of a number.

        Raises:
            BadField: there is none, or no longer.
        """
        if number not in self.known:
            raise BadField("that work is no longer known here; ask again")
        return self.known[number]

    def close(self) -> None:
        """Begin nothing more."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    def _do(self, errand: Errand, work: Callable[[Errand], Any]) -> None:
        errand.state = "working"
        heard = _Heard(errand)
        LOG.addHandler(heard)
        try:
            errand.result = work(errand)
            errand.state = "done"
        except Latentia as error:
            errand.error, errand.state = str(error), "failed"
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            errand.error = f"this is a bug of latentia, not of your input: {type(error).__name__}: {error}"
            errand.state = "failed"
        finally:
            LOG.removeHandler(heard)


class _Heard(logging.Handler):
    """What the package says on its log while an errand is done."""

    def __init__(self, errand: Errand) -> None:
        super().__init__(logging.INFO)
        self.errand, self.thread = errand, threading.get_ident()

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self.thread:
            self.errand.tell(record.getMessage())
