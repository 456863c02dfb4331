"""What works on a VAE works on one of labels, given them; without it refuses in a sentence."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import latentia as lt
from latentia.errors import BadData, CannotDo
from latentia.tasks.evaluate import evaluate
from latentia.tasks.likelihood import weigh

SETTINGS = {"images": 512, "batch": 32, "every": 512}
NEEDS = r"trained with labels and knows an item only with its own: give data that brings labels, or say .*\(--label\)"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "given"
    return lt.train(lt.VAE(latent=4, hidden=(16,), prior="normal"), "digits", run=path, labels=True, **SETTINGS)


@pytest.fixture(scope="module")
def game(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "game"
    return lt.train(lt.GAN(latent=4, hidden=(16,)), "digits", run=path, labels=True, **SETTINGS)


@pytest.fixture(scope="module")
def some(model):
    return model.data().test.read(slice(0, 9))


def test_data_that_brings_labels_needs_no_others(model, some):
    names = [model.spec.classes[number] for number in some.label]
    codes = model.encode(some.x, names)
    direct = model.net.encode(some.x, some.label).double().numpy()
    np.testing.assert_allclose(codes, direct, atol=1e-6)
    np.testing.assert_allclose(model.encode("digits:test")[:9], codes, atol=1e-5)
    pictures = (some.x[:, 0, :, :, None] * 255).round().byte().numpy()
    np.testing.assert_allclose(model.encode((pictures, np.array(names))), codes, atol=1e-1)
    assert np.array_equal(model.encode((pictures, np.array(names)), "3"), model.encode(pictures, "3"))
    for each in (some.label, some.label.numpy(), some.label.tolist()):
        assert np.array_equal(model.encode(some.x, each), codes)
    with pytest.raises(BadData, match="label '10', which was never trained"):
        model.encode((pictures, np.arange(3, 12)))


def test_a_code_is_decoded_with_any_label_and_reconstructed_with_its_own(model, some):
    codes = model.encode(some.x, some.label)
    torch.testing.assert_close(model.decode(codes, some.label), model.reconstruct(some.x, label=some.label))
    assert not torch.allclose(model.decode(codes, "3"), model.decode(codes, "8"))
    alone = model.decode(codes[4:5], int(some.label[4]))
    torch.testing.assert_close(alone[0], model.decode(codes, some.label)[4])
    several = model.reconstruct(some.x, draws=3, label=some.label)
    assert several.shape == (9, 3, 1, 8, 8)
    torch.testing.assert_close(model.reconstruct("digits:test", draws=3)[:9], several)
    assert model.decode(codes).shape == (9, 1, 8, 8)


def test_items_whose_labels_nobody_says_are_refused(model, some):
    verbs = [model.encode, model.reconstruct, model.log_prob, lambda x: model.reconstruct(x, draws=2)]
    for verb in verbs:
        with pytest.raises(BadData, match=NEEDS):
            verb(some.x)
        with pytest.raises(BadData, match="the label 'seven' was never trained"):
            verb(some.x, label="seven") if verb is not verbs[-1] else model.reconstruct(some.x, 2, label="seven")
    with pytest.raises(BadData, match="8 labels for 9 items; say one for all, or one for each"):
        model.encode(some.x, some.label[:8])
    with pytest.raises(BadData, match="2 labels for 3 items"):
        model.decode(np.zeros((3, 4)), ["1", "2"])


def test_log_prob_is_given_the_label(model, some):
    told = model.log_prob(some.x, draws=50, label=some.label)
    alone = model.log_prob(some.x[:4], draws=50, label=some.label[:4])
    np.testing.assert_allclose(told.value[:4], alone.value, atol=1e-4)
    wrong = model.log_prob(some.x, draws=50, label=(some.label + 5) % 10)
    assert told.value.mean() > wrong.value.mean()


def test_evaluate_reads_the_labels_and_says_so(model):
    figures = {figure.name: figure for figure in evaluate(model.net, model.data().test, 20, limit=40)}
    batch = model.data().test.read(slice(0, 40))
    value = weigh(model.net, batch.x, 20, label=batch.label).log_prob.value
    assert figures["log-likelihood"].value == pytest.approx(value.mean(), rel=1e-5)
    assert "log p(x|label)" in figures["log-likelihood"].meaning
    assert "a lower bound on log p(x|label) of held-out items given their labels" in figures["ELBO"].meaning
    assert "p(x|z, label)" in figures["nll"].meaning
    assert "an item whose label is known" in figures["bits/dim"].meaning
    assert figures["ELBO"].value <= figures["log-likelihood"].value
    divergence = model.net.posterior(batch.x, batch.label).kl_to_standard_normal().sum(1).mean()
    assert sum(figures["KL per latent"].parts) == pytest.approx(float(divergence), rel=1e-4)


def test_a_walk_between_rows_mixes_their_labels(model):
    walk = model.walk(["row:3", "row:5"], steps=5)
    test = model.data().test
    two = test.read([3, 5])
    torch.testing.assert_close(walk.x[[0, -1]], model.reconstruct(two.x, label=two.label))
    assert walk.label[0].argmax() == two.label[0]
    torch.testing.assert_close(walk.label[2], walk.label[[0, -1]].mean(0))
    mixed = model.walk(["row:3", 17, "label:7"], steps=3, label="2", seed=9)
    ends = [model.sample(1, seed, label)[0] for seed, label in ((17, "2"), (9, "7"))]
    torch.testing.assert_close(mixed.x[list(mixed.stops[1:])], torch.stack(ends))


def test_files_of_a_walk_take_the_label_that_is_said(model, some, tmp_path):
    path = tmp_path / "two.npy"
    np.save(path, (some.x[:2, 0] * 255).round().byte().numpy())
    with pytest.raises(BadData, match=r"two.npy has no label, and this model knows an item only with its own"):
        model.walk([str(path), "row:3"])
    walk = model.walk([str(path), "row:3"], steps=3, label="6")
    assert len(walk.stops) == 3
    assert walk.label[list(walk.stops)].argmax(1).tolist() == [6, 6, int(model.data().test.read([3]).label)]
    torch.testing.assert_close(walk.z[[0, 2]], model.net.encode(model.items(str(path)), torch.tensor([6, 6])))


def test_traversals_keep_the_label(model, some):
    _, values, items = model.traverse(at="row:4", steps=3, latents=[2])
    place = model.encode(some.x[4:5], some.label[4:5]).repeat(3, 0)
    place[:, 2] = values[0]
    torch.testing.assert_close(items[0], model.decode(place, int(some.label[4])))
    _, _, sevens = model.traverse(steps=3, label="7")
    _, _, ones = model.traverse(steps=3, label="1")
    assert not torch.allclose(sevens, ones)


def test_latents_are_searched_given_the_labels(game, some):
    found = game.invert(some.x[:4], starts=2, steps=5, label=some.label[:4])
    for row in range(4):
        alone = game.invert(some.x[row : row + 1], starts=2, steps=5, label=int(some.label[row]))
        torch.testing.assert_close(found.z[row], alone.z[0], rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(found.residual[row], alone.residual[0])
    made = game.decode(found.z, some.label[:4])
    torch.testing.assert_close((made - some.x[:4]).flatten(1).square().mean(1).sqrt(), found.residual)
    walk = game.walk(["row:3", "label:7"], steps=3)
    assert walk.label.argmax(1).tolist() == [int(some.label[3]), walk.label[1].argmax(), 7]


def test_a_model_without_labels_refuses_them_everywhere(tmp_path, some):
    model = lt.train(lt.Autoencoder(latent=2, hidden=(8,)), "digits", run=tmp_path / "run", labels=True, **SETTINGS)
    for call in (
        lambda: model.encode(some.x, "3"),
        lambda: model.decode(np.zeros((1, 2)), "3"),
        lambda: model.reconstruct(some.x, label="3"),
        lambda: model.sample(1, label="3"),
        lambda: model.traverse(label="3"),
        lambda: model.walk(["row:1", "row:2"], label="3"),
    ):
        with pytest.raises(CannotDo, match="not trained with labels; `latentia train vae DATA --labels`"):
            call()
    assert model.reconstruct("digits:test").shape == (180, 1, 8, 8)
    assert model.walk(["row:1", "row:2"]).label is None
    assert {figure.name for figure in model.evaluate()} == {"squared error", "mean squared error"}


def test_the_report_shows_items_of_each_class(model):
    page = (model.report()).read_text()
    assert "seed:3 · 3" in page
    assert "asked for by the label beside its seed" in page
    assert "as in row:0, given the label of row:0." in page
    assert "seed:12 · 2" in page
    assert "Where items lie" in page
    assert "p(x|label)" in page


def test_the_hourglass_counts_the_layers_of_the_labels(model):
    rows = {row.name: row for row in model.hourglass()}
    assert rows["given.features Embedding"].parameters == 320
    assert rows["joint.given.features Embedding"].parameters == 320
    assert "outside the layers" not in rows or rows["outside the layers"].parameters < 320
