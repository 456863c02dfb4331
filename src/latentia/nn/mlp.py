"""Fully connected bodies."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from latentia.errors import BadField, near
from latentia.nn.heads import OutputHead

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "elu": nn.ELU,
    "gated": lambda: nn.GLU(dim=-1),
    "gelu": nn.GELU,
    "leaky-relu": lambda: nn.LeakyReLU(0.2),
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}


def activation(name: str) -> nn.Module:
    """The activation of this name.

    Raises:
        BadField: there is none.
    """
    if name not in ACTIVATIONS:
        raise BadField(f"activation is {name!r}; {near(name, ACTIVATIONS)}")
    return ACTIVATIONS[name]()


def initialise(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d, name: str) -> None:
    """Weights that keep the signal's size: Glorot & Bengio 2010 for tanh and gates, He et al. 2015 for the others."""
    if name in ("tanh", "gated"):
        nn.init.xavier_uniform_(layer.weight)
    else:
        nn.init.normal_(layer.weight, std=math.sqrt(2 / _fan_in(layer)))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def _fan_in(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> float:
    """How many inputs each output sums; a transposed convolution spreads its kernel over its stride."""
    if isinstance(layer, nn.ConvTranspose2d):
        return layer.in_channels * math.prod(layer.kernel_size) / math.prod(layer.stride)
    return layer.weight[0].numel()


class MLP(nn.Module):
    """Layers of ``sizes`` on flattened inputs: ``(N, *shape)`` to ``(N, features)``.

    Args:
        inputs: numbers of one input.
        sizes: width of each layer; none gives the flattened input.
        act: name of the activation; ``"gated"`` multiplies each layer by the sigmoid of a second one.

    Attributes:
        features: numbers of one output.
    """

    def __init__(self, inputs: int, sizes: Sequence[int], act: str = "silu") -> None:
        super().__init__()
        widths = [inputs, *sizes]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [nn.Linear(before, 2 * after if act == "gated" else after), activation(act)]
            initialise(layers[-2], act)  # type: ignore[arg-type]
        self.layers = nn.Sequential(*layers)
        self.features = widths[-1]

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x.flatten(1))
        return features


class MLPDecoder(nn.Module):
    """From latents ``(..., latent)`` through layers of ``sizes`` to float32 numbers ``(..., *shape)``.

    Leading dimensions may hold several draws per example. With ``linear`` the last layer reads the latents as well, so
    that the numbers can be linear in them.
    """

    def __init__(
        self, latent: int, sizes: Sequence[int], shape: Sequence[int], act: str = "silu", linear: bool = False
    ) -> None:
        super().__init__()
        self.body, self.linear = MLP(latent, sizes, act), linear
        self.head = OutputHead(self.body.features + latent * linear, shape)

    def forward(self, z: Tensor) -> Tensor:
        flat = z.flatten(0, -2)
        features = self.body(flat)
        numbers: Tensor = self.head(torch.cat([flat, features], 1) if self.linear else features)
        return numbers.reshape(*z.shape[:-1], *numbers.shape[1:])

    def start(self, numbers: Tensor) -> None:
        """Let the net give about ``numbers`` ``(*shape)`` before it is trained."""
        self.head.start(numbers)
