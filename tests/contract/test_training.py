"""What training every recipe promises: exact resume, and a saved model that is the trained one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import latentia as lt
from latentia.core import Batch, HasDensity, Reconstructs, Samples, Translates
from latentia.errors import CannotDo
from latentia.training.run import Run

SETTINGS = {"batch": 8, "every": 48, "average": 100.0, "precision": "float32"}


def bytes_of(run):
    return {name: (run / name).read_bytes() for name in ("weights.safetensors", "weights-last.safetensors")}


def newest(run):
    return (sorted(run.glob("checkpoints/*/state.safetensors"))[-1]).read_bytes()


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_train_2n_is_train_n_then_resume(case, tmp_path, precision):
    settings = SETTINGS | {"precision": precision}
    lt.train(case.recipe, case.data(), run=tmp_path / "whole", images=192, **settings)
    lt.train(case.recipe, case.data(), run=tmp_path / "parts", images=96, **settings)
    lt.train(case.recipe, case.data(), run=tmp_path / "parts", images=192, **settings)
    assert bytes_of(tmp_path / "whole") == bytes_of(tmp_path / "parts")
    assert newest(tmp_path / "whole") == newest(tmp_path / "parts")


def same(one, other):
    """Whether two tensors, arrays or data frames hold the same."""
    if hasattr(one, "equals"):
        return one.reset_index(drop=True).equals(other.reset_index(drop=True))
    return np.array_equal(one, other)


def test_a_loaded_model_is_the_trained_one_and_samples_do_not_depend_on_the_count(case, tmp_path):
    trained = lt.train(case.recipe, case.data(), run=tmp_path / "run", images=96, **SETTINGS)
    loaded = lt.load(tmp_path / "run")
    assert loaded.spec == case.data().spec
    assert not any(weight.requires_grad for weight in loaded.net.parameters())
    assert Run.open(tmp_path / "run").facts["budget"] == 96
    for to in loaded.net.domains if Translates in case.recipe.capabilities else ():
        assert torch.equal(loaded.net.translate(case.sides()[to], to), trained.net.translate(case.sides()[to], to))
    if Samples not in case.recipe.capabilities:
        return
    assert same(trained.sample(5, seed=3), loaded.sample(5, seed=3))
    assert same(loaded.sample(40, seed=0)[3:8], loaded.sample(5, seed=3))
    if Reconstructs in case.recipe.capabilities:
        some = Batch(case.items(6), label=case.labels(6))
        assert np.array_equal(loaded.encode(some), trained.encode(some))
        assert len(loaded.reconstruct(some)) == 6
    assert loaded.walk([1, 2], steps=4).x.shape == (4, *loaded.spec.shape)
    assert len(loaded.interpolate([1, 2], steps=4)) == 4


def test_what_a_model_cannot_do_it_refuses_naming_those_that_can(case, tmp_path):
    model = lt.train(case.recipe, case.data(), run=tmp_path / "run", images=96, **SETTINGS)
    if HasDensity in case.recipe.capabilities:
        assert np.isfinite(model.log_prob(Batch(case.items(4), label=case.labels(4)), draws=10).value).all()
    else:
        with pytest.raises(CannotDo, match=r"cannot log_prob; models that can: .*vae"):
            model.log_prob(case.items(4))
