"""The errors latentia raises on purpose.

    Latentia                 anything below; ``exit_code`` is what the command line returns
    ├── Refused              your input cannot be used: says what was found, where, what is allowed, what to try
    │   ├── BadData          a file, folder, array or column
    │   ├── BadField         a field of a recipe or of the training
    │   ├── BadRun           a run folder that is damaged or belongs to another recipe or data set
    │   └── CannotDo         a task asked of a model that has not the capability
    ├── Diverged             a loss that is no longer finite, or a table's model that got absurdly worse
    └── OutOfMemory          a batch that does not fit

Each message is one or two lines. Anything else that escapes is a bug of ours (exit code 1).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Latentia(Exception):
    """The root of every error that latentia raises on purpose."""

    exit_code = 2


class Refused(Latentia, ValueError):
    """Your input cannot be used as it is."""


class BadData(Refused):
    """A file, folder, array or column that cannot be read as data."""


class BadField(Refused):
    """A field of a recipe or of the training that is unknown, of the wrong kind or out of range."""


class BadRun(Refused):
    """A run folder that is damaged, or that belongs to another recipe or other data."""


class CannotDo(Refused):
    """A task asked of a model that has not the capability for it."""


class Diverged(Latentia, ArithmeticError):
    """A loss that is no longer finite, or a table's model that got absurdly worse than it was."""


class OutOfMemory(Latentia, MemoryError):
    """A batch that does not fit in memory."""


def near(word: str, known: Iterable[str], count: int = 3) -> str:
    """A hint for a name that is not known: ``did you mean 'vae'?``, or the list of what is known.

    >>> near("vea", ["vae", "autoencoder"])
    "did you mean 'vae'?"
    >>> near("zzz", ["vae", "autoencoder"])
    'known: autoencoder, vae'
    """
    names = sorted(known)
    hits = difflib.get_close_matches(word, names, n=count, cutoff=0.6)
    if hits:
        return f"did you mean {' or '.join(repr(hit) for hit in hits)}?"
    return f"known: {', '.join(names)}"
