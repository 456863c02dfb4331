"""Shown: what a translating net makes of held-out pictures, for its report and while it learns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from latentia.core import JudgesPatches, Spec, TwoSided
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
    """What becomes of the first pictures of each side, all in the channels of the richest: the last domain first."""
    spec, ways = source.spec, net.domains[::-1]
    made = [translate(net, _given(source, spec, to, count // len(ways)), to) for to in ways]
    most = max(each.shape[1] for each in made)
    return torch.cat([recoloured(each, most, NOTHING) for each in made])


def sections(net: Net, source: TwoSided) -> Iterator[str]:
    """The cards of a report: what is made of held-out pictures, the way back or the variants, what a critic says."""
    spec = source.spec
    count = _few(spec, PIXELS, GROUPS)
    for to in net.domains[::-1]:
        given = _given(source, spec, to, count)
        yield _loops(net, given, to) if len(net.domains) > 1 else _pairs(net, source, given, to)
        if net.variants:
            yield _variants(net, given[: max(1, count // 2)], to)
        if isinstance(net, JudgesPatches):
            yield _judged(net, source, given[: min(count, JUDGED)], to)


def _few(spec: Spec, pixels: int, most: int) -> int:
    return max(4, min(most, pixels // (spec.shape[1] * spec.shape[2])))


def _given(source: TwoSided, spec: Spec, to: str, count: int) -> Tensor:
    """The first pictures that are translated to a side."""
    side = source.of_x if made_spec(spec, to) is spec.y else source.of_y
    return side.read(slice(0, count)).x


def _pairs(net: Net, source: TwoSided, given: Tensor, to: str) -> str:
    true, made = source.of_x.read(slice(0, len(given))).x, translate(net, given, to)
    off = (made - true).abs().flatten(1).mean(1)
    groups = _groups((given, made, true), off)
    told = (
        f"Held-out pairs: the input, what the model makes of it, and the true {to}, with the mean absolute error. "
        f"Where the input leaves something open, a good output need not be the true one."
    )
    return page.section(f"Translations to {to}", told, page.cells(groups, 4))


def _loops(net: Net, given: Tensor, to: str) -> str:
    (back,) = (name for name in net.domains if name != to)
    made = translate(net, given, to)
    again = translate(net, made, back)
    off = (again - given).abs().flatten(1).mean(1)
    groups = _groups((given, made, again), off)
    told = (
        f"Held-out pictures of {back}, what the model makes of them in {to}, and what comes back, with the mean "
        f"absolute error of the way there and back. What comes back well may have been hidden in a wrong picture."
    )
    return page.section(f"From {back} to {to} and back", told, page.cells(groups, 4))


def _groups(pictures: Sequence[Tensor], off: Tensor) -> list[page.Cell]:
    """Pictures of one row side by side, with an error."""
    rows = zip(*pictures, strict=True)
    return [(row, f"row:{i} · {each:.3f}") for i, (row, each) in enumerate(zip(rows, off.tolist(), strict=True))]


def _variants(net: Net, given: Tensor, to: str) -> str:
    made = translate(net, given, to, draws=VARIANTS)
    groups = [((a, *several), f"row:{i}") for i, (a, several) in enumerate(zip(given, made, strict=True))]
    told = (
        f"The input, and {VARIANTS} outputs with noise of seeds 0 to {VARIANTS - 1}. How much they differ is how much "
        f"the model leaves to chance: often little."
    )
    return page.section("Variants", told, page.cells(groups, 2))


def _judged(net: Net, source: TwoSided, given: Tensor, to: str) -> str:
    spec, like = source.spec, place(net)
    side = source.of_y if made_spec(spec, to) is spec.y else source.of_x
    made, true = translate(net, given, to), side.read(slice(0, len(given))).x
    with still(net):
        answers = [net.judged(each.to(like), to, given[: len(each)].to(like)).cpu() for each in (made, true)]
    found = verdict(*answers)
    maps = shaded(made, found.made), shaded(true, found.real)
    shares = (found.made > 0.5).float().mean((1, 2)).tolist()
    rows = zip(made, maps[0], true, maps[1], strict=False)
    groups = [(row, f"row:{i} · {share:.0%}") for i, (row, share) in enumerate(zip(rows, shares, strict=False))]
    told = (
        f"Held-out pictures that the model made, with what its critic takes each patch for: warm for made, blue for "
        f"real. Beside them true pictures of {to}, judged alike. Below each, the share of the made picture that it "
        f"takes for made. It is right about {found.right:.0%} of all patches; 50 % is chance, and then the critic has "
        f"nothing left to teach."
    )
    return page.section(f"What the critic of {to} sees", told, page.cells(groups, 3))
