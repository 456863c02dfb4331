import math

import pytest
import torch
from sklearn.datasets import load_digits

from latentia.core import Spec
from latentia.errors import BadData, BadField
from latentia.metrics.features import RandomConvolutions, extract, pixels, quantise
from latentia.metrics.frechet import frechet
from latentia.tasks.distances import METRICS, PICTURES, chosen, distances
from latentia.tasks.judged import judge_itself, judged

from .nets import Rows

EXTRACTOR = RandomConvolutions(Spec("image", (1, 8, 8)))
NAME = "random-conv 0"


def digits():
    images = torch.tensor(load_digits().images).float()[:, None] / 16
    return images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))]


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def blurred():
    """Digits with noise against clean ones, with all figures."""
    real = digits()
    found = distances(
        real[:300] + 0.25 * noise(300, 1, 8, 8), Rows(real[300:1200]), real[1200:], EXTRACTOR, split="test"
    )
    return {figure.name: figure for figure in found}


def test_every_figure_says_its_numbers_its_floor_and_its_interval(blurred):
    assert list(blurred) == [
        f"FD ({NAME})",
        f"KID ({NAME})",
        f"KID ({NAME}), held-out",
        *(f"{name} ({NAME})" for name in ("precision", "recall", "density", "coverage")),
        "SWD 8 x 8",
        "MS-SSIM between samples",
    ]
    for figure in blurred.values():
        assert figure.low < figure.high
        assert figure.low <= figure.value <= figure.high
        assert figure.floor is not None
        assert math.isfinite(figure.floor)
    for name in list(blurred)[:2] + list(blurred)[3:8]:
        assert f"300 samples against 300 test items; floor: 300 other test items ({blurred[name].floor:.3g}"[:70] in (
            blurred[name].meaning
        )


def test_noise_shows_beside_the_floor(blurred):
    for name in (f"FD ({NAME})", f"KID ({NAME})", "SWD 8 x 8"):
        assert blurred[name].low > blurred[name].floor
        assert blurred[name].better == "lower"
    for name in ("precision", "density", "coverage"):
        assert blurred[f"{name} ({NAME})"].high < blurred[f"{name} ({NAME})"].floor


def test_real_items_lie_at_the_floor():
    real = digits()
    for figure in distances(
        real[:250], real[250:900], None, EXTRACTOR, metrics=("kid", "precision", "recall", "coverage", "ms-ssim")
    ):
        assert figure.low - 0.05 <= figure.floor <= figure.high + 0.05, figure


def test_copies_are_nearer_to_the_training_items_than_to_held_out_ones():
    real = digits()
    train, unseen = real[:20].repeat(20, 1, 1, 1), real[900:1700]  # few training items, learnt by heart
    found = {each.name: each for each in distances(train[:200], train, unseen, EXTRACTOR, metrics=["kid"])}
    assert "may copy" in found[f"KID ({NAME}), held-out"].meaning
    honest = distances(real[:200], real[200:900], unseen, EXTRACTOR, metrics=["kid"])
    assert "nothing here speaks of copying" in honest[1].meaning


def test_the_figure_is_of_8_bit_pictures_and_of_the_reference_s_first_half():
    real, made = digits()[:800], digits()[800:1100] * 1.2 + 1e-3
    figure = distances(made, real, None, EXTRACTOR, seed=2, metrics=["frechet"])[0]
    assert figure.value != pytest.approx(figure.floor)
    again = distances(quantise(made), real, None, EXTRACTOR, seed=2, metrics=["frechet"])[0]
    assert figure == again
    other = distances(made, real, None, EXTRACTOR, seed=3, metrics=["frechet"])[0]
    assert other.value == pytest.approx(figure.value, rel=0.3)
    assert other != figure
    assert figure.value == pytest.approx(frechet(extract(EXTRACTOR, made), extract(EXTRACTOR, real)), rel=0.3)


def test_only_inception_s_is_called_fid():
    class Stand:
        name = "inception"

        def __call__(self, images):
            return images.flatten(1)[:, 20:24]

    figure = distances(digits()[:100], digits()[100:300], None, Stand(), metrics=["frechet"])[0]
    assert figure.name == "FID"


def test_too_few_samples_are_refused_with_the_number_needed():
    with pytest.raises(BadData, match=r"144 features needs more than 144 items on both sides; .* at least 145"):
        distances(digits()[:100], digits()[100:900], None, EXTRACTOR)
    with pytest.raises(BadData, match="1 samples cannot be compared with 9 test items"):
        distances(digits()[:1], digits()[:9], None, EXTRACTOR, split="test")
    with pytest.raises(BadField, match="no metric 'fid'; did you mean 'frechet'"):
        distances(digits()[:9], digits()[:9], None, EXTRACTOR, metrics=["fid"])


