"""``latentia interpolate``: walk between items."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from latentia.cli import output, render
from latentia.cli.common import DEFAULTS, Common, Out, Run, Weights, drawn_class, load
from latentia.errors import BadField

if TYPE_CHECKING:
    from torch import Tensor

    from latentia.tasks.walk import Walk

ITEM = "two or more: a seed, label:7 (a class), row:12 of the test split, or a file"
STEPS = 9
FILM, FLIP = 30.0, 12.0  # frames per second: of a film of so many seconds, of a few steps


def interpolate(
    run: Run,
    /,
    *items: Annotated[str, Parameter(name="ITEM", help=ITEM)],
    steps: Annotated[int | None, Parameter(help="pictures from one item to the next, both counted (9)")] = None,
    seconds: Annotated[float | None, Parameter(help="how long a film is, instead of --steps")] = None,
    fps: Annotated[
        float | None, Parameter(help="pictures a second of a .gif or .mp4 (30 with --seconds, or 12)")
    ] = None,
    how: Annotated[Literal["slerp", "lerp"], Parameter(help="around the origin, or straight")] = "slerp",
    even: Annotated[bool, Parameter(help="space the pictures evenly in what they look like", negative="")] = False,
    label: Annotated[
        str | None, Parameter(help="the class of seeds and files; label:7 itself has the noise of --seed")
    ] = None,
    loop: Annotated[bool, Parameter(help="walk back to the first item", negative="")] = False,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Walk between items through latent space; `sample` shows which seed is which item.

    It says how long the walk is in what the pictures look like, and how even its steps are.
    """
    ending = output.form(out, output.ITEMS)
    if len(items) < 2:
        raise BadField(f"interpolate takes two or more items; it got {len(items)}")
    rate = fps if fps is not None else FLIP if seconds is None else FILM
    frames = _frames(steps, seconds, rate)
    model = load(run, common, weights)
    walk = model.walk(
        items,
        steps=STEPS if steps is None else steps,
        how=how,
        loop=loop,
        even=even,
        frames=frames,
        tell=common.remark,
        label=label,
        seed=common.seed,
    )
    if label is None and any(item.removeprefix("seed:").isdecimal() for item in items):
        drawn_class(model, common)
    common.remark(_sentence(walk, even))
    names = [f"step:{i}" for i in range(len(walk.x))]
    as_json = common.json and out is None
    if model.header:
        render.write(model.as_data(walk.x), names, out, as_json, header=model.header, named=True)
    else:
        x, columns = _legs(walk, loop) if frames is None and ending == ".png" else (walk.x, None)
        render.write(x, names, out, as_json, columns=columns, fps=rate)
    if common.json and out is not None:
        output.facts(_facts(walk, out, rate), as_json=True)


def _legs(walk: Walk, loop: bool) -> tuple[Tensor, int]:
    """The frames with each leg a row of the grid, from item to item and both shown, and the columns of the grid.

    Shorter legs (of an even walk) end in white.
    """
    import torch

    around = torch.cat([walk.x, walk.x[:1]])
    pairs = list(itertools.pairwise([*walk.stops, *([len(walk.x)] if loop else [])]))
    width = max(last - first for first, last in pairs) + 1
    rows = [around[first : last + 1] for first, last in pairs]
    return torch.cat([torch.cat([row, row.new_ones(width - len(row), *row.shape[1:])]) for row in rows]), width


def _frames(steps: int | None, seconds: float | None, rate: float) -> int | None:
    """How many frames a film of ``seconds`` has; ``None`` when the steps say it."""
    if steps is not None and seconds is not None:
        raise BadField("--steps and --seconds both say how many pictures there are; give one of them")
    for flag, value in (("--fps", rate), ("--seconds", seconds)):
        if value is not None and not 0 < value < float("inf"):
            raise BadField(f"{flag} is {value:g}; it must be above 0")
    return None if seconds is None else round(seconds * rate)


def _sentence(walk: Walk, even: bool) -> str:
    told = f"{len(walk.x)} pictures, perceptual length {walk.length:.4g} in blurred pixels"
    hint = "" if even or walk.unevenness < 0.05 else "; --even evens them out"
    return f"{told}; the steps vary by {100 * walk.unevenness:.1f} % (their deviation over their mean){hint}"


def _facts(walk: Walk, out: str, rate: float) -> dict[str, object]:
    return {
        "out": out,
        "pictures": len(walk.x),
        "fps": rate,
        "feature": "blurred pixels",
        "length": walk.length,
        "unevenness": walk.unevenness,
        "steps": walk.steps.tolist(),
        "stops": list(walk.stops),
    }
