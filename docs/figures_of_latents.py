"""The figures of the ideas about a latent space: each draws what the commands of its idea left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from docs.figures import PALE, bare, canvas, circle, classes, save, show

import latentia as lt

SHOWN, CELLS = 400, 13
NAMES = {"free": "beta 0: without the KL", "held": "beta 1: with it"}


def regular(folder: Path, path: Path) -> None:
    """The posteriors of many digits with and without the KL, and what the plane decodes to."""
    figure, axes = canvas(7, 7.4, 2, 2)
    for name, (above, below), run in zip(NAMES, axes.T, ("free", "vae-2"), strict=True):
        codes = np.load(folder / f"{name}.npz")
        mean, deviation = codes["z"][:SHOWN], codes["std"][:SHOWN]
        reach = max(3.0, float(np.quantile(np.abs(mean), 0.99)))
        ellipses(above, mean, deviation, classes()[:SHOWN])
        above.add_artist(circle())
        above.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        above.set_title(f"{NAMES[name]} (deviations {np.median(deviation):.2g})", fontsize=10)
        above.spines[:].set_visible(False)
        above.tick_params(length=0, colors=PALE)
        ticks = torch.linspace(-reach, reach, CELLS)
        plane = torch.cartesian_prod(ticks.flip(0), ticks).flip(1)  # from above to below, from left to right
        show(below, lt.load(folder / "runs" / run, weights="last").decode(plane), CELLS)
    save(figure, path, colors=128)


def ellipses(axis: Any, mean: Any, deviation: Any, kinds: Any) -> None:
    """An ellipse of two deviations around each mean, never smaller than a dot that can be seen."""
    from matplotlib import colormaps
    from matplotlib.patches import Ellipse

    for place, spread, kind in zip(mean, deviation, kinds, strict=True):
        axis.add_patch(Ellipse(place, *(4 * spread), color=colormaps["tab10"](int(kind)), alpha=0.15, linewidth=0))
    axis.scatter(*mean.T, c=kinds, cmap="tab10", s=2, linewidths=0)


def disentangle(folder: Path, path: Path) -> None:
    """Traversals of both models side by side, with the measures of their codes."""
    from PIL import Image

    figure, axes = canvas(9.5, 3.2, 1, 2)
    for axis, name, title in zip(axes[0], ("mixed", "apart"), ("autoencoder", "beta-TCVAE"), strict=True):
        gap, apart = np.load(folder / f"{name}.npy")
        axis.imshow(Image.open(folder / f"{name}.png").convert("L"), cmap="gray", vmin=0, vmax=255)
        bare(axis)
        axis.set_title(f"{title}: MIG {gap:.2f}, SAP {apart:.2f}", fontsize=10)
    save(figure, path)
