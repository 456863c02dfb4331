"""How a VAE of a table begins: as the factor analysis of its features.

The nets are linear in the table and in z beside what else they can be, so this is a point of theirs; training goes on
from it. The components of a mixture prior begin at the clusters of the codes where the rows are many for the columns,
else close together, about as one standard normal distribution: they would keep a cluster for every handful of outliers.

References:
    EM algorithms for ML factor analysis (Rubin & Thayer, 1982), Psychometrika 47
    A fast algorithm for the minimum covariance determinant estimator (Rousseeuw & Van Driessen, 1999), Technometrics 41
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from latentia.core import Recipe, Source, Spec, Training, key
from latentia.distributions.columns import FLOOR
from latentia.distributions.priors import MixtureOfNormals
from latentia.layout import Layout
from latentia.models._reference import reference
from latentia.nn.columns import ColumnFeatures

Of = TypeVar("Of", bound=Recipe)
LATENTS = 32
SMALL = 200  # training rows, or as many as there are columns, from which on a net is trained
FEWEST_ROWS, MOST_ROWS = 128, 512  # of a batch
FEW, MANY = 10_000, 50_000  # rows up to which, and from which on, each more of them is worth another number of passes
PASSES = (40, 120, 20)  # over the rows up to FEW, over those up to MANY, over those beyond
RAREST = 0.01  # share of the rows that a rarer category, atom or flag is scaled by
LEAST = 0.05  # variance that a feature of a category keeps to itself
SAID = 1.0  # variance that a latent tells, over the noise, below which it is as good as unused
CARRIED = 0.75  # of the variance that codes then carry
STEPS = 100  # of the EM of factor analysis
MIXTURES = (1, 2, 4, 8, 16, 32, 64)  # components that are tried on held-out codes
ROWS_EACH = 50  # that each of the size^2 numbers of a component of the table takes, before it is looked for
SPREAD = 0.25  # standard deviations by which components that begin at one place lie apart
KEPT = 0.7  # of the rows that a trimmed training learns from: the most probable ones
ROUNDS = 6  # of concentrating on them before the first step
LIMIT = 3.0  # times the variance of a normal table of the same core, from which on one is trimmed that may be


def latents_for(spec: Spec) -> int:
    """The size of z where none is asked for: 32, and half the features of a table with columns, from 2 to 32."""
    return min(LATENTS, max(2, -(-Layout(spec).size // 2))) if spec.columns else LATENTS


def planned(recipe: Of, training: Training, spec: Spec, rows: int) -> tuple[Of, Training]:
    """The recipe and the training of a table of so many training rows.

    Few rows have their closed form, which a net starts from and stays at with a rate of 0. Whoever asks for a budget,
    or for a rate, has a net trained all the same. Members would be the same: there is one.
    """
    asked = training.images or training.steps or training.minutes
    if rows >= max(SMALL, len(spec.columns)) or asked or recipe.rate != type(recipe).rate:  # type: ignore[attr-defined]
        return recipe, plan(training, rows)
    one_step = plan(training, rows)
    return replace(recipe, rate=0.0), replace(one_step, images=one_step.batch, members=1)  # type: ignore[call-arg]


def closed_form(codes: str) -> str:
    """What is said of a table's model whose rate is 0.

    Args:
        codes: what its codes are told by.
    """
    return (
        f"no net is trained (rate 0): the model is its closed form, a factor analysis with {codes}; tables of fewer "
        f"than {SMALL} training rows, or fewer than they have columns, stay there unless --images or --rate is given"
    )


def plan(training: Training, rows: int) -> Training:
    """The training of a table of so many training rows, where it says no batch or no budget.

    Batches of 128 rows and 40 passes; of more rows larger batches. More passes over few rows raise their likelihood,
    and that of a few outliers among them with it; each row from 10,000 on bears three times as many, and from 50,000
    on, where the first passes have taught enough, half as many.
    """
    batch = training.batch or min(MOST_ROWS, max(FEWEST_ROWS, 2 ** round(math.log2(max(rows, 1) / FEWEST_ROWS))))
    asked = training.images or training.steps or training.minutes
    parts = min(rows, FEW), min(max(rows - FEW, 0), MANY - FEW), max(rows - MANY, 0)
    images = sum(passes * part for passes, part in zip(PASSES, parts, strict=True))
    return replace(training, batch=batch, images=training.images if asked else images)


def begin(net: Any, source: Source, count: int, robust: str) -> None:
    """Let a VAE of a table begin as a factor analysis of ``count`` training rows, or of their core."""
    place = net.place
    encoder, decoder, observed = net.encoder, net.decoder, net.observed
    x = torch.cat([part.x for part in reference(source, count)]).double()
    if net.kept is not None:
        core = core_of(encoder.front, x)
        net.wide.fill_(inflation(encoder.front, x, core))
        trimmed = robust == "yes" or float(net.wide) > LIMIT
        net.kept.fill_(KEPT if trimmed else 1.0)
        x = x[core] if trimmed else x
    start = linear_start(encoder.front, x, net.latent, observed.floor)
    front, size = encoder.front, len(start.center)
    numbers = torch.zeros(observed.shape, dtype=torch.float64)
    numbers[:size] = logits(start.center, front.layout)
    decoder.start(numbers.to(place))
    with torch.no_grad():
        sigma = (start.noise[: front.count].sqrt() * start.scale[: front.count]).log()
        low = math.log(observed.floor)
        observed.log_sigma.copy_(low + torch.log(torch.expm1((sigma - low).clamp_min(0.05))))
        weight = decoder.head.layer.weight.zero_()
        spread = start.scale.clone()
        spread[front.count :] = 1 / spread[front.count :]  # a share moves by p times its logit
        weight[:size, : net.latent] = spread.reshape(-1, 1) * start.weight
    net.head.start(start.encoder.to(place), start.posterior_scale.to(place))
    if isinstance(net.latents, MixtureOfNormals):
        components = len(net.latents.logits)
        fit = mixture_of(
            encoder.front(x) @ start.encoder.T,
            min(components, int(len(x) / (ROWS_EACH * size**2))),
            start.posterior_scale.square(),
        )
        net.latents.start(*(each.to(place) for each in spread_over(fit, components)))


def begin_codes(net: Any, source: Source, count: int) -> None:
    """Let an autoencoder of a table begin as a factor analysis of ``count`` training rows."""
    x = torch.cat([part.x for part in reference(source, count)]).double()
    start = linear_start(net.encoder.front, x, net.latent, FLOOR)
    with torch.no_grad():
        for layer, weight in ((net.code, start.encoder), (net.decoder.head.layer, start.weight)):
            layer.weight.zero_()[:, : weight.shape[1]] = weight
            layer.bias.zero_()


@dataclass(frozen=True)
class Start:
    """A linear model of a table: features = weight @ z + noise, in centred and scaled features.

    Attributes:
        center, scale: of the features, ``(size,)``.
        weight: ``(size, latent)``; its columns are orthogonal in units of the noise, so that p(z|x) is diagonal.
        noise: variances, ``(size,)``.
    """

    center: Tensor
    scale: Tensor
    weight: Tensor
    noise: Tensor

    @property
    def posterior_scale(self) -> Tensor:
        """Standard deviations of p(z|x), ``(latent,)``."""
        return (1 + (self.weight.square() / self.noise.reshape(-1, 1)).sum(0)).rsqrt()

    @property
    def encoder(self) -> Tensor:
        """From features to the mean of p(z|x), ``(latent, size)``."""
        return (self.posterior_scale.square() * (self.weight / self.noise.reshape(-1, 1))).T


def linear_start(front: ColumnFeatures, x: Tensor, latent: int, floor: float) -> Start:
    """Factor analysis of rows.

    Args:
        front: makes the features; it is told how to centre and scale them.
        x: rows ``(N, entries)``, float64.
        latent: numbers of a code.
        floor: the smallest standard deviation of a value, in units of x.
    """
    center, scale = moments(front, x)
    front.start(center, scale)
    features = front(x)
    least = torch.full_like(center, LEAST)
    least[: front.count] = (floor / scale[: front.count]).square()
    weight, noise = factors(features.T @ features / len(features), latent, least)
    return Start(center, scale, weight, noise)


def core_of(front: ColumnFeatures, x: Tensor) -> Tensor:
    """The rows in which features are most probable under a normal distribution fitted on themselves, bool ``(N,)``."""
    core = torch.ones(len(x), dtype=torch.bool)
    for _ in range(ROUNDS):
        front.start(*moments(front, x[core]))
        features = front(x)
        away = (features * torch.linalg.solve(_covariance(features[core]), features.T).T).sum(1)
        core = away <= away.quantile(KEPT)
    return core


def inflation(front: ColumnFeatures, x: Tensor, core: Tensor) -> float:
    """How many times the variance of a table is that of a normal one with the same core, as a mean over its columns.

    Columns of numbers without atoms alone are asked; 1 where there is none. The core of normal rows is smaller than
    they are, too: by P(c(d + 2) < q) / P(c(d) < q), with c(d) chi-squared and q its quantile at the share that is kept.
    """
    front.start(*moments(front, x))
    values = front(x)[:, : front.count][:, front.plain]
    columns = values.shape[1]
    if not columns:
        return 1.0
    both = [torch.linalg.slogdet(_covariance(each))[1] for each in (values, values[core])]
    half = torch.tensor(columns / 2, dtype=torch.float64)
    low, high = torch.zeros(()).double(), torch.tensor(100.0 * columns).double()
    for _ in range(80):  # the quantile, by halving
        middle = (low + high) / 2
        under = torch.special.gammainc(half, middle / 2) < KEPT
        low, high = torch.where(under, middle, low), torch.where(under, high, middle)
    expected = torch.special.gammainc(half + 1, low / 2) / KEPT
    return float(((both[0] - both[1]) / columns + expected.log()).exp())


def spread_over(fit: Mixture, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Means, scales and shares of ``count`` components that tell about the same as those of ``fit`` together.

    Those that begin at one place lie a little apart, each with its part of the share.
    """
    generator = torch.Generator().manual_seed(key("components"))
    turns = torch.arange(count) % len(fit.share)
    times = torch.bincount(turns, minlength=len(fit.share))
    step = SPREAD * (times > 1).double()[turns].reshape(-1, 1)
    scale = fit.variance.sqrt()[turns]
    mean = fit.mean[turns] + step * scale * torch.randn(scale.shape, generator=generator, dtype=torch.float64)
    return mean, scale * (1 - step.square()).sqrt(), (fit.share / times)[turns]


