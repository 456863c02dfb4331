"""Evaluate: figures about a trained net on held-out items, each with one sentence on what it means."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from latentia.core import Batch, HasDensity, Reconstructs, Source
from latentia.distributions.bernoulli import Bernoulli
from latentia.distributions.logistic import DiscretisedLogistic
from latentia.distributions.mixture import ColourMixture, LogisticMixture
from latentia.metrics.fractions import WIDTH
from latentia.metrics.latents import active_units, mutual_information
from latentia.metrics.likelihood import bits_per_dim
from latentia.tasks.encode import codes_of
from latentia.tasks.likelihood import Weighed, weigh
from latentia.tasks.reconstruct import reconstruct
from latentia.tasks.sample import draw
from latentia.tasks.traverse import latent_divergence
from latentia.tasks.working import ItemNoise, Net, given, label_of, parts, place, require, still

__all__ = ["Figure", "collapse", "evaluate"]

Array = NDArray[np.float64]
Progress = Callable[[int, int], None]
CHUNK = 512  # items read from the source at a time
ACTIVE, SILENT = 0.01, 0.1
MASSES = (Bernoulli, DiscretisedLogistic, LogisticMixture, ColourMixture)


@dataclass(frozen=True)
class Figure:
    """A number about a model, with its 95 % interval, its unit, and what it means to a person."""

    name: str
    value: float
    low: float
    high: float
    unit: str
    meaning: str
    better: str = ""  # "higher", "lower", or neither
    parts: tuple[float, ...] = ()
    floor: float | None = None  # the same figure of real items against other real ones
    samples: int | None = None  # how many samples were measured, if it is a figure of samples
    split: str = ""  # whose real items they were held against
    fingerprint: str = ""  # the first digits of the SHA-256 of the weights that made the features or judged

    def __str__(self) -> str:
        spread = f" [{self.low:.5g}, {self.high:.5g}]" if self.low < self.high else ""
        return f"{self.name} {self.value:.5g}{spread} {self.unit}".rstrip()

    def to_json(self) -> dict[str, Any]:
        """The figure as plain JSON values; an infinite bound is ``None``."""
        plain = {name: _finite(value) for name, value in asdict(self).items()}
        return {**plain, "parts": [_finite(part) for part in self.parts]}


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def evaluate(
    net: Net,
    source: Source,
    draws: int = 1000,
    seed: int = 0,
    limit: int | None = None,
    kind: str = "held-out",
    progress: Progress | None = None,
) -> list[Figure]:
    """What held-out items say about a net.

    Args:
        net: has a density (ELBO and its terms, likelihood, latents in use), or only reconstructs (squared error).
        source: the split to evaluate on. Bits/dim are told where its values have levels, and p(x|z) probabilities of
            them: a likelihood of the package's own that has them, or one with a true attribute ``discrete``.
        draws: K of the importance-weighted likelihood; the ELBO takes the same draws.
        seed: of the draws.
        limit: at most this many items, the first ones; all when it is not given.
        kind: what the items are called in the sentences.
        progress: called with the items done and their number, now and then: many draws of many items take minutes.

    Raises:
        CannotDo: the net neither has a density nor reconstructs.
    """
    count = len(source) if limit is None else min(limit, len(source))
    if isinstance(net, HasDensity):
        return list(_with_density(net, source, count, draws, seed, kind, progress or _silent))
    require(net, Reconstructs, "evaluate")
    return list(_with_error(net, source, count, kind))


def _silent(done: int, total: int) -> None:
    """Nobody is told."""


def _with_density(
    net: Net, source: Source, count: int, draws: int, seed: int, kind: str, progress: Progress
) -> Iterator[Figure]:
    weighed, means, divergence = _gather(net, source, count, draws, seed, progress)
    value, error, size, _ = weighed.log_prob
    labelled = bool(getattr(net, "classes", 0))
    x, z, each = ("x|label", "z, label", " given their labels") if labelled else ("x", "z", "")
    meaning = f"The number that training raises, minus nll minus kl: a lower bound on log p({x}) of {kind} items{each}."
    yield _mean("ELBO", weighed.elbo, "nats", meaning, "higher")
    meaning = f"What the decoder misses: -log p(x|{z}) under the posterior."
    yield _mean("nll", weighed.distortion, "nats", meaning, "lower")
    yield _mean("kl", weighed.rate, "nats", "What the code tells about an item: KL from the prior to its posterior.")
    both = float(np.sqrt(np.square(error).sum()) / count)
    yield _mean(
        "log-likelihood",
        value,
        "nats",
        f"log p({x}) by {draws} importance-weighted draws per item; Monte-Carlo standard error {both:.2g} nats, "
        f"on average {size.mean():.3g} of the {draws} draws count.",
        "higher",
        both,
    )
    spec = source.spec
    if spec.levels is not None and _tells_probabilities(net):
        item = "an item whose label is known" if labelled else "an item"
        meaning = f"Bits a lossless code built on this model needs for each of the {spec.size} numbers of {item}."
        bits = bits_per_dim(value, spec.size)
        yield _mean("bits/dim", bits, "bits/dim", meaning, "lower", both / spec.size / math.log(2))
    yield from _latents(net, source, count, seed, means, divergence, float(weighed.rate.mean()))


def _tells_probabilities(net: Net) -> bool:
    """Whether p(x|z) is a probability of levels; a density has no bits, it can be above 1 and grow without bound."""
    with still(net):
        likelihood = net.likelihood(draw(net, [0]).to(place(net)))
    return isinstance(likelihood, MASSES) or bool(getattr(likelihood, "discrete", False))


def _gather(
    net: Net, source: Source, count: int, draws: int, seed: int, progress: Progress
) -> tuple[Weighed, Array, Array]:
    """Weights, posterior means and mean KL per latent of the first ``count`` items, read chunk by chunk."""
    done, means, divergence = [], [], np.zeros(int(net.latent))
    for rows in parts(count, CHUNK):
        x, label = (batch := source.read(rows)).x, label_of(net, batch)
        done.append(weigh(net, x, draws, seed, range(rows.start, rows.stop), label=label))
        means.append(codes_of(net, x, label=label).double().numpy())
        divergence += latent_divergence(net, x, label=label) * (len(x) / count)
        progress(rows.stop, count)
    log_probs = (np.concatenate(column) for column in zip(*(each.log_prob for each in done), strict=True))
    terms = [np.concatenate([getattr(each, name) for each in done]) for name in ("distortion", "rate")]
    return Weighed(type(done[0].log_prob)(*log_probs), *terms), np.concatenate(means), divergence


def _latents(
    net: Net, source: Source, count: int, seed: int, means: Array, divergence: Array, rate: float
) -> Iterator[Figure]:
    active = active_units(means, ACTIVE)
    used = collapse(active, len(divergence), rate) or f"{active} of {len(divergence)} latents move with the items."
    yield _exact("active units", active, f"of {len(divergence)}", used)
    largest = tuple(sorted((float(each) for each in divergence), reverse=True))
    heard = sum(each > SILENT for each in largest)
    told = (
        f"{heard} latents carry more than {SILENT} nats each, measured from a normal with the prior's mean and "
        "deviation; this is the one that carries most."
    )
    yield Figure("KL per latent", largest[0], largest[0], largest[0], "nats", told, parts=largest)
    few = min(count, 500)
    information = _information(net, source.read(slice(0, few)), seed)
    told = (
        f"A code tells at least this much about its item; with {few} items no more than {math.log(few):.1f} can show."
    )
    yield _exact("mutual information", information, "nats", told)


def collapse(active: int, latents: int, rate: float) -> str | None:
    """The sentence that a collapsed posterior deserves, or ``None``."""
    if active and rate >= SILENT:
        return None
    return (
        f"The posterior has collapsed: {active} of {latents} latents are in use and the KL is {rate:.2g} nats, so the "
        f"code says nothing about the item. Try a KL warm-up (beta 0:1@...), free bits or a weaker decoder."
    )


def _information(net: Net, batch: Batch, seed: int) -> float:
    x = batch.x
    with still(net):
        posterior = net.posterior(x.to(place(net)), *given(label_of(net, batch), place(net)))
        z = posterior.sample(ItemNoise(range(seed, seed + len(x)), place(net), "information"))
        rows = [posterior.log_prob(each.expand(len(x), -1)).double().cpu() for each in z]
    return mutual_information(torch.stack(rows).numpy())


def _with_error(net: Net, source: Source, count: int, kind: str) -> Iterator[Figure]:
    errors = []
    for rows in parts(count, CHUNK):
        x, label = (batch := source.read(rows)).x, label_of(net, batch)
        errors.append((reconstruct(net, x, label=label).double() - x.double()).square().flatten(1).sum(1).numpy())
    summed, size = np.concatenate(errors), source.spec.size
    told = f"Squared error of a reconstruction, summed over the {size} numbers of a {kind} item."
    yield _mean("squared error", summed, "per item", told, "lower")
    yield _mean("mean squared error", summed / size, "per value", "The same, as a mean over those numbers.", "lower")


def _mean(name: str, values: Array, unit: str, meaning: str, better: str = "", error: float = 0.0) -> Figure:
    """The mean over items; its interval counts the spread of the items and, beside it, an ``error`` of the estimate."""
    mean = float(values.mean())
    spread = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    width = WIDTH * math.hypot(spread, error)
    return Figure(name, mean, mean - width, mean + width, unit, meaning, better)


def _exact(name: str, value: float, unit: str, meaning: str) -> Figure:
    return Figure(name, float(value), float(value), float(value), unit, meaning)
