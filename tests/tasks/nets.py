"""Small nets made by hand, whose answers are known in closed form."""

import math

import numpy as np
import torch
from scipy.stats import multivariate_normal
from torch import Tensor, nn

from latentia.core import Batch, Noise, Spec
from latentia.distributions.normal import Normal


class LinearGaussian(nn.Module):
    """x = W z + b + sigma e with orthogonal columns in W: p(x) is normal, and the true posterior is diagonal.

    ``stretch`` makes the posterior's deviation wrong by that factor, so that importance weights vary.
    """

    def __init__(self, size: int = 6, latent: int = 3, sigma: float = 0.5, stretch: float = 1.0, shape=None) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(1)
        basis = torch.linalg.qr(torch.randn(size, latent, generator=generator, dtype=torch.float64))[0]
        lengths = torch.linspace(2.0, 0.0, latent, dtype=torch.float64)
        self.weight = nn.Parameter(basis * lengths)
        self.bias = nn.Parameter(torch.linspace(-1, 1, size, dtype=torch.float64))
        self.latent, self.sigma, self.stretch = latent, sigma, stretch
        self.shape = shape or (size,)
        self.precision = 1 + lengths**2 / sigma**2

    def draw(self, noise: Noise) -> Tensor:
        return self.prior().sample(noise)

    def decode(self, z: Tensor) -> Tensor:
        return self.likelihood(z).mean.reshape(-1, *self.shape)

    def encode(self, x: Tensor) -> Tensor:
        return self.posterior(x).mean

    def prior(self) -> Normal:
        zeros = self.bias.new_zeros(1, self.latent)
        return Normal(zeros, zeros)

    def posterior(self, x: Tensor) -> Normal:
        mean = (x.flatten(1) - self.bias) @ self.weight / self.sigma**2 / self.precision.to(x)
        spread = (self.stretch / self.precision.to(x).sqrt()).log()
        return Normal(mean, spread.expand_as(mean))

    def likelihood(self, z: Tensor) -> "Flat":
        mean = z @ self.weight.T + self.bias
        return Flat(mean, torch.full_like(mean, math.log(self.sigma)))

    def log_prob(self, x: Tensor) -> np.ndarray:
        """log p(x) in closed form, by scipy."""
        weight, bias = self.weight.detach().double().numpy(), self.bias.detach().double().numpy()
        covariance = weight @ weight.T + self.sigma**2 * np.eye(len(bias))
        return np.atleast_1d(multivariate_normal(bias, covariance).logpdf(x.flatten(1).double().numpy()))


class Flat(Normal):
    """A normal over items of any shape; tests may say that it is one of levels."""

    discrete = False

    def terms(self, value: Tensor) -> Tensor:
        return super().terms(value.flatten(1))

    def log_prob(self, value: Tensor) -> Tensor:
        return super().log_prob(value.flatten(1))


class Autoencoder(nn.Module):
    """Encodes by a matrix and decodes by its transpose; samples from nothing."""

    def __init__(self, size: int = 6, latent: int = 3) -> None:
        super().__init__()
        self.latent = latent
        self.down = nn.Linear(size, latent, bias=False)
        with torch.no_grad():
            self.down.weight.copy_(torch.eye(latent, size))

    def encode(self, x: Tensor) -> Tensor:
        return self.down(x)

    def decode(self, z: Tensor) -> Tensor:
        return z @ self.down.weight


class Pictures(nn.Module):
    """A small convolutional decoder with batch norm and dropout: what training and eval mode tell apart."""

    def __init__(self, latent: int = 5) -> None:
        super().__init__()
        self.latent = latent
        self.open = nn.Linear(latent, 8 * 4 * 4)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout(0.5)
        self.up = nn.ConvTranspose2d(8, 1, 4, 2, 1)
        generator = torch.Generator().manual_seed(2)
        with torch.no_grad():
            for weight in self.parameters():
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.3)

    def draw(self, noise: Noise) -> Tensor:
        return noise.normal(self.latent)

    def decode(self, z: Tensor) -> Tensor:
        return self.up(self.drop(self.norm(self.open(z).view(-1, 8, 4, 4)).relu())).sigmoid()


class Rows:
    """A tensor as a source."""

    def __init__(self, x: Tensor, levels: int | None = None, kind: str = "table", name: str = "test") -> None:
        self.x, self.name, self.label = x, name, None
        self.spec = Spec(kind, tuple(x.shape[1:]), levels)

    def __len__(self) -> int:
        return len(self.x)

    def read(self, indices) -> Batch:
        return Batch(self.x[indices], label=None if self.label is None else self.label[indices])


def normal(*shape: int, seed: int = 0, dtype=torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)
