"""Asking a conditional model for a class."""

from __future__ import annotations

import pytest
import torch

import latentia as lt
from latentia.cli.main import main
from latentia.errors import BadData, CannotDo
from latentia.tasks import measure
from latentia.tasks.sample import sample

SETTINGS = {"images": 256, "batch": 32, "every": 256}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "given"
    lt.train(lt.GAN(latent=4, hidden=(16,)), "digits", run=path, labels=True, **SETTINGS)
    return path


def test_a_label_changes_the_item_and_not_its_noise(run):
    model = lt.load(run)
    assert torch.equal(model.sample(3, seed=5, label="7"), model.sample(3, seed=5, label=7))
    assert not torch.equal(model.sample(3, seed=5, label="7"), model.sample(3, seed=5, label="1"))
    assert torch.equal(model.sample(9, seed=0, label="7")[5:8], model.sample(3, seed=5, label="7"))
    assert model.sample(2).shape == (2, 1, 8, 8)


def test_each_real_is_compared_with_a_fake_of_the_same_label(run):
    model = lt.load(run)
    asked = []
    critic = model.net.critic
    handle = critic.register_forward_pre_hook(lambda _, inputs: asked.append(inputs[1]))
    batch = model.data().train.read(slice(0, 8))
    from latentia.core import Noise, Now, Stage

    updates = model.recipe.updates(model.net, batch, Now(torch.tensor(0), Stage(8), Noise(0, 0, slice(None), 8)))
    assert [update.group for update in updates] == ["critic", "generator"]
    handle.remove()
    assert torch.equal(asked[0], torch.cat([batch.label, batch.label]))  # reals, then fakes
    assert all(torch.equal(label, batch.label) for label in asked[1:])


def test_a_label_that_was_never_trained_is_refused(run):
    with pytest.raises(BadData, match="the label 'seven' was never trained; known: 0, 1, 2"):
        lt.load(run).sample(1, label="seven")


def test_a_model_without_labels_refuses_them(tmp_path):
    model = lt.train(lt.VAE(latent=2, hidden=(8,)), "digits", run=tmp_path / "run", **SETTINGS)
    with pytest.raises(CannotDo, match="not trained with labels"):
        model.sample(1, label="7")


def test_all_labels_from_the_command_line(run, tmp_path):
    assert main(["sample", str(run), "-n", "3", "--label", "all", "-o", str(tmp_path / "all.npz"), "--quiet"]) == 0
    import numpy as np

    saved = np.load(tmp_path / "all.npz")
    items = next(saved[name] for name in saved.files if saved[name].ndim == 4)
    assert items.shape == (30, 1, 8, 8)
    assert np.array_equal(items[21:24], lt.load(run).sample(3, label="7").numpy())


def test_samples_that_are_evaluated_have_the_labels_of_the_items(run, monkeypatch):
    """Without a label a net makes no class in particular: such samples are nobody's and far from the items."""
    asked, model = [], lt.load(run)
    monkeypatch.setattr(
        measure, "sample", lambda net, spec, *given: (asked.append(given), sample(net, spec, *given))[1]
    )
    figures = model.evaluate(seed=5, metrics=["kid", "precision"])
    test = model.data().test
    labels = test.read(slice(None)).label.bincount(minlength=10)
    shares = torch.tensor([next(count for count, _, label in asked if label == each) for each in range(10)])
    assert shares.sum() == len(test) // 2
    assert (shares - labels / 2).abs().max() < 10
    seeds = [seed for count, start, _ in asked for seed in range(start, start + count)]
    assert sorted(seeds) == list(range(5, 5 + len(test) // 2))
    assert figures
    assert [figure.value for figure in figures] == [
        figure.value for figure in model.evaluate(seed=5, metrics=["kid", "precision"])
    ]
    assert [figure.value for figure in figures] != [
        figure.value for figure in model.evaluate(seed=6, metrics=["kid", "precision"])
    ]


def test_samples_without_a_label_say_so(run, tmp_path, capsys):
    assert main(["sample", str(run), "-n", "3", "-o", str(tmp_path / "some.npz")]) == 0
    assert "samples of no class in particular; --label takes 0, 1, 2" in capsys.readouterr().err
