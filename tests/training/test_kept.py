"""A net that is trained once: the first call trains it, the next reads it, and what is damaged is made anew."""

from __future__ import annotations

import dataclasses
import json
import logging

import pytest
import torch

from latentia import data
from latentia.core import Training
from latentia.errors import BadField
from latentia.models._classifier import Classifier, judge
from latentia.training.kept import kept

RECIPE = Classifier(width=4, features=8, rate=1e-3)
TRAINING = Training(images=512, every=512, seed=0, device="cpu", precision="float32")


@pytest.fixture(scope="module")
def digits():
    return data.open("digits", labels=True)


@pytest.fixture
def make(digits, tmp_path):
    """Calls ``kept`` and counts what it measured: once for each training."""
    counted = []

    def make(recipe=RECIPE, training=TRAINING, opened=digits):
        before = len(counted)
        found = kept(recipe, opened, training, lambda net: counted.append(net) or {"right": 7}, tmp_path)
        return found, len(counted) > before

    return make


def same(a, b):
    return all(
        torch.equal(first, second)
        for first, second in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def test_it_is_trained_once_and_then_read(make, tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="latentia")
    state = torch.random.get_rng_state()
    first, fresh = make()
    assert fresh
    assert "a classifier of digits is trained once, on 512 images; its " in caplog.text
    assert str(first.path) in caplog.text
    caplog.clear()
    again, fresh = make()
    assert not fresh
    assert same(first.net, again.net)
    assert first.facts == again.facts == {"right": 7}
    assert caplog.text == ""
    assert not again.net.training
    assert torch.equal(state, torch.random.get_rng_state())
    assert {each.name for each in first.path.parent.iterdir()} == {
        first.path.name,
        first.path.with_suffix(".json").name,
    }


def test_data_recipe_training_and_versions_decide_which_it_is(make, monkeypatch):
    paths = {make()[0].path}
    paths.add(make(recipe=Classifier(width=4, features=9, rate=1e-3))[0].path)
    paths.add(make(training=dataclasses.replace(TRAINING, seed=1))[0].path)
    paths.add(make(opened=data.open("digits", labels=True, held_out=0.2))[0].path)
    monkeypatch.setattr("latentia.__version__", "9.9")
    paths.add(make()[0].path)
    assert len(paths) == 5


@pytest.mark.parametrize("damage", ["weights", "facts", "weights are gone", "other weights"])
def test_what_is_damaged_is_made_anew(make, damage):
    first, _ = make()
    about = first.path.with_suffix(".json")
    if damage == "weights":
        first.path.write_bytes(first.path.read_bytes()[:-1])
    elif damage == "facts":
        about.write_text(about.read_text()[:-9])
    elif damage == "weights are gone":
        first.path.unlink()
    else:  # whole, but not those that the facts vouch for
        other = make(training=dataclasses.replace(TRAINING, seed=1))[0]
        first.path.write_bytes(other.path.read_bytes())
    again, fresh = make()
    assert fresh
    assert same(first.net, again.net)
    assert json.loads(about.read_text())["measured"] == {"right": 7}
    assert not make()[1]


def test_data_that_it_cannot_learn_from_leaves_nothing(make, tmp_path):
    with pytest.raises(BadField, match="labels of two classes or more"):
        make(opened=data.open("digits"))
    assert list(tmp_path.iterdir()) == []


def test_the_budget_of_a_judge_follows_the_number_of_items():
    assert [judge(items)[1].images for items in (10, 1_000, 60_000)] == [20_000, 40_000, 240_000]
    recipe, training = judge(1_000)
    assert recipe.rate.endswith("@40000~cosine")
    assert (training.seed, training.precision) == (0, "float32")
