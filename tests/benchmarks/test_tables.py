"""The harnesses of the benchmarks of tables: what is learnt from, what is compared with what."""

import os

import numpy as np
import pytest
from benchmarks.adbench import scaled, split, summary
from benchmarks.density_truth import TRUTHS
from scipy import stats


@pytest.fixture
def path(tmp_path):
    rows = np.arange(100)
    np.savez(tmp_path / "1_made.npz", X=np.stack([rows, rows % 7], 1), y=(rows < 10).astype(int))
    return tmp_path / "1_made.npz"


def test_clean_splits_learn_from_half_of_the_normal_rows_and_judge_all_others(path):
    training, asked, outlier = split(path, "clean", 3)
    assert len(training) == 45
    assert training[:, 0].min() >= 10
    assert sorted([*training[:, 0], *asked[:, 0]]) == list(range(100)), "no row twice, none lost"
    np.testing.assert_array_equal(outlier, asked[:, 0] < 10)
    np.testing.assert_array_equal(split(path, "clean", 3)[0], training)
    assert not np.array_equal(split(path, "clean", 4)[0], training)


def test_mixed_splits_learn_from_what_they_judge(path):
    training, asked, outlier = split(path, "mixed", 0)
    assert training is asked
    assert outlier.sum() == 10
    np.testing.assert_array_equal(outlier, asked[:, 0] < 10)


def test_the_difference_to_the_best_peer_is_paired_over_sets():
    ours, best, other = [90.0, 70.0, 80.0], [88.0, 71.0, 76.0], [89.0, 60.0, 70.0]
    rows = [
        {"method": name, "set": str(place), "auroc": value + shift, "ap": 1.0, "seconds": 2.0}
        for name, values in (("latentia", ours), ("KNN", best), ("IForest", other))
        for place, value in enumerate(values)
        for shift in (-1.0, 1.0)  # two seeds
    ]
    found = summary(rows)
    assert found["best_peer"] == "KNN"
    assert found["methods"]["latentia"] == {"auroc": 80.0, "ap": 1.0, "seconds": 2.0}
    expected = stats.ttest_rel(ours, best)
    low, high = expected.confidence_interval()
    assert found["difference"] == pytest.approx(5 / 3)
    assert found["interval"] == pytest.approx([low, high])


def test_columns_that_do_not_vary_are_left_out():
    training, asked = scaled(np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([[4.0, 9.0]]))
    assert training.tolist() == [[-1.0], [1.0]]
    assert asked.tolist() == [[2.0]]


@pytest.mark.parametrize("name", ["mixture", "ring"])
def test_the_truths_are_densities_of_what_they_draw(name):
    truth = TRUTHS[name]()
    middles = (np.arange(300) + 0.5) / 300 * 2 * truth.half - truth.half
    grid = np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 2)
    assert np.exp(truth.log_prob(grid)).sum() * (2 * truth.half / 300) ** 2 == pytest.approx(1, abs=1e-3)
    rows = truth.draw(4_000, np.random.default_rng(0))
    fitted = truth.fit(rows)
    assert np.abs(fitted(rows) - truth.log_prob(rows)).mean() < 0.08
    weights = np.exp(truth.log_prob(grid)) * (2 * truth.half / 300) ** 2
    np.testing.assert_allclose(np.cov(rows.T), np.cov(grid.T, aweights=weights), atol=0.35)


def test_the_linear_truth_has_the_covariance_of_its_rows():
    truth = TRUTHS["linear"]()
    rows = truth.draw(20_000, np.random.default_rng(0))
    whole = stats.multivariate_normal(rows.mean(0), np.cov(rows.T)).logpdf(rows[:100])
    np.testing.assert_allclose(truth.log_prob(rows[:100]), whole, atol=0.3)


def test_rows_of_the_stream_are_written_in_blocks_and_are_those_of_their_seed(tmp_path, monkeypatch):
    from benchmarks import score_stream

    monkeypatch.setattr(score_stream, "BLOCK", 40)
    score_stream.write(tmp_path / "big.parquet", 100, 3)
    read = next(score_stream.blocks(tmp_path / "big.parquet", 1000))
    assert len(read) == 100
    assert read[:40].equals(score_stream.made(40, 3, 1))
    assert not read[40:80].reset_index(drop=True).equals(read[:40])
    assert score_stream.numbers(read).shape == (100, 16)
    assert score_stream.anonymous(os.getpid()) > 10
