"""Features of pictures that metrics compare: extractors that need no download.

An extractor is any callable from pictures ``(N, C, H, W)``, float in [0, 1], to features ``(N, D)``, with a ``name``.
Random convolutions are a fair second opinion where pictures are far from ImageNet: Naeem et al. 2020, "Reliable
Fidelity and Diversity Metrics for Generative Models", https://arxiv.org/abs/2002.09797, section 5.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from latentia.core import Spec, key
from latentia.errors import BadData, BadField

__all__ = ["Extractor", "RandomConvolutions", "extract", "fingerprint", "name_of", "pixels", "quantise"]

Extractor = Callable[[Tensor], Tensor]
CALIBRATION = 64  # seeded pictures that set the scale of each channel
SLOPE = 0.2
EPSILON = 1e-6


def quantise(images: Tensor) -> Tensor:
    """``images`` clamped to [0, 1] and rounded to the 256 values of an 8-bit picture: what a viewer would see."""
    return images.clamp(0, 1).mul(255).round().div(255)


def name_of(extractor: Extractor) -> str:
    """What an extractor is called in results."""
    return str(getattr(extractor, "name", "") or getattr(extractor, "__name__", "") or type(extractor).__name__)


def extract(extractor: Extractor, images: Tensor | Iterable[Tensor], batch: int = 256) -> Tensor:
    """Features of items, float64 ``(N, D)`` on the CPU. Pictures are rounded to 8 bits first, tables stay as they are.

    Args:
        extractor: from ``(n, *shape)`` to ``(n, D)``.
        images: ``(N, *shape)``, or parts of them one after another, so that not all need to be in memory.
        batch: items that are worked on at once.

    Raises:
        BadData: there are none, or the extractor returns another shape than it should.
    """
    whole = [images] if isinstance(images, Tensor) else images
    name, done = name_of(extractor), []
    with torch.no_grad():
        for part in itertools.chain.from_iterable(each.split(batch) for each in whole if len(each)):
            features = extractor(quantise(part.float()) if part.ndim == 4 else part)
            if features.ndim != 2 or len(features) != len(part):
                raise BadData(
                    f"the extractor {name!r} made {tuple(features.shape)} of {len(part)} items; it must be one row each"
                )
            done.append(features.detach().cpu().double())
    if not done:
        raise BadData("there are no items to take features of")
    return torch.cat(done)


def fingerprint(net: nn.Module) -> str:
    """The first 12 digits of a SHA-256 over the names and bytes of all weights and buffers."""
    digest = hashlib.sha256()
    for name, tensor in sorted(net.state_dict().items()):
        digest.update(name.encode() + str((tensor.dtype, tuple(tensor.shape))).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:12]


def pixels(images: Tensor) -> Tensor:
    """The numbers of an item as they are, ``(N, C H W)``."""
    return images.flatten(1)


class RandomConvolutions(nn.Module):
    """A convolutional net whose weights are drawn once from a seed and never trained.

    Each level is a convolution with orthogonal weights that halves the picture, and a leaky ReLU. The features are
    mean and standard deviation over the picture of each channel of each level, and a 2 x 2 grid of the last level in
    place of its own. Channels and features are brought to mean 0 and deviation 1 on seeded pictures with the spectrum
    of photographs, so (shape, seed, width) alone decide them and not the data; then each row is scaled to length
    sqrt(D), which keeps the cubic kernel of KID between 0 and 8.

    Args:
        spec: of the pictures; any number of channels, from 4 pixels.
        seed: of the weights. Choose hyper-parameters with one seed and report with another.
        width: channels of each level; ``features`` is at most 10 times as many.

    Raises:
        BadField: the data are no pictures, or too small, or the width is out of range.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, spec: Spec, seed: int = 0, width: int = 24) -> None:
        super().__init__()
        if spec.kind != "image" or min(spec.shape[1:]) < 4:
            raise BadField(f"random convolutions need pictures from 4 pixels; these data are {spec.kind} {spec.shape}")
        if not 1 <= width <= 25:
            raise BadField(f"width is {width}; it must be from 1 to 25, which gives at most 250 features")
        generator = torch.Generator().manual_seed(key(seed, "random convolutions", spec.shape, width))
        count = min(4, int(math.log2(min(spec.shape[1:]))) - 1)
        widths = [spec.shape[0]] + [width] * count
        self.levels = nn.ModuleList(_level(*pair, generator) for pair in itertools.pairwise(widths))
        self.features = 2 * width * (count + 1)
        self.register_buffer("mean", torch.zeros(self.features))
        self.register_buffer("deviation", torch.ones(self.features))
        self.requires_grad_(False).eval()
        self._calibrate(_pictures(spec.shape, generator))
        self.fingerprint = fingerprint(self)
        self.name = f"random-conv {seed}"

    def forward(self, images: Tensor) -> Tensor:
        """Features ``(N, features)``, float32, of pictures ``(N, C, H, W)`` in [0, 1]; each row has length sqrt(D)."""
        features = (self._raw(images.to(self.mean)) - self.mean) / self.deviation
        return functional.normalize(features) * math.sqrt(self.features)

    def _raw(self, x: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        found = []
        for level in self._convolutions():
            x = functional.leaky_relu(level(x), SLOPE)
            mean = x.mean((2, 3))
            spread = (x.square().mean((2, 3)) - mean.square()).clamp_min(EPSILON).sqrt()
            found += [mean, spread]
        return torch.cat([*found[:-2], functional.adaptive_avg_pool2d(x, 2).flatten(1)], 1)

    def _convolutions(self) -> list[nn.Conv2d]:
        return [level for level in self.levels if isinstance(level, nn.Conv2d)]

    def _calibrate(self, images: Tensor) -> None:
        """Give every channel and every feature mean 0 and deviation 1 on ``images``."""
        x = images
        for level in self._convolutions():
            level.bias = nn.Parameter(torch.zeros(level.out_channels), requires_grad=False)
            raw = level(x)
            scale = 1 / raw.std((0, 2, 3)).clamp_min(EPSILON)
            level.bias = nn.Parameter(-raw.mean((0, 2, 3)) * scale, requires_grad=False)
            level.weight.mul_(scale[:, None, None, None])
            x = functional.leaky_relu(level(x), SLOPE)
        features = self._raw(images)
        self.mean.copy_(features.mean(0))
        self.deviation.copy_(features.std(0).clamp_min(EPSILON))


def _level(before: int, after: int, generator: torch.Generator) -> nn.Conv2d:
    # made without numbers: a plain convolution would first draw from torch's own generator
    level = nn.Conv2d(before, after, 4, stride=2, padding=1, padding_mode="replicate", device="meta")
    level = level.to_empty(device="cpu").requires_grad_(False)
    nn.init.orthogonal_(level.weight, generator=generator)
    return level


def _pictures(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Pictures of seeded noise whose amplitude falls as 1 / frequency, half of it shared by the channels."""
    height, width = shape[1:]
    rows, columns = torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)
    falling = 1 / (rows.square() + columns.square()).sqrt().clamp_min(1 / max(height, width))
    white = torch.randn((CALIBRATION, 1 + shape[0], height, width), generator=generator)
    smooth = torch.fft.irfft2(torch.fft.rfft2(white) * falling, s=(height, width))
    mixed = smooth[:, :1] + smooth[:, 1:]
    images: Tensor = (0.5 + 0.25 * mixed / mixed.std()).clamp(0, 1)
    return images
