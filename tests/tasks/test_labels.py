"""Asking a conditional model for a class."""

from __future__ import annotations

import pytest
import torch

import latentia as lt
from latentia.cli.main import main
from latentia.errors import BadData, CannotDo
from latentia.tasks import measure
from latentia.tasks.sample import classes_of, sample

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


def test_samples_without_a_label_have_each_its_own(run, tmp_path, capsys):
    assert main(["sample", str(run), "-n", "3", "-o", str(tmp_path / "some.npz")]) == 0
    assert "each seed has a label of its own, as often as in the training; --label takes 0" in capsys.readouterr().err
    model = lt.load(run)
    some, own = model.sample(40, seed=7), model.labels_of_seeds(range(7, 47))
    assert len(set(own)) > 5
    each = torch.cat([model.sample(1, seed=7 + place, label=label) for place, label in enumerate(own)])
    assert torch.equal(some, each)
    torch.testing.assert_close(model.interpolate([9, 20], steps=3)[[0, -1]], some[[2, 13]])


def test_labels_that_are_all_one_are_refused(tmp_path):
    (tmp_path / "one.csv").write_text("label\n" + "a\n" * 1797)
    with pytest.raises(BadData, match="have the label a; two or more are needed: leave --labels out"):
        lt.train(lt.GAN(), "digits", labels_from=str(tmp_path / "one.csv"), run=tmp_path / "run", **SETTINGS)
    assert not (tmp_path / "run").exists()


def test_classes_of_seeds_come_as_often_as_in_the_training(run):
    shares = torch.tensor([0.7, 0.0, 0.3])
    found = classes_of(range(4_000), shares)
    assert (found.bincount(minlength=3) / 4_000 - shares).abs().max() < 0.03
    assert torch.equal(found[100:200], classes_of(range(100, 200), shares))
    model = lt.load(run)
    train = model.data().train
    assert model.shares.tolist() == train.read(slice(None)).label.bincount(minlength=10).tolist()


def test_a_walk_between_labels_mixes_their_features_and_keeps_the_noise(run):
    model = lt.load(run)
    walk = model.walk(["label:3", "label:7"], steps=5, seed=5)
    ends = [model.sample(1, seed=5, label=each)[0] for each in ("3", "7")]
    torch.testing.assert_close(walk.x[[0, -1]], torch.stack(ends))
    assert torch.equal(walk.z, walk.z[:1].expand(5, -1))
    shares = torch.zeros(5, 10)
    shares[:, 3], shares[:, 7] = torch.linspace(1, 0, 5), torch.linspace(0, 1, 5)
    torch.testing.assert_close(walk.label, shares)
    features = model.net.generator.given.features.weight
    half = torch.cat([walk.z[:1], (0.5 * (features[3] + features[7]))[None]], 1)
    torch.testing.assert_close(walk.x[2], model.net.generator.body(half)[0].mul(0.5).add(0.5).clamp(0, 1))
    even = model.walk(["label:3", "label:7", "label:1"], steps=9, seed=5, even=True, loop=True)
    assert even.unevenness < model.walk(["label:3", "label:7", "label:1"], steps=9, seed=5, loop=True).unevenness
    assert even.label.sum(1).sub(1).abs().max() < 1e-5


def test_seeds_of_a_walk_with_labels_take_the_label_that_is_said(run):
    model = lt.load(run)
    walk = model.walk([17, "label:7", 4], steps=3, label=3, seed=9)
    ends = [model.sample(1, seed=seed, label=label)[0] for seed, label in ((17, "3"), (9, "7"), (4, "3"))]
    torch.testing.assert_close(walk.x[list(walk.stops)], torch.stack(ends))
    alone = model.interpolate([17, 4], steps=3, label="7")
    torch.testing.assert_close(alone[0], model.sample(1, seed=17, label="7")[0])


@pytest.mark.parametrize(
    ("items", "label", "message"),
    [
        (["label:7", "label:seven"], None, "the label 'seven' was never trained"),
        (["label:7", "label:"], None, "write seed:17"),
    ],
)
def test_words_that_no_walk_with_labels_has(run, items, label, message):
    with pytest.raises(BadData, match=message):
        lt.load(run).walk(items, label=label)


def test_a_label_is_no_place_to_traverse_from(run):
    with pytest.raises(BadData, match="label:7 is a class and no place in latent space; only walks go between labels"):
        lt.load(run).traverse(at="label:7")


def test_walks_between_labels_from_the_command_line(run, tmp_path, capsys):
    out = tmp_path / "walk.npy"
    assert main(["interpolate", str(run), "label:3", "label:7", "--seed", "5", "-o", str(out)]) == 0
    assert "a label of its own" not in capsys.readouterr().err
    import numpy as np

    walk = lt.load(run).interpolate(["label:3", "label:7"], seed=5)
    assert np.array_equal(np.load(out), walk.numpy())
    assert main(["interpolate", str(run), "3", "4", "-o", str(out)]) == 0
    assert "each seed has a label of its own" in capsys.readouterr().err
    assert main(["interpolate", str(run), "3", "4", "--label", "7", "-o", str(out), "--quiet"]) == 0


def test_a_model_without_labels_refuses_a_walk_between_them(tmp_path):
    model = lt.train(lt.VAE(latent=2, hidden=(8,)), "digits", run=tmp_path / "run", **SETTINGS)
    for items, label in ((["label:3", "label:7"], None), ([3, 7], "7")):
        with pytest.raises(CannotDo, match="not trained with labels"):
            model.walk(items, label=label)
