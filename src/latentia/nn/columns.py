"""The front end of a table whose columns have types: from entries to features that a net can be linear in."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from latentia.core import Spec
from latentia.layout import CLOSE, Layout
from latentia.nn.heads import LOG_SCALE_BOUND, ExactLinear
from latentia.nn.mlp import MLP

__all__ = ["ColumnEncoder", "ColumnFeatures", "ColumnHead"]

FAR = 6.0  # standard deviations from the mean that the net can tell apart; the linear part knows no end
BEYOND = 1.0  # of a column's range in the training rows, on either side of it: farther out :meth:`near` does not follow


class ColumnFeatures(nn.Module):
    """Entries ``(N, entries)`` to features ``(N, size)`` in the order of :class:`~latentia.layout.Layout`.

    Values as they are, and a 1 for the category, for the atom, and for being known; each is centred and scaled once
    :meth:`start` has been told how. What is missing counts as the mean: its flag tells of it. A code below 0 stands for
    a category that is not known.

    Attributes:
        center, scale: what is taken off each feature, and what it is divided by, ``(size,)``.
    """

    entry: Tensor
    known_at: Tensor
    target: Tensor
    reach: Tensor
    lowest: Tensor
    coded_at: Tensor
    coded_there: Tensor
    atoms_at: Tensor
    atoms_there: Tensor
    points: Tensor
    plain: Tensor  # which values have no atoms
    least: Tensor
    most: Tensor
    center: Tensor
    scale: Tensor

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        layout = Layout(spec)
        self.layout, self.size, self.count, self.shape = layout, layout.size, len(layout.values), spec.shape
        self.hits = slice(self.count, layout.atoms.stop)  # features that are 1 where the entry is their target
        coded, atoms = layout.coded, layout.atoms
        owners = [coded.columns.repeat_interleave(torch.tensor(coded.counts, dtype=torch.int64))]
        owners.append(atoms.columns.repeat_interleave(torch.tensor(atoms.counts, dtype=torch.int64)))
        codes = torch.tensor([code for count in coded.counts for code in range(count)], dtype=torch.float64)
        points = layout.points[atoms.there]
        flag = {**dict.fromkeys(range(len(spec.columns)), spec.size), **spec.flags}  # beyond the last entry: always 1
        entry = torch.cat([layout.values, *owners])
        numbers = {
            "entry": torch.cat([entry, layout.flags]),
            "known_at": torch.tensor([flag[at] for at in entry.tolist()], dtype=torch.int64),
            "target": torch.cat([codes, points]),
            "reach": torch.cat([torch.full_like(codes, 0.5), CLOSE * (1 + points.abs())]),
            "lowest": torch.cat([torch.full_like(codes, -0.5), torch.full_like(points, -math.inf)]),
            "coded_at": coded.places,
            "coded_there": coded.there,
            "atoms_at": atoms.places,
            "atoms_there": atoms.there,
            "points": layout.points,
            "plain": ~torch.isin(layout.values, atoms.columns),
            **_bounds(spec),
        }
        for name, number in numbers.items():
            self.register_buffer(name, number, persistent=False)
        self.register_buffer("center", torch.zeros(self.size))
        self.register_buffer("scale", torch.ones(self.size))

    def forward(self, x: Tensor) -> Tensor:
        raw, has = self.raw(x)
        return has * (raw - self.center) / self.scale

    def start(self, center: Tensor, scale: Tensor) -> None:
        """Let features be centred and scaled by these, ``(size,)``."""
        self.center.copy_(center)
        self.scale.copy_(scale)

    def near(self, x: Tensor) -> Tensor:
        """Entries with values that lie far from all training rows at the last place that does not; the others as is."""
        return x.clamp(self.least.to(x), self.most.to(x))

    def raw(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Features as they are, and 1 where a row has them, 0 where it counts as the mean: ``(N, size)`` both."""
        picked = x[:, self.entry]
        known = torch.cat([x, torch.ones_like(x[:, :1])], 1)[:, self.known_at]
        hits = ((picked[:, self.hits] - self.target.to(x)).abs() <= self.reach.to(x)).to(x)
        hits = hits * known[:, self.count :]
        coded = known[:, self.count :] * (picked[:, self.hits] >= self.lowest).to(x)
        flags = picked[:, self.hits.stop :]
        raw = torch.cat([picked[:, : self.count], hits, flags], 1)
        return raw, torch.cat([known[:, : self.count], coded, torch.ones_like(flags)], 1)

    def entries(self, features: Tensor) -> Tensor:
        """The entries ``(..., entries)`` that features ``(..., size)``, centred and scaled, are nearest to.

        The likeliest category, an atom where its feature is above a half, and flags of 0 or 1; the value of a column
        that is missing is the one that it would have.
        """
        raw, layout = features * self.scale + self.center, self.layout
        out = raw.new_zeros(*raw.shape[:-1], *self.shape).index_copy(-1, layout.values, raw[..., : self.count])
        if self.layout.coded.counts:
            codes = raw[..., self.coded_at].masked_fill(~self.coded_there, -math.inf).argmax(-1)
            out = out.index_copy(-1, layout.coded.columns, codes.to(raw))
        if self.layout.atoms.counts:
            most, which = raw[..., self.atoms_at].masked_fill(~self.atoms_there, -math.inf).max(-1)
            points = self.points.to(raw).expand(*raw.shape[:-1], -1, -1).gather(-1, which.unsqueeze(-1)).squeeze(-1)
            out = out.index_copy(
                -1, layout.atoms.columns, torch.where(most > 0.5, points, out[..., layout.atoms.columns])
            )
        return out.index_copy(-1, layout.flags, (raw[..., self.hits.stop :] > 0.5).to(raw))


