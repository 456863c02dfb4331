"""Scikit-learn's faces of training and scoring: ``VAE`` and ``Autoencoder``, for tables.

``VAE().fit(table).predict(rows)`` is +1 or -1, ``score_samples`` log p(x) in nats, in the units of the data.
"""

from latentia.estimators.autoencoder import Autoencoder
from latentia.estimators.vae import VAE

__all__ = ["VAE", "Autoencoder"]
