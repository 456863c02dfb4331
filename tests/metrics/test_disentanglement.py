"""Scores of codes whose answer is known, and their parts against scikit-learn and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy, pearsonr
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import mutual_info_score

from latentia.errors import BadData, BadField
from latentia.metrics.dci import completeness, dci, disentangled, importances
from latentia.metrics.disentanglement import METRICS, disentanglement
from latentia.metrics.factors import coded
from latentia.metrics.informed import binned, entropies, information, informed_gap, modularity, separated
from latentia.metrics.votes import Groups, factor_score

SIZES = (2, 3, 4)
GUESSED = ("factor_vae", "beta_vae", "dci_informativeness")  # shares of right guesses


def factors(count: int = 3000, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return np.stack([generator.integers(size, size=count) for size in SIZES], axis=1)


def oracle(known: np.ndarray) -> np.ndarray:
    """Each factor in a latent of its own, on the scale of a prior, and a latent that is dead."""
    return np.concatenate([(known - known.mean(0)) / known.std(0), np.zeros((len(known), 1))], axis=1)


def turned(codes: np.ndarray, seed: int = 1) -> np.ndarray:
    return codes @ np.linalg.qr(np.random.default_rng(seed).normal(size=(codes.shape[1],) * 2))[0]


@pytest.fixture(scope="module")
def scores() -> dict[str, dict]:
    known = factors()
    random = np.random.default_rng(2).normal(size=(len(known), 4))
    told = {"perfect": oracle(known), "turned": turned(oracle(known)), "random": random}
    return {name: disentanglement(codes, known, points=600) for name, codes in told.items()}


@pytest.mark.parametrize("metric", METRICS)
def test_oracles_score_as_they_must(scores, metric):
    perfect, mixed, random = (scores[name][metric] for name in ("perfect", "turned", "random"))
    assert perfect.value > 0.96  # factors that were drawn know a little of each other
    chance = {"factor_vae": 1 / 3, "beta_vae": 1 / 3, "dci_informativeness": np.mean([1 / 2, 1 / 3, 1 / 4])}
    assert random.value == pytest.approx(chance.get(metric, 0.0), abs=0.05)
    if metric in GUESSED:
        assert mixed.value > random.high  # a linear classifier can turn codes back
    else:
        assert random.high < mixed.low <= mixed.high < perfect.low
    for score in (perfect, mixed, random):
        assert score.low <= score.value <= score.high
        assert score.note


def test_settings_are_recorded(scores):
    notes = {name: score.note for name, score in scores["turned"].items()}
    assert "600 of 3,000 items, 20 bins" in notes["mig"]
    assert "10,000 votes to learn and 5,000 to score, of 64 items each, 4 latents" in notes["factor_vae"]
    assert "600 items to learn, 300 to test" in notes["dci"]


def test_the_same_seed_gives_the_same_scores_and_scale_does_not_matter():
    known = factors(600)
    codes = turned(oracle(known))
    first, again = (disentanglement(codes * scale, known, ("mig", "sap", "modularity"), seed=3) for scale in (1, 1000))
    assert {name: score.value for name, score in first.items()} == pytest.approx(
        {name: score.value for name, score in again.items()}
    )
    assert first["mig"] == disentanglement(codes, known, ["mig"], seed=3)["mig"]


def test_information_is_scikit_learn_s():
    known = factors(500)
    items = coded(turned(oracle(known)), known)
    found, bins = information(items, 20), binned(items.codes, 20)
    expected = [[mutual_info_score(column, own) for own in known.T] for column in bins.T]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    edges = np.histogram(items.codes[:, 0], 20)[1]
    np.testing.assert_array_equal(bins[:, 0], np.digitize(items.codes[:, 0], edges[1:-1]))
    np.testing.assert_allclose(entropies(items), [entropy(np.bincount(own)) for own in known.T])
    ordered = np.sort(expected, axis=0)
    by_hand = np.mean((ordered[-1] - ordered[-2]) / [entropy(np.bincount(own)) for own in known.T])
    assert informed_gap(items, 20) == pytest.approx(by_hand)


def test_entropy_is_that_of_factors_that_are_not_balanced():
    rare = (np.arange(400) // 2 % 40 == 0).astype(int)
    known = np.stack([np.arange(400) % 2, rare], axis=1)
    assert disentanglement(known, known, ["mig"])["mig"].value == pytest.approx(1)


def test_perfect_codes_of_factors_finer_than_the_bins_are_not_blurred():
    """As those of the shapes, 3 to 40 values; with 20 bins for all, MIG was 0.88."""
    generator = np.random.default_rng(0)
    known = np.stack([generator.integers(size, size=20_000) for size in (3, 6, 40, 32, 32)], 1)
    assert disentanglement(known * [1.0, -2.0, 0.1, 3.0, 1e-3], known, "mig")["mig"].value > 0.97


def test_modularity_by_hand():
    """A latent that holds two factors in full: 1 - (I_small / I_large)^2 / (K - 1), and dead latents are left out."""
    known = factors(40_000)
    both = known[:, 0] + 2 * known[:, 1]
    codes = np.stack([both, known[:, 2], np.zeros(len(known))], axis=1).astype(float)
    expected = np.mean([1 - (np.log(2) / np.log(3)) ** 2 / 2, 1.0])
    assert modularity(coded(codes, known), 12) == pytest.approx(expected, abs=2e-3)
    assert modularity(coded(np.random.default_rng(0).normal(size=(500, 4)), known[:500]), 20) == 0


def test_separated_is_the_gap_of_squared_correlations():
    known = factors(400)
    codes = turned(oracle(known))
    squared = np.sort([[pearsonr(column, own)[0] ** 2 for own in known.T] for column in codes.T], axis=0)
    assert separated(coded(codes, known)) == pytest.approx(float((squared[-1] - squared[-2]).mean()))


def test_scores_of_importances_by_hand():
    table = np.array([[1.0, 0.0, 0.5], [0.0, 0.7, 0.5], [0.0, 0.3, 0.0]])
    rows = [1 - entropy(row, base=3) for row in table]
    assert disentangled(table) == pytest.approx(np.dot(rows, table.sum(1)) / 3)
    assert completeness(table) == pytest.approx(np.mean([1 - entropy(column, base=3) for column in table.T]))
    assert disentangled(np.eye(3)) == completeness(np.eye(3)) == 1
    assert disentangled(np.ones((4, 3))) == pytest.approx(0)
    assert disentangled(np.zeros((2, 2))) == 0


def test_importances_are_those_of_gradient_boosting():
    known = factors(900)
    items = coded(oracle(known) @ (np.eye(4) + 0.3 * np.random.default_rng(5).normal(size=(4, 4))), known)
    found, accuracy = importances(items.some(slice(0, 600)), items.some(slice(600, None)))
    for factor in (0, 1):
        other = GradientBoostingClassifier(random_state=0, n_estimators=50)
        other.fit(items.codes[:600], known[:600, factor])
        np.testing.assert_allclose(found[:, factor], other.feature_importances_, atol=0.12)
        assert accuracy[factor] == pytest.approx(other.score(items.codes[600:], known[600:, factor]), abs=0.05)
    np.testing.assert_allclose(found.sum(0), 1)


def test_groups_share_the_value_they_hold_still():
    known = factors(300)
    held = np.random.default_rng(0).integers(3, size=200)
    rows = Groups(coded(known, known)).rows(held, 16, np.random.default_rng(1))
    for factor, group in zip(held, rows, strict=True):
        assert len(np.unique(known[group, factor])) == 1
    assert len(np.unique(rows)) > 290  # and all items can be drawn


def test_dead_latents_do_not_vote():
    """A latent that hardly moves varies least in every group; it would take every vote."""
    known = factors(2000)
    codes = oracle(known) + 1e-3 * np.random.default_rng(3).normal(size=(2000, 4))
    items = coded(codes, known)
    assert factor_score(items, 500, 500).value == 1
    assert "3 latents from deviation 0.05" in factor_score(items, 500, 500).note
    assert factor_score(coded(codes * 1e-3, known), 500, 500).value == 0


def test_few_items_are_enough_for_dci():
    known = factors(90)
    assert dci(coded(oracle(known), known), halves=2).disentanglement.value > 0.9


@pytest.mark.parametrize(
    ("codes", "known", "said"),
    [
        (np.zeros((5, 2)), np.zeros((4, 2)), "5 codes and the factors of 4 items"),
        (
            np.ones((30, 2)),
            np.stack([np.arange(30) % 2, np.full(30, 7)], 1),
            r"factor 1 has one value for all items \(7",
        ),
        (np.ones((30, 2)), np.arange(30)[:, None], "2 factors or more"),
        (np.ones((30, 2)), np.arange(30), "2 factors or more"),
        (np.full((30, 2), np.nan), np.arange(60).reshape(30, 2), "rows of the codes are not finite"),
        (np.ones((30, 2)), np.full((30, 2), np.inf), "factors hold numbers that are not finite"),
        (np.ones((6, 2)), np.arange(12).reshape(6, 2) % 3, "6 items say nothing"),
        (np.random.default_rng(0).normal(size=(30, 2)), np.arange(60).reshape(30, 2), "its own value of factor 0"),
    ],
)
def test_what_cannot_be_scored_is_refused(codes, known, said):
    with pytest.raises(BadData, match=said):
        disentanglement(codes, known, ["factor_vae"])


def test_unknown_metrics_are_refused_with_a_hint():
    known = factors(100)
    with pytest.raises(BadField, match="did you mean 'mig'"):
        disentanglement(known, known, ["migg"])
    with pytest.raises(BadField, match="points is 3"):
        disentanglement(known, known, ["mig"], points=3)


def test_factors_may_be_words():
    known = factors(200)
    words = np.array([["a", "b"][place] for place in known[:, 0]])
    named = np.stack([words, known[:, 1].astype(str)], axis=1)
    assert disentanglement(known, named, ["mig"]) == disentanglement(known, known[:, :2], ["mig"])
