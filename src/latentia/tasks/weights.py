"""Weights: how much each item should count, so that rare kinds of data are seen as often as common ones.

How common an item is, the density of codes around its own says: what a model was never told to look for counts too. The
idea is that of Amini et al. 2019, "Uncovering and Mitigating Algorithmic Bias through Learned Latent Structure" (AIES),
algorithm 1, which multiplies one histogram for each latent; here the density is taken of all latents together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latentia.errors import BadData, BadField
from latentia.metrics.neighbours import squared
from latentia.metrics.rows import as_rows, chunks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Balance", "balance", "histogram"]

Array = NDArray[np.float64]
NEAR = 0.03  # of the items lie within the reach of the kernel, at the median
OTHERS = 10_000  # rows, drawn at random, that the density of each is taken among
LARGEST = 10.0
BINS = 40
WIDE = 40  # letters of all labels that stand beside each other


@dataclass(frozen=True)
class Balance:
    """How much each item should count.

    Attributes:
        weights: ``(N,)``; their mean is 1.
        density: how common the item is, ``(N,)``: the share of items near it, over that of the median item.
        effective: how many items the weighted ones are worth, (sum w)^2 / sum w^2.
    """

    weights: Array
    density: Array

    @property
    def effective(self) -> float:
        return float(self.weights.sum() ** 2 / np.square(self.weights).sum())


def balance(
    codes: ArrayLike, within: Sequence[str] | None = None, largest: float = LARGEST, strength: float = 1.0
) -> Balance:
    """Weights that fall as codes get dense: weight = density^-strength, cut off at ``largest`` times the mean.

    The density is a sum of normal kernels, whose deviation is the distance that, at the median item, holds 3 %
    of all items.

    Args:
        codes: ``(N, latent)``.
        within: the label of each item: the density is that among items of its label, and each label keeps its share
            of the weight, so that only kinds *inside* labels are evened out.
        largest: how many times the mean an item may weigh: far out no item is common, and one must not rule.
        strength: 0 leaves every item as it is, 1 evens out the density.

    Raises:
        BadField: largest below 1, or strength not from 0 to 1.
        BadData: fewer than 10 items (of a label), all codes alike, or another number of labels.
    """
    if largest < 1 or not 0 <= strength <= 1:
        raise BadField(
            f"largest is {largest:g} and strength {strength:g}; largest is at least 1, strength lies from 0 to 1"
        )
    rows = as_rows(codes, "codes")
    if within is not None and len(within) != len(rows):
        raise BadData(f"{len(within)} labels for {len(rows)} items; it takes one each")
    groups = np.zeros(len(rows)) if within is None else np.unique(np.asarray(within), return_inverse=True)[1]
    weights, density = np.empty(len(rows)), np.empty(len(rows))
    for group in np.unique(groups):
        own = groups == group
        density[own] = _density(rows[own])
        weights[own] = _capped(density[own] ** -strength, largest)
    return Balance(weights, density)


def _density(codes: Array) -> Array:
    """The density of each row among the others, over its median; of many rows among :data:`OTHERS` of them."""
    count = len(codes)
    if count < 10:
        raise BadData(f"{count} items are too few to tell common from rare; it takes 10 or more of each label")
    chosen = np.random.default_rng(0).permutation(count)[:OTHERS]
    others = codes[chosen]
    near = max(3, round(NEAR * len(others)))
    reach, found = np.empty(len(others)), np.ones(count)  # every row counts itself
    for part in chunks(len(others), len(others)):
        reach[part] = np.partition(squared(others[part], others), near, axis=1)[:, near]
    width = float(np.median(reach))
    if width <= 0:
        raise BadData("most items have the same code: no density can be taken of it")
    found[chosen] = 0
    for part in chunks(count, len(others)):
        found[part] += np.exp(-0.5 * squared(codes[part], others) / width).sum(1)
    return found / np.median(found)


def _capped(weights: Array, largest: float) -> Array:
    """Weights of mean 1, none above ``largest``: what is cut off the largest is spread over the others."""
    for _ in range(100):
        weights = weights / weights.mean()
        if weights.max() <= largest * (1 + 1e-9):
            break
        weights = np.minimum(weights, largest)
    return np.minimum(weights, largest)


def histogram(found: Balance, labels: Sequence[str] | None = None) -> Figure:
    """How common items are, before and after: counted once each, and by their weights; beside it each label's share."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0 if labels else 5.2, 3.4), layout="constrained")
    panels = figure.subplots(1, 2 if labels else 1, squeeze=False)[0]
    told = np.log10(found.density)
    edges = np.histogram_bin_edges(told, BINS)
    for name, weights, colour in (("before", None, "#8a93a3"), ("after", found.weights, "#3b6fd4")):
        panels[0].hist(told, edges, weights=weights, histtype="step", linewidth=1.8, label=name, color=colour)
    panels[0].set_xlabel("how common an item is, log10 of its density")
    panels[0].set_ylabel("items")
    panels[0].legend(frameon=False)
    if labels:
        names = sorted(set(labels))
        places = np.array([names.index(label) for label in labels])
        for side, weights, colour in ((-0.2, None, "#8a93a3"), (0.2, found.weights, "#3b6fd4")):
            panels[1].bar(np.arange(len(names)) + side, np.bincount(places, weights) / len(places), 0.4, color=colour)
        panels[1].set_xticks(range(len(names)), names, rotation=90 if sum(map(len, names)) > WIDE else 0)
        panels[1].set_ylabel("share of the label")
    return figure
