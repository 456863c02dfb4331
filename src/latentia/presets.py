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
        # the nets, losses and batch of Isola et al. 2017, appendix 6, with Adam's rate; see docs/guides/pix2pix.md
        "pix2pix-isola": {
            "game": "non-saturating",
            "l1": 100.0,
            "r1": 0.0,
            "r2": 0.0,
            "width": 64,
            "levels": 8,
            "upsample": "transposed",
            "dropout": 0.5,
            "halvings": 3,
            "critic_norm": True,
            "rate": 2e-4,
            "momentum": 0.5,
            "size": "256",
            "jitter": 0.12,
            "batch": 1,
            "images": 80_000,
        },
        # the nets, losses and batch of Zhu et al. 2017, section 4 and appendix 7; see docs/guides/cyclegan.md
        "cyclegan-zhu": {
            "game": "least-squares",
            "game_weight": 2.0,
            "cycle": 10.0,
            "identity": 5.0,
            "r1": 0.0,
            "r2": 0.0,
            "pool": 50,
            "width": 64,
            "blocks": 9,
            "affine": False,
            "upsample": "transposed",
            "residual": False,
            "halvings": 3,
            "critic_norm": True,
            "rate": 2e-4,
            "momentum": 0.5,
            "size": "256",
            "jitter": 0.12,
            "batch": 1,
            "images": 270_000,
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
