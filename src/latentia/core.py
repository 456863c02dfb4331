"""The words every other module speaks: batch, spec, noise, update, group, recipe, training, capabilities.

A recipe *tells* one training step as a generator of updates; one loop (``training/loop.py``) runs them all and never
asks which model it is. Nothing here knows a model, a data set or an optimiser.
"""

from __future__ import annotations

import copy
import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, NamedTuple, Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

from latentia.fields import AtLeast, Help, MoreThan, OneOf, check, check_names
from latentia.spec import Column as Column
from latentia.spec import Spec as Spec

# --- data ------------------------------------------------------------------------------------------------------------


class Batch(NamedTuple):
    """Some examples; every tensor has one row per example, absent slots are ``None``."""

    x: Tensor  # what is modelled
    y: Tensor | None = None  # the picture it is given, or the other domain
    label: Tensor | None = None  # the class or condition it is given
    mask: Tensor | None = None  # which entries of x are known (the others are 0, never NaN)
    weight: Tensor | None = None  # how much an example counts

    def parts(self, count: int) -> list[Batch]:
        """``count`` independent batches: every ``count``-th row, so that they stay the same over processes."""
        return [self._replace(**{name: slot[i::count] for name, slot in self.slots()}) for i in range(count)]

    def slots(self) -> list[tuple[str, Tensor]]:
        """The slots that are there, by name."""
        return [(name, slot) for name, slot in self._asdict().items() if slot is not None]

    def to(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Batch:
        """The batch on ``device``, its floating-point slots as ``dtype``."""

        def move(slot: Tensor) -> Tensor:
            return slot.to(device, dtype if slot.is_floating_point() else slot.dtype, non_blocking=True)

        return self._replace(**{name: move(slot) for name, slot in self.slots()})


class Source(Protocol):
    """An opened data set, or one split of it."""

    @property
    def spec(self) -> Spec: ...

    def __len__(self) -> int: ...

    def take(self, seed: int, start: int, count: int, rows: slice = slice(None)) -> Batch:
        """``rows`` of the ``count`` examples at position ``start`` of an endless stream of seeded permutations."""
        ...

    def read(self, indices: Sequence[int] | Tensor | slice) -> Batch:
        """The items at these places of the split, always the same for the same place."""
        ...


class TwoSided(Source, Protocol):
    """A source of pairs or of two domains, with each side as a source of its own: its items are the ``x`` there."""

    @property
    def of_x(self) -> Source: ...

    @property
    def of_y(self) -> Source: ...


# --- randomness ------------------------------------------------------------------------------------------------------


def key(*parts: object) -> int:
    """A 63-bit hash of ``parts``: CPU generators keep only the low 32 bits of a seed, so sums and shifts collide."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=8).digest(), "little") >> 1


class Noise:
    """The only source of randomness of a step: drawn for the whole global batch in order, own rows kept."""

    own: slice = slice(None)  # which of the rows kept

    def __init__(
        self,
        seed: int,
        seen: int,
        rows: slice,
        total: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
        purpose: str = "step",
    ) -> None:
        self.rows, self.total, self.device, self.dtype = rows, total, device, dtype
        self.generator = torch.Generator(device).manual_seed(key(seed, seen, purpose))

    def __len__(self) -> int:
        return len(range(self.total)[self.rows][self.own])

    def part(self, index: int, count: int) -> Noise:
        """The same stream for every ``count``-th own row, beside :meth:`Batch.parts`."""
        part = copy.copy(self)
        part.own = slice(index, None, count)
        return part

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, one row of ``shape`` per example."""
        return self._draw(torch.randn, shape)

    def uniform(self, *shape: int) -> Tensor:
        """Uniform numbers in [0, 1), one row of ``shape`` per example."""
        return self._draw(torch.rand, shape)

    def _draw(self, draw: Any, shape: tuple[int, ...]) -> Tensor:
        numbers: Tensor = draw((self.total, *shape), generator=self.generator, device=self.device, dtype=self.dtype)
        return numbers[self.rows][self.own]


class SeededNoise(Noise):
    """The noise of a task: item ``i`` has a stream of its own, so its numbers depend on its seed and nothing else."""

    def __init__(self, seeds: Sequence[int], purpose: str = "sample", dtype: torch.dtype = torch.float32) -> None:
        self.rows, self.total, self.device, self.dtype = slice(None), len(seeds), "cpu", dtype
        self.generators = [torch.Generator().manual_seed(key(seed, purpose)) for seed in seeds]

    def _draw(self, draw: Any, shape: tuple[int, ...]) -> Tensor:
        if not self.generators:
            return torch.empty(0, *shape, dtype=self.dtype)
        return torch.stack([draw(shape, generator=each, dtype=self.dtype) for each in self.generators])


# --- several processes -----------------------------------------------------------------------------------------------


def world() -> int:
    """How many processes train together."""
    return torch.distributed.get_world_size() if _together() else 1


def rank() -> int:
    """Which of them this one is; 0 writes the run."""
    return torch.distributed.get_rank() if _together() else 0


def _together() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def average(values: Tensor) -> Tensor:
    """The mean of ``values`` over all processes, in place."""
    if world() > 1:
        torch.distributed.all_reduce(values)
        values /= world()
    return values


def mean(values: Tensor) -> Tensor:
    """The mean over the examples of the *global* batch: any function of it has the right gradient after averaging.

    The value is global, the gradient local; averaging gradients over processes completes it.
    """
    local = values.mean(0)
    if world() == 1:
        return local
    return local + (average(local.detach().clone()) - local.detach())


# --- one step --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """A step's *structure*, a pure function of images seen, known on the host."""

    batch: int  # images of one step, over all processes
    level: int = 0  # which layers take part
    penalty: bool = True  # lazy penalties are in or out
    moments: int = 0  # when it changes, the optimisers forget


class Now(NamedTuple):
    """All that a step may depend on beside the net and the batch."""

    seen: Tensor  # int64 on the device: a step's numbers (beta, fade, rate) are functions of it
    stage: Stage
    noise: Noise  # the only source of randomness


class Update(NamedTuple):
    """One sentence: "lower this loss by moving that group of weights". ``logs`` are means over examples."""

    group: str
    loss: Tensor
    logs: Mapping[str, Tensor] = MappingProxyType({})


@dataclass(frozen=True)
class Group:
    """Weights that one player moves, with the settings of its Adam. ``rate`` may be a schedule: ``1e-3:0@20M``."""

    weights: Sequence[nn.Parameter]
    rate: float | str = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8


@dataclass(frozen=True)
class Recipe(ABC):
    """What to learn and how. Subclasses are frozen dataclasses: their annotated fields ARE the configuration.

    Class attributes:
        family: the word the model is listed under.
        images: the default budget, in training images.
        batch: the default number of images of a step.
        units: the unit of each log; a log that is not named has none.
        capabilities: the protocols that the net it builds fulfils.
        kinds: the kinds of data it learns from.
        pairing: the :attr:`Spec.pairing` of the data it learns from.
    """

    family: ClassVar[str] = ""
    images: ClassVar[int] = 1_000_000
    batch: ClassVar[int] = 128
    units: ClassVar[Mapping[str, str]] = MappingProxyType({})
    capabilities: ClassVar[frozenset[type]] = frozenset()
    kinds: ClassVar[tuple[str, ...]] = ("image", "table")
    pairing: ClassVar[str] = ""

    def __new__(cls, *_: object, **fields: object) -> Self:
        check_names(cls, fields)  # Python's own TypeError would not say which field was meant
        return super().__new__(cls)

    def __post_init__(self) -> None:
        check(self)

    @abstractmethod
    def build(self, spec: Spec) -> Any:
        """The net for data of this spec. Runs under the seed of the training."""

    @abstractmethod
    def groups(self, net: Any) -> dict[str, Group]:
        """The players: disjoint, together every weight of the net."""

    @abstractmethod
    def updates(self, net: Any, batch: Batch, now: Now) -> Iterator[Update]:
        """One training step, told in order. What the next player needs is computed after the yield."""

    @property
    @abstractmethod
    def score(self) -> tuple[str, str]:
        """The log that chooses the best weights on held-out data, and whether ``"higher"`` or ``"lower"`` wins."""

    def notes(self, spec: Spec) -> list[str]:
        """What the recipe decides from the data, a sentence each, printed when a training starts."""
        return []

    def fitted(self, spec: Spec) -> Recipe:
        """The recipe with what only the data decides filled in, where :meth:`stage` has to know it."""
        return self

    def planned(self, training: Training, spec: Spec, rows: int) -> tuple[Recipe, Training]:
        """Recipe and training with what only the number of training ``rows`` decides, where nothing was asked for."""
        return self, training

    def begins_fitted(self, spec: Spec) -> bool:
        """Whether the net is a model of the data before the first step: one far worse later has diverged."""
        return False

    def stage(self, seen: int) -> Stage:
        """The structure of the step that starts when ``seen`` images have been seen."""
        return Stage(self.batch)

    def prepare(self, net: Any, source: Source) -> None:  # noqa: B027
        """Once before step 0: what the net takes from the data (scales, pseudo-inputs)."""

    def settle(self, net: Any, source: Source) -> None:  # noqa: B027
        """Before weights are written for use: what is estimated for them (statistics, sigma, a latent density)."""

    def judge(self, net: Any, source: Source) -> Mapping[str, float]:
        """Figures of held-out data that are no mean over examples; they join the logs of the validation."""
        return {}

    def found(self, net: Any, source: Source) -> list[str]:
        """What a person should know of a training that has ended, a sentence each, from training items."""
        return []

    def fit(self, *_: object, **__: object) -> None:
        """There is no ``fit`` here; this says where it is."""
        name = type(self).__name__
        raise TypeError(
            f"{name} is a recipe and has no fit: latentia.train({name}(...), data) trains it, "
            f"and latentia.estimators has scikit-learn estimators"
        )


@dataclass(frozen=True)
class Training:
    """How to train: what is not the model's. A recipe's field may not take one of these names."""

    images: Annotated[int | None, Help("budget: training images seen"), AtLeast(1)] = None
    steps: Annotated[int | None, Help("budget: optimiser steps"), AtLeast(1)] = None
    minutes: Annotated[float | None, Help("budget: minutes, turned into images over the first steps"), MoreThan(0)] = (
        None
    )
    batch: Annotated[int | None, Help("images of one step, over all processes"), AtLeast(1)] = None
    micro: Annotated[int, Help("parts a batch is computed in, one after another, to save memory"), AtLeast(1)] = 1
    seed: Annotated[int, Help("seed of weights, order and noise"), AtLeast(0)] = 0
    device: Annotated[str, Help("auto, cpu, cuda, cuda:1 or mps")] = "auto"
    precision: Annotated[
        str,
        Help("auto takes bf16 where the machine is faster with it"),
        OneOf(("auto", "float32", "bf16", "float64")),
    ] = "auto"
    average: Annotated[
        float, Help("half-life of the averaged weights, in images; 0 keeps the last weights"), AtLeast(0)
    ] = 100_000.0
    every: Annotated[
        int | None,
        Help("images between validations, a checkpoint after each (default: a twentieth of the budget)"),
        AtLeast(1),
    ] = None
    members: Annotated[
        int, Help("nets, each from a seed of its own and trained as long; their densities are averaged"), AtLeast(1)
    ] = 1
    tensorboard: Annotated[bool, Help("write TensorBoard events beside log.jsonl")] = False

    def __post_init__(self) -> None:
        check(self)


# --- capabilities ----------------------------------------------------------------------------------------------------
# A net with an attribute ``classes`` above 0 takes labels: their numbers ``(N,)``, or shares of all ``(N, classes)``.
# No other net is ever handed one, so its methods need no such argument.


@runtime_checkable
class Samples(Protocol):
    """Draws latents from its prior and decodes them: ``sample``, ``interpolate`` between seeds, ``decode``."""

    latent: int

    def draw(self, noise: Noise) -> Tensor:
        """Latents from the prior, ``(len(noise), latent)``."""
        ...

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """The mean of what latents stand for, ``(N, *spec.shape)`` in the data's range."""
        ...


@runtime_checkable
class Encodes(Protocol):
    """Tells the latents of items: ``encode``, ``interpolate`` between items."""

    latent: int

    def encode(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """The latents of items, ``(N, latent)``; for a posterior its mean. Deterministic."""
        ...


@runtime_checkable
class Reconstructs(Encodes, Protocol):
    """Encodes and decodes: ``reconstruct``."""

    def decode(self, z: Tensor, label: Tensor | None = None) -> Tensor: ...


@runtime_checkable
class HasDensity(Samples, Reconstructs, Protocol):
    """A latent variable model: p(x) = integral of p(x|z) p(z) dz, with q(z|x) beside it: ``evaluate``, ``score``."""

    def posterior(self, x: Tensor, label: Tensor | None = None) -> Distribution:
        """q(z|x), or q(z|x, label)."""
        ...

    def likelihood(self, z: Tensor, label: Tensor | None = None) -> Distribution:
        """p(x|z), or p(x|z, label)."""
        ...

    def prior(self) -> Distribution:
        """p(z), whatever the label."""
        ...


Moments = Callable[[Tensor], tuple[Tensor, Tensor]]  # features to the mean and mean square that a norm uses


def moments_of(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and mean square of each channel of each picture, ``(N, C, 1, 1)``, of features ``(N, C, H, W)``."""
    return x.mean((2, 3), keepdim=True), x.square().mean((2, 3), keepdim=True)


@runtime_checkable
class Translates(Protocol):
    """Turns a picture of one domain into its counterpart in another: ``translate``.

    ``to`` is one of ``domains``; sides are padded to a ``multiple`` and cropped again; noise tells if ``variants``.
    """

    domains: tuple[str, ...]
    multiple: int
    variants: bool

    def given(self, to: str) -> Spec:
        """What pictures that are translated to ``to`` look like; any height and width are taken."""
        ...

    def translate(self, x: Tensor, to: str, noise: Noise | None = None, moments: Moments | None = None) -> Tensor:
        """The counterparts of pictures ``(N, C, H, W)`` in the domain ``to``, as large, float32 in its range.

        Without ``noise`` the answer is always the same. ``moments`` is called by every norm, in the order of the net,
        with its features ``(N, C, h, w)`` in at least float32, and returns the mean and mean square ``(N, C, 1, 1)`` to
        normalise by: tiles of a picture, or frames, can share theirs. By default each picture has its own
        (:func:`moments_of`).
        """
        ...


@runtime_checkable
class JudgesPatches(Translates, Protocol):
    """Translates, and has a critic of each domain that answers for every patch of a picture."""

    def judged(self, x: Tensor, to: str, given: Tensor) -> Tensor:
        """Answers ``(N, rows, columns)`` to patches of pictures of ``to`` made of ``given``: higher for what is real.

        The places lie evenly on the picture, the outermost one and a half of their distances from its border.
        """
        ...


@runtime_checkable
class Remembers(Protocol):
    """A part of a net with memory: neither learnt nor averaged, kept in checkpoints, never in weights for use."""

    def memory(self) -> dict[str, Tensor]:
        """Its tensors, which a resume copies into."""
        ...

    def merge(self) -> None:
        """Make it the same on all processes, which all call this together."""
        ...


@runtime_checkable
class HasCritic(Samples, Protocol):
    """A game of two players whose critic can be asked: its failures are looked for while it trains."""

    def answer(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """The critic's answers ``(N,)`` to items in the data's units: higher for what seems real."""
        ...

    def detailed(self, x: Tensor) -> Tensor:
        """Items ``(N, *spec.shape)`` with the detail that samples have by now: as they are, if the nets do not grow."""
        ...


class Distribution(Protocol):
    """What nets return: an object that holds float32 (or float64) parameters, one row per example."""

    @property
    def mean(self) -> Tensor: ...

    def log_prob(self, value: Tensor) -> Tensor:
        """One number per example: the sum over its entries, in nats."""
        ...

    def sample(self, noise: Noise) -> Tensor:
        """A draw per example, through which gradients pass where the distribution allows it."""
        ...


@dataclass(frozen=True)
class Estimate:
    """An estimated number with the interval that its method claims."""

    value: float
    low: float
    high: float
    unit: str = ""
    note: str = field(default="", compare=False)

    def __str__(self) -> str:
        return f"{self.value:.4g} [{self.low:.4g}, {self.high:.4g}] {self.unit}".rstrip()
