"""Curves: what a training and its codes look like, as matplotlib figures.

Figures are made without pyplot, so nothing global changes and nothing has to be closed. Colours of text and lines come
from a :class:`Theme`; the report gives names of its own style sheet there, so that charts follow light and dark mode.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentia.errors import BadData

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Theme", "codes", "divergences", "game", "likelihoods", "losses", "series"]

Array = NDArray[np.float64]
NAMED = 16  # bars that have room for their names
WATCHED = ("balance", "overfitting", "lost_modes", "copies")
SIZE = (5.2, 3.1)  # inches: text of 10 points is still read on a telephone


@dataclass(frozen=True)
class Theme:
    """The colours of a chart; those of ``marks`` are told apart with any kind of colour vision."""

    ink: str = "#1c2330"
    soft: str = "#8a93a3"
    alarm: str = "#c0392b"
    paper: str = "#ffffff"
    marks: tuple[str, ...] = ("#3b6fd4", "#e08a1e", "#2a9d6f", "#8254c4")


def series(rows: Sequence[Mapping[str, Any]], split: str, name: str) -> tuple[Array, Array]:
    """Images seen and values of one log of one split, from the rows of ``log.jsonl``, in order of images seen."""
    points = {
        int(row["seen"]): float(row["logs"][name])
        for row in rows
        if row.get("split") == split and row.get("logs", {}).get(name) is not None
    }
    seen = sorted(points)
    return np.array(seen, dtype=np.float64), np.array([points[each] for each in seen], dtype=np.float64)


def losses(rows: Sequence[Mapping[str, Any]], theme: Theme | None = None) -> Figure:
    """The course of a training: reconstruction and KL stacked to -ELBO where both are logged, else one line per log.

    Args:
        rows: those of ``log.jsonl``: ``{"seen", "split", "logs"}``.
        theme: the colours.

    Raises:
        BadData: no row has a log.
    """
    theme = theme or Theme()
    figure, axes = _blank(theme)
    split = "validation" if any(row.get("split") == "validation" for row in rows) else "train"
    seen, nll = series(rows, split, "nll")
    _, kl = series(rows, split, "kl")
    if len(seen) and len(nll) == len(kl) and min(nll.min(), kl.min()) >= 0:
        _stacked(axes, rows, split, seen, nll, kl, theme)
    else:
        _lines(axes, rows, theme)
    axes.set_xlabel("training images seen")
    axes.xaxis.set_major_formatter(_engineering())
    axes.set_xlim(left=0)
    _legend(axes, theme)
    return figure


def game(rows: Sequence[Mapping[str, Any]], theme: Theme | None = None) -> Figure:
    """What the detectors of a game measured at each validation, as shares from 0 to 1.

    Raises:
        BadData: they measured nothing.
    """
    theme = theme or Theme()
    drawn = {name: series(rows, "watch", name) for name in WATCHED}
    if not any(len(seen) for seen, _ in drawn.values()):
        raise BadData("the log has no rows of a game that was watched; nothing to draw")
    figure, axes = _blank(theme)
    for color, (name, (seen, values)) in zip(theme.marks, drawn.items(), strict=True):
        if len(seen):
            axes.plot(seen, values, color=color, linewidth=1.4, marker="o", markersize=3, label=name.replace("_", " "))
    axes.axhline(0.5, color=theme.soft, linewidth=1, linestyle=(0, (4, 2)))
    axes.set_xlabel("training images seen")
    axes.xaxis.set_major_formatter(_engineering())
    axes.set_xlim(left=0)
    axes.set_ylim(-0.02, 1.04)
    axes.set_ylabel("share")
    _legend(axes, theme)
    return figure


def _stacked(
    axes: Axes, rows: Sequence[Mapping[str, Any]], split: str, seen: Array, nll: Array, kl: Array, theme: Theme
) -> None:
    held = "held-out" if split == "validation" else split
    axes.fill_between(seen, 0, nll, color=theme.marks[0], alpha=0.55, linewidth=0, label=f"{held} reconstruction")
    axes.fill_between(seen, nll, nll + kl, color=theme.marks[1], alpha=0.75, linewidth=0, label=f"{held} KL")
    axes.plot(seen, nll + kl, color=theme.ink, linewidth=1.4, label="their sum, -ELBO")
    trained, missed = series(rows, "train", "nll")
    _, told = series(rows, "train", "kl")
    if split != "train" and len(trained) and len(missed) == len(told):
        axes.plot(trained, missed + told, color=theme.soft, linewidth=1, linestyle=(0, (4, 2)), label="training -ELBO")
    axes.set_ylim(*_limits(nll, kl))
    axes.set_ylabel("nats per item")


def _lines(axes: Axes, rows: Sequence[Mapping[str, Any]], theme: Theme) -> None:
    drawn = list(_readable(rows))[: len(theme.marks)]
    for color, name in zip(theme.marks, drawn, strict=False):
        for split, style in (("train", (0, (4, 2))), ("validation", "-")):
            seen, values = series(rows, split, name)
            if len(seen):
                told = f"{name.replace('_', ' ')}, {'held-out' if split == 'validation' else split}"
                axes.plot(seen, values, color=color, linestyle=style, linewidth=1.4, label=told)
    late = np.concatenate([_late(rows, name) for name in drawn])
    low, high = min(late.min(), 0.0), late.max()
    axes.set_ylim(low - 0.02 * (high - low), high + 0.25 * (high - low) or 1.0)
    axes.set_ylabel("value of the log")


def _readable(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The logs that one chart can show: those of held-out data if there are any, and no line that hugs the axis.

    Raises:
        BadData: there is none.
    """
    held = [row for row in rows if row.get("split") == "validation"]
    names = list(dict.fromkeys(name for row in held or rows for name in row.get("logs", {})))
    if not names:
        raise BadData("the log has no rows with values; nothing to draw yet")
    reach = {name: float(np.abs(_late(rows, name)).max()) for name in names}
    yield from (name for name in names if reach[name] >= 0.05 * max(reach.values()))


