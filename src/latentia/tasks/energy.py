"""Energy: how far the features of a picture lie from those of good pictures, as a whole or place by place.

Features are what a callable makes of pictures: one row for each, ``(N, D)``, or one for each place, ``(N, D, h, w)``.
The reference is a normal distribution of them over training pictures (:mod:`latentia.metrics.gaussians`), one for each
place; a score is half the squared Mahalanobis distance, of the oddest place where there are several, so that a scratch
counts as much in a large picture as in a small one. The net of a run has no part in it: the run brings the pictures
that are good and those that calibrate.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from latentia.core import Batch, Spec, key
from latentia.errors import BadData, BadField, near
from latentia.metrics.features import Extractor, name_of, quantise
from latentia.metrics.gaussians import Gaussians, Moments
from latentia.metrics.surroundings import Surroundings
from latentia.tasks.features import extractor_for
from latentia.tasks.score import Kind, Scores
from latentia.tasks.working import Net, parts
from latentia.tasks.yardstick import Array, Reference

__all__ = ["FEATURES", "Energy", "features_for"]

FEATURES = ("patches", "random-conv", "pixels")
BATCH = 64  # pictures whose features are made at once
PROBES = 2  # seeded pictures by whose features a callable is known again
SAME = 1e-3  # by how much, relative to their size, these may differ between two calls
KIND = Kind(
    "feature energy",
    "nats",
    "half the squared Mahalanobis distance of the picture's features from those of training pictures",
)
PLACED = Kind(
    "patch energy",
    "nats",
    "half the squared Mahalanobis distance of the features of the oddest place from those of training pictures there",
    even=True,
)


def features_for(features: str | Extractor, spec: Spec) -> Extractor:
    """A callable by its name: ``patches``, ``random-conv`` or ``pixels``; one that is a callable already stays.

    Raises:
        BadField: another name, or features of pictures for data that are none.
    """
    word = features if isinstance(features, str) else "features"
    if spec.kind != "image":
        raise BadField(f"{word}: features are of pictures, and this model was trained on a {spec.kind}")
    if not isinstance(features, str):
        return features
    if features not in FEATURES:
        raise BadField(f"there are no features {features!r}; {near(features, FEATURES)}, or give a callable")
    return Surroundings(spec) if features == "patches" else extractor_for(features, spec)


@dataclass(frozen=True)
class Energy:
    """By the features of pictures ``(N, C, H, W)``, rounded to 8 bits."""

    spec: Spec
    extractor: Extractor
    reads: ClassVar[str] = "train"
    trained: ClassVar[bool] = False

    @property
    def placed(self) -> bool:
        """Whether there is a row of features for each place."""
        return self._probe.shape[2:] != (1, 1)

    @property
    def kind(self) -> Kind:
        return PLACED if self.placed else KIND

    @property
    def name(self) -> str:
        return f"features {name_of(self.extractor)}"

    def reference(self, net: Net, batches: Iterable[Batch]) -> Reference:
        """The distributions of the features of good pictures."""
        found = Moments()
        for batch in batches:
            for some in parts(len(batch.x), BATCH):
                found.add(self._maps(batch.x[some]))
        told = found.gaussians()
        return {
            "mean": told.mean.numpy(),
            "whiten": told.whiten.float().numpy(),  # by far the most that a calibration holds
            "probe": self._probe.double().numpy(),
        }

    def fits(self, reference: Reference) -> bool:
        """Whether the callable makes of two fixed pictures what it made of them then."""
        if "probe" not in reference:
            return False
        known, own = reference["probe"], self._probe.double().numpy()
        return known.shape == own.shape and bool(np.abs(known - own).max() <= SAME * (1 + np.abs(known).max()))

    def scores(self, net: Net, batch: Batch, reference: Reference) -> Scores:
        told = Gaussians(torch.from_numpy(reference["mean"]), torch.from_numpy(reference["whiten"]).double())
        blocks = [self._block(told, self._maps(batch.x[some])) for some in parts(len(batch.x), BATCH)]
        value, terms = (np.concatenate(column) for column in zip(*blocks, strict=True))
        return Scores(value, self.kind, terms, np.zeros(len(value)))

    def _block(self, told: Gaussians, maps: Tensor) -> tuple[Array, Array]:
        """Values and terms of some pictures: a term for each pixel, or for each feature."""
        if not self.placed:
            shares = told.shares(maps[:, :, 0, 0]).numpy()
            return shares.sum(1), shares
        energies = told.energies(maps)
        wide = interpolate(energies[:, None], tuple(self.spec.shape[1:]), mode="bilinear", align_corners=False)
        return energies.flatten(1).amax(1).numpy(), wide.flatten(1).numpy()

    def _maps(self, x: Tensor) -> Tensor:
        """Features ``(N, D, h, w)``; h and w are 1 where they are of the picture as a whole.

        Raises:
            BadData: the callable makes something else of pictures.
        """
        with torch.no_grad():
            found = self.extractor(quantise(x.cpu().float()))
        if not isinstance(found, Tensor) or found.ndim not in (2, 4) or len(found) != len(x):
            made = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise BadData(
                f"the features {name_of(self.extractor)!r} made {made} of {len(x)} pictures; "
                f"they must be a tensor (N, D), or (N, D, height, width) with a row for each place"
            )
        found = found.detach().cpu()
        return found if found.ndim == 4 else found[:, :, None, None]

    @cached_property
    def _probe(self) -> Tensor:
        generator = torch.Generator().manual_seed(key("probe", self.spec.shape))
        return self._maps(torch.rand(PROBES, *self.spec.shape, generator=generator))
