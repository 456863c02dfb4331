"""High dynamic range: what PQ and HLG signals stand for, and how they become pictures of the standard range.

Sources: SMPTE ST 2084 (PQ), ITU-R BT.2100 (HLG), BT.2390 (the curve that brings highlights down), BT.2408 (diffuse
white at 203 cd/m2), BT.2087 (BT.2020 to BT.709).
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["CURVES", "HLG", "PQ", "nits", "tone_mapped"]

PQ, HLG = 16, 18  # of ITU-T H.273
CURVES = {PQ: "PQ", HLG: "HLG"}
PEAK, WHITE = 1000.0, 203.0  # cd/m2: the brightest that is told apart, and what becomes white
M1, M2 = 2610 / 16384, 2523 / 4096 * 128
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
A, B, C = 0.17883277, 0.28466892, 0.55991073
TO_BT709 = ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187))
LUMINANCE = (0.2627, 0.6780, 0.0593)  # of BT.2020
GAMMA = 2.4  # of a display of the standard range, BT.1886


def nits(signal: Tensor, transfer: int) -> Tensor:
    """Light in cd/m2 of a signal in [0, 1], ``(N, 3, H, W)``: PQ by its absolute curve, HLG on a display of 1000."""
    if transfer == PQ:
        root = signal.pow(1 / M2)
        return 10_000 * ((root - C1).clamp(min=0) / (C2 - C3 * root)).pow(1 / M1)
    scene = torch.where(signal <= 0.5, signal.square() / 3, (((signal - C) / A).exp() + B) / 12)
    weights = scene.new_tensor(LUMINANCE).reshape(1, 3, 1, 1)
    luminance = (scene * weights).sum(1, keepdim=True)
    return PEAK * luminance.clamp(min=1e-9).pow(0.2) * scene


def tone_mapped(signal: Tensor, transfer: int) -> Tensor:
    """A BT.2020 signal as BT.709 of the standard range, ``(N, 3, H, W)`` in [0, 1].

    The brightest of the three colours is brought down and the others with it, so that hues stay; diffuse white becomes
    white, shadows stay as they are.
    """
    light = nits(signal, transfer)
    brightest = light.amax(1, keepdim=True).clamp(min=1e-6)
    light = light * (lowered(brightest) / brightest)
    mapped = torch.einsum("ij,njhw->nihw", light.new_tensor(TO_BT709), light) / WHITE
    return mapped.clamp(0, 1).pow(1 / GAMMA)


def lowered(light: Tensor) -> Tensor:
    """Light up to :data:`PEAK` as light up to :data:`WHITE`, by the knee of BT.2390: a cubic spline in PQ."""
    top = float(_pq(torch.tensor(PEAK)))
    value = _pq(light) / top
    most = float(_pq(torch.tensor(WHITE))) / top
    knee = 1.5 * most - 0.5
    t = ((value - knee) / (1 - knee)).clamp(0, 1)
    t2, t3 = t.square(), t.pow(3)
    spline = (2 * t3 - 3 * t2 + 1) * knee + (t3 - 2 * t2 + t) * (1 - knee) + (3 * t2 - 2 * t3) * most
    return nits(torch.where(value < knee, value, spline) * top, PQ)


def _pq(light: Tensor) -> Tensor:
    """The PQ signal of light in cd/m2."""
    power = (light / 10_000).clamp(0, 1).pow(M1)
    return ((C1 + C2 * power) / (1 + C3 * power)).pow(M2)