def _covariance(features: Tensor) -> Tensor:
    """Of features ``(N, size)``, with a little more variance, so that a column that stays the same has some."""
    apart = features - features.mean(0)
    return apart.T @ apart / len(apart) + 0.01 * torch.eye(features.shape[1]).to(features)


def moments(front: ColumnFeatures, x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and scale of each feature over the rows that have it, ``(size,)``: of categories the root of the share."""
    raw, has = front.raw(x)
    rows = has.sum(0).clamp_min(1)
    center = (has * raw).sum(0) / rows
    scale = ((has * (raw - center).square()).sum(0) / rows).sqrt().clamp_min(1e-3)
    share = center[front.hits].clamp(RAREST, 1)
    scale[front.hits] = share.sqrt()
    scale[front.hits.stop :] = scale[front.hits.stop :].clamp_min(math.sqrt(RAREST))
    return center, scale


def factors(covariance: Tensor, latent: int, least: Tensor) -> tuple[Tensor, Tensor]:
    """Factor analysis by EM from principal components: weight ``(size, latent)`` and noise variances ``(size,)``.

    Args:
        covariance: of centred features, ``(size, size)``.
        latent: columns of the weight.
        least: the smallest noise variance of each feature.
    """
    values, vectors = torch.linalg.eigh(covariance)
    rest = values[: len(values) - latent]
    spread = rest.mean() if len(rest) else values[:1].mean()
    latent_values = (values.flip(0)[:latent] - spread).clamp_min(1e-6)
    weight = vectors.flip(1)[:, :latent] * latent_values.sqrt()
    weight = torch.cat([weight, weight.new_zeros(len(weight), latent - weight.shape[1])], 1)
    noise = torch.maximum((covariance.diagonal() - weight.square().sum(1)), least)
    for _ in range(STEPS):
        scaled = weight / noise.reshape(-1, 1)
        inverse = torch.linalg.inv(torch.eye(latent).to(weight) + weight.T @ scaled)
        to_codes = inverse @ scaled.T
        crossed = covariance @ to_codes.T
        weight = crossed @ torch.linalg.inv(inverse + to_codes @ crossed + 1e-9 * torch.eye(latent).to(weight))
        noise = torch.maximum(covariance.diagonal() - (weight * crossed).sum(1), least)
    told, turn = torch.linalg.eigh(weight.T @ (weight / noise.reshape(-1, 1)))
    if float(told.max()) < SAID:  # of columns that have nothing in common: the codes carry principal components
        weight = vectors.flip(1)[:, :latent] * (CARRIED * values.flip(0)[:latent].clamp_min(0)).sqrt()
        weight = torch.cat([weight, weight.new_zeros(len(weight), latent - weight.shape[1])], 1)
        noise = torch.maximum(covariance.diagonal() - weight.square().sum(1), least)
        turn = torch.linalg.eigh(weight.T @ (weight / noise.reshape(-1, 1)))[1]
    return weight @ turn.flip(1), noise


def logits(center: Tensor, layout: Layout) -> Tensor:
    """The parameters ``(size,)`` of p(x|z) under which features have these means."""
    numbers = center.clone()
    coded, atoms = layout.coded, layout.atoms
    numbers[coded.start : coded.stop] = center[coded.start : coded.stop].clamp_min(1e-4).log()
    first = atoms.start
    for count in atoms.counts:
        share = center[first : first + count].clamp_min(1e-4)
        numbers[first : first + count] = share.log() - (1 - share.sum()).clamp_min(1e-4).log()
        first += count
    numbers[atoms.stop :] = torch.logit(center[atoms.stop :], eps=1e-4)
    return numbers


@dataclass(frozen=True)
class Mixture:
    """A mixture of diagonal normal distributions.

    Attributes:
        mean, variance: ``(K, latent)``.
        share: ``(K,)``.
    """

    mean: Tensor
    variance: Tensor
    share: Tensor

    def log_terms(self, codes: Tensor) -> Tensor:
        """Log of share times density, ``(N, K)``."""
        square = (codes.square() @ (1 / self.variance).T) - 2 * codes @ (self.mean / self.variance).T
        square = square + (self.mean.square() / self.variance).sum(1)
        return self.share.log() - 0.5 * (square + (2 * math.pi * self.variance).log().sum(1))


def mixture_of(codes: Tensor, most: int, within: Tensor) -> Mixture:
    """The mixture of up to ``most`` components that tells most of held-out codes, every seventh of them.

    Args:
        codes: ``(N, latent)``.
        most: components.
        within: variances that every component has at least, those of p(z|x), ``(latent,)``.
    """
    chosen = torch.arange(len(codes)) % 7 == 0
    learnt, held = (codes[~chosen], codes[chosen]) if len(codes) > 20 else (codes, codes)
    counts = [count for count in MIXTURES if count <= max(most, 1)]
    fits = [expectation_maximisation(learnt, count, within) for count in counts]
    scores = [float(fit.log_terms(held).logsumexp(1).mean()) for fit in fits]
    best = max(range(len(fits)), key=scores.__getitem__)
    return expectation_maximisation(codes, len(fits[best].share), within)


def expectation_maximisation(codes: Tensor, count: int, within: Tensor, steps: int = 40) -> Mixture:
    """EM of ``count`` components, begun at seeded rows that lie apart (k-means++)."""
    generator = torch.Generator().manual_seed(key("mixture", count))
    places = [int(torch.randint(len(codes), (1,), generator=generator))]
    apart = (codes - codes[places[0]]).square().sum(1)
    for _ in range(count - 1):
        places.append(int(torch.multinomial(apart + 1e-12, 1, generator=generator)))
        apart = torch.minimum(apart, (codes - codes[places[-1]]).square().sum(1))
    spread = codes.var(0, correction=0) / max(1, count) + within
    fit = Mixture(codes[places], spread.repeat(count, 1), torch.full((count,), 1 / count).to(codes))
    for _ in range(steps):
        part = fit.log_terms(codes).softmax(1)
        rows = part.sum(0).clamp_min(1e-9).reshape(-1, 1)
        mean = part.T @ codes / rows
        variance = (part.T @ codes.square() / rows - mean.square()).clamp_min(0) + within
        # two more rows of the overall spread keep a component of few rows from closing in on them
        overall = codes.var(0, correction=0) + within
        variance = (rows * variance + 2 * overall) / (rows + 2)
        fit = Mixture(mean, variance, (rows[:, 0] + 1) / (len(codes) + count))
    return fit
