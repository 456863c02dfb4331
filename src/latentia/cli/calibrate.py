"""``latentia calibrate``: more good rows to judge others by."""

from __future__ import annotations

from latentia.cli import output
from latentia.cli.common import DEFAULTS, Common, Given, Items, Run, Weights, at_least, load
from latentia.cli.judging import USUAL, Judging
from latentia.cli.score import Draws


def calibrate(
    run: Run,
    data: Items,
    /,
    *,
    draws: Draws = 128,
    label: Given = None,
    judging: Judging = USUAL,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Add good rows that the model never saw to those that outliers judges by: lower rates come within reach.

    Only their scores and signatures are kept. Rows that the run knows already are left out.
    """
    at_least("--draws", draws, 1)
    model = load(run, common, weights)
    found = model.calibrate(data, draws=draws, seed=common.seed, label=label, tell=common.remark, **judging.told())
    added = found.facts["added"][-1]["rows"]
    told = {"added": added, "calibration rows": len(found), "reachable rate": found.reachable}
    output.facts(told, common.json)
