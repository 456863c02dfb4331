"""``latentia encode``: items to latents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from latentia.cli import codes, output
from latentia.cli.common import DEFAULTS, Common, Given, Items, Out, Run, SkipBad, Weights, at_least, load

if TYPE_CHECKING:
    from latentia.core import Batch
    from latentia.model import Model
    from latentia.tasks.invert import Inverted


def encode(
    run: Run,
    data: Items,
    /,
    *,
    std: Annotated[bool, Parameter(help="the posterior's standard deviations too", negative="")] = False,
    starts: Annotated[int, Parameter(help="without an encoder: searches for each item")] = 8,
    steps: Annotated[int, Parameter(help="without an encoder: steps of each search")] = 200,
    label: Given = None,
    skip_bad: SkipBad = False,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Items to latents; of a posterior the mean. In codes.csv a number can be edited, and decoded again.

    A model without an encoder (a GAN) finds them by optimisation, and says how far their pictures are from the items.
    The codes of a model of labels have a column of them, which decode reads.
    """
    from latentia.core import Encodes, Samples
    from latentia.tasks.encode import deviations

    output.form(out, output.CODES)
    at_least("--starts", starts, 1)
    at_least("--steps", steps, 1)
    model = load(run, common, weights)
    batch, names = model.given(data, label, **({"skip_bad": True} if skip_bad else {}))
    own = None if batch.label is None else [model.spec.classes[number] for number in batch.label.tolist()]
    spread = deviations(model.net, batch.x, label=batch.label) if std else None
    if isinstance(model.net, Encodes) or not isinstance(model.net, Samples):
        codes.write(model.encode(batch), names, out, common.json, spread, labels=own)
        return
    found = _search(model, batch, starts, steps, common)
    common.remark(f"no encoder: latents are found by optimisation ({starts} starts of {steps} steps); {found}")
    codes.write(found.z.double().numpy(), names, out, common.json, residual=found.residual.double().numpy(), labels=own)


def _search(model: Model, batch: Batch, starts: int, steps: int, common: Common) -> Inverted:
    from latentia.cli.progress import Countdown

    countdown = Countdown("searching latents", common.quiet)
    try:
        return model.invert(batch, starts, steps, common.seed, countdown)
    finally:
        countdown.close()
