"""How alike pictures are: SSIM of pairs, and MS-SSIM between random pairs of one set, an alarm for lost diversity.

Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity"; Wang et al. 2003,
"Multi-scale structural similarity for image quality assessment"; as a measure of diversity Odena et
al. 2017, https://arxiv.org/abs/1610.09585, section 4.2. The similarity is torchmetrics'.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentia.core import Estimate, key
from latentia.errors import BadData
from latentia.metrics.fractions import average_of

__all__ = ["diversity", "scales_of", "similarity", "structural_similarity"]

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, the finest first
WIDE, NARROW = 1.5, 0.5  # deviations of the window in pixels: 11 and 5 pixels wide
BATCH = 256


def scales_of(height: int, width: int) -> tuple[int, float]:
    """How many scales pictures of this size allow, and the deviation of the Gaussian window.

    The published window of 11 pixels (deviation 1.5) must fit the smallest scale: five scales from 176 px, four from
    99, three from 44, two from 22, one from 11. Smaller pictures, from 5 px, have one scale and a window of 5 pixels.

    Raises:
        BadData: a side has fewer than 5 pixels.
    """
    shorter = min(height, width)
    if shorter < 5:
        raise BadData(f"MS-SSIM needs pictures from 5 pixels; these have {height} x {width}")
    if shorter < 11:
        return 1, NARROW
    # the window fits the halved side, and torchmetrics asks for it at (scales - 1)^2 of the whole
    fits = [each for each in range(1, 6) if shorter // max(2 ** (each - 1), (each - 1) ** 2) >= 11]
    return fits[-1], WIDE


def window_of(deviation: float) -> int:
    """How many pixels wide a Gaussian window of this deviation is."""
    return 2 * int(3.5 * deviation + 0.5) + 1


def similarity(a: Tensor, b: Tensor) -> Tensor:
    """MS-SSIM of each pair of pictures ``(N, C, H, W)`` in [0, 1]: float64 ``(N,)``, 1 for equal ones.

    Fewer than five scales share the published weights in proportion; negative terms count as 0. As torchmetrics has
    it, contrast is averaged where the window lies inside the picture, and the smallest scale mirrors its borders.

    Raises:
        BadData: the shapes differ, or pictures are smaller than 5 pixels.
    """
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

    if a.shape != b.shape or a.ndim != 4:
        raise BadData(f"MS-SSIM compares pictures of one shape; these are {tuple(a.shape)} and {tuple(b.shape)}")
    scales, deviation = scales_of(a.shape[2], a.shape[3])
    weights = tuple(weight / sum(WEIGHTS[:scales]) for weight in WEIGHTS[:scales])
    settings: dict[str, Any] = {
        "sigma": deviation,
        "kernel_size": window_of(deviation),
        "betas": weights,
        "data_range": 1.0,
    }
    found = [  # in float32: contrast below 3 % of the range counts little by definition
        multiscale_structural_similarity_index_measure(x, y, **settings, reduction="none", normalize="relu").reshape(-1)
        for x, y in zip(torch.split(a.float(), BATCH), torch.split(b.float(), BATCH), strict=True)
    ]
    return torch.cat(found).double()


def structural_similarity(a: Tensor, b: Tensor) -> Tensor:
    """SSIM of each pair of pictures ``(N, C, H, W)`` in [0, 1]: float64 ``(N,)``, 1 for equal ones, at least -1.

    The Gaussian window has the published 11 pixels; where the shorter side has fewer, 5. It goes up to the border,
    beyond which the picture is mirrored.

    Raises:
        BadData: the shapes differ, or pictures are smaller than 5 pixels.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    if a.shape != b.shape or a.ndim != 4:
        raise BadData(f"SSIM compares pictures of one shape; these are {tuple(a.shape)} and {tuple(b.shape)}")
    _, deviation = scales_of(a.shape[2], a.shape[3])
    found = []
    for x, y in zip(torch.split(a.double(), BATCH), torch.split(b.double(), BATCH), strict=True):
        each = structural_similarity_index_measure(
            x, y, sigma=deviation, kernel_size=window_of(deviation), data_range=1.0, reduction="none"
        )
        found.append(torch.as_tensor(each).reshape(-1))
    return torch.cat(found)


def diversity(images: Tensor, pairs: int = 500, seed: int = 0) -> Estimate:
    """The mean MS-SSIM of random pairs in which no picture comes twice; high when pictures look alike.

    Only the same figure of real pictures says what is high, and it says nothing about quality.

    Args:
        images: ``(N, C, H, W)`` in [0, 1], at least 2.
        pairs: at most; there are no more than N / 2.
        seed: of the pairs.
    """
    if len(images) < 2:
        raise BadData("MS-SSIM between pictures needs at least 2")
    order = torch.from_numpy(np.random.default_rng(key(seed, "pairs")).permutation(len(images)))
    count = min(pairs, len(images) // 2)
    found = average_of(similarity(images[order[:count]], images[order[count : 2 * count]]).cpu().numpy())
    scales, deviation = scales_of(*images.shape[2:])
    note = f"{count} pairs, {scales} scale{'s' * (scales > 1)}, window of {window_of(deviation)} pixels"
    return Estimate(found.value, found.low, found.high, note=note)
