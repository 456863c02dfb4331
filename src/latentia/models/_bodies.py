"""Encoders and decoders whose kind and sizes follow from the recipe's fields and the data's spec."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Protocol

from latentia.core import Spec
from latentia.errors import BadField
from latentia.fields import AtLeast, Help, OneOf
from latentia.nn.columns import ColumnEncoder
from latentia.nn.conv import ConvDecoder, ConvEncoder, sizes_of, widths_of
from latentia.nn.mlp import MLP, MLPDecoder

CONVOLUTIONAL_FROM = 16  # pixels of the shorter side
MLP_SIZES = {"small": (128,), "base": (512, 256), "large": (1024, 1024, 512)}
TABLE_SIZES = {"small": (64,), "base": (128, 128), "large": (256, 256, 256)}
CONV_CHANNELS = {"small": 16, "base": 32, "large": 64}

# the fields of a recipe that its encoder and decoder follow from
Body = Annotated[str, Help("kind of net; auto is conv for pictures from 16 px"), OneOf(("auto", "mlp", "conv"))]
Hidden = Annotated[
    tuple[int, ...], Help("widths of the layers, or channels of the levels; empty follows --scale"), AtLeast(1)
]
Scale = Annotated[str, Help("size of the net"), OneOf(("small", "base", "large"))]
Activation = Annotated[str, Help("tanh, relu, silu, gelu, leaky-relu, elu, softplus or gated")]


class HasBody(Protocol):
    """The fields of a recipe that its encoder and decoder follow from."""

    @property
    def body(self) -> str: ...
    @property
    def hidden(self) -> tuple[int, ...]: ...
    @property
    def scale(self) -> str: ...
    @property
    def activation(self) -> str: ...


def body_for(recipe: HasBody, spec: Spec) -> str:
    """``"conv"`` or ``"mlp"``.

    Raises:
        BadField: a convolutional net was asked for, and the data are no pictures.
    """
    if recipe.body == "conv" and spec.kind != "image":
        raise BadField(f"body is conv, and the data is a {spec.kind}; use mlp")
    if recipe.body != "auto":
        return recipe.body
    return "conv" if spec.kind == "image" and min(spec.shape[1:]) >= CONVOLUTIONAL_FROM else "mlp"


def sizes_for(recipe: HasBody, spec: Spec) -> tuple[int, ...]:
    """Widths of the layers, or channels of the levels, from x to z."""
    if recipe.hidden:
        return recipe.hidden
    if body_for(recipe, spec) == "mlp":
        return (TABLE_SIZES if spec.columns else MLP_SIZES)[recipe.scale]
    return tuple(widths_of(CONV_CHANNELS[recipe.scale], len(sizes_of(*spec.shape[1:])) - 1))


def encoder_for(recipe: HasBody, spec: Spec) -> Any:
    """From x ``(N, *spec.shape)`` to ``(N, encoder.features)``."""
    sizes = sizes_for(recipe, spec)
    if spec.columns:
        return ColumnEncoder(spec, sizes, recipe.activation)
    if body_for(recipe, spec) == "mlp":
        return MLP(spec.size, sizes, recipe.activation)
    return ConvEncoder(spec.shape, sizes, recipe.activation)


def decoder_for(recipe: HasBody, spec: Spec, shape: Sequence[int], latent: int) -> Any:
    """From z ``(..., latent)`` to ``(..., *shape)``: the encoder's mirror image."""
    sizes = sizes_for(recipe, spec)[::-1]
    if body_for(recipe, spec) == "mlp":
        return MLPDecoder(latent, sizes, shape, recipe.activation, linear=bool(spec.columns))
    return ConvDecoder(latent, shape, sizes, recipe.activation)
