"""Likelihoods p(x|z) by name, which of them fits which data, and which follows from it."""

from __future__ import annotations

from collections.abc import Callable

from latentia.core import Spec
from latentia.distributions.bernoulli import BernoulliLikelihood, ContinuousBernoulliLikelihood
from latentia.distributions.columns import ColumnsLikelihood
from latentia.distributions.gaussian import GaussianLikelihood, OptimalGaussianLikelihood
from latentia.distributions.likelihood import Likelihood
from latentia.distributions.logistic import LogisticLikelihood
from latentia.distributions.mixture import ColourMixtureLikelihood, LogisticMixtureLikelihood
from latentia.errors import BadField, near

COMPONENTS = 5  # of a mixture that does not say how many


def _mixture(spec: Spec, components: int) -> Likelihood:
    colour = len(spec.shape) == 3 and spec.shape[0] == 3
    return (ColourMixtureLikelihood if colour else LogisticMixtureLikelihood)(spec, components)


LIKELIHOODS: dict[str, Callable[[Spec], Likelihood]] = {
    "bernoulli": BernoulliLikelihood,
    "columns": ColumnsLikelihood,
    "continuous-bernoulli": ContinuousBernoulliLikelihood,
    "gaussian": GaussianLikelihood,
    "gaussian-optimal": OptimalGaussianLikelihood,
    "logistic": LogisticLikelihood,
    "logistic-mixture": lambda spec: _mixture(spec, COMPONENTS),
}


def likelihood(name: str, spec: Spec) -> Likelihood:
    """The likelihood of this name for data of this spec.

    Args:
        name: one of ``LIKELIHOODS``; a mixture may say its components, ``"logistic-mixture:10"``.
        spec: the data.

    Raises:
        BadField: there is none of this name, or it does not fit the data.
    """
    check_likelihood(name, spec)
    kind, colon, components = name.partition(":")
    return _mixture(spec, int(components)) if colon else LIKELIHOODS[kind](spec)


def default_likelihood(spec: Spec) -> str:
    """The likelihood that follows from the data: typed columns, binary, quantised, or real numbers."""
    if spec.columns:
        return "columns"
    if spec.levels == 2:
        return "bernoulli"
    return "gaussian" if spec.levels is None else "logistic"


def check_likelihood(name: str, spec: Spec) -> None:
    """Hold a likelihood against the data.

    Raises:
        BadField: there is none of this name, or it is no likelihood for such data (grey values under Bernoulli, real
            numbers under a discretised logistic, values outside [0, 1] under a continuous Bernoulli).
    """
    kind = _kind(name)
    unit = (spec.low, spec.high) == (0, 1)
    if spec.columns and kind != "columns":
        raise BadField(f"{kind} knows no columns, and this table has columns with types: use columns")
    if kind == "columns" and not spec.columns:
        raise BadField(f"columns is the likelihood of tables whose columns have types: use {default_likelihood(spec)}")
    if kind == "bernoulli" and spec.levels != 2:
        raise BadField(
            "bernoulli is no likelihood for grey values, only for 0 and 1: binarise the data (--binarize dynamic) "
            f"or use {'continuous-bernoulli or ' if unit else ''}{default_likelihood(spec)}"
        )
    if kind.startswith("logistic") and spec.levels is None:
        raise BadField(
            f"{kind} gives probabilities to levels, and this data has real numbers: "
            f"use gaussian{' or continuous-bernoulli' if unit else ''}"
        )
    if kind.endswith("bernoulli") and not unit:
        raise BadField(
            f"{kind} needs values from 0 to 1, and this data lies between {spec.low:g} and {spec.high:g}: "
            f"use {'gaussian' if spec.levels is None else 'logistic'}"
        )


def _kind(name: str) -> str:
    """The name without its number of components, both checked."""
    kind, colon, components = name.partition(":")
    if kind not in LIKELIHOODS:
        raise BadField(f"likelihood is {name!r}; {near(kind, LIKELIHOODS)}")
    if colon and kind != "logistic-mixture":
        raise BadField(f"likelihood is {name!r}; only logistic-mixture has components, write {kind}")
    if colon and not (components.isascii() and components.isdigit() and 1 <= int(components) <= 100):
        raise BadField(f"likelihood is {name!r}; write 1 to 100 components, for example {kind}:10")
    return kind
