"""Detectors: what goes wrong while an adversarial game trains, said in a sentence with what to try.

Each is a pure function of logged values, answers or features, and says nothing (``None``) where it sees nothing wrong.
A sentence needs evidence beyond chance: the thresholds are written beside each. :mod:`latentia.tasks.watch` asks them
at each validation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from latentia.core import Source, key
from latentia.errors import BadData
from latentia.metrics.fractions import WIDTH
from latentia.metrics.rows import as_rows
from latentia.tasks.evaluate import Figure
from latentia.tasks.nearest import nearest

__all__ = [
    "Verdict",
    "balance",
    "bins",
    "divergence",
    "left_out",
    "memorisation",
    "mode_coverage",
    "nearest_bin",
    "overfitting",
    "sameness",
    "saturation",
]

Array = NDArray[np.float64]

ALL, NONE = 0.97, 0.53  # of pairs told apart: nearly all, nearly none
READINGS = 5  # in a row, before a sentence about the balance is said
FAR = 30.0  # times its usual size, before a value is called diverging
OVERFIT = 0.3  # of the way from fakes to training items that held-out items have fallen back
FEWEST = 4  # answers, before their means are compared
CHANCE = 0.005  # that held-out items fall back as far by chance alone
COPIES = 0.02  # of the samples, before copying is spoken of
LASTS = 3  # validations in a row at which something is found, before it is said
ALIKE = 0.5  # of the spread of real items: samples have no more than that
COLLAPSED = 0.2  # of the training set, more than were once left out, before it is said that they were lost
PROGRESS = 0.2  # of what is left out, less than before: a training that still learns them
SURE = 3.0  # deviations of chance, before copying is spoken of
DRAW = 1.0  # the size of a loss in a game that nobody wins, about: a smaller one is no measure of what is usual


class Verdict(NamedTuple):
    """What a detector measured, not a number where there is too little to measure, and what it says, if anything."""

    value: float
    said: str | None = None


def balance(critic_real: ArrayLike | Tensor, critic_fake: ArrayLike | Tensor) -> Figure:
    """The critic's answers as one figure: the share of pairs in which the real item gets the higher answer.

    The same for every game and scale: 0.5 when it cannot tell them apart, 1 when it always can. Ties count half. It is
    the area under the ROC curve; the interval is Hanley & McNeil's (1982). ``parts`` are the mean answers on real and
    on fake.

    Raises:
        BadData: no answers, or some that are not finite.
    """
    real, fake = as_rows(critic_real, "answers to real items"), as_rows(critic_fake, "answers to fakes")
    value = _above(real.ravel(), fake.ravel())
    n, m = real.size, fake.size
    first, second = value / (2 - value), 2 * value**2 / (1 + value)
    error = math.sqrt(
        max(0.0, value * (1 - value) + (n - 1) * (first - value**2) + (m - 1) * (second - value**2)) / (n * m)
    )
    means = (float(real.mean()), float(fake.mean()))
    meaning = (
        f"The critic answers higher to the real one in {value:.1%} of pairs (mean {means[0]:.3g} on real, "
        f"{means[1]:.3g} on fake): at 50 % it cannot tell them apart, at 100 % it always can."
    )
    low, high = max(0.0, value - WIDTH * error), min(1.0, value + WIDTH * error)
    return Figure("critic's answer", value, low, high, "of pairs", meaning, "", means)


def _above(first: Array, second: Array) -> float:
    """The share of pairs with ``first > second``; ties count half."""
    ordered = np.sort(second)
    below = np.searchsorted(ordered, first, "left") + np.searchsorted(ordered, first, "right")
    return float(below.mean() / (2 * len(second)))


def overfitting(
    critic_train: ArrayLike | Tensor, critic_held_out: ArrayLike | Tensor, critic_fake: ArrayLike | Tensor
) -> Verdict:
    """Whether the critic knows its training items: held-out ones fall back towards the fakes.

    The value is Karras et al. 2020's (arXiv 2006.06676, equation 1): ``(train - held-out) / (train - fake)`` of mean
    answers, 0 for a critic that has learnt and 1 for one that has learnt by heart. Said from 0.3 upwards, if chance
    alone would let held-out items (at least 4) fall back as far in less than one of 200 cases (Welch's t-test).

    Raises:
        BadData: no answers, or some that are not finite.
    """
    train, held, fake = (as_rows(each, "answers").ravel() for each in (critic_train, critic_held_out, critic_fake))
    if min(len(train), len(held)) < FEWEST:
        return Verdict(math.nan)
    apart, whole = train.mean() - held.mean(), train.mean() - fake.mean()
    if whole <= 0:
        return Verdict(math.nan)
    if apart / whole < OVERFIT or _larger_by_chance(train, held) > CHANCE:
        return Verdict(apart / whole)
    return Verdict(
        apart / whole,
        f"The critic is learning its training items by heart: its mean answer is {train.mean():.3g} on them, "
        f"{held.mean():.3g} on held-out ones and {fake.mean():.3g} on fakes ({apart / whole:.0%} of the way back). Try "
        f"--augment ada, more data, a larger R1 or a smaller critic; the best weights so far are kept.",
    )


def _larger_by_chance(first: Array, second: Array) -> float:
    """The probability of a difference of means as large as theirs if there is none: Welch's t-test, one-sided."""
    from scipy.special import stdtr

    errors = np.array([first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)])
    if errors.sum() == 0:
        return float(first.mean() <= second.mean())
    freedom = errors.sum() ** 2 / (errors**2 / np.array([len(first) - 1, len(second) - 1])).sum()
    return float(stdtr(freedom, (second.mean() - first.mean()) / math.sqrt(errors.sum())))


