"""The figures of the ideas about translation: each draws what the commands of its idea left behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from docs.figures import ACCENT, GAP, STEP, WARM, bare, canvas, save, show, told

import latentia as lt

SHOWN = 10


def pairs(folder: Path, path: Path) -> None:
    """Inputs, two kinds of answers and the truth; and two measures of the answers."""
    names = {"error-alone": "error alone", "pairs": "pix2pix"}
    models = {word: lt.load(folder / "runs" / name) for name, word in names.items()}
    held = models["pix2pix"].data().test.read(slice(0, SHOWN))
    made = {word: model.translate(held.y) for word, model in models.items()}
    figure, axes = canvas(9, 2.9, 4, 3, width_ratios=(2.2, 0.5, 0.5))
    for axis, (name, x) in zip(axes[:, 0], {"input": held.y, **made, "truth": held.x}.items(), strict=True):
        show(axis, x, SHOWN, label=name)
    measures = {"L1": "mean error", "KID (random-conv 1)": "distance from\ndigits (KID)"}
    for column, (measure, title) in enumerate(measures.items(), 1):
        whole = figure.add_subplot(axes[0, 0].get_gridspec()[:, column])
        for axis in axes[:, column]:
            axis.remove()
        values = [told(folder / f"{name}.json", measure) for name in names]
        whole.bar(["error\nalone", "pix2pix"], values, color=(WARM, ACCENT), width=0.6)
        whole.set_title(title, fontsize=10)
        whole.spines[["top", "right"]].set_visible(False)
        whole.tick_params(axis="x", labelsize=8, length=0)
        whole.yaxis.get_major_locator().set_params(nbins=4)
    save(figure, path)


def domains(folder: Path, path: Path) -> None:
    """There, what would be right, and back."""
    model = lt.load(folder / "runs" / "domains")
    x = model.data().test.of_x.read(slice(0, SHOWN)).x
    made = model.translate(x, "gold")
    rows = {"white": x, "made gold": made, "by the rule": gilded(x), "and back": model.translate(made, "white")}
    figure, axes = canvas(7.5, 3.3, 4, 1)
    for axis, (name, each) in zip(axes[:, 0], rows.items(), strict=True):
        shown(axis, each, name)
    save(figure, path, colors=128)


def films(folder: Path, path: Path) -> None:
    """The contact sheet."""
    from PIL import Image

    figure, axes = canvas(10, 2.1)
    axes[0, 0].imshow(np.asarray(Image.open(folder / "passing.png")), interpolation="nearest")
    bare(axes[0, 0])
    save(figure, path, colors=128)


def gilded(x: Any) -> Any:
    """The rule of the idea's own code: white on black to gold on blue."""
    ground, ink = (torch.tensor(colour).view(1, 3, 1, 1) for colour in ((0.08, 0.13, 0.36), (1.00, 0.78, 0.28)))
    return ground + (ink - ground) * x**0.7


def shown(axes: Any, x: Any, label: str) -> None:
    """Coloured digits ``(N, 1 or 3, 8, 8)`` in a row, enlarged smoothly and set apart."""
    from PIL import Image

    side = STEP - GAP
    paper = Image.new("RGB", (len(x) * STEP - GAP, side), "white")
    for place, each in enumerate(x.expand(-1, 3, -1, -1)):
        small = Image.fromarray((each.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())
        paper.paste(small.resize((side, side), Image.Resampling.BICUBIC), (place * STEP, 0))
    axes.imshow(np.asarray(paper), interpolation="nearest")
    bare(axes)
    axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10)
