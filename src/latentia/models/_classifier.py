"""Classifier: a small convolutional net that names the class of a picture. It judges samples, and lends its features.

Not listed among the models: ``evaluate`` trains one with a fixed seed where data has labels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, layer_norm, silu

from latentia.core import Batch, Group, Now, Recipe, Spec, Training, Update
from latentia.errors import BadField
from latentia.fields import AtLeast, Help, Scheduled
from latentia.nn.conv import ConvEncoder, sizes_of, widths_of
from latentia.nn.heads import ExactLinear


@dataclass(frozen=True)
class Classifier(Recipe):
    """Lowers the cross-entropy of the label given the picture; the best weights are the most accurate on held-out data.

    Training pictures are moved by up to one pixel in 28. The features are what its last layer sees: ``features``
    numbers per picture, each row with mean 0 and deviation 1.
    """

    width: Annotated[int, Help("channels of the first level"), AtLeast(1)] = 24
    features: Annotated[int, Help("numbers that the last layer sees, at most 256"), AtLeast(2)] = 128
    rate: Annotated[float | str, Help("learning rate of Adam"), Scheduled(), AtLeast(0)] = "2e-3:1e-4@240k~cosine"

    family = "classifier"
    images = 240_000
    batch = 128
    units = {"cross_entropy": "nats"}  # noqa: RUF012
    kinds = ("image",)

    @property
    def score(self) -> tuple[str, str]:
        return ("accuracy", "higher")

    def build(self, spec: Spec) -> ClassifierNet:
        """The net.

        Raises:
            BadField: the data has fewer than two classes.
        """
        if len(spec.classes) < 2:
            raise BadField(f"a classifier needs labels of two classes or more; this data has {len(spec.classes)}")
        return ClassifierNet(self, spec)

    def groups(self, net: ClassifierNet) -> dict[str, Group]:
        return {"classifier": Group(list(net.parameters()), self.rate)}

    def updates(self, net: ClassifierNet, batch: Batch, now: Now) -> Iterator[Update]:
        label = cast(Tensor, batch.label)  # build has seen that there are labels
        answers = net(shifted(batch.x, now.noise.uniform(2)) if net.training else batch.x)
        loss = cross_entropy(answers, label)
        right = (answers.argmax(1) == label).to(answers.dtype).mean()
        yield Update("classifier", loss, {"cross_entropy": loss, "accuracy": right})


def judge(items: int) -> tuple[Classifier, Training]:
    """The classifier that ``evaluate`` trains on so many items, and how: 40 times over them, 20k to 240k images."""
    images = min(Classifier.images, max(20_000, 40 * items))
    training = Training(images=images, every=images // 5, average=images / 30, seed=0, precision="float32")
    return Classifier(rate=f"2e-3:1e-4@{images}~cosine"), training


def shifted(x: Tensor, uniform: Tensor) -> Tensor:
    """Pictures moved by up to one pixel in 28 of their shorter side, the border repeated, by ``uniform`` ``(N, 2)``."""
    count, _, height, width = x.shape
    reach = min(height, width) // 28
    moves = (uniform * (2 * reach + 1)).long() - reach
    rows = (torch.arange(height, device=x.device) + moves[:, :1]).clamp(0, height - 1)
    columns = (torch.arange(width, device=x.device) + moves[:, 1:]).clamp(0, width - 1)
    items = torch.arange(count, device=x.device)[:, None, None]
    return x[items, :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)


class ClassifierNet(nn.Module):
    """Convolutions that halve the picture, features, and one answer per class."""

    def __init__(self, recipe: Classifier, spec: Spec) -> None:
        super().__init__()
        self.spec, self.width = spec, recipe.features
        levels = len(sizes_of(*spec.shape[1:])) - 1
        self.body = ConvEncoder(spec.shape, widths_of(recipe.width, levels + 1))  # the last level keeps the size
        self.inner = nn.Linear(self.body.features, recipe.features)
        self.answer = ExactLinear(recipe.features, len(spec.classes))

    def features(self, x: Tensor) -> Tensor:
        """What the last layer sees of pictures, float32 ``(N, features)``."""
        raw = silu(self.inner(self.body((x - self.spec.low) / (self.spec.high - self.spec.low) * 2 - 1)))
        return layer_norm(raw.to(self.answer.weight.dtype), (self.width,))

    def forward(self, x: Tensor) -> Tensor:
        """The answers (logits) ``(N, classes)``."""
        return self.answer(self.features(x))
