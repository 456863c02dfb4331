"""A pool of fakes that a critic is shown again later, so that it does not forget what the generator made before.

Learning from Simulated and Unsupervised Images through Adversarial Training (Shrivastava et al., 2017), section 2.3,
https://arxiv.org/abs/1612.07828
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from latentia.core import Now, average, world


class Pool(nn.Module):
    """The last fakes, ``(size, *shape)``: memory, which is never averaged, nor part of the weights for use.

    While there is room every fake is stored and shown. Then each is shown itself, or, one time in two, is stored in the
    place of an older one that is shown instead. Row r of a batch of B owns the places r, r + B, r + 2 B ...: what it
    sees is then the same over any number of processes. Rows beyond ``size`` own none and are shown themselves.
    """

    stored: Tensor
    written: Tensor

    def __init__(self, size: int, shape: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("stored", torch.zeros(size, *shape), persistent=False)
        self.register_buffer("written", torch.zeros(size), persistent=False)  # by this process

    @torch.no_grad()
    def swap(self, fakes: Tensor, now: Now) -> Tensor:
        """What the critic is shown for ``fakes`` ``(N, *shape)``, the own rows of a step; in eval mode themselves."""
        batch = now.noise.total
        first = range(batch)[now.noise.rows].start
        count = max(0, min(len(fakes), len(self.stored) - first))  # rows that own a place
        chance, which = now.noise.uniform(2).to(fakes.device).unbind(1)
        if not self.training or not count:
            return fakes
        row = torch.arange(first, first + count, device=fakes.device)
        places = torch.div(len(self.stored) - row + batch - 1, batch, rounding_mode="floor")
        step = torch.div(now.seen, batch, rounding_mode="floor")
        filling = step < places
        chosen = (which[:count] * places).long().clamp(max=places - 1)
        place = row + batch * torch.where(filling, step, chosen)
        own, old = fakes[:count].to(self.stored.dtype), self.stored.index_select(0, place)
        older = ~filling & (chance[:count] >= 0.5)
        stores = (filling | older).to(self.written.dtype)
        self.stored.index_copy_(0, place, torch.where(_wide(stores > 0, own), own, old))
        self.written.index_copy_(0, place, torch.maximum(self.written.index_select(0, place), stores))
        return torch.cat([torch.where(_wide(older, own), old, own).to(fakes.dtype), fakes[count:]])

    def memory(self) -> dict[str, Tensor]:
        """The stored fakes."""
        return {"stored": self.stored}

    @torch.no_grad()
    def merge(self) -> None:
        """Take from each process the places that it has written; no two write the same."""
        if world() == 1:
            return
        own = _wide(self.written > 0, self.stored)
        stored = average(torch.where(own, self.stored, 0).contiguous()) * world()
        written = average(self.written.clone()) > 0
        self.stored.copy_(torch.where(_wide(written, self.stored), stored, self.stored))


def _wide(mask: Tensor, like: Tensor) -> Tensor:
    return mask.view(-1, *[1] * (like.dim() - 1))
