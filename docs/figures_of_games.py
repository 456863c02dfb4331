"""The figures of the ideas about adversarial models: each draws what the commands of its idea left behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from docs.figures import ACCENT, INK, PALE, WARM, bare, canvas, cells, save, show

import latentia as lt

SHOWN = 600  # islands' items and samples


def adversarial(folder: Path, path: Path) -> None:
    """The same seeds at three moments, and the critic's answers on the way."""
    moments = ("after 2,000", "after 20,000", "after 200,000")
    rows = [json.loads(line) for line in (folder / "runs" / "gan" / "log.jsonl").read_text().splitlines()]
    figure, axes = canvas(9, 2.6, 3, 2, width_ratios=(1.8, 1))
    for number, (axis, moment) in enumerate(zip(axes[:, 0], moments, strict=True), 1):
        show(axis, cells(folder / f"gan-{number}.png"), 12, label=f"{moment}\nimages")
    whole = figure.add_subplot(axes[0, 0].get_gridspec()[:, 1])
    for axis in axes[:, 1]:
        axis.remove()
    told = [row for row in rows if row["split"] == "train" and "critic_real" in row["logs"]]
    for name, label, color in (("critic_real", "to real", ACCENT), ("critic_fake", "to made", WARM)):
        whole.plot([row["seen"] for row in told], [row["logs"][name] for row in told], color=color, label=label)
    plain(whole, "images seen", "the critic's mean answer")
    whole.xaxis.get_major_locator().set_params(nbins=3)
    whole.legend(frameon=False)
    save(figure, path)


def game(folder: Path, path: Path) -> None:
    """How strongly each rule pushes the generator, and what two of them make of eight islands."""
    from latentia.losses.adversarial import GAMES

    figure, axes = canvas(9, 3.1, 1, 3)
    answer = torch.linspace(0.02, 0.98, 97)
    for name, color in (("minimax", WARM), ("non-saturating", INK)):
        logit = torch.logit(answer).requires_grad_()
        GAMES[name].generator(torch.zeros(()), logit).sum().backward()
        axes[0, 0].plot(answer, -logit.grad, color=color, label=name)
    plain(axes[0, 0], "the critic's answer D to a fake", "how strongly it is pushed up")
    axes[0, 0].legend(frameon=False, fontsize=9)
    items = np.load(folder / "islands.npy")
    for axis, name in zip(axes[0, 1:], ("minimax", "relativistic"), strict=True):
        made = np.load(folder / f"{name}.npz")["x"]
        axis.scatter(*items[:SHOWN].T, s=14, color=PALE, alpha=0.4, linewidths=0)
        axis.scatter(*made[:SHOWN].T, s=3, color=WARM if name == "minimax" else ACCENT, linewidths=0)
        axis.set(xlim=(-3, 3), ylim=(-3, 3), aspect="equal")
        bare(axis)
        axis.set_title(name, fontsize=10)
    save(figure, path)


def walk(folder: Path, path: Path) -> None:
    """Three ways between two seeds, and the steps that they take in the pictures."""
    model = lt.load(folder / "runs" / "gan")
    figure, axes = canvas(9, 2.6, 3, 2, width_ratios=(2.2, 1))
    whole = figure.add_subplot(axes[0, 0].get_gridspec()[:, 1])
    ways: dict[str, tuple[dict[str, Any], str]] = {
        "lerp": ({"how": "lerp"}, WARM),
        "slerp": ({}, INK),
        "even": ({"even": True}, ACCENT),
    }
    for line, (name, (how, color)) in zip(axes, ways.items(), strict=True):
        show(line[0], cells(folder / f"{name}.png"), 13, label=name)
        line[1].remove()
        steps = model.walk([3, 4], steps=13, **how).steps
        whole.plot(range(1, 13), steps / steps.sum(), color=color, marker="o", markersize=3, label=name)
    plain(whole, "step", "its share of the way")
    whole.set(xticks=range(2, 13, 2), ylim=(0, None))
    whole.legend(frameon=False)
    save(figure, path)


def decoders(folder: Path, path: Path) -> None:
    """The same noise, decoded by both."""
    figure, axes = canvas(8, 2, 2, 1)
    for axis, name in zip(axes[:, 0], ("vae", "gan"), strict=True):
        show(axis, cells(folder / f"one-noise-{name}.png"), 12, label=f"by the {name.upper()}")
    save(figure, path)


def growing(folder: Path, path: Path) -> None:
    """The same seeds when each level has been learnt."""
    from PIL import Image

    figure, axes = canvas(9, 3.4, 1, 3)
    for axis, (number, side) in zip(axes[0], ((1, 4), (2, 8), (3, 16)), strict=True):
        axis.imshow(np.asarray(Image.open(folder / f"level-{number}.png")), cmap="gray", vmin=0, vmax=255)
        bare(axis)
        axis.set_title(f"{side} x {side} pixels", fontsize=10)
    save(figure, path)


def labels(folder: Path, path: Path) -> None:
    """A row for each label, a column for each noise."""
    figure, axes = canvas(6, 5)
    show(axes[0, 0], cells(folder / "all.png"), 12)
    save(figure, path)


def plain(axes: Any, across: str, up: str) -> None:
    """Axes with names and without a frame."""
    axes.set(xlabel=across, ylabel=up)
    axes.spines[["top", "right"]].set_visible(False)
