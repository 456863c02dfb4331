"""Map: a data set in two dimensions of latent space, and what the decoder makes of the ground between its items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from latentia.errors import BadData, BadField
from latentia.tasks.encode import decode
from latentia.tasks.working import Net

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LatentMap", "drawn", "latent_map", "plane"]

Array = NDArray[np.float64]
MARGIN = 0.005  # of the items on each side may lie beyond the edge
CELLS = 16
SIZE = 7.0  # inches
NAMED = 10  # colours that are told apart


@dataclass(frozen=True)
class LatentMap:
    """The plane through the codes' mean along their two largest axes (of two latents: these).

    Attributes:
        places: where each item lies, ``(N, 2)``: right and up, in units of the latents.
        edges: left, right, bottom and top of the ground that is shown.
        cells: what is decoded at the middle of each cell, ``(rows, columns, *shape)``, the first row at the top.
        share: how much of the codes' variance the plane holds, 0 to 1.
    """

    places: Array
    edges: tuple[float, float, float, float]
    cells: Tensor
    share: float


def latent_map(net: Net, codes: Array, cells: int = CELLS, label: Tensor | None = None) -> LatentMap:
    """The map of codes ``(N, latent)``.

    Args:
        net: has a decoder.
        codes: of the items.
        cells: decoded, along each side.
        label: shares of the classes ``(classes,)`` that cells are given, for a net that takes labels.

    Raises:
        BadField: fewer than 2 cells.
        BadData: fewer than 3 items, or all with one code.
    """
    if cells < 2:
        raise BadField(f"cells is {cells}; it takes at least 2")
    if len(codes) < 3:
        raise BadData(f"{len(codes)} items make no map; it takes 3 or more")
    middle, axes, share = plane(np.asarray(codes, dtype=np.float64))
    places = (codes - middle) @ axes
    low, high = np.quantile(places, [MARGIN, 1 - MARGIN], axis=0)
    wide = np.maximum(high - low, 1e-12)
    ticks = (np.arange(cells) + 0.5) / cells
    right, up = np.meshgrid(low[0] + wide[0] * ticks, low[1] + wide[1] * ticks[::-1])
    z = middle + np.stack([right.ravel(), up.ravel()], 1) @ axes.T
    given = None if label is None else label.reshape(1, -1).expand(len(z), -1)
    shown = decode(net, z, label=given)
    edges = (float(low[0]), float(high[0]), float(low[1]), float(high[1]))
    return LatentMap(places, edges, shown.reshape(cells, cells, *shown.shape[1:]), share)


def plane(codes: Array) -> tuple[Array, Array, float]:
    """A point of the plane, its two directions ``(latent, 2)``, and the share of the variance that it holds."""
    middle, width = codes.mean(0), codes.shape[1]
    if width == 2:
        return np.zeros(2), np.eye(2), 1.0
    values, axes = np.linalg.eigh(np.cov(codes.T).reshape(width, width))
    if values[-1] <= 0:
        raise BadData("all items have the same code: there is nothing to map")
    if width == 1:
        return middle, np.array([[1.0, 0.0]]), 1.0
    axes = axes[:, [-1, -2]]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), [0, 1]])
    return middle, axes, float(values[-2:].sum() / values.sum())


def drawn(found: LatentMap, labels: Sequence[str] | None = None) -> Figure:
    """The map as a figure: decoded cells beneath, items over them, coloured by their label if they have one.

    Raises:
        BadData: the cells are no pictures.
    """
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    if found.cells.dim() != 5 or found.cells.shape[2] not in (1, 3, 4):
        raise BadData("only pictures can be shown on a map; -o map.csv or map.npz has the places of rows")
    figure = Figure(figsize=(SIZE, SIZE), layout="constrained")
    axes = figure.add_subplot()
    apart = pad(found.cells, (0, 1, 0, 1), value=1.0)  # a white line between cells
    ground = torch.cat([torch.cat(list(row), 2) for row in apart], 1).clamp(0, 1).permute(1, 2, 0).numpy()
    axes.imshow(ground.squeeze(), cmap="gray", extent=found.edges, aspect="auto", interpolation="nearest", alpha=0.55)
    names = sorted(set(labels or [""]))
    colours = colormaps["tab10" if len(names) <= NAMED else "turbo"]
    for place, name in enumerate(names):
        own = np.array([label == name for label in labels]) if labels else slice(None)
        colour = colours(place if len(names) <= NAMED else place / (len(names) - 1))
        right, up = found.places[own].T
        axes.scatter(right, up, s=7, color=colour, label=name, linewidths=0.3, edgecolors="white")
    if len(names) > 1:
        figure.legend(loc="outside lower center", ncols=min(len(names), 5), frameon=False, markerscale=2.5)
    axes.set_xlim(found.edges[:2])
    axes.set_ylim(found.edges[2:])
    axes.set_title(f"{len(found.places):,} items; the plane holds {found.share:.0%} of the variance of their codes")
    return figure
