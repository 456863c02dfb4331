"""Local patches of pictures as features of each place: what they look like, and how rough they are. No download.

Pixels of a patch, whole, tell a scratch or an edge that is in the wrong place: what is rare there is a direction in
which good patches hardly vary, and a few principal or random directions of a patch would miss it. A patch that is too
smooth is no rare direction of pixels, so seeded random filters tell, as logarithms, how strongly it answers to each.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, pad, unfold

from latentia.core import Spec, key
from latentia.errors import BadField

__all__ = ["Surroundings"]

SIDE = 6  # of a patch
STEP = 4  # between patches; pictures below LARGE pixels take half of it
LARGE = 48
FILTERS, WIDTH = 24, 3  # random ones, and their side
QUIET = 0.01  # added to answers before the logarithm: what is below it is silence


class Surroundings:
    """Features ``(N, D, h, w)`` of pictures ``(N, C, H, W)`` in [0, 1]: D = 36 C + 24, h and w about a quarter.

    Args:
        spec: of the pictures, from 8 pixels.
        seed: of the filters.

    Raises:
        BadField: the data are no pictures, or too small.
    """

    name = "patches"

    def __init__(self, spec: Spec, seed: int = 0) -> None:
        if spec.kind != "image" or min(spec.shape[1:]) < 8:
            raise BadField(f"patches need pictures from 8 pixels; these data are {spec.kind} {spec.shape}")
        self.step = STEP if min(spec.shape[1:]) >= LARGE else STEP // 2
        size = spec.shape[0] * WIDTH**2
        generator = torch.Generator().manual_seed(key(seed, "surroundings", size))
        drawn = torch.randn(max(FILTERS, size), size, generator=generator)
        filters = torch.linalg.qr(drawn)[0] if size <= FILTERS else torch.linalg.qr(drawn.T)[0].T
        filters = filters[:FILTERS] - filters[:FILTERS].mean(1, keepdim=True)  # blind to brightness
        filters /= filters.norm(dim=1, keepdim=True)
        self.filters = filters.reshape(FILTERS, spec.shape[0], WIDTH, WIDTH)

    def __call__(self, images: Tensor) -> Tensor:
        beside, beyond = (-side % self.step for side in (images.shape[3], images.shape[2]))
        whole = pad(images, (0, beside, 0, beyond), mode="reflect")
        high, broad = (side // self.step for side in whole.shape[2:])
        margin = ((SIDE - self.step) // 2,) * 4
        pixels = unfold(pad(whole, margin, mode="reflect"), SIDE, stride=self.step)
        answers = conv2d(pad(whole, (WIDTH // 2,) * 4, mode="reflect"), self.filters.to(whole)).abs()
        strength = (avg_pool2d(answers, self.step) + QUIET).log()
        return torch.cat([pixels.reshape(len(images), -1, high, broad), strength], 1)
