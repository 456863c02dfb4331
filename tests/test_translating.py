"""True pairs for a model of two domains: which of them it has not seen, and what does not fit it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from latentia import data
from latentia.core import Spec
from latentia.errors import BadData, BadField, OutOfMemory
from latentia.tasks.measure import Asked
from latentia.translating import Translations, translation_figures


class Turned(nn.Module):
    """Light and dark exchanged, both ways."""

    domains, multiple, variants = ("day", "night"), 1, False

    def given(self, to):
        return Spec("image", (1, 8, 8), 256)

    def translate(self, x, to, noise=None, moments=None):
        return 1 - x


class Huge(Turned):
    def translate(self, x, to, noise=None, moments=None):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Forty days, and sixty nights of which forty are the same pictures turned."""
    monkeypatch.setenv("LATENTIA_CACHE", str(tmp_path / "cache"))
    generator = np.random.default_rng(0)
    for number in range(60):
        pixels = generator.integers(0, 256, (8, 8), dtype=np.uint8)
        for side, array in (("day", pixels), ("night", 255 - pixels)):
            (tmp_path / side).mkdir(exist_ok=True)
            if side == "night" or number < 40:
                Image.fromarray(array).save(tmp_path / side / f"{number}.png")
    return tmp_path / "day", tmp_path / "night"


def test_only_pairs_count_of_which_neither_was_seen(places):
    learnt, said = data.open(*places, held_out=0.3, skip_bad=True), []
    fresh = [set(split) - set(side.names()) for split, side in zip(
        ([f"{number}.png" for number in range(40)],) * 2, (learnt.train.of_x, learnt.train.of_y), strict=True
    )]  # fmt: skip
    expected = len(fresh[0] & fresh[1])
    assert 0 < expected < min(len(fresh[0]), len(fresh[1]))
    found = translation_figures(Turned(), learnt, "test", Asked(["l1"], tell=said.append), places)
    assert {figure.samples for figure in found} == {expected}
    assert {figure.value for figure in found if figure.better} == {0.0}
    assert f"{expected} of 40 pairs" in said[0]


def test_pairs_from_elsewhere_all_count(places, tmp_path):
    learnt = data.open(*places, held_out=0.3, skip_bad=True)
    for side in places:
        (tmp_path / f"new-{side.name}").mkdir()
        for number in range(5):
            name = f"{number}.png"
            (tmp_path / f"new-{side.name}" / name).write_bytes((side / name).read_bytes())
    new = tmp_path / "new-day", tmp_path / "new-night"
    found = translation_figures(Turned(), learnt, "test", Asked(["psnr"]), new)
    assert [figure.samples for figure in found] == [5] * 6
    Image.new("RGB", (8, 8)).save(tmp_path / "new-night" / "0.png")
    with pytest.raises(BadData):
        translation_figures(Turned(), learnt, "test", Asked(["psnr"]), new)
    with pytest.raises(BadField, match="do not have"):
        translation_figures(Turned(), learnt, "test", Asked(extractor="classifier"))
    with pytest.raises(BadField, match="a seed of the extractor"):
        translation_figures(Turned(), learnt, "test", Asked(extractor="pixels", extractor_seed=3))


def test_a_picture_that_does_not_fit_is_told_what_to_do():
    found = Translations(Huge(), Spec("image", (1, 8, 8), 256), torch.rand(1, 1, 900, 700), "day")
    with pytest.raises(OutOfMemory, match=r"700 x 900 pixels does not fit.*--tile 512"):
        found.together()
