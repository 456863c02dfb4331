import hashlib

import numpy as np
import pytest
import torch

import latentia as lt
from latentia.core import Spec
from latentia.data.opening import open as open_data
from latentia.errors import BadData, BadField, CannotDo
from latentia.metrics.features import RandomConvolutions, pixels
from latentia.models._classifier import Classifier, shifted
from latentia.tasks.features import ClassifierFeatures, Inception, checked, extractor_for, features_of, predict, some

from .nets import Rows

SPEC = Spec("image", (1, 8, 8), classes=("a", "b"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A classifier of scikit-learn's digits, trained as the api trains everything else."""
    path = tmp_path_factory.mktemp("classifier") / "run"
    return lt.train(
        Classifier(width=8, features=32, rate=2e-3),
        "digits",
        run=path,
        labels=True,
        images=24_000,
        batch=64,
        every=12_000,
    )


def test_a_classifier_is_trained_like_any_other_recipe_and_loaded_from_its_run(trained):
    test = trained.data().test
    right = predict(trained.net, test.read(slice(0, len(test))).x) == test.read(slice(0, len(test))).label
    assert right.double().mean() > 0.9
    again = lt.load(trained.run)
    assert ClassifierFeatures(again.net).name == ClassifierFeatures(trained.net).name
    assert "_classifier" not in lt.models.names()


def test_its_features_are_of_one_scale_and_told_by_the_weights_hash(trained):
    extractor, x = ClassifierFeatures(trained.net), trained.data().test.read(slice(0, 20)).x
    features = extractor(x)
    assert features.shape == (20, 32)
    torch.testing.assert_close(features.mean(1), torch.zeros(20), atol=1e-5, rtol=0)
    torch.testing.assert_close(features.square().mean(1), torch.ones(20), atol=1e-3, rtol=0)
    assert extractor.name == f"classifier {extractor.fingerprint[:6]}"
    other = ClassifierFeatures(Classifier(width=8, features=32).build(trained.spec))
    assert other.name != extractor.name
    torch.testing.assert_close(trained.net.answer(features), trained.net(x))  # what the last layer sees


def test_training_pictures_are_moved_by_whole_pixels():
    x = torch.rand(3, 2, 28, 30, generator=torch.Generator().manual_seed(0))
    moved = shifted(x, torch.tensor([[0.5, 0.5], [0.0, 0.5], [0.99, 0.0]]))
    assert torch.equal(moved[0], x[0])
    assert torch.equal(moved[1][:, 1:], x[1][:, :-1])
    assert torch.equal(moved[1][:, 0], x[1][:, 0])  # the border is repeated
    assert torch.equal(moved[2][:, :-1, 1:], x[2][:, 1:, :-1])


def test_predictions_are_of_8_bit_pictures():
    class Threshold(torch.nn.Module):
        def forward(self, x):
            high = x.flatten(1).amax(1)
            return torch.stack([1 - high, high - 1 + 0.5 / 255], 1)

    assert predict(Threshold(), torch.tensor([0.1, 0.999, 7.0]).view(3, 1, 1, 1), batch=2).tolist() == [0, 1, 1]


def test_extractors_by_name(trained):
    assert extractor_for("pixels", SPEC) is pixels
    assert extractor_for("pixels", Spec("table", (3,))) is pixels
    found = extractor_for("random-conv", SPEC, seed=3)
    assert found.fingerprint == RandomConvolutions(SPEC, 3).fingerprint
    assert extractor_for("classifier", SPEC, net=trained.net).name.startswith("classifier ")


@pytest.mark.parametrize(
    ("word", "spec", "message"),
    [
        ("random", SPEC, "no extractor 'random'; did you mean 'random-conv'"),
        ("dinov2", SPEC, "give your own callable"),
        ("classifier", SPEC, "needs labels to train it on: --labels"),
        ("inception", SPEC, "needs the file of its weights .* --extractor-weights FILE"),
        ("random-conv", Spec("table", (3,)), "takes pictures, and the data is a table; use pixels"),
    ],
)
def test_what_cannot_be_had_says_what_can(word, spec, message):
    with pytest.raises(BadField, match=message):
        extractor_for(word, spec)


def test_weights_that_are_missing_or_another_file_are_refused(tmp_path):
    with pytest.raises(BadData, match="no weights file"):
        Inception(tmp_path / "weights.pth")
    file = tmp_path / "weights-6726825d.pth"
    file.write_bytes(b"something")
    digest = hashlib.sha256(b"something").hexdigest()
    with pytest.raises(BadData, match=rf"SHA-256 {digest[:12]}\.\.\., expected 6726825d"):
        Inception(file)
    named = file.rename(tmp_path / f"weights-{digest[:8]}.pth")
    assert checked(named) == (named, digest[:12])
    with pytest.raises(BadData, match=r"expected abc\.\.\."):
        checked(named, "abc")


def test_inception_without_its_package_names_the_pip_line(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch_fidelity", None)
    file = tmp_path / "weights.pth"
    file.write_bytes(b"anything")
    with pytest.raises(CannotDo, match="pip install --no-deps torch-fidelity"):
        Inception(file)


def test_a_net_without_features_lends_none():
    with pytest.raises(CannotDo, match=r"needs features\(x\) and answers; Linear does not"):
        ClassifierFeatures(torch.nn.Linear(2, 2))


def test_labels_of_two_classes_are_needed():
    with pytest.raises(BadField, match="labels of two classes or more; this data has 0"):
        lt.train(Classifier(rate=1e-3), open_data("digits"), images=64)


def test_features_of_a_source_are_those_of_its_items():
    items = torch.rand(30, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    source, extractor = Rows(items), RandomConvolutions(SPEC)
    np.testing.assert_allclose(features_of(extractor, source), features_of(extractor, items), rtol=1e-6)
    assert torch.equal(some(source, 99), items)
    drawn = some(source, 10, seed=1)
    assert torch.equal(drawn, some(source, 10, seed=1))
    assert len({tuple(each.flatten().tolist()) for each in drawn}) == 10
    assert not torch.equal(drawn, some(source, 10, seed=2))
