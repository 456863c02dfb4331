"""``latentia score``: log p(x) of items, or what stands in its place."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from latentia.cli import columns, output
from latentia.cli.common import DEFAULTS, Common, Given, Items, Out, Run, Weights, at_least, load

if TYPE_CHECKING:
    from latentia.core import Batch
    from latentia.model import Model
    from latentia.tasks.annealing import Ladder

Key = Annotated[
    str | None, Parameter(help="a column whose values name the rows in the output; one that was learnt is scored, too")
]
Draws = Annotated[int, Parameter(help="importance samples of each item's log-likelihood")]


def score(
    run: Run,
    data: Items,
    /,
    *,
    draws: Draws = 128,
    tolerance: Annotated[
        float,
        Parameter(
            help="nats of error with which an item needs no more draws (32 at least): 0.05 is about twice as fast"
        ),
    ] = 0.0,
    method: Annotated[
        Literal["iwae", "ais"],
        Parameter(help="iwae: by draws from the encoder; ais: by annealed chains, hundreds of times as slow, a check"),
    ] = "iwae",
    chains: Annotated[int, Parameter(help="of ais: chains of each item")] = 16,
    steps: Annotated[int, Parameter(help="of ais: temperatures from prior to posterior")] = 500,
    key: Key = None,
    label: Given = None,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """How likely items are: log p(x) in nats with its standard error, effective sample size and Pareto-k.

    A k above 0.7 says that value and error are not to be trusted. A model without a density gives what it has: an
    autoencoder the squared error, a game the residual of the nearest item that it can make and its critic's word. A
    table in a file (.csv, .parquet, .npy) may be larger than memory.
    """
    from latentia.tasks.annealing import Ladder

    output.form(out, columns.FORMS)
    at_least("--draws", draws, 1)
    at_least("--chains", chains, 1)
    at_least("--steps", steps, 1)
    model = load(run, common, weights)
    ladder = Ladder(chains, steps) if method == "ais" else None
    told = Told()
    with columns.writing(out, common.json) as write:
        for batch, names in model.blocks(data, key, label):
            found = of(model, batch, draws, tolerance, ladder, common)
            told.add(found)
            write({key or "item": names, **found})
    told.say(common)
    if ladder is not None:
        common.remark(str(model.bracket(ladder=ladder, seed=common.seed)))


def of(
    model: Model, batch: Batch, draws: int, tolerance: float, ladder: Ladder | None, common: Common
) -> dict[str, list[float]]:
    """The columns of a block."""
    from latentia.core import HasDensity
    from latentia.tasks.score import density

    if ladder is None and not isinstance(model.net, HasDensity):
        found = model.score(batch, draws, common.seed).columns()
    else:  # without telling where it comes from, which nobody asked for
        found = density(model.log_prob(batch, draws, common.seed, ladder=ladder, tolerance=tolerance))
    return {name: values.tolist() for name, values in found.items()}


class Told:
    """What a person is told of all blocks together."""

    def __init__(self) -> None:
        self.count, self.sum, self.bad, self.none = 0, 0.0, 0, 0
        self.name = ""

    def add(self, found: dict[str, list[float]]) -> None:
        """Count a block in."""
        self.name = next(iter(found))
        self.count += len(found[self.name])
        self.sum += sum(filter(math.isfinite, found[self.name]))
        self.none += sum(not math.isfinite(value) for value in found[self.name])
        self.bad += sum(0.7 < k < math.inf for k in found.get("k", ()))

    def say(self, common: Common) -> None:
        """A line on stderr."""
        if finite := self.count - self.none:
            unit = " nats" if self.name == "log_prob" else ""
            common.remark(f"{self.count:,} items, mean {self.name} {self.sum / finite:.5g}{unit}")
        if self.none:
            left = ", which the mean leaves out" if finite else ""
            common.remark(
                f"{self.none:,} of {self.count:,} rows have density 0 in float64{left}: a value is impossible, or too "
                "far out for any number; `latentia outliers` names its column"
            )
        if self.bad:
            common.remark(
                f"{self.bad:,} of them have a Pareto-k above 0.7: the encoder is far from their posterior, and neither "
                "value nor error is to be trusted; more --draws help a little, --method ais does not need the encoder"
            )
