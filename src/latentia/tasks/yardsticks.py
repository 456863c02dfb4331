"""Which yardstick scores are measured by: the one that is asked for, or the usual one of a net and its data."""

from __future__ import annotations

from latentia.core import HasDensity, Spec
from latentia.errors import BadField, near
from latentia.metrics.features import Extractor
from latentia.tasks.energy import Energy, features_for
from latentia.tasks.oddness import Oddness
from latentia.tasks.ratio import Ratio
from latentia.tasks.regret import Regret
from latentia.tasks.score import DENSITY, kind_of
from latentia.tasks.working import Net, require
from latentia.tasks.yardstick import Plain, Yardstick

__all__ = ["BY", "yardstick_for"]

BY = ("auto", "likelihood", "ratio", "regret")


def yardstick_for(
    net: Net,
    spec: Spec,
    draws: int,
    seed: int,
    by: str = "auto",
    features: str | Extractor | None = None,
    background: tuple[Net, str] | None = None,
) -> Yardstick:
    """The yardstick of a net.

    Args:
        net: that scores.
        spec: of its data.
        draws: of each likelihood.
        seed: of draws and searches.
        by: ``"auto"`` is -log p(x) of a table and the combined oddness of a picture; ``"likelihood"`` is -log p(x) of
            both; of pictures ``"ratio"`` is the likelihood ratio to a background model and ``"regret"`` the likelihood
            regret. Nets without a density score by what they have.
        features: of pictures: ``"patches"``, ``"random-conv"``, ``"pixels"``, or a callable from pictures
            ``(N, C, H, W)`` in [0, 1] to ``(N, D)`` or, place by place, ``(N, D, h, w)``; the score is how far these
            lie from those of training pictures.
        background: the net of a ratio, and what it is known again by.

    Raises:
        BadField: an unknown name, two that exclude each other, or a ratio without a background.
        CannotDo: the net has no density to take a ratio or a regret of.
    """
    if by not in BY:
        raise BadField(f"by is {by!r}; {near(by, BY)}")
    if features is not None:
        if by != "auto":
            raise BadField(f"by {by} and features were both given; a score is one of them")
        return Energy(spec, features_for(features, spec))
    if (by == "ratio") != (background is not None):
        raise BadField("a background model is for by ratio, and a ratio needs one: another run (--background RUN)")
    if by in ("ratio", "regret"):
        if spec.kind != "image":
            raise BadField(f"by {by} is for pictures, and this model was trained on a {spec.kind}")
        require(net, HasDensity, f"by {by}")
    if background is not None:
        return Ratio(spec, draws, seed, *background)
    if by == "regret":
        return Regret(spec, seed)
    usual = kind_of(net)
    if usual is DENSITY and spec.kind == "image" and by == "auto":
        return Oddness(spec, draws, seed)
    return Plain(spec, draws, seed, usual)
