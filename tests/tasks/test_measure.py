"""Samples of a net held against a split, with and without a classifier."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from latentia.core import Spec
from latentia.errors import BadData, BadField, CannotDo
from latentia.metrics.features import RandomConvolutions, pixels
from latentia.tasks.measure import Judge, measure, samples_like

from .nets import Autoencoder, Pictures, Rows, normal

CLASSES = ("dark", "mid", "light")


class Shades(nn.Module):
    """A net of labels that makes what it is asked for: pictures whose mean is 0.1, 0.5 or 0.9, and a little noise."""

    def __init__(self, wrong: int | None = None) -> None:
        super().__init__()
        self.latent, self.classes, self.wrong = 64, 3, wrong

    def draw(self, noise):
        return noise.normal(self.latent)

    def decode(self, z, label=None):
        shade = torch.full((len(z),), 1) if label is None else label
        shade = torch.where(shade == self.wrong, 0, shade) if self.wrong is not None else shade
        return (0.1 + 0.4 * shade.view(-1, 1, 1, 1) + 0.02 * z.view(-1, 1, 8, 8)).clamp(0, 1)


class ByMean(nn.Module):
    """Names a shade by the mean of the picture."""

    def features(self, x):
        return torch.stack([x.mean((1, 2, 3)), x.std((1, 2, 3))], 1)

    def forward(self, x):
        return -(x.mean((1, 2, 3))[:, None] - torch.tensor([0.1, 0.5, 0.9])).abs()


def shades(count=60):
    source = Rows(torch.empty(count, 1, 8, 8), 256, "image")
    source.label = torch.arange(count) % 4 % 3  # dark twice as often as the others
    source.x = Shades().decode(normal(count, 64, seed=3, dtype=torch.float32), source.label)
    source.spec = Spec("image", (1, 8, 8), 256, classes=CLASSES)
    return source


def table(count=60):
    return Rows(normal(count, 6, seed=4, dtype=torch.float32))


JUDGE = Judge(ByMean(), 58, 60)
EXTRACTOR = RandomConvolutions(Spec("image", (1, 8, 8)), 1)


def named(figures):
    return {figure.name.split(" (")[0]: figure for figure in figures}


def test_a_net_of_labels_is_asked_for_those_of_the_items():
    source = shades()
    samples, labels = samples_like(Shades(), source, 30, seed=5)
    assert labels.bincount(minlength=3).tolist() == pytest.approx([15, 8, 7], abs=5)
    assert torch.equal(ByMean()(samples).argmax(1), labels)
    assert len({tuple(each) for each in samples.flatten(1).tolist()}) == 30  # no seed comes twice
    source.label = torch.arange(60) % 2  # labels that come in turn
    assert min(samples_like(Shades(), source, 31)[1].bincount().tolist()) > 7
    plain, none = samples_like(Pictures(), source, 4)
    assert (plain.shape, none) == ((4, 1, 8, 8), None)


def test_what_a_judge_says_of_a_net_that_makes_one_class_for_another():
    found = named(measure(Shades(wrong=2), shades(), EXTRACTOR, JUDGE, metrics=["classes"], seed=1))
    assert found["accuracy by label"].floor == 1
    assert found["recall of light"].value == 0
    assert found["recall of dark"].value == 1
    assert found["classes covered"].value == 2
    assert found["accuracy on real items"].value == pytest.approx(58 / 60)
    assert {found[name].samples for name in ("accuracy by label", "recall of dark")} == {30}


def test_by_default_all_that_can_be_had_and_the_rest_is_told():
    said = []
    found = named(measure(Shades(), shades(), EXTRACTOR, JUDGE, tell=said.append))
    assert list(found)[:2] == ["KID", "precision"]
    assert "accuracy by label" in found
    assert len(said) == 1
    assert "Frechet distance is left out: 144 features need more than 144 samples and 288 test items" in said[0]
    assert list(found)[-1] == "accuracy on real items"
    rows = named(measure(Line(), table(), pixels, tell=said.append))
    assert list(rows) == ["FD", "KID", "precision", "recall", "density", "coverage"]
    assert len(said) == 1


def test_metrics_asked_for_are_made_and_no_others():
    found = measure(Shades(), shades(), EXTRACTOR, metrics=["coverage", "kid"], count=20, split="validation")
    assert [figure.name for figure in found] == ["KID (random-conv 1)", "coverage (random-conv 1)"]
    assert {(each.samples, each.split, each.fingerprint) for each in found} == {
        (20, "validation", EXTRACTOR.fingerprint)
    }
    assert all(f"20 samples against 20 validation items; floor: {20} other" in each.meaning for each in found)


class Line(nn.Module):
    latent = 6

    def draw(self, noise):
        return noise.normal(6)

    def decode(self, z):
        return z


@pytest.mark.parametrize(
    ("net", "source", "given", "error", "message"),
    [
        (Shades(), shades(), {"metrics": ["frechet"]}, BadData, "144 features needs more than 144 .* at least 145"),
        (Shades(), shades(), {"count": 31}, BadData, "31 samples need 62 test items.* are 60: at most 30 samples"),
        (Shades(), shades(3), {}, BadData, "1 samples cannot be compared with 3 test items"),
        (Shades(), shades(), {"metrics": ["fid"]}, BadField, "no metric 'fid'; did you mean 'frechet'"),
        (Shades(), shades(), {"metrics": ["classes"]}, BadField, "classes needs labels that a classifier"),
        (Line(), table(), {"metrics": ["ms-ssim"]}, BadField, "ms-ssim compares pictures, and the data is a table"),
        (Autoencoder(), table(), {}, CannotDo, "needs a model that draws latents"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_refused_in_a_line(net, source, given, error, message):
    extractor = EXTRACTOR if source.spec.kind == "image" else pixels
    with pytest.raises(error, match=message) as told:
        measure(net, source, extractor, **given)
    assert len(str(told.value).splitlines()) <= 2
