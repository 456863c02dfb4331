"""Pages whose snippets are run: python and bash blocks of a page, in order, as one session in one folder.

Lines of a bash block are commands of ``latentia`` (run in this process) or of ``torchrun``. A trailing comment
``# exit code 2`` says that a command is refused, and how. Blocks of any other language are only read.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RUN = ("python", "bash")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
AMOUNT = re.compile(r"(images[ =]|every[ =]|draws[ =]|stabilise[ =]|fade[ =]|@)([0-9][0-9_.]*)([kM]?)")
SHARE, LEAST = 500, 2  # a quick session trains on so small a share of the images; amounts under 100 stay
SCALES = {"": 1.0, "k": 1e3, "M": 1e6}


class Broken(Exception):
    """A snippet that does not do what its page says."""


@dataclass(frozen=True)
class Snippet:
    """A block of a page that is run: its language, its text, and the line it begins on."""

    language: str
    code: str
    line: int


def snippets(text: str) -> list[Snippet]:
    """The blocks of a page that are run, in order."""
    found = [(match, text.count("\n", 0, match.start(2)) + 1) for match in BLOCK.finditer(text)]
    return [Snippet(match[1], match[2], line) for match, line in found if match[1] in RUN]


def quick(code: str) -> str:
    """The code at quick size: every number of images, and of many draws, divided by the same.

    >>> quick("latentia train vae digits --images 100k --beta 0:1@50k")
    'latentia train vae digits --images 200 --beta 0:1@100'
    """

    def smaller(match: re.Match[str]) -> str:
        amount = float(match[2].replace("_", "")) * SCALES[match[3]]
        return match[0] if amount < 100 else f"{match[1]}{max(LEAST, int(amount / SHARE))}"

    return AMOUNT.sub(smaller, code)


@dataclass
class Session:
    """One page's snippets: they share a folder and the names that Python blocks make."""

    folder: Path
    quickly: bool = False
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "snippet"})

    def run(self, snippet: Snippet) -> str:
        """Run one block; what it printed to stdout.

        Raises:
            Broken: it fails, with the line of the page and the reason.
        """
        code = quick(snippet.code) if self.quickly else snippet.code
        told = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(told):
            self._python(snippet, code) if snippet.language == "python" else self._bash(snippet, code)
        return told.getvalue()

    def _python(self, snippet: Snippet, code: str) -> None:
        blank = "\n" * (snippet.line - 1)  # so that a traceback counts the lines of the page
        try:
            exec(compile(blank + code, "page", "exec"), self.names)
        except Exception as error:
            raise Broken(f"line {snippet.line}: {type(error).__name__}: {error}") from error

    def _bash(self, snippet: Snippet, code: str) -> None:
        for command in commands(code):
            words = shlex.split(command, comments=True)
            expected = int(told[1]) if (told := re.search(r"# exit code (\d+)", command)) else 0
            code_of, said = follow(words)
            if code_of != expected:
                raise Broken(f"line {snippet.line}: {command}\nends with exit code {code_of}: {said.strip()}")


def commands(code: str) -> list[str]:
    """The commands of a bash block, continued lines joined."""
    lines = (line.strip() for line in code.replace("\\\n", " ").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def follow(words: list[str]) -> tuple[int, str]:
    """Run one command; its exit code and what it said on stderr.

    Raises:
        Broken: the command is none that a page may run.
    """
    if words[0] == "latentia":
        from latentia.cli.main import main

        said = io.StringIO()
        with contextlib.redirect_stderr(said):
            return main(words[1:]), said.getvalue()
    if words[0] == "torchrun":
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run([*launcher, *words[1:]], capture_output=True, text=True, env=environment, check=False)
        print(done.stdout)
        return done.returncode, done.stderr
    raise Broken(f"a page runs latentia and torchrun, not {words[0]!r}")
