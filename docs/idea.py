"""One idea of the page of ideas: its sentences, the code that is shown and run, what draws its figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

Draw = Callable[[Path, Path], None]


@dataclass(frozen=True)
class Idea:
    """One section of the page."""

    name: str
    title: str
    text: str
    code: Sequence[tuple[str, str]]  # language and text
    draw: Draw
    caption: str

    @property
    def picture(self) -> str:
        """Where its figure lies, from the page."""
        return f"pictures/ideas/{self.name}.png"

    def page(self, number: int) -> str:
        """The section as Markdown."""
        blocks = "\n".join(f"```{language}\n{code.strip()}\n```\n" for language, code in self.code)
        return (
            f"## {number}. {self.title}\n\n{self.text.strip()}\n\n{blocks}\n"
            f"![{self.title}]({self.picture})\n\n*{self.caption.strip()}*\n"
        )
