"""Proposal: what the latents of importance sampling are drawn from.

q(z|x) where all of a row is known. An encoder that never saw a gap may look in the wrong place for a row that has one,
or in one of several: half of such a row's draws are from the prior, which looks everywhere.

References:
    Optimally combining sampling techniques for Monte Carlo rendering (Veach & Guibas, 1995)
    Weighted average importance sampling and defensive mixture distributions (Hesterberg, 1995)
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from latentia.tasks.draws import DrawNoise, FixedNoise

__all__ = ["Proposal"]


class Proposal:
    """Draws of z for the rows of a pass, row ``i * each + j`` being a draw of item i.

    Rows with gaps take the later half of their ``draws`` from p(z), and all of them count as draws from the mixture
    (the balance heuristic): no weight is more than p(x|z) over the share of the prior. Halves of quasi-random points,
    not every other one: these would fill a half of the space alone.

    Args:
        posterior, prior: q(z|x) and p(z).
        mask: which entries of each row are known, ``(R, entries)``; ``None`` where all are.
        draws: of an item.
        each: rows that an item fills.
    """

    def __init__(self, posterior: Any, prior: Any, mask: Tensor | None, draws: int, each: int) -> None:
        self.posterior, self.prior, self.draws, self.each = posterior, prior, draws, each
        gaps = None if mask is None else ~mask.bool().all(1)
        self.gaps = gaps if gaps is not None and draws > 1 and bool(gaps.any()) else None

    def draw(self, noise: DrawNoise | FixedNoise, first: int) -> tuple[Tensor, Tensor]:
        """The draws from number ``first`` on ``(R, latent)``, and log of their density over p(z), ``(R,)``."""
        z = self.posterior.sample(noise.at(first))
        if self.gaps is None:
            return z, self.posterior.log_prob(z) - self.prior.log_prob(z)
        own = self.draws - self.draws // 2
        if first + self.each > own:
            later = (torch.arange(self.each, device=z.device) >= own - first).repeat(len(z) // self.each)
            z = torch.where((self.gaps & later).unsqueeze(1), self.prior.sample(noise.at(first)).to(z), z)
        rate = self.posterior.log_prob(z) - self.prior.log_prob(z)
        share = own / self.draws
        mixed = torch.logaddexp(rate + math.log(share), torch.full_like(rate, math.log1p(-share)))
        return z, torch.where(self.gaps, mixed, rate)
