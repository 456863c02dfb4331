"""What every verb shares: its flags, and loading a run."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from latentia.errors import BadField

if TYPE_CHECKING:
    from latentia.model import Model

EVERY = Group("Every verb", sort_key=100)


def switch(text: str, group: Group = EVERY) -> Parameter:
    """A flag that is either given or not."""
    return Parameter(help=text, group=group, negative="", show_default=False)


def at_least(flag: str, value: int | None, low: int) -> None:
    """Refuse a number that is too small; ``None`` is a flag that was not given."""
    if value is not None and value < low:
        raise BadField(f"{flag} is {value}; it must be at least {low}")


@Parameter(name="*")
@dataclass(frozen=True)
class Common:
    """The flags of every verb."""

    device: Annotated[str, Parameter(help="auto, cpu, cuda, cuda:1 or mps", group=EVERY)] = "auto"
    seed: Annotated[int, Parameter(help="seed of everything drawn", group=EVERY)] = 0
    batch: Annotated[int | None, Parameter(help="items that are encoded or decoded at once", group=EVERY)] = None
    json: Annotated[bool, switch("print JSON instead of text")] = False
    quiet: Annotated[bool, switch("no progress, no remarks")] = False
    debug: Annotated[bool, switch("show the traceback of an error")] = False

    def __post_init__(self) -> None:
        at_least("--seed", self.seed, 0)
        at_least("--batch", self.batch, 1)

    def remark(self, text: str) -> None:
        """A line for a person, on stderr."""
        remark(text, self.quiet)


Run = Annotated[str, Parameter(help="the folder of a run")]
Items = Annotated[str, Parameter(help="the items: a data set's name (mnist, or mnist:train) or a path")]
Given = Annotated[
    str | None,
    Parameter(help="the class of all items, for a model trained with --labels [default: the labels that they bring]"),
]
SkipBad = Annotated[bool, Parameter(help="leave out pictures that cannot be read", negative="")]
Out = Annotated[str | None, Parameter(name=["--out", "-o"], help="where to write; the ending is the form")]
Count = Annotated[int, Parameter(name=["--count", "-n"], help="how many")]
Weights = Annotated[Literal["best", "last"], Parameter(help="those with the best score on held-out data, or the last")]
Split = Annotated[Literal["train", "validation", "test"], Parameter(help="which items")]
DEFAULTS = Common()


def remark(text: str, quiet: bool = False) -> None:
    """A line on stderr, from the first of several processes."""
    if not quiet and first():
        print(text, file=sys.stderr)


def first() -> bool:
    """Whether this is the only process, or the one that speaks for all."""
    return int(os.environ.get("RANK", "0")) == 0


def drawn_class(model: Model, common: Common) -> None:
    """Say which labels seeds have where a model of labels was given none."""
    if vars(model.net).get("classes"):
        known = ", ".join(model.spec.classes)
        common.remark(f"each seed has a label of its own, as often as in the training; --label takes {known}")


def given_words(words: Sequence[str]) -> dict[str, str]:
    """``["region=north"]`` as ``{"region": "north"}``.

    Raises:
        BadField: a word without ``=``.
    """
    if strange := [word for word in words if "=" not in word]:
        raise BadField(f"--given is {strange[0]!r}; write COLUMN=VALUE, for example --given region=north")
    return {word.partition("=")[0].strip(): word.partition("=")[2].strip() for word in words}


def load(run: str, common: Common, weights: str = "best") -> Model:
    """The model of a run, on the device asked for."""
    from latentia import model

    return model.load(run, weights=weights, device=common.device, batch=common.batch or model.BATCH)