def saturation(balances: Sequence[float]) -> str | None:
    """Whether one player has won: the balance at the last readings, the newest last.

    Said when five in a row are above 0.97 (the generator is given no direction) or within 0.03 of 0.5 (the critic is
    given none, or the samples are as good as this critic can see).
    """
    last = [each for each in balances if math.isfinite(each)][-READINGS:]
    if len(last) < READINGS:
        return None
    if min(last) > ALL:
        return (
            f"The critic tells {min(last):.1%} of pairs apart or more, {READINGS} readings in a row: the generator has "
            f"little to learn from. Try a larger R1 and R2, a lower rate of the critic, or a larger generator."
        )
    if max(abs(each - 0.5) for each in last) < NONE - 0.5:
        return (
            f"The critic tells no more than {max(last):.1%} of pairs apart, {READINGS} readings in a row: either "
            f"samples are as good as it can see, or it is too weak. If they look wrong, try a smaller R1 or a larger "
            f"critic."
        )
    return None


def bins(reference: ArrayLike | Tensor, count: int = 50, seed: int = 0) -> Array:
    """Centres ``(count, D)`` of a seeded k-means on features of training items: modes where there are no labels.

    Fewer where there are fewer than 20 items for each. Use :func:`nearest_bin` to place items.
    """
    from sklearn.cluster import KMeans

    rows = as_rows(reference, "features")
    fitted = KMeans(max(2, min(count, len(rows) // 20)), n_init=1, random_state=key(seed, "bins") % 2**32).fit(rows)
    return np.asarray(fitted.cluster_centers_, dtype=np.float64)


def nearest_bin(features: ArrayLike | Tensor, centres: Array) -> NDArray[np.int64]:
    """The centre that each row is nearest to, ``(N,)``."""
    rows = as_rows(features, "features")
    found: NDArray[np.int64] = (np.square(centres).sum(1) - 2 * rows @ centres.T).argmin(1)
    return found


def mode_coverage(sample_bins: ArrayLike, real_bins: ArrayLike, names: Sequence[str] = ()) -> Verdict:
    """Modes of the training set that samples do not reach as often as they should; the value is the share they hold.

    A mode is lost when samples have less than a fifth of its share, and chance alone would give so few in less than
    one of a thousand sets of samples (binomial, over all modes). Bins are labels that a classifier gives, or those of
    :func:`nearest_bin`: Richardson & Weiss 2018, "On GANs and GMMs", https://arxiv.org/abs/1805.12462.

    Raises:
        BadData: no items.
    """
    made, real = (np.asarray(each, dtype=np.int64).ravel() for each in (sample_bins, real_bins))
    if not len(made) or not len(real):
        raise BadData("there are no samples, or no real items, to place in modes")
    count = int(max(made.max(), real.max())) + 1
    found, share = np.bincount(made, minlength=count), np.bincount(real, minlength=count) / len(real)
    lost = [
        place
        for place in np.flatnonzero(share)
        if found[place] < share[place] * len(made) / 5
        and _chance(int(found[place]), len(made), share[place]) < 1e-3 / count
    ]
    if not lost:
        return Verdict(0.0)
    lost.sort(key=lambda place: -share[place])
    told = ", ".join(names[int(place)] if names else f"mode {place}" for place in lost[:5]) + " ..." * (len(lost) > 5)
    held = float(share[lost].sum())
    return Verdict(
        held,
        f"Samples leave out {len(lost)} of {int((share > 0).sum())} modes of the training set, which hold {held:.1%} "
        f"of it ({told}). If earlier weights had them, take those; else try a longer training, the relativistic game "
        f"with R1 and R2, a larger batch or a longer latent.",
    )


def sameness(samples: ArrayLike | Tensor, real: ArrayLike | Tensor) -> Verdict:
    """How much less samples differ from each other than real items do: 1 where they are all one, 0 where as much.

    By the root of the features' total variance. Modes are those that a sample is nearest to, however far: samples that
    are all alike and like nothing may still fall on many.

    Raises:
        BadData: no items.
    """
    made, known = (np.sqrt(as_rows(each, "features").var(0).sum()) for each in (samples, real))
    ratio = float(made / known) if known > 0 else 1.0
    if ratio > ALIKE:
        return Verdict(max(0.0, 1 - ratio))
    return Verdict(
        1 - ratio,
        f"Samples differ from each other by {ratio:.0%} of what training items do: the generator has collapsed. If "
        f"earlier weights had not, take those; else try the relativistic game with R1 and R2, or a smaller rate.",
    )


def left_out(shares: Sequence[float], late: bool) -> bool:
    """Whether what samples leave out is a failure, and not what every training begins with.

    ``shares`` are those that were left out at each validation, the newest last. They are a failure
    when the last three are all larger by 0.2 than the smallest before (a collapse), or ``late`` in a training when none
    of the last three is smaller, by a fifth, than the one before them.
    """
    before, last = shares[:-LASTS], shares[-LASTS:]
    if not before or min(last) <= 0:
        return False
    return min(last) >= min(before) + COLLAPSED or (late and min(last) > (1 - PROGRESS) * before[-1])


def _chance(hits: int, count: int, share: float) -> float:
    """The probability of at most ``hits`` of ``count`` when each has probability ``share``."""
    if share >= 1:
        return float(hits >= count)
    places = np.arange(hits + 1)
    logs = np.array([math.lgamma(count + 1) - math.lgamma(i + 1) - math.lgamma(count - i + 1) for i in places])
    return float(np.exp(logs + places * math.log(share) + (count - places) * math.log1p(-share)).sum())


def memorisation(samples: Tensor, train: Source, held_out: Source) -> Verdict:
    """Whether samples are copies: their nearest real item is a training item more often than its share explains.

    Training and held-out items are alike, so for a model that copies nothing the nearest of all of them is a training
    item with probability ``n / (n + m)``; blur or lost modes do not change that. What is above it, as a share of what
    could be, are copies. Some items are near to many samples and most to none, so it matters which items
    were held out: chance is that of any other ``m`` of the same items (a permutation test, by its exact variance). The
    value is the share of copies less three deviations of chance, and at least 0; said when it is more than 2 %.

    Raises:
        BadData: no samples, or no items.
    """
    if not len(samples):
        raise BadData("there are no samples to look for copies among")
    known, unseen = nearest(samples, train), nearest(samples, held_out)
    nearer = (known.distance < unseen.distance).double() + 0.5 * (known.distance == unseen.distance).double()
    total = len(train) + len(held_out)
    expected = len(train) / total
    copies = float((nearer.mean() - expected) / (1 - expected))
    times = torch.bincount(known.row, nearer, len(train)), torch.bincount(unseen.row, 1 - nearer, len(held_out))
    chance = float(len(held_out) * expected * torch.cat(times).var()) ** 0.5 / (len(samples) * (1 - expected))
    least = max(0.0, copies - SURE * chance)
    if least < COPIES:
        return Verdict(least)
    row = int((known.distance / unseen.distance.clamp_min(torch.finfo(torch.float64).tiny)).argmin())
    return Verdict(
        least,
        f"About {copies:.0%} of {len(samples)} samples look like copies: the nearest real item is a training item for "
        f"{float(nearer.mean()):.1%}, and {expected:.1%} would be chance (plainest: sample {row}, training item "
        f"{int(known.row[row])}). Try --augment ada, more data, earlier weights or a smaller generator.",
    )


def divergence(values: Sequence[float], name: str = "loss") -> str | None:
    """Whether a logged value runs away: the newest are not finite, or far larger than they ever were.

    Said when the last is not finite, or when the last three readings are each above 30 times the median size of the
    earlier ones (of at least five, and of 1: a player that wins for a while has a loss near 0).
    """
    if values and not math.isfinite(values[-1]):
        return f"The {name} is {values[-1]}: the training has diverged. Try a lower rate, a larger R1, or float32."
    sizes = [abs(each) for each in values if math.isfinite(each)]
    earlier, last = sizes[:-3], sizes[-3:]
    if len(earlier) < READINGS:
        return None
    usual = float(np.median(earlier))
    if min(last) <= FAR * max(usual, DRAW) or min(last) <= max(earlier):
        return None
    return (
        f"The {name} has run away: {values[-1]:.3g}, where it used to be around {usual:.3g}. Try a lower rate of both "
        f"players, a larger R1 and R2, or go on from an earlier checkpoint with another seed."
    )
