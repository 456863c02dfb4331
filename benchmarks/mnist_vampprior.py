"""Test log-likelihood of dynamically binarised MNIST with the VampPrior net, as in mnist-likelihood."""

from __future__ import annotations

from benchmarks.mnist_likelihood import run as likelihood_run


def run(quick: bool, seed: int) -> None:
    """Train and score the preset vamp-tomczak."""
    likelihood_run(quick, seed, ("vamp-tomczak",))
