"""``latentia edit``: move items along a direction that means something."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from latentia.cli import output, render
from latentia.cli.common import DEFAULTS, Common, Out, Run, Weights, at_least, load
from latentia.errors import BadField
from latentia.fields import number

ITEM = "one or more: a seed, row:12 of the test split, or a file"
GROUP = "a label of the data, a file or folder of examples, or principal:1, a direction that needs no examples"


def edit(
    run: Run,
    /,
    *items: Annotated[str, Parameter(name="ITEM", help=ITEM)],
    towards: Annotated[str | None, Parameter(help=f"the group to go to: {GROUP}")] = None,
    away: Annotated[str | None, Parameter(help="the group to come from [default: all other training items]")] = None,
    keep: Annotated[
        str | None, Parameter(help="groups, with commas between them, whose directions are taken out of this one")
    ] = None,
    along: Annotated[
        Literal["means", "discriminant"],
        Parameter(
            help="means: from the mean of the others to that of the group; discriminant: the shortest way that tells "
            "them apart, which changes less of an item"
        ),
    ] = "means",
    amount: Annotated[
        str,
        Parameter(
            help="how far: 0 is the item as the model shows it, 1 as far as from the mean of the others to that of the "
            "group",
            allow_leading_hyphen=True,
        ),
    ] = "0,1",
    steps: Annotated[int | None, Parameter(help="pictures from the item as it is to the amount, both counted")] = None,
    plus: Annotated[list[str] | None, Parameter(help="an item to add, instead of a group; again for more")] = None,
    minus: Annotated[list[str] | None, Parameter(help="an item to take away; as many as --plus")] = None,
    label: Annotated[
        str | None, Parameter(help="the class of seeds and files, for a model trained with --labels; it is kept")
    ] = None,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Move items towards a group of others, or add and take away items; each row of the picture is one item."""
    output.form(out, output.ITEMS)
    at_least("--steps", steps, 2)
    if not items:
        raise BadField(f"edit takes one item or more: {ITEM}")
    amounts = _amounts(amount, steps)
    model = load(run, common, weights)
    kept = [each.strip() for each in (keep or "").split(",") if each.strip()]
    x = model.edit(items, towards, amounts, away, kept, plus or (), minus or (), label, common.remark, along)
    captions = [f"{each:+.3g}" for each in amounts] * len(x)
    several = max(1, len(x) // len(items))  # a file may hold more than one item
    words = [word for word in items for _ in range(several)]
    names = [f"{word} {each:+.3g}" for word in words for each in amounts]
    names = names if len(names) == len(captions) else [f"{i} {each}" for i, each in enumerate(captions)]
    render.write(
        model.as_data(x.flatten(0, 1)), names, out, common.json, len(amounts), captions, header=model.header, named=True
    )


def _amounts(text: str, steps: int | None) -> list[float]:
    from latentia.tasks.edit import amounts_to

    found = [number(part) for part in text.split(",") if part.strip()]
    if steps is None:
        return found
    found = found[1:] if len(found) == 2 and not found[0] else found
    if len(found) != 1:
        raise BadField(f"--steps goes to one amount, and --amount has {len(found)}: give one amount")
    return amounts_to(found[0], steps)
