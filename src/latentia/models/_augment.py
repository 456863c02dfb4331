"""What the critic of a game is shown of pictures: all of them, or reals and fakes alike after changes by chance.

A critic that has seen few pictures learns them by heart, and what it then tells the generator is worth nothing. Shown
other changes every time, it cannot; and as fakes are changed in the same ways, and the generator learns through the
changes, it has no reason to make changed pictures itself.

References:
    Differentiable Augmentation for Data-Efficient GAN Training (Zhao et al., 2020), https://arxiv.org/abs/2006.10738
    Training Generative Adversarial Networks with Limited Data (Karras et al., 2020), https://arxiv.org/abs/2006.06676
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Protocol

import torch
from torch import Tensor, nn

from latentia.core import Noise, Now, Spec, average
from latentia.errors import BadField
from latentia.fields import AtLeast, Between, Help, OneOf
from latentia.nn.augment import adaptive, differentiable

MOST = 0.8  # of ADA's p: above it changes were seen to leak into samples (Karras et al. 2020, section 2.2)

# the fields of a recipe that what its critic is shown follows from
Augment = Annotated[
    str,
    Help("change what the critic is shown: diff all pictures, ada as many as it takes; for few pictures"),
    OneOf(("none", "diff", "ada")),
]
AdaTarget = Annotated[
    float, Help("ada: how sure the critic may be of reals, 0 not at all and 1 always right"), Between(0, 1)
]
AdaImages = Annotated[int, Help("ada: images over which its share goes from 0 to 1, at the fastest"), AtLeast(1)]


class Augments(Protocol):
    """The fields that what the critic is shown follows from."""

    @property
    def augment(self) -> str: ...
    @property
    def ada_target(self) -> float: ...
    @property
    def ada_images(self) -> int: ...


class Augmentation(nn.Module):
    """What the critic is shown of pictures in training: here the pictures themselves.

    In eval mode every kind shows the pictures themselves, and remembers nothing.
    """

    def begin(self, now: Now) -> None:
        """Take note that a step begins; each of its parts says so."""

    def forward(self, x: Tensor, noise: Noise) -> Tensor:
        """What it is shown of ``x`` ``(N, ...)`` on the scale of the nets, a row for each of the noise."""
        return x

    def hear(self, verdict: Tensor) -> Mapping[str, Tensor]:
        """Take note of a critic's verdicts ``(N,)`` on reals, positive where it is right; what is to be logged."""
        return {}


class Differentiable(Augmentation):
    """DiffAugment: every picture with other colours, moved, and with a hole."""

    def forward(self, x: Tensor, noise: Noise) -> Tensor:
        return differentiable(x, noise) if self.training else x


class Adaptive(Augmentation):
    """ADA: each change with probability p, which rises while the critic is too sure of reals and falls while it is not.

    After every step p moves by (images of the step) / ``images``: up if the mean sign of the critic's verdicts on the
    reals of the whole batch was over ``target``, else down, between 0 and 0.8. (Karras et al. look at every fourth
    step, and do not end at 0.8.) Their r_t is the mean sign of the critic's answers to reals; see
    :attr:`latentia.losses.adversarial.Game.verdict` for games whose answers have no zero.

    The buffers are memory (:class:`latentia.core.Remembers`), the same on all processes at all times.
    """

    p: Tensor
    signs: Tensor
    rows: Tensor
    seen: Tensor

    def __init__(self, target: float, images: int) -> None:
        super().__init__()
        self.target, self.images = target, images
        # signs: the sum of those heard in the step that began at ``seen``; rows: how many they were, of this process
        for name in ("p", "signs", "rows"):
            self.register_buffer(name, torch.zeros(()), persistent=False)
        self.register_buffer("seen", torch.tensor(-1), persistent=False)

    def memory(self) -> dict[str, Tensor]:
        return dict(self.named_buffers())

    def merge(self) -> None:
        """Nothing to do: what is heard is averaged over processes at once."""

    def begin(self, now: Now) -> None:
        """Move p by what the last step heard, once whatever the parts of this one."""
        if not self.training:
            return
        new = now.seen != self.seen
        way = (self.signs - self.target * self.rows).sign()
        self.p.copy_(torch.where(new, (self.p + way * now.stage.batch / self.images).clamp(0, MOST), self.p))
        for heard in (self.signs, self.rows):
            heard.mul_(~new)
        self.seen.copy_(now.seen)

    def forward(self, x: Tensor, noise: Noise) -> Tensor:
        return adaptive(x, noise, self.p) if self.training else x

    def hear(self, verdict: Tensor) -> Mapping[str, Tensor]:
        if not self.training:
            return {}
        signs = verdict.detach().sign()
        self.signs += average(signs.sum())
        self.rows += len(signs)
        return {"ada_p": self.p.clone(), "ada_sure": signs.mean()}


def augmentation_for(recipe: Augments, spec: Spec) -> Augmentation:
    """What a recipe's critic is shown.

    Raises:
        BadField: augmentation of what is no picture.
    """
    if recipe.augment == "none":
        return Augmentation()
    if spec.kind != "image":
        raise BadField(f"augment is {recipe.augment}, and the data is a {spec.kind}; it is for pictures: take none")
    if recipe.augment == "diff":
        return Differentiable()
    return Adaptive(recipe.ada_target, recipe.ada_images)
