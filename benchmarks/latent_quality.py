"""Latent spaces side by side: completeness and continuity of an autoencoder, VAEs and a beta-VAE, with intervals.

Protocol: Fashion-MNIST, 16 latents, every other field at its default, 300,000 images each, weights of the best score on
held-out items. Figures of `evaluate --metrics latent`: 5,000 test items, 5,000 others for the floors, 5,000 draws from
the prior (of the autoencoder: the normal distribution that has its codes' moments); features of random convolutions of
seed 1. A figure that has a better side claims to tell spaces apart: the intervals of autoencoder and VAE must not meet.
"""

from __future__ import annotations

import latentia as lt
from benchmarks._frame import RUNS, data_or_stop, finish
from latentia.core import Recipe
from latentia.tasks.compare import table
from latentia.tasks.evaluate import Figure

LATENT, IMAGES, QUICK = 16, 300_000, 20_000
COUNT = 5_000  # draws, and items of each half
RECIPES: dict[str, Recipe] = {
    "autoencoder": lt.Autoencoder(latent=LATENT),
    "vae": lt.VAE(latent=LATENT),
    "vae normal prior": lt.VAE(latent=LATENT, prior="normal"),
    "beta-vae 4": lt.VAE(latent=LATENT, beta=4.0),
}


def run(quick: bool, seed: int) -> None:
    """Train or open each model and print the table."""
    name, images = ("digits", QUICK) if quick else (data_or_stop("fashion-mnist"), IMAGES)
    found: dict[str, list[Figure]] = {}
    for kind, recipe in RECIPES.items():
        folder = RUNS / f"latent-quality-{kind.replace(' ', '-')}-{name}-{seed}"
        model = lt.train(recipe, name, images=images, every=images // 5, seed=seed, run=folder, device="cpu")
        count = None if quick else COUNT
        found[kind] = model.evaluate("train" if quick else "test", metrics=["latent"], count=count, seed=seed)
    print(table(found))
    apart = {
        one.name: one.high < other.low or other.high < one.low
        for one, other in zip(found["autoencoder"], found["vae"], strict=True)
        if one.better
    }
    figures = {
        "figures": {
            kind: {each.name: [each.value, each.low, each.high] for each in own} for kind, own in found.items()
        },
        "floors": {each.name: each.floor for each in found["vae"] if each.floor is not None},
        "told apart": apart,
        "met": all(apart.values()),
    }
    finish("latent-quality", figures, " ".join((__doc__ or "").split()), seed)
