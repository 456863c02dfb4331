"""What rows are judged by: the same flags for every verb that judges."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

PICTURES = Group("What a picture is judged by", sort_key=50)


def _flag(text: str) -> Parameter:
    return Parameter(help=text, group=PICTURES)


@Parameter(name="*")
@dataclass(frozen=True)
class Judging:
    """What a score is; tables are judged by -log p(x) alone."""

    by: Annotated[
        Literal["auto", "likelihood", "ratio", "regret"],
        _flag(
            "auto combines likelihood, bits of the PNG, code and reconstruction; or likelihood alone, its ratio to "
            "that of --background, or regret: what the best posterior of that picture gains (slow)"
        ),
    ] = "auto"
    features: Annotated[
        Literal["patches", "random-conv", "pixels"] | None,
        _flag(
            "instead: how far features lie from those of training pictures, whatever the model; patches find local "
            "defects, the others what is odd as a whole"
        ),
    ] = None
    background: Annotated[str | None, _flag("of --by ratio: another run of pictures of the same shape")] = None

    def told(self) -> dict[str, Any]:
        """The arguments of a model's verbs."""
        return asdict(self)


USUAL = Judging()
