"""Shown: what a translating net makes of held-out pictures, for its report and while it learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from latentia.core import JudgesPatches, Source, Spec, TwoSided
from latentia.data.conform import recoloured
from latentia.tasks import page
from latentia.tasks.evaluate import Figure
from latentia.tasks.features import extractor_for, usual
from latentia.tasks.patches import shaded, verdict
from latentia.tasks.translate import made_spec, translate
from latentia.tasks.translated import sides_of, translated
from latentia.tasks.working import Net, place, still

__all__ = ["counterparts", "figures", "sections"]

PIXELS = 2**19  # of the inputs that a section shows, at most
MEASURED = 2**22  # pixels of the inputs that are measured for a report, at most
GROUPS, VARIANTS, JUDGED = 24, 6, 12
NOTHING = torch.ones(3)  # the ground of transparent pictures: white


def figures(net: Net, source: TwoSided, limit: int) -> list[Figure]:
    """What held-out pictures say about translations, of a number that does not take long."""
    spec = source.spec
    sides = sides_of([source], spec.pairing == "pairs", _few(spec, MEASURED, limit))
    return translated(net, spec, sides, lambda side: extractor_for(usual(side), side), metrics=None)


def counterparts(net: Net, source: TwoSided, count: int) -> Tensor:
    """What becomes of some pictures of each side, all in the channels of the richest: the last domain first."""
    ways = net.domains[::-1]
    inputs = [_sides(source, to)[0] for to in ways]
    made = [
        translate(net, side.read(_spread(side, count // len(ways))).x, to)
        for side, to in zip(inputs, ways, strict=True)
    ]
    most = max(each.shape[1] for each in made)
    return torch.cat([recoloured(each, most, NOTHING) for each in made])


def sections(net: Net, source: TwoSided) -> Iterator[str]:
    """The cards of a report: what is made of held-out pictures, the way back or the variants, what a critic says."""
    spec = source.spec
    count = _few(spec, PIXELS, GROUPS)
    for to in net.domains[::-1]:
        given, true = _sides(source, to)
        places = _spread(given, count)
        yield _loops(net, given, places, to) if len(net.domains) > 1 else _pairs(net, given, true, places, to)
        if net.variants:
            yield _variants(net, given, _spread(given, max(1, count // 2)), to)
        if isinstance(net, JudgesPatches):
            yield _judged(net, given, true, min(count, JUDGED), to)


def _few(spec: Spec, pixels: int, most: int) -> int:
    return max(4, min(most, pixels // (spec.shape[1] * spec.shape[2])))


def _sides(source: TwoSided, to: str) -> tuple[Source, Source]:
    """What is translated to a side, and what is there."""
    sides = source.of_x, source.of_y
    return sides if made_spec(source.spec, to) is source.spec.y else sides[::-1]


def _spread(side: Source, count: int) -> Tensor:
    """Places evenly apart: of a film moments from its beginning to its end, not frames that are nearly the same."""
    count = min(count, len(side))
    return torch.arange(count) * len(side) // max(1, count)


def _pairs(net: Net, given: Source, true: Source, places: Tensor, to: str) -> str:
    x, wanted = given.read(places).x, true.read(places).x
    made = translate(net, x, to)
    groups = _groups((x, made, wanted), (made - wanted).abs().flatten(1).mean(1), places)
    told = (
        f"Held-out pairs: the input, what the model makes of it, and the true {to}, with the mean absolute error. "
        f"Where the input leaves something open, a good output need not be the true one."
    )
    return page.section(f"Translations to {to}", told, page.cells(groups, 4))


def _loops(net: Net, given: Source, places: Tensor, to: str) -> str:
    (back,) = (name for name in net.domains if name != to)
    x = given.read(places).x
    made = translate(net, x, to)
    again = translate(net, made, back)
    groups = _groups((x, made, again), (again - x).abs().flatten(1).mean(1), places)
    told = (
        f"Held-out pictures of {back}, what the model makes of them in {to}, and what comes back, with the mean "
        f"absolute error of the way there and back. What comes back well may have been hidden in a wrong picture."
    )
    return page.section(f"From {back} to {to} and back", told, page.cells(groups, 4))


def _groups(pictures: Sequence[Tensor], off: Tensor, places: Tensor) -> list[page.Cell]:
    """Pictures of one row side by side, with an error."""
    rows = zip(*pictures, strict=True)
    told = zip(rows, places.tolist(), off.tolist(), strict=True)
    return [(row, f"row:{place} · {each:.3f}") for row, place, each in told]


def _variants(net: Net, given: Source, places: Tensor, to: str) -> str:
    x = given.read(places).x
    made = translate(net, x, to, draws=VARIANTS)
    told_of = zip(x, made, places.tolist(), strict=True)
    groups = [((one, *several), f"row:{row}") for one, several, row in told_of]
    told = (
        f"The input, and {VARIANTS} outputs with noise of seeds 0 to {VARIANTS - 1}. How much they differ is how much "
        f"the model leaves to chance: often little."
    )
    return page.section("Variants", told, page.cells(groups, 2))


def _judged(net: Net, given: Source, true: Source, count: int, to: str) -> str:
    """Made pictures beside true ones: those of the same rows, where they are pairs."""
    count, like = min(count, len(given), len(true)), place(net)
    rows, there = (_spread(side, count) for side in (given, true))
    inputs, wanted = given.read(rows).x, true.read(there).x
    made = translate(net, inputs, to)
    with still(net):
        answers = [net.judged(each.to(like), to, inputs.to(like)).cpu() for each in (made, wanted)]
    found = verdict(*answers)
    columns = made, shaded(made, found.made), wanted, shaded(wanted, found.real)
    shares = (found.made > 0.5).float().mean((1, 2)).tolist()
    cells = zip(zip(*columns, strict=True), rows.tolist(), shares, strict=True)
    told = (
        f"Held-out pictures that the model made, with what its critic takes each patch for: warm for made, blue for "
        f"real. Beside them true pictures of {to}, judged alike. Below each, the share of the made picture that it "
        f"takes for made. It is right about {found.right:.0%} of all patches; 50 % is chance, and then the critic has "
        f"nothing left to teach."
    )
    groups = [(pictures, f"row:{row} · {share:.0%}") for pictures, row, share in cells]
    return page.section(f"What the critic of {to} sees", told, page.cells(groups, 3))
