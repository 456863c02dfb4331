"""A trained model measured by its samples: extractors, the classifier of its data's labels, and what is refused."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

import latentia as lt
from latentia import models
from latentia.core import Training
from latentia.data.cache import cache_folder
from latentia.errors import BadData, BadField, CannotDo
from latentia.judging import judge, labelled
from latentia.models import _classifier

QUICK = {"images": 128, "batch": 32, "every": 128, "device": "cpu"}
SMALL = Training(images=2_000, every=1_000, precision="float32")


@pytest.fixture(scope="module", autouse=True)
def _small_judge(tmp_path_factory):
    """A judge of a second, kept apart from those of other tests: what it says need not be right here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTIA_CACHE", str(tmp_path_factory.mktemp("judges")))
        patch.setattr(_classifier, "judge", lambda _: (_classifier.Classifier(width=4, features=16, rate=2e-3), SMALL))
        yield


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")

    def train(name, recipe, **options):
        return lt.train(recipe, "digits", run=folder / name, **QUICK, **options)

    gan = lt.GAN(latent=4, hidden=(16,))
    return {
        "given": train("given", gan, labels=True),
        "plain": train("plain", gan),
        "vae": train("vae", lt.VAE(latent=3, hidden=(16,))),
    }


def names(figures):
    return [figure.name.split(" (")[0] for figure in figures]


def test_a_model_of_labels_is_judged_by_default(runs):
    found = runs["given"].evaluate()
    assert names(found)[:5] == ["KID", "precision", "recall", "density", "coverage"]
    assert found[0].name == "KID (random-conv 1)"  # not the seed that chose the weights
    assert {"accuracy by label", "lowest recall of a class", "recall of 7", "accuracy on real items"} <= set(
        names(found)
    )
    plain = runs["plain"].evaluate()
    assert names(plain)[-1] == "MS-SSIM between samples"  # no labels were read, so nothing is trained for them


def test_labels_that_the_run_did_not_use_are_read_where_a_classifier_is_asked_for(runs):
    found = {figure.name: figure for figure in runs["plain"].evaluate(extractor="classifier")}
    given = runs["given"].evaluate(metrics=["classes"])
    assert found[given[-1].name] == given[-1]  # the same classifier, trained once
    assert any(name.startswith("KID (classifier ") for name in found)
    assert any(name.startswith("classes covered (classifier ") for name in found)
    assert not any(name.startswith("accuracy by label") for name in found)  # nothing was asked for
    known = lt.data.open("digits", labels=True)
    assert labelled(lt.data.open("digits")).signature == known.signature
    right, total = judge(known, "cpu")[1:]
    assert given[-1].value == pytest.approx(right / total)
    kept = list((cache_folder() / "nets").glob("classifier-*.safetensors"))
    assert len(kept) == 1


def test_a_vae_has_its_own_figures_and_those_of_its_samples_where_they_are_asked_for(runs):
    vae = runs["vae"]
    own = names(vae.evaluate(draws=2))
    assert own[0] == "ELBO"
    assert "KID" not in own
    both = names(vae.evaluate(draws=2, extractor="pixels"))
    assert both[: len(own)] == own
    assert "KID" in both
    assert names(vae.evaluate(metrics=["kid"])) == ["KID"]
    assert vae.evaluate(metrics=["kid"], count=20)[0].samples == 20


def test_an_extractor_of_one_s_own(runs):
    def means(images):
        return torch.stack([images.mean((1, 2, 3)), images.std((1, 2, 3))], 1)

    found = runs["plain"].evaluate(extractor=means, metrics=["frechet"])
    assert [figure.name for figure in found] == ["FD (means)"]
    with pytest.raises(BadData, match=r"extractor '_one_row' made .* it must be one row each"):
        runs["plain"].evaluate(extractor=_one_row, metrics=["kid"])


def test_samples_against_the_training_split_are_held_against_unseen_items_too(runs):
    found = runs["plain"].evaluate("train", metrics=["kid"], count=40)
    assert [figure.name for figure in found] == ["KID (random-conv 1)", "KID (random-conv 1), held-out"]
    assert "against 40 held-out items" in found[1].meaning


