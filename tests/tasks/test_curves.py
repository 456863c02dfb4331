import math

import numpy as np
import pytest

from latentia.errors import BadData
from latentia.tasks.curves import Theme, codes, divergences, game, likelihoods, losses, series


def log(nll, kl, split="validation", scale=100):
    return [
        {"seen": (i + 1) * scale, "seconds": i, "split": split, "logs": {"nll": a, "kl": b, "elbo": -a - b}}
        for i, (a, b) in enumerate(zip(nll, kl, strict=True))
    ]


def labels(figure):
    return figure.axes[0].get_legend_handles_labels()[1]


def drawn(figure, tmp_path):
    figure.savefig(tmp_path / "a.png")
    return (tmp_path / "a.png").stat().st_size


def test_series_are_sorted_and_a_row_written_twice_counts_once():
    rows = [
        {"seen": 300, "split": "train", "logs": {"nll": 3.0}},
        {"seen": 100, "split": "train", "logs": {"nll": 9.0}},
        {"seen": 300, "split": "train", "logs": {"nll": 2.0}},
        {"seen": 200, "split": "train", "logs": {"nll": None}},
        {"seen": 200, "split": "validation", "logs": {"nll": 7.0}},
    ]
    seen, values = series(rows, "train", "nll")
    assert (seen.tolist(), values.tolist()) == ([100, 300], [9.0, 2.0])


def test_reconstruction_and_kl_are_stacked_to_the_elbo(tmp_path):
    nll, kl = np.linspace(200, 80, 12), np.linspace(5, 25, 12)
    figure = losses(log(nll, kl) + log(nll - 1, kl, "train", 50))
    axes = figure.axes[0]
    assert labels(figure) == ["held-out reconstruction", "held-out KL", "their sum, -ELBO", "training -ELBO"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), nll + kl)
    lower, upper = (band.get_paths()[0].vertices[:, 1] for band in axes.collections)
    assert lower.max() == pytest.approx(200)
    assert upper.max() == pytest.approx(205)
    assert axes.get_ylim()[0] == 0
    assert drawn(figure, tmp_path) > 5000


def test_a_kl_that_would_be_a_mere_line_lifts_the_bottom():
    nll, kl = np.linspace(4000, 2200, 20), np.full(20, 25.0)
    bottom, top = losses(log(nll, kl)).axes[0].get_ylim()
    assert bottom == pytest.approx(2200 - 75)
    assert top > 2225


def test_a_tall_start_leaves_the_picture():
    nll = np.array([5000.0, *np.linspace(120, 80, 19)])
    assert losses(log(nll, np.full(20, 20.0))).axes[0].get_ylim()[1] < 300


def test_densities_above_one_are_lines_and_not_stacked():
    figure = losses(log(np.linspace(50, -30, 20), np.full(20, 5.0)))
    assert labels(figure) == ["nll, held-out", "kl, held-out", "elbo, held-out"]
    assert figure.axes[0].get_ylim()[0] < -30


def test_other_logs_are_lines_and_one_that_hugs_the_axis_is_left_out():
    rows = [
        {"seen": i, "split": split, "logs": {"squared_error": 1 / i, "per_value": 1e-3 / i}}
        for i in range(1, 30)
        for split in ("train", "validation")
    ]
    assert labels(losses(rows)) == ["squared error, train", "squared error, held-out"]


@pytest.mark.parametrize("rows", [[], [{"seen": 1, "split": "train", "logs": {}}]])
def test_an_empty_log_is_refused(rows):
    with pytest.raises(BadData, match="the log has no rows with values"):
        losses(rows)


def test_a_game_has_a_line_for_each_figure_that_was_measured():
    rows = [{"seen": 10 * i, "split": "watch", "logs": {"balance": i / 10, "copies": 0.0}} for i in range(1, 5)]
    axes = game(rows).axes[0]
    lines = {line.get_label(): line for line in axes.lines}
    assert {"balance", "copies"} < set(lines)
    np.testing.assert_allclose(lines["balance"].get_ydata(), [0.1, 0.2, 0.3, 0.4])
    assert "lost modes" not in lines
    with pytest.raises(BadData, match="no rows of a game that was watched"):
        game([{"seen": 1, "split": "train", "logs": {"balance": 1.0}}])


def test_a_foreign_item_is_marked_where_it_lies_or_by_an_arrow(tmp_path):
    scores = np.random.default_rng(0).normal(-90, 8, 500)
    near = likelihoods(scores, scores + 2, -130)
    assert [line.get_xdata()[0] for line in near.axes[0].lines] == [-130]
    assert near.axes[0].get_xlim()[0] < -130
    far = likelihoods(scores, scores + 2, -5000.0)
    assert not far.axes[0].lines
    assert far.axes[0].get_xlim()[0] > -140
    assert "far off at -5,000" in "".join(text.get_text() for text in far.axes[0].texts)
    assert labels(far) == ["training items", "held-out items"]
    assert drawn(far, tmp_path) > 5000


def test_all_items_are_in_the_histogram():
    held = np.array([-1e6, *np.linspace(-100, -80, 999)])  # one far outlier is drawn at the edge, not dropped
    figure = likelihoods(held, held)
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == pytest.approx(2)


def test_histograms_of_equal_values_can_be_drawn(tmp_path):
    assert drawn(likelihoods(np.zeros(5), np.zeros(5), 0.0), tmp_path) > 5000


def test_bars_of_the_kl_are_sorted():
    axes = divergences([0.1, 2.0, 1.0]).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [2.0, 1.0, 0.1]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["z2", "z3", "z1"]
    many = divergences(np.arange(40)).axes[0]
    assert len(many.get_xticks()) < 20
    assert many.patches[0].get_height() == 39


def test_codes_are_coloured_by_class():
    points = np.random.default_rng(0).normal(size=(30, 2))
    classes = np.arange(30) % 3
    figure = codes(points, classes, ["a", "b", "c"], ("z4", "z1"))
    assert labels(figure) == ["a", "b", "c"]
    assert [len(cloud.get_offsets()) for cloud in figure.axes[0].collections] == [10, 10, 10]
    assert figure.axes[0].get_xlabel() == "z4"
    assert len(codes(points).axes[0].collections) == 1


def test_colours_are_those_of_the_theme_and_nothing_global_changes():
    import matplotlib

    before = dict(matplotlib.rcParams)
    figure = divergences([1.0], Theme(ink="#010203"))
    assert matplotlib.colors.to_hex(figure.axes[0].xaxis.label.get_color()) == "#010203"
    assert dict(matplotlib.rcParams) == before
    assert math.isclose(figure.get_figwidth() / figure.get_figheight(), 5.2 / 3.1)
