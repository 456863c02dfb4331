"""Members: nets of one run from as many seeds, whose densities are averaged wherever items are judged."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

import latentia as lt
from latentia.errors import BadField
from latentia.training.run import Said


@pytest.fixture(scope="module")
def rows():
    generator = np.random.default_rng(0)
    return generator.normal(size=(400, 3)) @ generator.normal(size=(3, 3))


@pytest.fixture(scope="module")
def model(rows, tmp_path_factory):
    run = tmp_path_factory.mktemp("members") / "run"
    return lt.train(lt.VAE(latent=2), rows, images=1_000, seed=5, members=2, run=run, device="cpu")


def test_the_density_is_the_mean_of_the_members_own(model, rows):
    single = [
        lt.load(model.run / "members" / "2"),
        lt.train(lt.VAE(latent=2), rows, images=1_000, seed=5, device="cpu"),
    ]
    own = np.stack([each.log_prob(rows[:20], 32).value for each in single])
    assert np.abs(own[0] - own[1]).max() > 1e-3, "each learns from a seed of its own"
    for found in (model, lt.load(model.run)):
        told = found.log_prob(rows[:20], 32)
        np.testing.assert_allclose(told.value, logsumexp(own, axis=0) - np.log(2), rtol=1e-12)
        units = found.score(rows[:20], draws=32).value + told.value
        assert np.ptp(units) < 1e-9, "scores are in units of the columns' scales"
    assert single[0].facts["budget"] == model.facts["budget"]
    assert single[0].facts["training"]["seed"] != 5


def test_a_finished_run_gets_members_later(model, rows):
    before = {path: path.read_bytes() for path in sorted(model.run.rglob("weights.safetensors"))}
    said = []
    told = {"images": 1_000, "seed": 5, "run": model.run, "device": "cpu"}
    more = lt.train(lt.VAE(latent=2), rows, **told, members=3, progress=said.append)
    assert len(before) == 2
    assert {path: path.read_bytes() for path in before} == before
    assert [event.text for event in said if isinstance(event, Said) and "member" in event.text] == [
        "member 2 of 3",
        "member 3 of 3",
    ]
    assert len(more.beside.others) == len(lt.load(model.run).beside.others) == 2
    fewer = lt.train(lt.VAE(latent=2), rows, **told)
    assert not fewer.beside.others, "one member was asked for"


def test_what_has_no_density_takes_no_members(rows, tmp_path):
    with pytest.raises(BadField, match="--members averages densities, and gan has none; leave it out"):
        lt.train(lt.GAN(), rows, images=100, members=2, run=tmp_path / "gan")
    assert not (tmp_path / "gan").exists()
