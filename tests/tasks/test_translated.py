import math

import pytest
import torch

from latentia.core import Batch, Spec
from latentia.errors import BadData, BadField
from latentia.metrics.features import pixels
from latentia.tasks.shown import counterparts, figures, sections
from latentia.tasks.translated import Sides, sides_of, translated

from .nets import Rows, normal
from .test_translate import COLOUR, GREY, Toy

PAIRS = Spec("image", (3, 8, 8), 256, y=GREY, pairing="pairs", sides=("colours", "greys"))
DOMAINS = Spec("image", (3, 8, 8), 256, y=COLOUR, pairing="domains", sides=("day", "night"))


class Shade(Toy):
    """From grey to three channels, each a share darker."""

    shade = 0.5

    def given(self, to):
        return GREY

    def work(self, x, noise, moments):
        return self.shade * x.expand(-1, 3, -1, -1)


class Turn(Toy):
    """Both ways: light and dark exchanged on the way to night, and too dark by 0.1 on the way back."""

    domains = ("day", "night")

    def given(self, to):
        return COLOUR

    def translate(self, x, to, noise=None, moments=None):
        return 1 - x if to == "night" else 1 - x - 0.1


class Source:
    """Rows of two sides."""

    def __init__(self, spec, x, y):
        self.spec, self.of_x, self.of_y = spec, Rows(x, 256, "image"), Rows(y, 256, "image")

    def __len__(self):
        return len(self.of_x)

    def read(self, rows):
        return Batch(self.of_x.read(rows).x, self.of_y.read(rows).x)


def levels(*shape, seed=0, low=0.2):
    return (normal(*shape, seed=seed).sigmoid() * (1 - 2 * low) + low).mul(255).round().float() / 255


def by_name(found):
    return {figure.name: figure for figure in found}


def extractor(side):
    assert side.y is None
    return pixels


def test_scores_of_pairs_are_those_of_a_known_net():
    y = (levels(40, 1, 8, 8) * 127).round() / 127  # of even levels: half of them is a level, too
    y = (y * 127).round() * 2 / 255
    x = y.expand(-1, 3, -1, -1)
    found = by_name(translated(Shade(), PAIRS, Sides(x, y, True), extractor))
    gap = 0.5 * y.double()
    assert found["L1"].value == pytest.approx(float(gap.mean()), rel=1e-6)
    psnr = (-10 * gap.square().flatten(1).mean(1).log10()).mean()
    assert found["PSNR"].value == pytest.approx(float(psnr), rel=1e-6)
    assert found["L1, copy-input"].value == 0
    assert found["PSNR, copy-input"].value == pytest.approx(10 * math.log10(12 * 255**2))
    assert found["SSIM, copy-input"].value == pytest.approx(1)
    assert 0 < found["SSIM"].value < 1
    plain = (x.mean((0, 2, 3)) * 255).round() / 255
    alone = (x.double() - plain.double().view(1, 3, 1, 1)).abs().mean()
    assert found["L1, mean-colour"].value == pytest.approx(float(alone), rel=1e-6)
    assert (found["L1"].better, found["L1, copy-input"].better, found["PSNR"].better) == ("lower", "", "higher")
    assert found["L1"].low < found["L1"].value < found["L1"].high
    assert found["KID (pixels)"].value > 10 * abs(found["KID (pixels), copy-input"].value)
    assert found["KID (pixels)"].floor is not None
    assert found["KID (pixels)"].samples == 20  # a half, held against the truth of the other half
    assert "cycle error" not in " ".join(found)


def test_a_picture_is_never_held_against_its_own_truth_as_a_crowd():
    y = levels(24, 1, 8, 8)
    sides = Sides(y.expand(-1, 3, -1, -1), y, True)
    kid = by_name(translated(Shade(), PAIRS, sides, extractor, metrics=["kid"]))["KID (pixels), copy-input"]
    assert kid.value == pytest.approx(kid.low / 2 + kid.high / 2)
    assert kid.low < 0 < kid.high  # the same pictures would be far below 0
    assert abs(kid.value) < 5 * abs(kid.floor) + 1e-4


def test_domains_are_scored_both_ways_and_round():
    x, y = levels(30, 3, 8, 8, seed=1), levels(24, 3, 8, 8, seed=2)
    found = by_name(translated(Turn(), DOMAINS, Sides(x, y, False), extractor))
    assert not [name for name in found if name.startswith(("L1", "PSNR", "SSIM"))]
    assert {f"KID (pixels) to {side}{end}" for side in ("day", "night") for end in ("", ", copy-input")} <= set(found)
    # day -> night -> day loses 0.1; night -> day -> night gains it
    assert found["cycle error of day"].value == pytest.approx(0.1, abs=1e-6)
    assert found["cycle error of night"].value == pytest.approx(0.1, abs=1e-6)
    assert "30 test pictures of day" in found["cycle error of day"].meaning
    pairs = by_name(translated(Turn(), DOMAINS, Sides(x, 1 - x, True), extractor, metrics=["l1"]))
    assert pairs["L1 to night"].value == 0
    assert pairs["L1 to day"].value == pytest.approx(0.1, abs=0.5 / 255)
    ways = [f"L1 to {side}" for side in ("day", "night")]
    assert list(pairs) == [f"{way}{end}" for way in ways for end in ("", ", copy-input", ", mean-colour")]


