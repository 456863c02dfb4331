"""The likelihood of a table whose columns have types: each column a distribution of its own kind, in the data's units.

A numeric or datetime column is normal, an integer one a logistic distribution cut into bins of width 1, a binary or
categorical one categorical. A column with atoms is a mixture of them and of its distribution; one that may be missing
is known with a probability, and has a value only then. Scales are learnt, with a floor.

An atom of a numeric or datetime column is a normal distribution as narrow as the floor allows, not a point mass: beside
densities, a probability would make rows at an atom look likely or unlikely by the units of the column alone. Draws
stand on the atom itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus

from latentia.core import Noise, Spec
from latentia.distributions.entries import below, wide
from latentia.distributions.likelihood import Likelihood
from latentia.distributions.mixture import choose
from latentia.distributions.normal import HALF_LOG_TWO_PI
from latentia.layout import CLOSE, Layout

FLOOR = 0.1  # of the standard deviation of a numeric column given z, in units of x
LOGISTIC = math.sqrt(3) / math.pi  # scale of a logistic distribution of standard deviation 1


class Places(nn.Module):
    """The layout of a table as tensors that follow the net to its device."""

    values: Tensor
    coded: Tensor
    coded_at: Tensor
    coded_there: Tensor
    atomic: Tensor
    atomic_at: Tensor
    atomic_there: Tensor
    atomic_whole: Tensor  # whether a column with atoms is one of integers
    atomic_scale: Tensor  # its log scale
    points: Tensor
    log_scale: Tensor
    width: Tensor  # of an integer's bin, in units of x
    offset: Tensor  # of x = 0 from the whole number below it
    flagged: Tensor
    flags: Tensor

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        layout = Layout(spec)
        self.spec, self.layout = spec, layout
        scale = torch.tensor([spec.columns[at].scale for at in layout.values.tolist()], dtype=torch.float64)
        scales = torch.tensor([column.scale for column in spec.columns], dtype=torch.float64).log()
        whole = torch.tensor([column.kind == "integer" for column in spec.columns], dtype=torch.bool)
        whole_at = layout.values[layout.real :].tolist()
        numbers = {
            "values": layout.values,
            "coded": layout.coded.columns,
            "coded_at": layout.coded.places,
            "coded_there": layout.coded.there,
            "atomic": layout.atoms.columns,
            "atomic_at": layout.atoms.places,
            "atomic_there": layout.atoms.there,
            "atomic_whole": whole[layout.atoms.columns],
            "atomic_scale": scales[layout.atoms.columns],
            "points": layout.points,
            "log_scale": scale.log(),
            "width": 1 / scale[layout.real :],
            # not the center itself: the net is in float32, where numbers around 1e12 are all one
            "offset": torch.tensor([spec.columns[at].center % 1 for at in whole_at], dtype=torch.float64),
            "flagged": layout.flagged,
            "flags": layout.flags,
        }
        for name, number in numbers.items():
            self.register_buffer(name, number, persistent=False)


@dataclass(frozen=True, eq=False)
class Columns:
    """p(x|z) of a table: its columns are independent given z.

    Attributes:
        numbers: the parameters ``(..., N, size)`` in the order of :class:`~latentia.layout.Layout`: means of values,
            logits of categories, logits of atoms against 0 for none of them, logits of being known.
        log_sigma: logarithms of the values' standard deviations in units of x, ``(..., N, values)``.
        places: where everything lies.
        floor: the standard deviation of an atom among real numbers, in units of x.
    """

    numbers: Tensor
    log_sigma: Tensor
    places: Places
    floor: float = FLOOR

    @property
    def mean(self) -> Tensor:
        """Entries ``(..., N, entries)``: means, the most probable category, and whether the column is known.

        The value of a column that is probably missing is the one that it would have.
        """
        at, location = self.places, self._location
        out = location.new_zeros(*location.shape[:-1], *at.spec.shape)
        out = out.index_copy(-1, at.values, location)
        if len(at.atomic):
            shares = self._atoms.exp()
            rest = shares[..., -1] * out[..., at.atomic]
            out = out.index_copy(-1, at.atomic, (shares[..., :-1] * at.points.to(out)).sum(-1) + rest)
        if len(at.coded):
            out = out.index_copy(-1, at.coded, self._categories.argmax(-1).to(out))
        return out.index_copy(-1, at.flags, (self._known > 0).to(out))

    def terms(self, value: Tensor) -> Tensor:
        """What each column adds to the log density of ``value`` ``(..., N, entries)``, ``(..., N, columns)``, in nats.

        For numeric and datetime columns the logarithm of a density in the data's units (its change of scale included),
        for the others of a probability. A column that may be missing adds that of its flag, and that of its value only
        where the flag is 1.
        """
        at = self.places
        lead = (value[..., 0] + self.numbers[..., 0]).shape
        out = self.numbers.new_zeros(*lead, len(at.spec.columns))
        out = out.index_copy(-1, at.values, self._values(value[..., at.values]).expand(*lead, -1))
        if len(at.atomic):
            out = out.index_copy(-1, at.atomic, self._mixed(value[..., at.atomic], out[..., at.atomic]))
        if len(at.coded):
            logits = self._categories.expand(*lead, -1, -1)
            code = value[..., at.coded].long().clamp(min=0).unsqueeze(-1).expand(*lead, -1, -1)
            out = out.index_copy(-1, at.coded, logits.gather(-1, code).squeeze(-1))
        if len(at.flags):
            known = value[..., at.flags]
            flag = known * self._known - softplus(self._known)
            out = out.index_copy(-1, at.flagged, flag + known * out[..., at.flagged])
        return out

    def log_prob(self, value: Tensor) -> Tensor:
        """Log density of ``value`` ``(..., N, entries)``, summed over the columns, in nats."""
        return self.terms(value).sum(-1)

    def sample(self, noise: Noise) -> Tensor:
        """A draw of entries per example, integers whole in the data's units, 0 where missing. No gradient passes."""
        at, location = self.places, self._location.detach()
        normal = self.log_sigma.detach().exp() * noise.normal(len(at.values)).to(location)
        drawn = location + normal
        if len(at.width):
            drawn = torch.cat([drawn[..., : at.layout.real], self._whole(noise, location)], -1)
        out = location.new_zeros(*location.shape[:-1], *at.spec.shape).index_copy(-1, at.values, drawn)
        if len(at.atomic):
            chosen = choose(self._atoms, noise.uniform(len(at.atomic)).to(out), -1)
            points = torch.cat([at.points.to(out).expand(*chosen.shape, -1), out[..., at.atomic].unsqueeze(-1)], -1)
            out = out.index_copy(-1, at.atomic, points.gather(-1, chosen.unsqueeze(-1)).squeeze(-1))
        if len(at.coded):
            chosen = choose(self._categories, noise.uniform(len(at.coded)).to(out), -1)
            counts = at.coded_there.sum(-1) - 1
            out = out.index_copy(-1, at.coded, torch.minimum(chosen, counts).to(out))
        if len(at.flags):
            known = (noise.uniform(len(at.flags)).to(out) < self._known.sigmoid()).to(out)
            out = out.index_copy(-1, at.flagged, known * out[..., at.flagged]).index_copy(-1, at.flags, known)
        return out

    @property
    def _location(self) -> Tensor:
        return self.numbers[..., : len(self.places.values)]

    @property
    def _categories(self) -> Tensor:
        """Log probabilities ``(..., N, coded, most)``, minus infinity where there is no category."""
        at = self.places
        return self.numbers[..., at.coded_at].masked_fill(~at.coded_there, -math.inf).log_softmax(-1)

    @property
    def _atoms(self) -> Tensor:
        """Log probabilities of the atoms and, last, of none of them: ``(..., N, atomic, most + 1)``."""
        at = self.places
        logits = self.numbers[..., at.atomic_at].masked_fill(~at.atomic_there, -math.inf)
        return torch.cat([logits, torch.zeros_like(logits[..., :1])], -1).log_softmax(-1)

    @property
    def _known(self) -> Tensor:
        """Logits of being known, of the columns that may be missing."""
        return self.numbers[..., self.places.layout.size - len(self.places.flags) :]

    def _values(self, value: Tensor) -> Tensor:
        """Log densities of numeric and datetime values, log probabilities of integers, ``(..., N, values)``."""
        at, real = self.places, self.places.layout.real
        apart = value - self._location
        scaled = apart[..., :real] * (-self.log_sigma[..., :real]).exp()
        density = -0.5 * scaled.square() - self.log_sigma[..., :real] - HALF_LOG_TWO_PI - at.log_scale[:real].to(value)
        if not len(at.width):
            return density
        rate = (-self.log_sigma[..., real:]).exp() / LOGISTIC
        centre, width = apart[..., real:] * rate, at.width.to(value) * rate
        # sigmoid(b) - sigmoid(a) without cancellation, as in latentia.distributions.logistic
        mass = logsigmoid(centre + 0.5 * width) + logsigmoid(0.5 * width - centre) + (-torch.expm1(-width)).log()
        return torch.cat([density, mass], -1)

    def _mixed(self, value: Tensor, terms: Tensor) -> Tensor:
        """``terms`` of the columns with atoms, as mixtures of these and of the atoms."""
        at, logs = self.places, self._atoms
        points = at.points.to(value)
        apart = value.unsqueeze(-1) - points
        narrow = -0.5 * (apart / self.floor).square() - math.log(self.floor) - HALF_LOG_TWO_PI
        narrow = narrow - at.atomic_scale.to(value).unsqueeze(-1)
        exact = torch.zeros_like(apart).masked_fill(apart.abs() > CLOSE * (1 + points.abs()), -math.inf)
        spike = torch.where(at.atomic_whole.unsqueeze(-1), exact, narrow)
        return torch.cat([logs[..., :-1] + spike, (logs[..., -1] + terms).unsqueeze(-1)], -1).logsumexp(-1)

    def _whole(self, noise: Noise, location: Tensor) -> Tensor:
        """Draws of the integer columns."""
        at, real = self.places, self.places.layout.real
        uniform = below(noise.uniform(len(at.width)).to(location))
        drawn = location[..., real:] + LOGISTIC * self.log_sigma[..., real:].detach().exp() * torch.logit(uniform)
        return (((drawn / at.width + at.offset).round() - at.offset) * at.width).to(location)


class ColumnsLikelihood(Likelihood):
    """``numbers`` are those of :class:`Columns` and, after them, the logarithm of each value's standard deviation.

    The latter is counted from one that is learnt for the column, and bounded below by ``floor``, in units of x.
    """

    def __init__(self, spec: Spec, floor: float = FLOOR) -> None:
        super().__init__(spec)
        self.places, self.floor = Places(spec), floor
        self.size, self.values = self.places.layout.size, len(self.places.values)
        self.shape = (self.size + self.values,)
        self.log_sigma = nn.Parameter(torch.zeros(self.values))

    def forward(self, numbers: Tensor) -> Columns:
        numbers, own = wide(numbers).tensor_split([self.size], -1)
        low = math.log(self.floor)
        return Columns(numbers, low + softplus(wide(self.log_sigma) + own - low), self.places, self.floor)

    def start(self, mean: Tensor) -> Tensor:
        """Numbers whose values have this mean; categories, atoms and flags are even: entries tell no more."""
        numbers = mean.new_zeros(self.shape)
        numbers[: self.values] = mean[self.places.values]
        return numbers
