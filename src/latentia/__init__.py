"""Deep generative modelling with latent variables: learn from data, then sample, score, reconstruct, interpolate.

    import latentia as lt
    model = lt.train(lt.VAE(latent=16), "digits", images=200_000)
    model.sample(64)

The public names are imported when they are first used, so that the command line starts without torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from latentia import errors

__version__ = "0.1.0"

if TYPE_CHECKING:
    from latentia.api import resume, train
    from latentia.core import Training
    from latentia.metrics.disentanglement import disentanglement
    from latentia.model import Model, load
    from latentia.models.autoencoder import Autoencoder
    from latentia.models.cyclegan import CycleGAN
    from latentia.models.dipvae import DIPVAE
    from latentia.models.factorvae import FactorVAE
    from latentia.models.gan import GAN
    from latentia.models.pix2pix import Pix2Pix
    from latentia.models.progan import ProGAN
    from latentia.models.tcvae import TCVAE
    from latentia.models.vae import VAE
    from latentia.tasks.pictures import grid

PUBLIC = {
    "DIPVAE": "latentia.models.dipvae",
    "GAN": "latentia.models.gan",
    "TCVAE": "latentia.models.tcvae",
    "VAE": "latentia.models.vae",
    "Autoencoder": "latentia.models.autoencoder",
    "CycleGAN": "latentia.models.cyclegan",
    "FactorVAE": "latentia.models.factorvae",
    "Model": "latentia.model",
    "Pix2Pix": "latentia.models.pix2pix",
    "ProGAN": "latentia.models.progan",
    "Training": "latentia.core",
    "disentanglement": "latentia.metrics.disentanglement",
    "grid": "latentia.tasks.pictures",
    "load": "latentia.model",
    "resume": "latentia.api",
    "train": "latentia.api",
}
__all__ = [
    "DIPVAE",
    "GAN",
    "TCVAE",
    "VAE",
    "Autoencoder",
    "CycleGAN",
    "FactorVAE",
    "Model",
    "Pix2Pix",
    "ProGAN",
    "Training",
    "disentanglement",
    "errors",
    "grid",
    "load",
    "resume",
    "train",
]


def __getattr__(name: str) -> Any:
    if name == "estimators":
        return importlib.import_module("latentia.estimators")
    if name not in PUBLIC:
        raise AttributeError(f"module 'latentia' has no attribute {name!r}")
    return getattr(importlib.import_module(PUBLIC[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__", "estimators"]
