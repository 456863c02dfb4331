"""Deep generative modelling with latent variables: learn from data, then sample, score, reconstruct, interpolate."""

__version__ = "0.1.0"
