"""Truncated noise: its distribution in closed form, its own stream for each seed, and what it means to a model."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.stats import kstest, truncnorm

import latentia as lt
from latentia.cli.main import main
from latentia.core import Spec
from latentia.errors import BadField, CannotDo
from latentia.tasks.sample import TruncatedNoise, draw, sample

from .nets import Autoencoder, LinearGaussian, Pictures

SPEC = Spec("image", (1, 8, 8))
SETTINGS = {"images": 128, "batch": 32, "every": 128}


def numbers(seeds, truncation, latent=6, dtype=torch.float64):
    return TruncatedNoise(seeds, torch.empty(0, dtype=dtype), truncation).normal(latent)


@pytest.mark.parametrize("truncation", [0.01, 0.7, 2.0, 8.0])
def test_numbers_have_the_truncated_normal_distribution(truncation):
    found = numbers(range(2000), truncation).flatten().numpy()
    assert abs(found).max() <= truncation
    assert kstest(found, truncnorm(-truncation, truncation).cdf).pvalue > 0.01


def test_numbers_within_are_those_of_the_whole_noise_and_the_others_are_new():
    whole, cut = draw(Pictures(), range(32)), numbers(range(32), 1.0, latent=5).float()
    within = whole.abs() <= 1
    assert torch.equal(cut[within], whole[within])
    assert 0.2 < (~within).double().mean() < 0.45  # 0.317
    assert len(set(cut[~within].tolist())) == int((~within).sum())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_number_is_its_seed_s_alone(dtype):
    some = numbers([40, 3, 7], 0.5, dtype=dtype)
    for row, seed in zip(some, [40, 3, 7], strict=True):
        assert torch.equal(row, numbers([seed], 0.5, dtype=dtype)[0])
    assert torch.equal(some.double().float(), numbers([40, 3, 7], 0.5).float())


def test_samples_of_a_seed_do_not_depend_on_the_count():
    net = Pictures()
    many = sample(net, SPEC, 70, truncation=0.7)
    assert torch.equal(many[33:36], sample(net, SPEC, 3, seed=33, truncation=0.7))
    assert not torch.equal(many, sample(net, SPEC, 70))
    assert torch.equal(sample(net, SPEC, 5, truncation=40.0), sample(net, SPEC, 5))  # nothing lies beyond


def test_a_standard_normal_prior_is_truncated_as_well():
    net = LinearGaussian(size=64, shape=(1, 8, 8))
    spread = [float(sample(net, Spec("table", (1, 8, 8)), 200, truncation=each).std(0).mean()) for each in (None, 0.5)]
    assert spread[1] < 0.5 * spread[0]


@pytest.mark.parametrize("truncation", [0.0, -1.0, float("nan"), float("inf")])
def test_a_truncation_that_is_not_above_zero_is_refused(truncation):
    with pytest.raises(BadField, match=f"truncation is {truncation:g}; it must be more than 0, for example 0.7"):
        sample(Pictures(), SPEC, 3, truncation=truncation)


def test_a_mixture_is_truncated_around_the_middle_of_each_component():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = lt.VAE(latent=2, hidden=(8,), prior="mixture:3").build(SPEC)
        net.latents.start(8 * torch.eye(3, 2), torch.full((3, 2), 0.5), torch.full((3,), 1 / 3))
    middle = net.prior().components.mean.detach()
    far = (draw(net, range(200), 0.7)[:, None] - middle).abs().amax(-1)
    assert (far.min(1).values < 0.7 * 0.5 + 1e-6).all()
    assert torch.equal(far.argmin(1), (draw(net, range(200))[:, None] - middle).abs().amax(-1).argmin(1))
    with pytest.raises(CannotDo, match="sample needs a model that draws latents"):
        sample(Autoencoder(), SPEC, 1, truncation=0.7)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "given"
    lt.train(lt.GAN(latent=4, hidden=(16,)), "digits", run=path, labels=True, **SETTINGS)
    return path


def test_truncation_from_python_and_the_command_line_with_and_without_labels(run, tmp_path, capsys):
    model, out = lt.load(run), tmp_path / "x.npy"
    call = ["sample", str(run), "-n", "3", "--truncation", "0.7", "-o", str(out), "--quiet"]
    assert main(call) == 0
    assert np.array_equal(np.load(out), model.sample(3, seed=0, truncation=0.7).numpy())
    assert main([*call, "--label", "7", "--seed", "2"]) == 0
    assert np.array_equal(np.load(out), model.sample(3, seed=2, label="7", truncation=0.7).numpy())
    assert main([*call, "--label", "all"]) == 0
    assert np.array_equal(np.load(out)[21:24], model.sample(3, label="7", truncation=0.7).numpy())
    assert not torch.equal(model.sample(3, label="7", truncation=0.7), model.sample(3, label="7"))
    capsys.readouterr()
    out.unlink()
    assert main(["sample", str(run), "--truncation", "0", "-o", str(out), "--quiet"]) == 2
    assert (
        capsys.readouterr()
        .err.strip()
        .endswith("truncation is 0; it must be more than 0, for example 0.7; 3 cuts hardly any")
    )
    assert not out.exists()
