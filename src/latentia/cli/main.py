"""The entry point: which verb, and how every ending looks.

Verbs are named by import strings and loaded when they are asked for, so ``latentia --help`` starts without torch.
Exit codes: 0 done, 1 a bug of latentia, 2 your input, 130 stopped.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError, UnknownOptionError

from latentia import __version__
from latentia.cli.log import heard
from latentia.errors import Latentia, near

VERBS = {
    "train": "learn from data: train MODEL DATA, or train --run DIR",
    "sample": "draw new items",
    "encode": "items to latents: a codes file that can be edited",
    "decode": "latents to items",
    "reconstruct": "items through the model and back",
    "interpolate": "walk between items",
    "traverse": "move one latent at a time",
    "edit": "move items towards a group of others",
    "map": "a data set in two dimensions of latent space",
    "weights": "how much each item should count, so that rare kinds are seen",
    "translate": "pictures and films to their counterparts in another domain",
    "score": "how likely items are: log p(x) with its error",
    "outliers": "which items do not belong: p-values and reasons",
    "calibrate": "more good rows to judge outliers by",
    "evaluate": "held-out figures of a run, each with what it means",
    "compare": "the figures of several runs side by side",
    "info": "what a run or a data set is",
    "studio": "see and use models in the browser",
    "models": "the models and what each can do",
    "datasets": "the data sets that have a name, and their terms",
}
YOURS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
STOPPED = 128 + signal.SIGINT


def application() -> App:
    """The verbs; each file of this folder is imported when its verb is used."""
    app = App(
        name="latentia",
        help="Learn the hidden variables behind your data, and use them.",
        help_format="plaintext",  # markdown would import its parser for nothing: a quarter of the time of --help
        help_epilogue="latentia VERB --help says more about a verb.",
        version=__version__,
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    for place, (verb, line) in enumerate(VERBS.items()):
        # train makes its flags from the model it is given, so it parses its own words, --help among them
        own: dict[str, Any] = {"help_flags": [], "version_flags": []} if verb == "train" else {}
        app.command(f"latentia.cli.{verb}:{verb}", name=verb, help=line, sort_key=place, **own)
    return app


def main(words: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    debug = "--debug" in words
    try:
        if words and not words[0].startswith("-") and words[0] not in VERBS:
            say(f"latentia has no verb {words[0]!r}; {near(words[0], VERBS)}")
            return 2
        with heard(quiet="--quiet" in words):
            application()(list(words))
        sys.stdout.flush()
    except BrokenPipeError:
        return closed()
    except KeyboardInterrupt as stop:
        say(str(stop) or "stopped; run the same command to go on")
        return STOPPED
    except (CycloptsError, Latentia, OSError) as error:
        if isinstance(error, OSError) and error.errno not in YOURS:
            return bug(error, debug)
        return yours(error, words, debug)
    except Exception as error:
        return bug(error, debug)
    return 0


def yours(error: Exception, words: Sequence[str], debug: bool) -> int:
    """Your input: one or two lines, the traceback with ``--debug``."""
    if debug:
        traceback.print_exc()
    if isinstance(error, CycloptsError):
        error.verbose = False
        say(f"{error}{_whose(error, words)}\n{' '.join(['latentia', *_asked(words)])} --help lists what it takes")
    elif isinstance(error, OSError):
        what = "read or write" if error.errno in (errno.EACCES, errno.EPERM) else "write"
        say(f"cannot {what} {error.filename or 'a file'}: {error.strerror}")
    else:
        say(str(error))
    return error.exit_code if isinstance(error, Latentia) else 2


def _asked(words: Sequence[str]) -> Sequence[str]:
    """The words whose help lists what can be said: a verb, and after train the model, whose fields are its flags."""
    if not words or words[0] not in VERBS:
        return ()
    return words[: 2 if words[0] == "train" and words[1:] and not words[1].startswith("-") else 1]


def _whose(error: CycloptsError, words: Sequence[str]) -> str:
    """Which models have a flag that this one has not."""
    if not isinstance(error, UnknownOptionError) or list(words[:1]) != ["train"]:
        return ""
    from latentia import models

    flag = (error.token.keyword or error.token.value or "").partition("=")[0]
    having = models.with_field(flag.removeprefix("--").removeprefix("no-").replace("-", "_"))
    return f" Models that have {flag}: {', '.join(having)}." if having else ""


def bug(error: Exception, debug: bool) -> int:
    """A bug of ours: say so, with the last line of the traceback, or all of it with ``--debug``."""
    if debug:
        traceback.print_exc()
    say(f"this is a bug of latentia, not of your input: {type(error).__name__}: {error}")
    if not debug:
        say("--debug shows where; please report it with the command you ran")
    return 1


def closed() -> int:
    """Whoever read our output has gone: no complaint, and nothing more to flush at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def say(text: str) -> None:
    """A message for a person, on stderr."""
    print(f"latentia: {text}", file=sys.stderr)


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))