def _bounds(spec: Spec) -> dict[str, Tensor]:
    """The least and the most that an entry is taken for, ``(entries,)``: infinite where no range is known."""
    least, most = (torch.full((spec.size,), end, dtype=torch.float64) for end in (-math.inf, math.inf))
    for at, column in enumerate(spec.columns):
        if not column.coded and column.high > column.low:
            beyond = BEYOND * (column.high - column.low)
            least[at] = (column.low - beyond - column.center) / column.scale
            most[at] = (column.high + beyond - column.center) / column.scale
    return {"least": least, "most": most}


class ColumnEncoder(nn.Module):
    """Features of a table beside those of a net that reads them: what follows can be linear in the table.

    Args:
        spec: the table.
        sizes: widths of the net's layers.
        act: its activation.

    Attributes:
        linear: how many features are the table's own; they come first.
        features: numbers of one output.
    """

    def __init__(self, spec: Spec, sizes: Sequence[int], act: str = "silu") -> None:
        super().__init__()
        self.front = ColumnFeatures(spec)
        self.body = MLP(self.front.size, sizes, act)
        self.linear = self.front.size
        self.features = self.linear + self.body.features

    def forward(self, x: Tensor) -> Tensor:
        """Entries ``(N, entries)`` to ``(N, features)``."""
        features = self.front(x)
        return torch.cat([features, self.body(features.clamp(-FAR, FAR))], 1)


class ColumnHead(nn.Module):
    """Mean and log scale of each latent: the mean may be linear in the table, the scale follows the net alone.

    Far from all training rows the mean goes on in a straight line, and the scale stays what it was.
    """

    def __init__(self, encoder: ColumnEncoder, latent: int) -> None:
        super().__init__()
        self.linear = encoder.linear
        self.layer = ExactLinear(encoder.features, latent)
        self.scale = ExactLinear(encoder.features - encoder.linear, latent)
        for layer in (self.layer, self.scale):
            nn.init.zeros_(layer.bias)
        nn.init.xavier_uniform_(self.layer.weight)
        nn.init.zeros_(self.scale.weight)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        raw = self.scale(features[:, self.linear :])
        return self.layer(features), LOG_SCALE_BOUND * torch.tanh(raw / LOG_SCALE_BOUND)

    def start(self, weight: Tensor, scale: Tensor) -> None:
        """Let the mean be ``weight @ features`` ``(latent, size)`` and the scale ``scale`` ``(latent,)``."""
        with torch.no_grad():
            self.layer.weight.zero_()[:, : self.linear] = weight
            self.scale.bias.copy_(LOG_SCALE_BOUND * torch.atanh(scale.log() / LOG_SCALE_BOUND))
