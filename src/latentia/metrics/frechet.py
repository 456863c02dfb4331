"""The Frechet distance between two clouds of features, taken as normal distributions.

Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule", https://arxiv.org/abs/1706.08500, equation 6; the
formula for normals is Dowson & Landau 1982. It is called FID only with Inception's features.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from latentia.core import key
from latentia.errors import BadData
from latentia.metrics.rows import Array, as_rows, as_two

__all__ = ["frechet", "frechet_distance", "frechet_spread", "moments"]


def frechet_distance(mean1: Any, cov1: Any, mean2: Any, cov2: Any) -> float:
    """``|mean1 - mean2|^2 + tr(cov1 + cov2 - 2 (cov1 cov2)^(1/2))``, the squared 2-Wasserstein distance of normals.

    The trace of the root is the sum of the roots of the eigenvalues of ``L' cov2 L`` with ``cov1 = L L'``: a symmetric
    problem, so nothing becomes complex, and a covariance without full rank is no special case for the result.

    Args:
        mean1: ``(D,)``.
        cov1: ``(D, D)``, symmetric and positive semi-definite.
        mean2: of the other.
        cov2: of the other.
    """
    first, second = as_rows(cov1, "covariance"), as_rows(cov2, "covariance")
    shift = as_rows(mean1, "mean").ravel() - as_rows(mean2, "mean").ravel()
    root = _factor(first)
    values = np.linalg.eigvalsh(root.T @ second @ root)
    overlap = np.sqrt(np.maximum(values, 0)).sum()
    return float(shift @ shift + np.trace(first) + np.trace(second) - 2 * overlap)


def _factor(covariance: Array) -> Array:
    """L with ``L L' = covariance``: Cholesky's, or from the eigenvectors where rank is missing."""
    try:
        factor: Array = np.asarray(np.linalg.cholesky(covariance), dtype=np.float64)
    except np.linalg.LinAlgError:
        values, vectors = np.linalg.eigh(covariance)
        factor = vectors * np.sqrt(np.maximum(values, 0))
    return factor


def moments(features: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """Mean and unbiased covariance of rows, each counted ``weights`` times."""
    count = np.ones(len(features)) if weights is None else weights
    mean: Array = count @ features / count.sum()
    apart = features - mean
    covariance: Array = (apart * count[:, None]).T @ apart / (count.sum() - 1)
    return mean, covariance


def frechet(features_a: Any, features_b: Any) -> float:
    """The Frechet distance between two clouds of features ``(N, D)``.

    It falls with N towards its limit, so only distances of the same N (and the same extractor) can be compared.

    Raises:
        BadData: N is not above D, so that a covariance has not full rank.
    """
    a, b = enough(features_a, features_b)
    return frechet_distance(*moments(a), *moments(b))


def enough(features_a: Any, features_b: Any) -> tuple[Array, Array]:
    """Both clouds as rows, if each has more rows than columns.

    Raises:
        BadData: one has too few; says how many are needed.
    """
    a, b = as_two(features_a, features_b)
    wide, few = a.shape[1], min(len(a), len(b))
    if few <= wide:
        raise BadData(
            f"a Frechet distance of {wide} features needs more than {wide} items on both sides; there are {len(a)} and "
            f"{len(b)}. Give at least {wide + 1} (several times that is better), or use KID, which has no such limit"
        )
    return a, b


def frechet_spread(features_a: Any, features_b: Any, draws: int = 20, seed: int = 0) -> float:
    """The standard deviation of :func:`frechet` over ``draws`` bootstrap draws of both clouds.

    The draws themselves lie above the distance (fewer different items); only their spread is of use.
    """
    a, b = enough(features_a, features_b)
    generator = np.random.default_rng(key(seed, "bootstrap"))
    drawn = [_drawn(a, generator) + _drawn(b, generator) for _ in range(draws)]
    return float(np.std([frechet_distance(*each) for each in drawn], ddof=1))


def _drawn(features: Array, generator: np.random.Generator) -> tuple[Array, Array]:
    count = len(features)
    return moments(features, generator.multinomial(count, np.full(count, 1 / count)).astype(np.float64))
