"""``latentia evaluate``: held-out figures of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from latentia.cli import output
from latentia.cli.common import DEFAULTS, Common, Out, Run, Split, Weights, at_least, load
from latentia.cli.judging import USUAL, Judging
from latentia.errors import BadField

if TYPE_CHECKING:
    from latentia.model import Model
    from latentia.tasks.evaluate import Figure
    from latentia.tasks.synthetic import Synthetic

TABLE, PAGE = "table", ".html"
OF_SAMPLES = Group("Samples held against real items", sort_key=50)
Draws = Annotated[int, Parameter(help="importance samples of each item's log-likelihood")]


def _flag(text: str) -> Parameter:
    return Parameter(help=text, group=OF_SAMPLES)


@Parameter(name="*")
@dataclass(frozen=True)
class Measuring:
    """How samples are measured: the same flags for every verb that does."""

    metrics: Annotated[
        str | None,
        _flag(
            "some of frechet, kid, precision, recall, density, coverage, wasserstein, ms-ssim, classes (translations: "
            "l1, psnr, ssim, kid, cycle), with commas between them; by default all that the data allows. latent: if "
            "the latent space has gaps or jumps, of models with an encoder. table: how good rows are that are made"
        ),
    ] = None
    extractor: Annotated[
        str | None,
        _flag("features: random-conv, pixels, classifier or inception [default: random-conv; tables: pixels]"),
    ] = None
    extractor_seed: Annotated[int | None, _flag("seed of the random convolutions [default: 1]")] = None
    extractor_weights: Annotated[str | None, _flag("file of inception's weights")] = None
    count: Annotated[
        int | None,
        Parameter(
            name=["--count", "-n"],
            help="samples [default: half as many as the split has items, at most 5,000]",
            group=OF_SAMPLES,
        ),
    ] = None

    def __post_init__(self) -> None:
        at_least("--extractor-seed", self.extractor_seed, 0)
        at_least("--count", self.count, 2)

    @property
    def names(self) -> list[str] | None:
        """The metrics, one by one."""
        return None if self.metrics is None else [name.strip() for name in self.metrics.split(",") if name.strip()]

    def figures(
        self, model: Model, split: str, draws: int, common: Common, pairs: tuple[str, str | None] | None = None
    ) -> list[Figure]:
        """What the model's ``evaluate`` tells."""
        return model.evaluate(
            split,
            draws,
            common.seed,
            metrics=self.names,
            extractor=self.extractor,
            extractor_seed=self.extractor_seed,
            extractor_weights=self.extractor_weights,
            count=self.count,
            tell=common.remark,
            pairs=pairs,
        )


PLAIN = Measuring()


def evaluate(
    run: Run,
    a: Annotated[str | None, Parameter(name="PAIRS_A", help="for translations: true pairs to score them on")] = None,
    b: Annotated[str | None, Parameter(name="PAIRS_B", help="their other side, if it is in another place")] = None,
    /,
    *,
    split: Split = "test",
    draws: Draws = 1000,
    bad: Annotated[
        str | None, Parameter(help="known bad items: how well scores tell them from good ones, as outliers does")
    ] = None,
    judging: Judging = USUAL,
    target: Annotated[
        str | None, _flag("metric table: the column that trees learn to tell [default: the last with categories]")
    ] = None,
    measuring: Measuring = PLAIN,
    out: Out = None,
    weights: Weights = "best",
    common: Common = DEFAULTS,
) -> None:
    """Held-out figures, each with one sentence on what it means.

    Models that only sample are measured by their samples, any other with --metrics, --extractor or --count.
    Translations are held against true pictures where there are pairs: those that it was trained on the like of, or
    PAIRS_A and PAIRS_B, two folders of the same names, as train takes them. With --bad the figures are those of a
    detector of outliers. With --metrics table they are those of rows that the model makes; -o report.html is a page,
    and JSON an object that begins with what they are no proof of.
    """
    made_rows = measuring.names == [TABLE] and bad is None and a is None
    ending = output.form(out, (*output.ROWS, PAGE) if made_rows else output.ROWS)
    at_least("--draws", draws, 1)
    if target is not None and not made_rows:
        raise BadField(f"--target is a column for --metrics {TABLE}, and for that alone")
    pairs = None if a is None else (a, b)
    model = load(run, common, weights)
    if made_rows:
        found = _synthetic(model, split, measuring.count, target, common)
        if ending == PAGE:
            _page(found, f"Rows made by {model.run.name}", str(out), common)
            return
        if ending == ".json" or (out is None and common.json):
            output.facts(found.to_json(), common.json, out)
            return
        figures = found.figures
    elif bad is None:
        figures = measuring.figures(model, split, draws, common, pairs)
    else:
        figures = model.detects(bad, seed=common.seed, tell=common.remark, **judging.told())
    output.rows([as_row(figure, whole=bool(out) or common.json) for figure in figures], out, common.json)


def _synthetic(model: Model, split: str, count: int | None, target: str | None, common: Common) -> Synthetic:
    from latentia.tasks.synthetic import PRIVACY

    common.remark(PRIVACY)
    return model.synthetic(split, count, common.seed, target)


def _page(found: Synthetic, title: str, out: str, common: Common) -> None:
    from latentia.tasks.synthetic_page import synthetic_page

    with output.replacing(Path(out)) as temporary:
        synthetic_page(found, title, temporary)
    output.written(out, common.json)


def as_row(figure: Figure, whole: bool) -> dict[str, Any]:
    """A figure as a row: all of it for a file or JSON, what a person reads for a terminal."""
    if whole:
        return figure.to_json()
    interval = f"[{figure.low:.5g}, {figure.high:.5g}]" if figure.low < figure.high else ""
    return {
        "figure": figure.name,
        "value": figure.value,
        "95 % interval": interval,
        "unit": figure.unit,
        "meaning": figure.meaning,
    }
