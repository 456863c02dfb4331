"""The figures of ``docs/ideas.md``: each function draws what the commands of its idea left in the working folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

import latentia as lt

INK, PALE, ACCENT, WARM = "#333333", "#9aa5b1", "#1f6feb", "#d1495b"
PICTURES = 100  # dots an inch
REACH = 6  # of the estimates of a gradient that are shown
STEP, GAP = 48, 10  # pixels from digit to digit, and between them


def save(figure: Any, path: Path, colors: int = 64) -> None:
    """Write a figure with few colours, so that the page stays light."""
    import io

    from matplotlib import pyplot
    from PIL import Image

    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=PICTURES, facecolor="white", format="png")
    pyplot.close(figure)
    Image.open(drawn).convert("RGB").quantize(colors).save(path, optimize=True)


def canvas(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Any, Any]:
    """A figure of so many inches, and its axes as an array ``(rows, columns)``."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"font.size": 10, "text.color": INK, "axes.edgecolor": PALE, "axes.labelcolor": INK})
    made = pyplot.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained", **options)
    made[0].get_layout_engine().set(w_pad=0.08, h_pad=0.08, wspace=0.06)
    return made


def tiles(x: Any, columns: int) -> Any:
    """Small pictures ``(N, 8, 8)`` in [0, 1], enlarged smoothly and set apart: digits fill their squares."""
    from PIL import Image

    rows = -(-len(x) // columns)
    paper = Image.new("L", (columns * STEP - GAP, rows * STEP - GAP), 255)
    for place, each in enumerate(np.asarray(x)):
        if each.min() > 1:
            continue  # an empty place
        small = Image.fromarray((each.clip(0, 1) * 255).round().astype(np.uint8))
        across, down = place % columns * STEP, place // columns * STEP
        paper.paste(small.resize((STEP - GAP, STEP - GAP), Image.Resampling.BICUBIC), (across, down))
    return paper


def cells(path: Path) -> Any:
    """The digits ``(N, 8, 8)`` of a grid that a command wrote: cells of 56 pixels, 2 pixels apart."""
    from PIL import Image

    grid = np.asarray(Image.open(path), dtype=np.float64) / 255
    rows = [line[:, 2 + 58 * i : 58 * (i + 1)] for line in split(grid) for i in range(grid.shape[1] // 58)]
    return np.stack([cell[3::7, 3::7] for cell in rows if cell.min() < 1])  # beyond the last is white paper


def split(grid: Any) -> list[Any]:
    """The lines of cells of a grid."""
    return [grid[2 + 58 * i : 58 * (i + 1)] for i in range(len(grid) // 58)]


def show(axes: Any, x: Any, columns: int, title: str = "", label: str = "") -> None:
    """Digits ``(N, 8, 8)`` or ``(N, 1, 8, 8)`` without ticks."""
    axes.imshow(tiles(np.asarray(x).reshape(-1, 8, 8), columns), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    bare(axes)
    axes.set_title(title, fontsize=10)
    axes.set_ylabel(label, rotation=0, ha="right", va="center", fontsize=10)


def bare(axes: Any) -> None:
    """No ticks, no frame."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def told(path: Path, name: str) -> float:
    """A figure that ``latentia evaluate`` wrote."""
    return float(next(line["value"] for line in json.loads(path.read_text()) if line["name"] == name))


def purpose(folder: Path, path: Path) -> None:
    """Real items beside new ones."""
    figure, axes = canvas(8, 4.2, 1, 2)
    show(axes[0, 0], cells(folder / "real.png"), 7, "digits that people wrote (held out)")
    show(axes[0, 1], cells(folder / "new.png"), 7, "digits that nobody wrote")
    save(figure, path)


def latents(folder: Path, path: Path) -> None:
    """The edited codes, decoded: a row for each number that was edited."""
    figure, axes = canvas(6, 5.6)
    show(axes[0, 0], cells(folder / "edited.png"), 8, "one number of the code set from -2.5 to 2.5, the others kept")
    axes[0, 0].set_yticks([STEP * i + (STEP - GAP) / 2 for i in range(8)], [f"z{i + 1}" for i in range(8)])
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
    x = model.data().test.read([23, 8, 14, 2]).x
    codes, again = model.encode(x), model.reconstruct(x)
    figure, axes = canvas(7.5, 5, 4, 3, width_ratios=(1, 2.2, 1))
    for line, item, code, made in zip(axes, x, codes, again, strict=True):
        show(line[0], item, 1)
        line[1].barh(range(len(code)), code, color=ACCENT, height=0.6)
        line[1].axvline(0, color=INK, linewidth=0.8)
        line[1].set(xlim=(-abs(codes).max() * 1.05, abs(codes).max() * 1.05), yticks=range(len(code)))
        line[1].set_yticklabels([f"z{i + 1}" for i in range(len(code))])
        line[1].invert_yaxis()
        line[1].spines[["top", "right", "left"]].set_visible(False)
        line[1].tick_params(length=0)
        show(line[2], made, 1)
    for axis, title in zip(axes[0], ("x: 64 numbers", "z: 4 numbers", "x-hat: 64 numbers again"), strict=True):
        axis.set_title(title, fontsize=10)
    save(figure, path)


def squared_error(folder: Path, path: Path) -> None:
    """What codes of several sizes keep of the same items, and how much is lost."""
    sizes = (1, 2, 4, 8)
    models = {size: lt.load(folder / "runs" / f"ae-{size}") for size in sizes}
    x = one_of_each(models[1])
    figure, axes = canvas(8, 4.2, len(sizes) + 1, 1)
    show(axes[0, 0], x, 10, label="items")
    for axis, size in zip(axes[1:, 0], sizes, strict=True):
        error = told(folder / f"ae-{size}.json", "squared error")
        label = f"{size} number{'s' * (size > 1)}\nsquared error {error:.2f}"
        show(axis, models[size].reconstruct(x), 10, label=label)
    save(figure, path)


def one_of_each(model: lt.Model) -> Any:
    """The first held-out digit of each kind."""
    from latentia import data

    labels = data.open("digits", labels=True).test.read(slice(None)).label.tolist()
    return model.data().test.read([labels.index(digit) for digit in range(10)]).x


def draws(folder: Path, path: Path) -> None:
    """Items beside several draws from their posteriors, and where the draws differ."""
    found = cells(folder / "draws.png").reshape(-1, 8, 8, 8)[[0, 2, 3, 5, 8, 14, 15]]
    spread = found[:, 1:].std(1, keepdims=True)
    figure, axes = canvas(7, 4.8)
    show(
        axes[0, 0],
        np.concatenate([found, np.zeros_like(spread) + 2, spread / spread.max((1, 2, 3), keepdims=True)], 1),
        10,
    )
    heads = {0: "item", 4: "seven codes drawn from its posterior, decoded", 9: "differ"}
    axes[0, 0].set_xticks([STEP * place + (STEP - GAP) / 2 for place in heads], heads.values())
    axes[0, 0].tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    save(figure, path)


def beta(folder: Path, path: Path) -> None:
    """Reconstructions and samples under three prices of a code."""
    figure, axes = canvas(10, 3.5, 2, 3, height_ratios=(2, 5))
    for column, value in zip(axes.T, ("0", "1", "4"), strict=True):
        figures, pairs = folder / f"beta-{value}.json", cells(folder / f"beta-{value}-pairs.png")
        lost, cost = told(figures, "nll"), told(figures, "kl")
        title = f"beta {value}\ndecoder misses {lost:.0f}, code costs {cost:.0f} nats"
        show(column[0], np.concatenate([pairs[0::2], pairs[1::2]]), 8, title)
        show(column[1], cells(folder / f"beta-{value}-new.png")[:40], 8)
    for line, label in zip(axes[:, 0], ("items and\nreconstructions", "samples"), strict=True):
        line.set_ylabel(label, rotation=0, ha="right", va="center")
    save(figure, path)


def space(folder: Path, path: Path) -> None:
    """The codes of an autoencoder and of a VAE, and what lies where."""
    figure, axes = canvas(8, 8.2, 2, 2)
    for column, (run, name) in zip(axes.T, (("ae", "autoencoder"), ("vae", "VAE")), strict=True):
        model = lt.load(folder / "runs" / f"{run}-2")
        codes = model.encode(model.data().train.read(slice(None)).x)
        reach = np.abs(codes).max()
        column[0].scatter(*codes.T, c=classes(), cmap="tab10", s=5, linewidths=0)
        column[0].set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        column[0].add_artist(circle())
        column[0].set_title(f"{name}: where the codes lie (2 numbers)", fontsize=10)
        column[0].spines[:].set_visible(False)
        column[0].tick_params(length=0, colors=PALE)
        made = cells(folder / f"{run}-8.png")
        show(column[1], made, 8, f"{name}: decoded draws (8 numbers)\n{away(made):.2f} from the nearest training digit")
    save(figure, path, colors=128)


def away(x: Any) -> float:
    """The mean squared error from pictures to the training digit that is nearest to each."""
    from latentia import data

    known = data.open("digits").train.read(slice(None)).x.flatten(1).double().numpy()
    errors = ((x.reshape(len(x), 1, -1) - known) ** 2).sum(-1)
    return float(errors.min(1).mean())


def circle() -> Any:
    """Where 95 % of a standard normal in two dimensions lies."""
    from matplotlib.patches import Circle

    return Circle((0, 0), 2.45, fill=False, color=INK, linewidth=1, linestyle="--")


def classes() -> Any:
    """The digit that each training item shows."""
    from latentia import data

    return data.open("digits", labels=True).train.read(slice(None)).label.numpy()


def gradient(folder: Path, path: Path) -> None:
    """The spread of three estimates of the same gradient."""
    found, variance = np.load(folder / "gradient.npz"), np.load(folder / "variance.npz")
    colors = dict(zip(found, (ACCENT, WARM, "#e9a23b"), strict=True))
    figure, axes = canvas(9.5, 3.2, 1, 2, width_ratios=(1.4, 1))
    for name in ("reparameterised", "score function, baseline", "score function"):
        inside = found[name][abs(found[name]) < REACH]
        axes[0, 0].hist(inside, np.linspace(-REACH, REACH, 97), color=colors[name], alpha=0.75, label=name)
    axes[0, 0].axvline(1, color=INK, linewidth=1, linestyle="--")
    axes[0, 0].set(xlabel="share of the gradient that one estimate shows", ylabel="estimates", xlim=(-REACH, REACH))
    outside = int((abs(found["score function"]) >= REACH).sum())
    axes[0, 0].text(
        -REACH, axes[0, 0].get_ylim()[1] * 0.9, f" {outside} of the score function's\n lie outside", va="top"
    )
    names = ("score function", "score function, baseline", "reparameterised")
    sizes = [float(variance[name]) / float(variance["reparameterised"]) for name in names]
    bars = axes[0, 1].barh(names, sizes, color=[colors[name] for name in names])
    axes[0, 1].bar_label(bars, [f" {size:,.0f}" for size in sizes])
    axes[0, 1].set(xscale="log", xlabel="variance (log scale)", xlim=(0.7, max(sizes) * 8))
    for axis in axes[0]:
        axis.spines[["top", "right"]].set_visible(False)
    save(figure, path)
