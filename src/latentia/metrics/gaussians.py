"""Normal distributions of features, one for each place of a picture: how far features are from those of good pictures.

Defard et al. 2021, "PaDiM: a patch distribution modeling framework for anomaly detection and localization", equations
1 and 2, with covariances that few pictures can bear: that of a place is drawn towards the one that all places share,
and that towards uncorrelated features, each as if rows of that kind had been seen as well (:data:`SHARED` and
:data:`APART` rows per feature: an inverse Wishart prior). What is learnt depends on no feature's unit.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from latentia.errors import BadData

__all__ = ["MOST", "Gaussians", "Moments"]

SHARED = 4.0  # rows per feature that every place is taken to have seen with the covariance of all places
APART = 1.0  # rows per feature that all places together are taken to have seen with uncorrelated features
LEAST = 1e-6  # variance of a feature that hardly varies, as a share of its mean square
MOST = 4096  # features of a place
ACROSS = 16  # places along a side, at most: patches of larger maps share those of their neighbourhood


@dataclass(frozen=True, eq=False)
class Gaussians:
    """A normal distribution for each of ``rows x columns`` places.

    Attributes:
        mean: ``(rows, columns, D)``, float64.
        whiten: ``(rows, columns, D, D)``, lower triangular: ``whiten @ (x - mean)`` is standard normal.
    """

    mean: Tensor
    whiten: Tensor

    def energies(self, features: Tensor) -> Tensor:
        """Half the squared Mahalanobis distance at every position of maps ``(N, D, h, w)``: float64 ``(N, h, w)``.

        It is ``-log`` of the density less that at the mean, in nats.
        """
        found = torch.empty(len(features), *features.shape[2:], dtype=torch.float64)
        for row, column, (down, along) in _places(features.shape[2:], self.mean.shape[:2]):
            apart = _at(features, down, along) - self.mean[row, column]
            told = 0.5 * (apart @ self.whiten[row, column].T).square().sum(1)
            found[:, down, along] = told.reshape(len(features), down.stop - down.start, -1)
        return found

    def shares(self, features: Tensor) -> Tensor:
        """What each of features ``(N, D)`` adds to half the squared distance: float64 ``(N, D)``, of either sign."""
        apart, whiten = features.double() - self.mean[0, 0], self.whiten[0, 0]
        return 0.5 * apart * (apart @ whiten.T @ whiten)


class Moments:
    """Sums over maps of features ``(N, D, h, w)``, a few at a time, from which :class:`Gaussians` are made."""

    def __init__(self) -> None:
        self.shape: tuple[int, ...] = ()
        self.counts, self.sums, self.products = (torch.empty(0) for _ in range(3))

    def add(self, features: Tensor) -> None:
        """Count some pictures in.

        Raises:
            BadData: features of another shape than before, of too many numbers, or some that are no numbers.
        """
        shape = tuple(features.shape[1:])
        if not self.shape:
            self._begin(shape)
        if shape != self.shape:
            raise BadData(f"features are {shape} of some pictures and {self.shape} of others; all must be of one shape")
        if not bool(torch.isfinite(features).all()):
            raise BadData("a feature of a picture is not a finite number")
        for row, column, place in _places(shape[1:], self.counts.shape):
            values = _at(features, *place)
            self.counts[row, column] += len(values)
            self.sums[row, column] += values.sum(0)
            self.products[row, column] += values.T @ values

    def _begin(self, shape: tuple[int, ...]) -> None:
        if shape[0] > MOST:
            raise BadData(f"features are {shape[0]:,} numbers; at most {MOST:,} can be held against their covariance")
        self.shape = shape
        grid = tuple(min(side, ACROSS) for side in shape[1:])
        self.counts = torch.zeros(grid, dtype=torch.float64)
        self.sums = torch.zeros(*grid, shape[0], dtype=torch.float64)
        self.products = torch.zeros(*grid, shape[0], shape[0], dtype=torch.float64)

    def gaussians(self) -> Gaussians:
        """The distributions.

        Raises:
            BadData: fewer than two pictures were counted.
        """
        if not self.shape or float(self.counts.min()) < 2:
            raise BadData("the features of at least two good pictures are needed to tell how features vary")
        size, count = self.shape[0], self.counts[..., None, None]
        mean = self.sums / self.counts[..., None]
        scatter = self.products - count * mean[..., :, None] * mean[..., None, :]
        whole = scatter.sum((0, 1))
        squares = self.products.sum((0, 1)).diagonal() / self.counts.sum()
        least = LEAST * torch.where(squares > 0, squares, 1.0)
        variances = torch.maximum(whole.diagonal() / self.counts.sum(), least)
        shared = (whole + APART * size * variances.diag()) / (self.counts.sum() + APART * size)
        own = (scatter + SHARED * size * shared) / (count + SHARED * size)
        return Gaussians(mean, torch.linalg.inv(torch.linalg.cholesky(own)))


def _at(features: Tensor, down: slice, along: slice) -> Tensor:
    """The rows of features at some positions, float64 ``(N * positions, D)``."""
    return features[:, :, down, along].double().permute(0, 2, 3, 1).reshape(-1, features.shape[1])


def _places(size: tuple[int, ...], grid: tuple[int, ...]) -> list[tuple[int, int, tuple[slice, slice]]]:
    """The places of a grid with the positions of a map that are theirs."""
    rows, columns = (
        [slice(place * side // count, (place + 1) * side // count) for place in range(count)]
        for side, count in zip(size, grid, strict=True)
    )
    return [(i, j, (down, along)) for i, down in enumerate(rows) for j, along in enumerate(columns)]
