"""The figures of ``docs/ideas.md``: each function draws what the commands of its idea left in the working folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

import latentia as lt

INK, PALE, ACCENT, WARM = "#333333", "#9aa5b1", "#1f6feb", "#d1495b"
PICTURES = 100  # dots an inch


def save(figure: Any, path: Path) -> None:
    """Write a figure with few colours, so that the page stays light."""
    import io

    from matplotlib import pyplot
    from PIL import Image

    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=PICTURES, facecolor="white", format="png")
    pyplot.close(figure)
    Image.open(drawn).convert("RGB").quantize(128).save(path, optimize=True)


def canvas(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """A figure of so many inches, and its axes as an array ``(rows, columns)``."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 10, "text.color": INK, "axes.edgecolor": PALE, "axes.labelcolor": INK})
    return pyplot.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained", **options)


def show(axes: Any, picture: Any, title: str = "", label: str = "") -> None:
    """A picture (a file, a Pillow picture or an array) without ticks."""
    from PIL import Image

    picture = Image.open(picture) if isinstance(picture, Path) else picture
    axes.imshow(picture, cmap="gray", interpolation="nearest")
    bare(axes)
    axes.set_title(title, fontsize=10)
    axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10)


def bare(axes: Any) -> None:
    """No ticks, no frame."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def row(x: Tensor) -> Any:
    """Items side by side."""
    return lt.grid(x, columns=len(x))


def told(path: Path, name: str) -> float:
    """A figure that ``latentia evaluate`` wrote."""
    return float(next(line["value"] for line in json.loads(path.read_text()) if line["name"] == name))


def purpose(folder: Path, path: Path) -> None:
    """Real items beside new ones."""
    figure, axes = canvas(8, 4.2, 1, 2)
    show(axes[0, 0], folder / "real.png", "digits that people wrote (held out)")
    show(axes[0, 1], folder / "new.png", "digits that nobody wrote")
    save(figure, path)


def latents(folder: Path, path: Path) -> None:
    """The edited codes, decoded: a row for each number that was edited."""
    figure, axes = canvas(6, 5.6)
    show(axes[0, 0], folder / "edited.png", "one number of the code set to  -2.5 ... 2.5,  the others kept")
    height = axes[0, 0].get_ylim()[0] / 8
    axes[0, 0].set_yticks([height * (i + 0.5) for i in range(8)], [f"z{i + 1}" for i in range(8)])
    axes[0, 0].tick_params(length=0)
    save(figure, path)


def kinds(folder: Path, path: Path) -> None:
    """How likely a model finds digits, digits on their heads, and noise."""
    found = np.load(folder / "likely.npz")
    figure, axes = canvas(8, 3)
    bins = np.linspace(min(each.min() for each in found.values()), max(each.max() for each in found.values()), 50)
    for (name, values), color in zip(found.items(), (ACCENT, WARM, PALE), strict=True):
        axes[0, 0].hist(values, bins, color=color, alpha=0.75, label=name.replace("_", " "))
    axes[0, 0].set(xlabel="log p(x) in nats: how probable the model finds an item it has not seen", ylabel="items")
    axes[0, 0].spines[["top", "right"]].set_visible(False)
    axes[0, 0].legend(frameon=False)
    save(figure, path)


def hourglass(folder: Path, path: Path) -> None:
    """Items, their codes as bars, and what is made of the codes."""
    model = lt.load(folder / "runs" / "ae-4")
    x = model.data().test.read([0, 1, 2, 3]).x
    codes, again = model.encode(x), model.reconstruct(x)
    figure, axes = canvas(7.5, 5, 4, 3, width_ratios=(1, 2.2, 1))
    for line, item, code, made in zip(axes, x, codes, again, strict=True):
        show(line[0], item[0].numpy())
        line[1].barh(range(len(code)), code, color=ACCENT, height=0.6)
        line[1].axvline(0, color=INK, linewidth=0.8)
        line[1].set(xlim=(-abs(codes).max() * 1.05, abs(codes).max() * 1.05), yticks=range(len(code)))
        line[1].set_yticklabels([f"z{i + 1}" for i in range(len(code))])
        line[1].invert_yaxis()
        line[1].spines[["top", "right", "left"]].set_visible(False)
        line[1].tick_params(length=0)
        show(line[2], made[0].numpy())
    for axis, title in zip(axes[0], ("x: 64 numbers", "z: 4 numbers", "x-hat: 64 numbers again"), strict=True):
        axis.set_title(title, fontsize=10)
    save(figure, path)


def squared_error(folder: Path, path: Path) -> None:
    """What codes of several sizes keep of the same items, and how much is lost."""
    sizes = (1, 2, 4, 16)
    models = {size: lt.load(folder / "runs" / f"ae-{size}") for size in sizes}
    x = models[1].data().test.read(slice(0, 10)).x
    figure, axes = canvas(8, 4.2, len(sizes) + 1, 1)
    show(axes[0, 0], row(x), label="items")
    for axis, size in zip(axes[1:, 0], sizes, strict=True):
        error = told(folder / f"ae-{size}.json", "squared error")
        label = f"{size} number{'s' * (size > 1)}\nsquared error {error:.2f}"
        show(axis, row(models[size].reconstruct(x)), label=label)
    save(figure, path)


def draws(folder: Path, path: Path) -> None:
    """Items beside several draws from their posteriors."""
    figure, axes = canvas(6, 4.6)
    show(axes[0, 0], folder / "draws.png")
    width = axes[0, 0].get_xlim()[1]
    axes[0, 0].set_xticks([width / 16, width * 9 / 16], ["the item", "seven codes drawn from its posterior, decoded"])
    axes[0, 0].tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    save(figure, path)


def beta(folder: Path, path: Path) -> None:
    """Reconstructions and samples under three prices of a code."""
    values = ("0", "1", "4")
    figure, axes = canvas(9, 5.6, 2, 3, height_ratios=(1, 2.1))
    for column, value in zip(axes.T, values, strict=True):
        figures = folder / f"beta-{value}.json"
        lost, cost = told(figures, "nll"), told(figures, "kl")
        show(column[0], folder / f"beta-{value}-pairs.png")
        column[0].set_title(f"beta {value}\ndecoder misses {lost:.0f} nats, code costs {cost:.0f}", fontsize=10)
        show(column[1], folder / f"beta-{value}-new.png")
    for line, label in zip(axes[:, 0], ("item and\nreconstruction", "samples"), strict=True):
        line.set_ylabel(label, rotation=0, ha="right", va="center")
    save(figure, path)


def space(folder: Path, path: Path) -> None:
    """The codes of an autoencoder and of a VAE, and what lies where."""
    figure, axes = canvas(8, 8.2, 2, 2)
    names = (("ae-2", "autoencoder"), ("vae-2", "VAE"))
    for column, (run, name) in zip(axes.T, names, strict=True):
        model = lt.load(folder / "runs" / run)
        codes, labels = model.encode(model.data().train.read(slice(None)).x), classes()
        reach = np.abs(codes).max() * 1.08
        column[0].scatter(*codes.T, c=labels, cmap="tab10", s=5, linewidths=0)
        column[0].set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        column[0].add_artist(circle())
        column[0].set_title(f"{name}: codes of the training items, by digit", fontsize=10)
        column[0].spines[:].set_visible(False)
        column[0].grid(color="#e6e9ed")
        column[0].set_axisbelow(True)
        show(column[1], folder / f"{run}.png", "decoded: 100 codes drawn from a standard normal")
    save(figure, path)


def circle() -> Any:
    """Where 95 % of a standard normal in two dimensions lies."""
    from matplotlib.patches import Circle

    return Circle((0, 0), 2.45, fill=False, color=INK, linewidth=1, linestyle="--")


def classes() -> Any:
    """The digit that each training item shows."""
    from latentia import data

    return data.open("digits", labels=True).train.read(slice(None)).label.numpy()


def gradient(folder: Path, path: Path) -> None:
    """The spread of two estimates of the same gradient, and how it grows with the number of latents."""
    found = np.load(folder / "gradient.npz")
    figure, axes = canvas(8, 3.4, 1, 2, width_ratios=(1.4, 1))
    bins, eight = np.linspace(-60, 60, 81), list(found["dimensions"]).index(8)
    for name, color in (("reparameterised", ACCENT), ("score function", WARM)):
        axes[0, 0].hist(found[name][eight].clip(-60, 60), bins, color=color, alpha=0.7, label=name, density=True)
        axes[0, 1].loglog(found["dimensions"], found[name].var(1), "o-", color=color, label=name)
    axes[0, 0].axvline(float(found["exact"]), color=INK, linewidth=1, linestyle="--", label="the gradient")
    axes[0, 0].set(xlabel="estimate from one draw", yticks=[])
    axes[0, 1].set(xlabel="latents", ylabel="variance of one draw")
    axes[0, 0].legend(frameon=False, fontsize=9)
    for axis in axes[0]:
        axis.spines[["top", "right"]].set_visible(False)
    save(figure, path)
