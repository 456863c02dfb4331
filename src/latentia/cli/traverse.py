"""``latentia traverse``: move one latent at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from latentia.cli import output, render
from latentia.cli.common import DEFAULTS, Common, Out, Run, Weights, at_least, drawn_class, load
from latentia.errors import BadField

if TYPE_CHECKING:
    from latentia.model import Model

FILMS = (".gif", ".mp4")
FPS = 8.0


def traverse(
    run: Run,
    /,
    *,
    at: Annotated[str | None, Parameter(help="the item to start from: a seed, row:12 or a file")] = None,
    latents: Annotated[
        str | None, Parameter(help="which latents: z1,z4 or 1,4 [default: all, the most used first]")
    ] = None,
    steps: Annotated[int, Parameter(help="values of each latent")] = 9,
    label: Annotated[
        str | None, Parameter(help="the class, for a model trained with --labels; row:12 has its own")
    ] = None,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Move one latent at a time, the others held: each row of the picture is one latent, those used most first.

    In a .gif or .mp4 all rows move at once, there and back.
    """
    from latentia.tasks.pictures import mosaic
    from latentia.tasks.traverse import name_of

    ending = output.form(out, output.ITEMS)
    at_least("--steps", steps, 2)
    numbers = None if latents is None else _numbers(latents)
    model = load(run, common, weights)
    chosen = None if numbers is None else _indices(numbers, model)
    moved, values, x = model.traverse(at=at, latents=chosen, steps=steps, label=label, tell=common.remark)
    if label is None and not (at or "").startswith("row:"):
        drawn_class(model, common)
    if ending in FILMS and x.dim() == 5:
        frames = mosaic(x.transpose(0, 1))
        around = [*range(steps), *range(steps - 2, 0, -1)]
        render.write(frames[around], [f"step:{i}" for i in around], out, common.json, fps=FPS)
        return
    names = [f"{name_of(j)}={v:.2g}" for j, row in zip(moved, values.tolist(), strict=True) for v in row]
    x = model.as_data(x.flatten(0, 1))
    render.write(x, names, out, common.json, columns=steps, captions=names, header=model.header, named=True)


def _numbers(text: str) -> list[int]:
    """The numbers of latents, counted from 1 as in codes files: those of ``z1,z4`` and of ``1,4``."""
    parts = [part.strip().removeprefix("z") for part in text.split(",")]
    if not all(part.isdecimal() for part in parts):
        raise BadField(f"--latents is {text!r}; write their names, z1,z4, or their numbers, 1,4")
    return [int(part) for part in parts]


def _indices(numbers: list[int], model: Model) -> list[int]:
    """The indices of latents; a model that has none refuses the verb itself."""
    count = getattr(model.net, "latent", max(numbers))
    for number in numbers:
        if not 1 <= number <= count:
            raise BadField(f"--latents names z{number}; this model has z1 to z{count}")
    return [number - 1 for number in numbers]
