"""How much latents know of factors, and whether one alone knows it: MIG, modularity and SAP.

Chen et al. 2018, "Isolating Sources of Disentanglement in VAEs", https://arxiv.org/abs/1802.04942, section 4;
Ridgeway & Mozer 2018, "Learning Deep Disentangled Embeddings with the F-Statistic Loss",
https://arxiv.org/abs/1802.05312, section 4; Kumar et al. 2018, "Variational Inference of Disentangled Latent Concepts
from Unlabeled Observations", https://arxiv.org/abs/1711.00848, section 3.
"""

from __future__ import annotations

import math

import numpy as np

from latentia.metrics.factors import Coded, Places
from latentia.metrics.rows import Array

__all__ = ["binned", "entropies", "gap", "information", "informed_gap", "modularity", "separated"]

CHANCE = 6.0  # deviations above what independence gives, from which a latent counts as informed


def binned(codes: Array, bins: int, few: int = 0) -> Places:
    """The bin of each code ``(N, D)``: ``bins`` of equal width between the least and the largest of its latent.

    A latent of at most ``few`` different values has one for each: what it says exactly is not blurred.
    """
    low, high = codes.min(0), codes.max(0)
    width = np.where(high > low, high - low, 1.0)
    places: Places = np.minimum(((codes - low) / width * bins).astype(np.int64), bins - 1)
    for latent, column in enumerate(codes.T):
        values, own = np.unique(column, return_inverse=True)
        if len(values) <= few:
            places[:, latent] = own
    return places


def _bins(items: Coded, bins: int) -> Places:
    """:func:`binned`, where a latent may be as fine as the finest factor."""
    return binned(items.codes, bins, max(bins, *items.sizes))


def information(items: Coded, bins: int) -> Array:
    """The mutual information in nats of each latent's bins with each factor, ``(D, K)``: the plug-in estimate."""
    places = _bins(items, bins)
    found = np.zeros((places.shape[1], len(items.sizes)))
    for factor, size in enumerate(items.sizes):
        own = items.factors[:, factor]
        for latent, column in enumerate(places.T):
            used = int(column.max()) + 1
            joint = np.bincount(column * size + own, minlength=used * size).reshape(used, size) / len(items)
            apart = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
            there = joint > 0
            found[latent, factor] = (joint[there] * np.log(joint[there] / apart[there])).sum()
    return np.maximum(found, 0.0)


def entropies(items: Coded) -> Array:
    """The entropy of each factor among these items in nats, ``(K,)``: no factor is taken to be balanced."""
    shares = [np.bincount(column) / len(items) for column in items.factors.T]
    return np.array([-(share[share > 0] * np.log(share[share > 0])).sum() for share in shares])


def gap(scores: Array) -> Array:
    """For each factor the best latent's score minus the next one's, ``(D, K)`` to ``(K,)``; one latent has no rival."""
    ordered = np.sort(scores, axis=0)
    rival = ordered[-2] if len(ordered) > 1 else np.zeros_like(ordered[-1])
    return np.asarray(ordered[-1] - rival)


def informed_gap(items: Coded, bins: int) -> float:
    """The mutual information gap: the gap in information over the factor's entropy, its mean over factors."""
    entropy = entropies(items)
    known = entropy > 0  # a value that is rare may be the only one that was drawn
    return float((gap(information(items, bins))[known] / entropy[known]).mean())


def modularity(items: Coded, bins: int) -> float:
    """How far each latent that knows anything knows one factor alone, the mean over those latents; 0 if none does.

    Of a latent with information m, most of it about factor b: 1 - sum over k other than b of m_k^2 / (m_b^2 (K - 1)).
    Information is taken without what independent columns of this length would show, which is larger for factors of
    many values, and a latent that shows no more than these counts as not informed: dead latents are left out.
    """
    bias, deviation = _chance(items, bins)
    found = information(items, bins) - bias
    informed = (found > CHANCE * deviation).any(1)
    if not informed.any():
        return 0.0
    squared = np.square(np.maximum(found[informed], 0.0))
    best = squared.max(1)
    return float((1 - (squared.sum(1) - best) / (best * (len(items.sizes) - 1))).mean())


def _chance(items: Coded, bins: int) -> tuple[Array, Array]:
    """Mean and deviation of the information of independent columns: 2 N I is chi-squared (Miller 1955)."""
    used = np.array([len(np.unique(column)) for column in _bins(items, bins).T])
    freedom = (used - 1)[:, None] * (np.array(items.sizes) - 1)[None]
    return freedom / (2 * len(items)), np.sqrt(2 * np.maximum(freedom, 1)) / (2 * len(items))


def separated(items: Coded) -> float:
    """SAP, the gap in the squared correlation of a latent with a factor, its mean over factors.

    Factors count as numbers by the order of their values: the form of Kumar et al. for factors that are measured.
    """
    codes = items.codes - items.codes.mean(0)
    factors = items.factors - items.factors.mean(0)
    spread = np.sqrt(np.square(codes).sum(0)[:, None] * np.square(factors).sum(0)[None])
    # a latent that does not move but for rounding knows nothing
    still = np.abs(items.codes).max(0) * math.sqrt(len(items)) * 1e-12
    moved = (np.sqrt(np.square(codes).sum(0)) > still)[:, None] & (spread > 0)
    correlation = np.divide(codes.T @ factors, spread, out=np.zeros_like(spread), where=moved)
    return float(gap(np.square(correlation)).mean())
