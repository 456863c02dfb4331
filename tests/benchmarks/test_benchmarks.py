"""The door to the benchmarks, and the cheap ones run whole at quick size."""

import json
import os
import subprocess
import sys

import pytest
import torch
from benchmarks.__main__ import names
from benchmarks.gradient_variance import distance, estimates

import latentia as lt
from latentia import data
from latentia.core import Noise

PROTOCOL = {"name", "figures", "protocol", "machine", "versions", "seed"}


def benchmark(root, *words, **environment):
    """What a benchmark prints, and its last line as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=root,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, json.loads(done.stdout.splitlines()[-1])


def test_the_list_names_every_benchmark_with_a_sentence(root):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "list"], cwd=root, capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == names()
    assert {"startup", "memory", "gradient-variance", "peer-pythae"} <= set(names())
    assert all(len(line.split()) > 4 for line in lines)


def test_startup(root):
    printed, last = benchmark(root, "startup", "--quick")
    assert set(last) == PROTOCOL
    assert last["name"] == "startup"
    assert last["figures"]["without_torch"] is True
    seconds = last["figures"]["seconds"]
    assert 0 < seconds["import latentia"]["median"] < seconds["latentia --help"]["median"] < 5
    assert "bare interpreter" in printed


def test_gradient_variance(root):
    printed, last = benchmark(root, "gradient-variance", "--quick", "--seed", "1")
    assert set(last) == PROTOCOL
    assert last["seed"] == 1
    ratio = last["figures"]["ratio"]
    assert ratio["reparameterised"] == 1
    assert ratio["score function"] > ratio["score function, baseline"] > 1
    assert all(value < 3 for value in last["figures"]["distance"].values()), "all estimate the same gradient"
    assert "x reparameterised" in printed


def test_the_estimators_average_to_the_gradient_of_the_elbo():
    """Against autograd through the whole net, the mean of many draws taken as one batch."""
    recipe = lt.VAE(latent=2, hidden=(5,))
    digits = data.open("digits")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = recipe.build(digits.spec).double()
    recipe.prepare(net, digits.train)
    x = digits.train.read(slice(0, 4)).x.double()
    noise = Noise(0, 0, slice(None), 4, dtype=torch.float64).normal(300, 2).transpose(0, 1)
    found = estimates(net, x, noise)

    q = net.posterior(x)
    z = q.mean + q.standard_deviation * noise
    elbo = (net.likelihood(z).log_prob(x) - q.kl_to_standard_normal().sum(-1)).mean()
    expected = torch.autograd.grad(elbo, [*net.encoder.parameters(), *net.head.parameters()])
    torch.testing.assert_close(found["reparameterised"].mean(0), torch.cat([each.flatten() for each in expected]))
    assert distance(found["score function, baseline"], found["reparameterised"]) < 3


@pytest.mark.skipif(sys.platform != "linux", reason="RssAnon is Linux's")
def test_memory(root):
    _, last = benchmark(root, "memory", "--quick")
    added = last["figures"]["added"]
    assert set(added) == {"array", "folder"}
    assert all(0 < case["after"] <= case["most"] < 1000 for case in added.values())
    assert last["figures"]["size"]["folder"] == pytest.approx(10 * last["figures"]["size"]["array"], rel=0.01)
    assert last["figures"]["met"]


def test_a_peer_and_data_that_are_not_there_are_said(root, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "from benchmarks.peer_pythae import binary_mnist; binary_mnist()"],
        cwd=root,
        env=os.environ | {"LATENTIA_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == "mnist is not there: set LATENTIA_DATA to a folder that holds mnist/"
