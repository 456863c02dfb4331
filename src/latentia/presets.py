"""Presets: named recipes with data options and budget, in one table. Explicit flags win over them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from latentia.errors import BadField, near

IWAE_PAPER: Mapping[str, Any] = MappingProxyType(
    {
        "body": "mlp",
        "hidden": (200, 200),
        "activation": "tanh",
        "latent": 50,
        "likelihood": "bernoulli",
        "binarize": "dynamic",
        "batch": 128,
        "images": 20_000_000,
        "average": 500_000.0,
        "rate": "3e-3:1e-5@20M~cosine",
    }
)

PRESETS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        # the net of Burda et al. 2016, on a tenth of their 197 million images
        "vae-burda": IWAE_PAPER,
        "iwae-burda": {**IWAE_PAPER, "objective": "iwae", "draws": 5},
        # the net of Tomczak & Welling 2018, section 5
        "vamp-tomczak": {
            **IWAE_PAPER,
            "hidden": (300, 300),
            "activation": "gated",
            "latent": 40,
            "prior": "vamp:500",
            "beta": "0:1@2M",
        },
    }
)


def load(name: str) -> dict[str, Any]:
    """The fields that a preset sets.

    Raises:
        BadField: no preset has the name.
    """
    if name not in PRESETS:
        raise BadField(f"there is no preset {name!r}; {near(name, PRESETS)}")
    return dict(PRESETS[name])
