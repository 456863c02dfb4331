"""What a VAE refuses to be built from."""

from __future__ import annotations

import pytest

import latentia as lt
from latentia.core import Spec
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
