"""The autoencoder as an estimator: codes of a table, and outliers by what is lost on the way through them."""

from __future__ import annotations

from typing import Any

from latentia import models
from latentia.core import Batch, Recipe
from latentia.estimators._latent import Array, LatentEstimator
from latentia.tasks.score import scores

__all__ = ["Autoencoder"]


class Autoencoder(LatentEstimator):
    """Codes of rows, and how much of a row is lost on the way through its code.

    ``score_samples`` is minus the squared error in units of the columns' deviations. It is no density: it may not be
    added up, compared with another model's, or read as a probability; take :class:`~latentia.estimators.VAE` for those.
    Of fewer than 200 training rows, or more columns than rows, the model is the closed-form start that training
    otherwise goes on from, factor analysis, unless ``images`` or ``learning_rate`` is given.

    Args:
        latent: numbers of a code; by default half of what the columns say.
        hidden: widths of the nets' layers; empty follows the size of the default net.
        learning_rate: of Adam.
        images: the budget in rows seen; by default the recipe's.
        batch: rows of a step.
        contamination: ``"auto"``: outliers are rows with a p-value of at most ``rate``; a number: this share of the
            training rows.
        rate: of false alarms.
        random_state: a seed, by default 0: the same rows give the same model.
        n_jobs: threads of torch while fitting and scoring; they are restored afterwards.
        device: ``"cpu"``, ``"cuda"`` or ``"auto"``.

    Attributes:
        model_, offset_, rate_, n_features_in_, feature_names_in_: as of :class:`~latentia.estimators.VAE`.
    """

    def __init__(
        self,
        *,
        latent: int | None = None,
        hidden: tuple[int, ...] = (),
        learning_rate: float = 2e-3,
        images: int | None = None,
        batch: int | None = None,
        contamination: float | str = "auto",
        rate: float = 0.01,
        random_state: Any = 0,
        n_jobs: int | None = None,
        device: str = "cpu",
    ) -> None:
        self.latent = latent
        self.hidden = hidden
        self.learning_rate = learning_rate
        self.images = images
        self.batch = batch
        self.contamination = contamination
        self.rate = rate
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.device = device

    def _recipe(self) -> Recipe:
        told = {"latent": self.latent, "hidden": tuple(self.hidden), "rate": self.learning_rate}
        return models.load("autoencoder")(**told)

    def _score(self, batch: Batch) -> Array:
        return -scores(self.model_.exact, batch, self.model_.spec).value
