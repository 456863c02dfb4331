"""The variational autoencoder as an estimator: density, outliers, codes and new rows of a table."""

from __future__ import annotations

from typing import Any

from latentia import models
from latentia.core import Batch, Recipe
from latentia.estimators._latent import Array, LatentEstimator

__all__ = ["VAE"]


class VAE(LatentEstimator):
    """A latent variable model of a table: how probable a row is, which rows do not belong, and why.

    Columns may be numbers, whole numbers, dates, yes or no, or categories, and may be missing; each has a likelihood of
    its own, and densities are in the units of the data. Of fewer than 200 training rows, or more columns than rows, the
    model is the closed-form start that training otherwise goes on from, unless ``images`` or ``learning_rate`` is said.

    Args:
        latent: numbers of a code; by default half of what the columns say.
        hidden: widths of the nets' layers; empty follows the size of the default net.
        prior: of codes: ``"normal"``, ``"mixture:K"``, ``"vamp:K"``, or ``"auto"``.
        beta: weight of the KL term; 1 is the ELBO.
        robust: whether outliers among the rows are left out of what is learnt: ``"yes"`` learns from the most probable
            70 %, ``"auto"`` where rows far out make the table's variance 3 times that of a normal one, or ``"no"``.
        learning_rate: of Adam.
        images: the budget in rows seen; by default the recipe's.
        batch: rows of a step.
        draws: of the importance-weighted estimate of log p(x).
        members: nets that are trained, from as many seeds; p(x) is the mean of their densities. Costs as many times the
            training and the scoring; codes, samples and :attr:`model_` are those of the first.
        contamination: ``"auto"``: outliers are rows with a p-value of at most ``rate``; a number: this share of the
            training rows.
        rate: of false alarms.
        random_state: a seed, by default 0: the same rows give the same model.
        n_jobs: threads of torch while fitting and scoring; they are restored afterwards.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.

    Attributes:
        model_: the :class:`latentia.Model`.
        offset_: the score below which a row is an outlier.
        rate_: the rate of false alarms of the threshold, by the rows that were held out; above ``rate`` where they are
            too few to reach it, which :attr:`diagnosis_` says, and a warning where ``rate`` is not the default.
        diagnosis_: what the fit had to say.
        n_features_in_, feature_names_in_: the columns.

    Examples:
        >>> import numpy as np
        >>> rows = np.random.default_rng(0).normal(size=(150, 2))
        >>> found = VAE().fit(rows)
        >>> [int(each) for each in found.predict([[0.0, 0.1], [9.0, -9.0]])]
        [1, -1]
    """

    def __init__(
        self,
        *,
        latent: int | None = None,
        hidden: tuple[int, ...] = (),
        prior: str = "auto",
        beta: float = 1.0,
        robust: str = "auto",
        learning_rate: float = 2e-3,
        images: int | None = None,
        batch: int | None = None,
        draws: int = 64,
        members: int = 1,
        contamination: float | str = "auto",
        rate: float = 0.01,
        random_state: Any = 0,
        n_jobs: int | None = None,
        device: str = "cpu",
    ) -> None:
        self.latent = latent
        self.hidden = hidden
        self.prior = prior
        self.beta = beta
        self.robust = robust
        self.learning_rate = learning_rate
        self.images = images
        self.batch = batch
        self.draws = draws
        self.members = members
        self.contamination = contamination
        self.rate = rate
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.device = device

    def _recipe(self) -> Recipe:
        told: dict[str, Any] = {"latent": self.latent, "hidden": tuple(self.hidden), "prior": self.prior}
        told |= {"beta": self.beta, "robust": self.robust, "rate": self.learning_rate}
        return models.load("vae")(**told)

    def _score(self, batch: Batch) -> Array:
        return self.model_.log_prob(batch, self.draws).value