def test_tables_have_the_figures_that_need_no_picture():
    real, made = noise(600, 4), noise(300, 4, seed=1) * 2
    found = distances(made, Rows(real), None, pixels)
    assert [each.name.split()[0] for each in found] == ["FD", "KID", "precision", "recall", "density", "coverage"]
    assert found[0].low > found[0].floor
    assert {each.name.split()[0] for each in found} == {"FD", *METRICS} - {"frechet", "kid", *PICTURES} | {"KID"}


def test_judged_by_a_classifier():
    classes = ["cat", "dog", "eel", "fox"]
    truth = torch.arange(400) % 4
    seen = truth.clone()
    seen[truth == 2] = torch.where(torch.arange(100) % 10 < 6, 2, 1)
    real = (truth, truth)
    found = judged(seen, classes, truth, real, by="judge 1a2b", fingerprint="1a2b3c", split="test")
    assert {(each.samples, each.split, each.fingerprint) for each in found} == {(400, "test", "1a2b3c")}
    assert all(each.name.endswith(" (judge 1a2b)") for each in found)
    figures = {each.name.removesuffix(" (judge 1a2b)"): each for each in found}
    assert figures["accuracy by label"].value == pytest.approx(0.9)
    assert figures["accuracy by label"].floor == 1
    worst = figures["lowest recall of a class"]
    assert (worst.value, worst.parts) == (pytest.approx(0.6), pytest.approx((1, 1, 0.6, 1)))
    assert "eel" in worst.meaning
    assert figures["recall of eel"].value == pytest.approx(0.6)
    assert figures["recall of dog"].value == 1
    assert figures["recall of dog"].low < 1
    assert figures["classes covered"].value == 4


def test_what_a_classifier_says_of_samples_stands_beside_what_it_says_of_real_items():
    classes = ["cat", "dog", "eel"]
    asked = torch.tensor([0] * 6 + [1] * 3 + [2] * 3)
    truth, taken = torch.tensor([0, 0, 1, 1, 2, 2, 2, 2]), torch.tensor([0, 0, 1, 0, 2, 2, 0, 0])
    figures = {each.name.removesuffix(" (classifier)"): each for each in judged(asked, classes, asked, (taken, truth))}
    assert figures["accuracy by label"].value == 1
    assert figures["accuracy by label"].floor == pytest.approx(5 / 8)
    assert [figures[f"recall of {name}"].floor for name in classes] == [1, 0.5, 0.5]
    assert figures["KL of classes"].value == pytest.approx(0, abs=1e-12)  # held against the shares that were asked for
    shares = torch.tensor([5 / 8, 1 / 8, 2 / 8])
    wanted = torch.tensor([1 / 2, 1 / 4, 1 / 4])
    assert figures["KL of classes"].floor == pytest.approx(float((shares * (shares / wanted).log()).sum()), abs=1e-6)
    assert figures["classes covered"].floor == 3
    many = judged(torch.arange(21), [str(i) for i in range(21)], torch.arange(21))
    assert len(many) == 4  # no figure for each of so many classes
    assert len(many[3].parts) == 21


def test_the_classifier_tells_its_own_accuracy():
    figure = judge_itself(180, 200, "classifier 1a2b", "1a2b3c4d")
    assert (figure.name, figure.value) == ("accuracy on real items (classifier 1a2b)", pytest.approx(0.9))
    assert figure.low < 0.9 < figure.high
    assert "of 200" in figure.meaning
    assert "1a2b3c4d" in figure.meaning


def test_metrics_are_made_in_their_order_and_near_misses_are_named():
    assert chosen(["ms-ssim", "kid"]) == ["kid", "ms-ssim"]
    for wrong, meant in (
        ("FID", "frechet"),
        ("swd", "wasserstein"),
        ("precison", "precision"),
        ("coverag", "coverage"),
    ):
        with pytest.raises(BadField, match=f"no metric {wrong!r}; did you mean {meant!r}"):
            chosen([wrong])
    with pytest.raises(BadField, match="known: coverage, density, frechet, kid"):
        chosen(["inception-score"])


def test_classes_that_no_sample_shows_are_named():
    figures = judged(torch.tensor([0, 0, 1, 1]), ["cat", "dog", "eel", "fox"])
    assert [each.name for each in figures] == ["classes covered (classifier)", "KL of classes (classifier)"]
    assert "none is taken for eel, fox" in figures[0].meaning
    assert figures[1].value == pytest.approx(math.log(2))
    assert figures[1].parts == (0.5, 0.5, 0, 0)
    labels = torch.tensor([0, 0, 0, 1, 1, 1, 2, 3])
    usual = judged(torch.tensor([0, 0, 0, 1, 1, 1, 2, 3]), ["cat", "dog", "eel", "fox"], None, (labels, labels))
    assert usual[1].value == pytest.approx(0)
    assert "the data's shares" in usual[1].meaning
