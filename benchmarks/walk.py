"""Walks between seeds: how evenly the pictures change (lerp, slerp, --even), and whether midpoints look like samples.

Protocol: GAN, VAE and autoencoder of one data set (Fashion-MNIST; digits when quick), defaults, briefly trained.
Pairs of seeds, 16 steps each. The figure is the coefficient of variation of the 16 distances between neighbouring
pictures, its mean over pairs: in blurred pixels, the feature that --even works with, and in random convolutions, which
it never sees. Midpoints: the KID of the middles of the walks of seeds 2i and 2i + 1 to the test items (random
convolutions), beside the KID of the samples themselves with its interval, at the same number of pictures.
"""

from __future__ import annotations

import time
from statistics import fmean

import torch

import latentia as lt
from benchmarks._frame import RUNS, data_or_stop, finish, spread, table
from latentia.core import Estimate, Recipe
from latentia.metrics.features import RandomConvolutions, extract
from latentia.metrics.kernel import kernel_distance
from latentia.tasks.encode import decode
from latentia.tasks.interpolate import along
from latentia.tasks.sample import draw
from latentia.tasks.walk import blurred, distances, variation, walk

STEPS = 16
WAYS = {"lerp": ("lerp", False), "slerp": ("slerp", False), "--even": ("slerp", True)}
BAR = 0.5  # of slerp's unevenness
RECIPES: dict[str, Recipe] = {"gan": lt.GAN(), "vae": lt.VAE(), "autoencoder": lt.Autoencoder()}


def run(quick: bool, seed: int) -> None:
    """Train or open each model, walk, and print both tables."""
    start = time.perf_counter()
    name = "digits" if quick else data_or_stop("fashion-mnist")
    pairs, images = (20, 5_000) if quick else (100, 100_000)
    rows, figures, middles = [], {}, []
    for kind, recipe in RECIPES.items():
        folder = RUNS / f"walk-{kind}-{name}-{seed}"
        model = lt.train(recipe, name, images=images, every=images, seed=seed, run=folder, device="cpu")
        found = evenness(model, pairs, seed)
        for way, each in found.items():
            share = each["blurred pixels"]["mean"] / found["slerp"]["blurred pixels"]["mean"]
            rows.append([kind, way, *each["blurred pixels"].values(), share, each["random convolutions"]["mean"]])
        told = midpoints(model, 180 if quick else 2_000, seed)
        own = told["samples"]
        middles += [[kind, what, str(each), own.low <= each.value <= own.high] for what, each in told.items()]
        figures[kind] = {"evenness": found, "kid": {what: shown(estimate) for what, estimate in told.items()}}
    head = ["model", "way", "least", "median", "most", "mean", "x slerp", "mean in random convolutions"]
    table(head, rows)
    print()
    table(["model", "pictures", "KID to the test items (random convolutions)", "in the samples' interval"], middles)
    figures["slerp midpoints as samples"] = {row[0]: row[3] for row in middles if row[1] == "slerp midpoints"}
    figures["even at most half of slerp"] = all(row[6] <= BAR for row in rows if row[1] == "--even")
    figures["seconds"] = time.perf_counter() - start
    finish("walk", figures, " ".join((__doc__ or "").split()), seed)


def evenness(model: lt.Model, pairs: int, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """The unevenness over walks between pairs of seeds, by way and feature."""
    features = {"blurred pixels": blurred, "random convolutions": RandomConvolutions(model.spec, seed)}
    z = draw(model.net, range(2 * pairs)).unflatten(0, (pairs, 2))
    found = {}
    for way, (how, even) in WAYS.items():
        walks = [walk(model.net, ends, STEPS + 1, how, even=even).z for ends in z]
        found[way] = {}
        for name, feature in features.items():
            values = [variation(distances(model.net, each, features=feature)) for each in walks]
            found[way][name] = spread(values) | {"mean": fmean(values)}
    return found


def midpoints(model: lt.Model, count: int, seed: int) -> dict[str, Estimate]:
    """The KID to the test items of samples, and of the middles of walks between seeds."""
    feature = RandomConvolutions(model.spec, seed)
    test = model.data().test
    real = extract(feature, test.read(slice(0, min(count, len(test)))).x)
    z = draw(model.net, range(2 * count)).unflatten(0, (count, 2))
    latents = {"samples": z[:, 0]}
    for how in ("slerp", "lerp"):
        latents[f"{how} midpoints"] = torch.cat([along(ends, torch.tensor([0.5]), how) for ends in z])
    made = {what: extract(feature, decode(model.net, each)) for what, each in latents.items()}
    return {what: kernel_distance(each, real, seed=seed) for what, each in made.items()}


def shown(estimate: Estimate) -> dict[str, float]:
    """An estimate as JSON."""
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}
