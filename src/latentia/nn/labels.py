"""Nets that are given a label."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from latentia.nn.heads import ExactLinear


class Critic(nn.Module):
    """A body and one number per item; with classes, the item's features are compared with its label's.

    logit = w . h(x) + e(label) . h(x) / sqrt(features): the projection of Miyato & Koyama 2018, "cGANs with Projection
    Discriminator", equation 4. There is no bias: a relativistic game does not feel it, so it would only drift.

    Args:
        body: from items ``(N, *shape)`` to ``(N, body.features)``.
        classes: how many labels there are; 0 for none.
        answer: the layer from the features to one number, if not a plain linear one.
    """

    def __init__(self, body: nn.Module, classes: int = 0, answer: nn.Module | None = None) -> None:
        super().__init__()
        self.body = body
        features = int(body.features)  # type: ignore[arg-type]
        self.answer = answer or ExactLinear(features, 1, bias=False)
        self.classes = nn.Embedding(classes, features) if classes else None
        self.scale = features**-0.5

    def forward(self, x: Tensor, label: Tensor | None = None, *given: object) -> Tensor:
        """The answers ``(N,)``, in float32 or wider; ``given`` is handed on to the body."""
        features = self.body(x, *given)
        logits = self.answer(features).squeeze(-1)
        if self.classes is None or label is None:
            return logits
        with torch.autocast(x.device.type, enabled=False):
            own = self.classes(label)
            return logits + (own * features.to(own.dtype)).sum(-1) * self.scale


class GivenLabel(nn.Module):
    """Latents with the features of a label beside them: ``(N, latent)`` to ``(N, latent + width)``.

    Labels are whole numbers ``(N,)``, or shares of all labels ``(N, classes)``: between two of them their features are
    mixed. Without a label it is the mean of all labels' features: no class in particular.
    """

    def __init__(self, classes: int, width: int) -> None:
        super().__init__()
        self.features = nn.Embedding(classes, width)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        if label is None:
            own = self.features.weight.mean(0)
        else:
            own = label @ self.features.weight if label.is_floating_point() else self.features(label)
        return torch.cat([z, own.expand(*z.shape[:-1], -1)], dim=-1)
