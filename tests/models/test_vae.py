"""What a VAE refuses to be built from, and what follows from its data."""

from __future__ import annotations

import pytest
import torch

import latentia as lt
from latentia.core import Spec
from latentia.distributions.priors import MixtureOfNormals
from latentia.errors import BadField

SPEC = Spec("image", (1, 8, 8), 256)


@pytest.mark.parametrize("prior", ["mixture:0", "vamp:0", "vamp:many", "flow:0", "normal:5"])
def test_a_prior_without_components_is_refused(prior):
    with pytest.raises(
        BadField, match=f"prior is '{prior}'; it is normal, or mixture:K, vamp:K or flow:K with K of at least 1"
    ):
        lt.VAE(latent=2, hidden=(4,), prior=prior).build(SPEC)


def test_an_unknown_prior_has_a_near_name():
    with pytest.raises(BadField, match="did you mean 'mixture'"):
        lt.VAE(latent=2, hidden=(4,), prior="mixtur:3").build(SPEC)


def test_the_prior_follows_from_the_data_and_from_what_is_asked_of_the_kl():
    grey, binary = Spec("image", (1, 8, 8), levels=256), Spec("image", (1, 8, 8), levels=2)
    assert lt.VAE().prior_for(grey) == lt.VAE(beta="0:1@2k").prior_for(grey) == "mixture:100"
    weighed = (lt.VAE(beta=4.0), lt.VAE(beta="1:0@2k"), lt.VAE(free_bits=0.1), lt.VAE(beta=9.0, capacity="0:5@1k"))
    assert {recipe.prior_for(grey) for recipe in weighed} == {lt.VAE().prior_for(binary)} == {"normal"}
    assert lt.VAE().prior_for(Spec("table", (5,))) == "normal"
    assert lt.VAE(prior="flow").prior_for(grey) == "flow"


def test_a_mixture_begins_about_as_one_standard_normal():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        prior = MixtureOfNormals(32, 100).requires_grad_(False)()
    assert float((prior.standard_deviation - 1).abs().max()) < 0.06
    assert float(prior.components.mean.std()) > 0.2  # and yet no two alike