def test_what_cannot_be_measured_is_left_out_or_refused():
    x, y, said = levels(6, 3, 8, 8), levels(6, 1, 8, 8), []
    found = translated(Shade(), PAIRS, Sides(x, y, True), extractor, tell=said.append)
    assert not [figure for figure in found if "KID" in figure.name]
    assert "8 held-out" in said[0]
    with pytest.raises(BadData, match="kid needs 8"):
        translated(Shade(), PAIRS, Sides(x, y, True), extractor, metrics=["kid"])
    with pytest.raises(BadField, match="both ways"):
        translated(Shade(), PAIRS, Sides(x, y, True), extractor, metrics=["cycle"])
    with pytest.raises(BadField, match="true pictures"):
        translated(Turn(), DOMAINS, Sides(x, x, False), extractor, metrics=["psnr"])
    with pytest.raises(BadField, match="did you mean 'ssim'"):
        translated(Turn(), DOMAINS, Sides(x, x, False), extractor, metrics=["sim"])


def test_too_few_for_a_floor_is_said_in_words():
    x, y = levels(6, 3, 8, 8, seed=1), levels(6, 3, 8, 8, seed=2)
    kid = translated(Turn(), DOMAINS, Sides(x, y, False), extractor, metrics=["kid"])[0]
    assert kid.floor is None
    assert "too few for a floor" in kid.meaning
    assert "nan" not in kid.meaning


def test_items_of_several_sources_are_read_up_to_a_number():
    parts = [Source(PAIRS, levels(n, 3, 8, 8, seed=n), levels(n, 1, 8, 8, seed=n)) for n in (70, 3, 40)]
    whole = torch.cat([each.of_x.x for each in parts])
    for count in (2, 64, 72, 100, None):
        sides = sides_of(parts, True, count)
        assert torch.equal(sides.x, whole[: count or 113])
        assert len(sides.y) == (count or 113)


def test_a_report_shows_pairs_and_loops():
    pairs = Source(PAIRS, levels(9, 3, 8, 8), levels(9, 1, 8, 8))
    (card,) = sections(Shade(), pairs)
    assert card.count("<img") == 27
    off = (Shade().translate(pairs.of_y.x, "") - pairs.of_x.x).abs().flatten(1).mean(1)
    assert f"row:8 · {off[8]:.3f}" in card
    domains = Source(DOMAINS, levels(9, 3, 8, 8), levels(7, 3, 8, 8, seed=3))
    there, back = sections(Turn(), domains)
    assert ("From day to night and back" in there, "From night to day and back" in back) == (True, True)
    assert (there.count("<img"), back.count("<img")) == (27, 21)
    assert there.count("· 0.100</figcaption>") == 9
    assert [each.name for each in figures(Turn(), domains, 500)][-2:] == ["cycle error of day", "cycle error of night"]


def test_pictures_through_time_are_of_the_same_inputs():
    source = Source(DOMAINS, levels(20, 3, 8, 8), levels(20, 3, 8, 8, seed=3))
    found = counterparts(Turn(), source, 16)
    rows = [0, 2, 5, 7, 10, 12, 15, 17]  # of a film not the first moments alone
    assert torch.equal(found[:8], 1 - source.of_x.x[rows])
    assert torch.equal(found[8:], 1 - source.of_y.x[rows] - 0.1)


class Sceptic(Shade):
    """Its critic answers to each quarter by how bright it is; it takes the dark for made."""

    def judged(self, x, to, given):
        assert (to, len(given)) == ("colours", len(x))
        return 5 - 2 * torch.nn.functional.avg_pool2d(1 - x.mean(1), 4)


def test_a_report_shows_which_patches_the_critic_takes_for_made():
    y = levels(9, 1, 8, 8, low=0.4)
    pairs = Source(PAIRS, y.expand(-1, 3, -1, -1), y)
    _, card = sections(Sceptic(), pairs)
    assert "What the critic of colours sees" in card
    assert card.count("<img") == 4 * 9
    assert card.count("· 100%</figcaption>") == 9  # each patch is half as bright as a true one
    assert "right about 100% of all patches" in card
    blind = Sceptic()
    blind.shade = 1.0
    assert "right about 50% of all patches" in list(sections(blind, pairs))[1]