def test_seeds_of_extractor_and_of_samples(runs):
    first, other = (runs["plain"].evaluate(metrics=["kid"], extractor_seed=seed)[0] for seed in (1, 2))
    assert first == runs["plain"].evaluate(metrics=["kid"])[0]
    assert (other.name, first.name) == ("KID (random-conv 2)", "KID (random-conv 1)")
    assert other.fingerprint != first.fingerprint
    assert runs["plain"].evaluate(metrics=["kid"], seed=9)[0].value != first.value


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"extractor": "clasifier"}, BadField, "no extractor 'clasifier'; did you mean 'classifier'"),
        ({"metrics": ["kdi"]}, BadField, "no metric 'kdi'; did you mean 'kid'"),
        ({"metrics": []}, BadField, "no metric is named; known: frechet, kid"),
        ({"extractor": "inception"}, BadField, "--extractor-weights FILE"),
        ({"extractor": "inception", "extractor_weights": "no.pth"}, BadData, "no weights file no.pth"),
        ({"extractor": "pixels", "extractor_seed": 3}, BadField, "seed of the extractor is for random-conv"),
        ({"extractor_weights": "no.pth"}, BadField, "weights is for the extractor inception, and random-conv"),
        ({"metrics": ["frechet"]}, BadData, "144 features needs more than 144 items .* at least 145"),
        ({"count": 91}, BadData, "91 samples need 182 test items.* at most 90 samples"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line_or_two(runs, given, error, message):
    with pytest.raises(error, match=message) as told:
        runs["plain"].evaluate(**given)
    assert len(str(told.value).splitlines()) <= 2


def test_weights_with_another_hash_than_their_name_says_are_refused(runs, tmp_path):
    file = tmp_path / "weights-6726825d.pth"
    file.write_bytes(b"something")
    found = hashlib.sha256(b"something").hexdigest()[:12]
    with pytest.raises(BadData, match=rf"SHA-256 {found}\.\.\., expected 6726825d"):
        runs["plain"].evaluate(extractor="inception", extractor_weights=file)


def _pictures(folder, classes):
    from PIL import Image

    generator = np.random.default_rng(0)
    for i in range(40):
        place = folder / classes[i % len(classes)]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 255, (8, 8), dtype=np.uint8)).save(place / f"{i}.png")
    return folder


def _one_row(images):
    return images.flatten(1)[:1]


def test_a_classifier_needs_labels_of_two_classes(tmp_path):
    bare = lt.train(
        lt.GAN(latent=2, hidden=(8,)), _pictures(tmp_path / "bare", [""]), run=tmp_path / "run", **{**QUICK, "batch": 8}
    )
    for asked in ({"extractor": "classifier"}, {"metrics": ["classes"]}):
        with pytest.raises(BadField, match=r"a classifier needs labels to learn from: .* has no labels"):
            bare.evaluate(**asked)
    with pytest.raises(BadField, match="needs two classes or more, and all items of one are cat"):
        labelled(lt.data.open(_pictures(tmp_path / "one", ["cat"]), labels=True))


def test_a_table_has_no_pictures_to_convolve(tmp_path):
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32))
    rows = lt.train(lt.GAN(latent=2, hidden=(8,)), tmp_path / "rows.npy", run=tmp_path / "run", **QUICK)
    assert names(rows.evaluate()) == ["FD", "KID", "precision", "recall", "density", "coverage"]
    for word in ("random-conv", "classifier", "inception"):
        with pytest.raises(BadField, match=f"{word} takes pictures, and the data is a table; use pixels"):
            rows.evaluate(extractor=word)
    with pytest.raises(BadField, match="the metric ms-ssim compares pictures, and the data is a table"):
        rows.evaluate(metrics=["ms-ssim"])
    with pytest.raises(BadField, match="the metric classes"):
        rows.evaluate(metrics=["classes"])


def test_few_held_out_items_are_remarked_where_they_choose_the_weights():
    (told,) = models.remarks(lt.GAN(), range(40))
    assert "by KID on 40 held-out items, which is noisy" in told
    assert models.remarks(lt.GAN(), range(400)) == models.remarks(lt.VAE(), range(40)) == []


def test_latent_figures_come_beside_those_of_samples_and_need_an_encoder(runs):
    figures = names(runs["vae"].evaluate(metrics=["latent", "kid"], count=60))
    assert figures[0] == "prior draws that look real"
    assert figures[-1] == "KID"
    assert {"holes", "stretch", "worst stretch over median", "path length"} <= set(figures)
    with pytest.raises(CannotDo, match="the metric latent needs a model that encodes and decodes; this one does not"):
        runs["plain"].evaluate(metrics=["latent"])
    with pytest.raises(BadField, match="did you mean 'latent'"):
        runs["vae"].evaluate(metrics=["latnt"])