def _late(rows: Sequence[Mapping[str, Any]], name: str) -> Array:
    """What a log says after the first tenth of a training, whose heights would flatten all the rest."""
    both = [series(rows, split, name)[1] for split in ("train", "validation")]
    return np.concatenate([values[len(values) // 10 :] for values in both])


def _limits(nll: Array, kl: Array) -> tuple[float, float]:
    """Bottom and top of the chart: a tall start may leave the picture, and a KL that would be a mere line may not."""
    whole, late = nll + kl, slice(len(kl) // 4, None)
    bottom = 0.0 if kl[late].max() > 0.05 * whole[late].max() else max(0.0, nll.min() - 3 * kl[late].max())
    top = min(whole.max(), bottom + 1.6 * (whole[late].max() - bottom))
    return bottom, (top + 0.04 * (top - bottom)) or 1.0


def likelihoods(
    held_out: ArrayLike, training: ArrayLike, foreign: float | None = None, theme: Theme | None = None
) -> Figure:
    """How likely items are: histograms of log p(x) in nats, and where a foreign item lies among them."""
    theme = theme or Theme()
    figure, axes = _blank(theme)
    held, trained = np.asarray(held_out, dtype=np.float64), np.asarray(training, dtype=np.float64)
    both = np.concatenate([held, trained])
    low, high = np.quantile(both, 0.002), both.max()
    width = max(high - low, 1e-6)
    near = foreign is not None and foreign > low - width
    left = (min(low, foreign) if foreign is not None and near else low) - 0.03 * width
    bins = np.linspace(left, high + 0.02 * width, 48).tolist()
    for values, color, told in ((trained, theme.marks[1], "training items"), (held, theme.marks[0], "held-out items")):
        shares = np.full(len(values), 1 / max(1, len(values)))
        axes.hist(np.clip(values, left, None), bins, weights=shares, color=color, alpha=0.6, label=told)
    if foreign is not None:
        _flag(axes, foreign, max(foreign, left), near, theme)
    axes.set_xlabel("log p(x) in nats: further right is more likely")
    axes.set_ylabel("share of items")
    axes.set_xlim(left, bins[-1])
    axes.set_ylim(0, axes.get_ylim()[1] * 1.16)
    _legend(axes, theme)
    return figure


def _flag(axes: Axes, value: float, where: float, near: bool, theme: Theme) -> None:
    """A line where the foreign item lies, or an arrow that points out of the chart towards it."""
    top = axes.get_ylim()[1]
    if near:
        axes.axvline(where, color=theme.alarm, linewidth=2)
        axes.text(where, top * 1.07, f"  foreign item at {value:,.0f}", color=theme.alarm, va="center")
        return
    edge = {"arrowstyle": "-|>", "color": theme.alarm, "linewidth": 2}
    reach = where + (axes.get_xlim()[1] - where) * 0.12
    axes.annotate("", (where, top * 1.07), (reach, top * 1.07), arrowprops=edge)
    axes.text(reach, top * 1.07, f" foreign item, far off at {value:,.0f}", color=theme.alarm, va="center")


def divergences(kl: ArrayLike, theme: Theme | None = None) -> Figure:
    """What each latent carries ``(latent,)``: KL in nats, largest first; few latents are named, z1 and on."""
    from matplotlib.ticker import MaxNLocator

    theme = theme or Theme()
    figure, axes = _blank(theme)
    carried = np.asarray(kl, dtype=np.float64)
    order = np.argsort(-carried, kind="stable")
    places = np.arange(1, len(carried) + 1)
    axes.bar(places, carried[order], color=theme.marks[1], alpha=0.8, width=0.85)
    axes.axhline(0.1, color=theme.soft, linewidth=1, linestyle=(0, (4, 2)), label="0.1 nats: silent below")
    axes.set_xlabel("latents, largest first")
    axes.set_ylabel("KL in nats")
    axes.set_xlim(0.4, len(carried) + 0.6)
    if len(carried) <= NAMED:
        axes.set_xticks(places, [f"z{latent + 1}" for latent in order])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    _legend(axes, theme)
    return figure


def codes(
    points: ArrayLike,
    labels: ArrayLike | None = None,
    names: Sequence[str] = (),
    axis_names: tuple[str, str] = ("z1", "z2"),
    theme: Theme | None = None,
) -> Figure:
    """Codes ``(N, 2)`` as a cloud of points; with ``labels`` ``(N,)`` coloured, and named, by class."""
    theme = theme or Theme()
    figure, axes = _blank(theme)
    cloud = np.asarray(points, dtype=np.float64)
    if labels is None or not names:
        axes.scatter(cloud[:, 0], cloud[:, 1], s=8, color=theme.marks[0], alpha=0.6, linewidths=0)
    else:
        _classes(axes, cloud, np.asarray(labels), names, theme)
    axes.set_xlabel(axis_names[0])
    axes.set_ylabel(axis_names[1])
    return figure


def _classes(axes: Axes, cloud: Array, labels: NDArray[Any], names: Sequence[str], theme: Theme) -> None:
    from matplotlib import colormaps

    palette = colormaps["tab10"] if len(names) <= 10 else colormaps["turbo"].resampled(len(names))
    for i, name in enumerate(names):
        some = cloud[labels == i]
        axes.scatter(some[:, 0], some[:, 1], s=14, color=palette(i), alpha=0.75, linewidths=0, label=name)
    if len(names) <= 14:
        _legend(axes, theme, aside=True)


def _blank(theme: Theme) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(SIZE, layout="constrained")
    figure.patch.set_facecolor(theme.paper)
    axes = figure.add_subplot()
    axes.set_facecolor("none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(theme.soft)
    axes.tick_params(colors=theme.soft, labelcolor=theme.ink, labelsize=9)
    axes.xaxis.label.set_color(theme.ink)
    axes.yaxis.label.set_color(theme.ink)
    return figure, axes


def _legend(axes: Axes, theme: Theme, aside: bool = False) -> None:
    """What the marks mean: above the chart, where it covers nothing, or ``aside`` of it."""
    where = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if aside else {"loc": "lower left", "ncols": 2}
    if not aside:
        where |= {"bbox_to_anchor": (0.0, 1.0), "borderaxespad": 0.2}
    axes.legend(**where, frameon=False, fontsize=9, labelcolor=theme.ink)


def _engineering() -> Any:
    from matplotlib.ticker import EngFormatter

    return EngFormatter(sep="")
