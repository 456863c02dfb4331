"""Judging rows by calibration rows: p-values, contributions, decisions."""

import numpy as np
import pytest
import torch

from latentia.core import Batch, Column, Spec
from latentia.errors import BadData, BadField
from latentia.tasks.calibrate import Calibration, calibrated, check_rate, signatures
from latentia.tasks.outliers import Rule, decided, joined, judged, value_of
from latentia.tasks.score import DENSITY, Scores, scores

from .nets import LinearGaussian, normal

NET, TABLE = LinearGaussian(stretch=1.2), Spec("table", (6,))


def drawn(count, seed):
    """Rows that the net makes."""
    z, noise = normal(count, 3, seed=seed), normal(count, 6, seed=seed + 1000)
    return Batch((z @ NET.weight.T + NET.bias + NET.sigma * noise).detach())


@pytest.fixture(scope="module")
def calibration():
    batch = drawn(400, 0)
    seen = {"train": signatures(drawn(50, 5))}
    return calibrated([(scores(NET, batch, TABLE, 32), signatures(batch))], seen, {"test": 400})


def found(batch, calibration):
    return judged(scores(NET, batch, TABLE, 32), signatures(batch), calibration)


def test_contributions_add_up_to_the_score_and_average_to_nothing_over_good_rows(calibration):
    told = found(drawn(60, 1), calibration)
    np.testing.assert_allclose(told.constants + told.contributions.sum(1), told.scores, rtol=1e-10)
    own = found(drawn(400, 0), calibration)
    np.testing.assert_allclose(own.contributions.mean(0), 0, atol=1e-9)


def test_p_values_of_good_rows_are_valid_and_odd_rows_are_found(calibration):
    told = found(drawn(2000, 2), calibration)
    for rate in (0.05, 0.2, 0.5):
        assert np.mean(told.p_values <= rate) == pytest.approx(rate, abs=0.05)
    odd = drawn(5, 3)
    odd.x[:, 2] += 6
    told = decided(found(odd, calibration), Rule(), TABLE, DENSITY, calibration)
    assert told.outlier.all()
    assert all(told.reasons(row)[0][0] == "x2" for row in range(5)), "the code has its part, and never leads"
    assert all(amount > 0 for row in range(5) for _, amount in told.reasons(row))


def test_a_calibration_row_is_judged_by_the_others(calibration):
    batch = Batch(drawn(400, 0).x[[7]])
    told = found(batch, calibration)
    assert told.origin[0] == "calibration"
    others = np.delete(calibration.scores, 7)
    assert told.p_values[0] == pytest.approx((1 + (others >= calibration.scores[7]).sum()) / 400)
    assert found(drawn(50, 5), calibration).origin.tolist() == ["train"] * 50
    assert found(drawn(3, 9), calibration).origin.tolist() == ["new"] * 3


def test_more_rows_count_once_and_rows_of_the_training_never(calibration):
    more = drawn(30, 11).x
    batch = Batch(torch.cat([more, more[:5], drawn(50, 5).x, drawn(400, 0).x[:9]]))
    told = calibration.more(scores(NET, batch, TABLE, 32), signatures(batch), "good.csv")
    assert len(told) == 430
    assert told.facts["added"] == [{"name": "good.csv", "rows": 30}]
    whole = Batch(torch.cat([drawn(400, 0).x, more]))
    once = calibrated([(scores(NET, whole, TABLE, 32), signatures(whole))], {}, {})
    for name in ("scores", "mean", "deviation", "latent", "constant"):
        np.testing.assert_allclose(getattr(told, name), getattr(once, name), rtol=1e-9)
    with pytest.raises(BadData, match=r"good.csv has no row that is new: all 30 are known to the run already"):
        told.more(scores(NET, Batch(more), TABLE, 32), signatures(Batch(more)), "good.csv")


def test_a_calibration_survives_its_file(calibration):
    again = Calibration.of_tensors(calibration.tensors(), calibration.facts)
    batch = drawn(20, 4)
    for name in ("p_values", "contributions", "origin"):
        np.testing.assert_array_equal(getattr(found(batch, again), name), getattr(found(batch, calibration), name))


def test_what_is_missing_is_neither_odd_nor_ordinary(calibration):
    """Rows without a column have p-values as good rows have, on both sides, and that column contributes nothing."""
    batch, mask = drawn(1000, 6), torch.ones(1000, 6, dtype=torch.bool)
    mask[:, 1] = False
    x = torch.where(mask, batch.x, NET.bias.detach())
    told = found(Batch(x, mask=mask), calibration)
    assert (told.contributions[:, 1] == 0).all()
    np.testing.assert_allclose(told.constants + told.contributions.sum(1), told.scores, rtol=1e-10)
    assert 0.3 < np.median(told.p_values) < 0.7
    assert np.mean(told.p_values <= 0.05) < 0.12


def test_signatures_know_a_row_wherever_it_stands():
    x = normal(5, 6)
    marks = signatures(Batch(x))
    assert np.array_equal(signatures(Batch(x[[3, 1]])), marks[[3, 1]])
    assert len(set(marks)) == 5
    assert (marks >= 0).all()
    zero = torch.zeros(1, 6)
    assert signatures(Batch(zero)) == signatures(Batch(-zero))
    labels = torch.arange(5)
    assert (signatures(Batch(x, label=labels)) != marks).all()
    whole = torch.ones(5, 6, dtype=torch.bool)
    assert np.array_equal(signatures(Batch(x, mask=whole)), marks)
    part = whole.clone()
    part[0, 0] = False
    assert signatures(Batch(x, mask=part))[0] != marks[0]


def test_decisions(calibration):
    batch = drawn(100, 7)
    batch.x[:8] += 5 * normal(8, 6, seed=3)
    told = found(batch, calibration)
    by_rate = decided(told, Rule(rate=0.01), TABLE, DENSITY, calibration)
    assert np.array_equal(by_rate.outlier, told.p_values <= 0.01)
    assert by_rate.outlier[:8].sum() >= 7
    assert decided(told, Rule(contamination=0.08), TABLE, DENSITY, calibration).outlier.sum() == 8
    by_fdr = decided(told, Rule(fdr=0.2), TABLE, DENSITY, calibration)
    ranked = np.sort(told.p_values)
    last = np.flatnonzero(ranked <= 0.2 * np.arange(1, 101) / 100)
    assert by_fdr.outlier.sum() == (last[-1] + 1 if len(last) else 0)
    assert "with 400 calibration rows none is flagged unless 2 are" in by_fdr.rule
    none = joined([told])
    none.p_values[:] = np.nan
    assert not decided(none, Rule(), TABLE, DENSITY, calibration).outlier.any()
    assert not decided(none, Rule(fdr=0.5), TABLE, DENSITY, calibration).outlier.any()


def test_rules_that_are_none():
    with pytest.raises(BadField, match=r"rate and fdr were both given"):
        Rule(rate=0.1, fdr=0.1)
    for value in (0.0, 1.0, -0.1, 2.0):
        with pytest.raises(BadField, match=r"fdr is .*; it lies between 0 and 1"):
            Rule(fdr=value)
    with pytest.raises(BadField, match=r"of 0.001 needs 999 calibration rows, and there are 400, which reach 0.00249"):
        Rule(rate=0.001).check(400)
    check_rate(0.01, 99)
    with pytest.raises(BadField, match=r"latentia calibrate RUN MORE_GOOD_DATA"):
        check_rate(0.01, 98)


def test_impossible_rows_are_outliers_and_nothing_breaks(calibration):
    told = Scores(np.array([np.inf]), DENSITY, np.zeros((1, 6)), np.array([np.inf]))
    one = judged(told, np.array([5]), calibration)
    assert one.p_values[0] == pytest.approx(1 / 401)
    with pytest.raises(BadData, match="no rows to calibrate by"):
        calibrated([], {}, {})


def test_values_are_shown_in_the_data_s_units():
    columns = (
        Column("income", "numeric", center=1000, scale=250, step=0.01, missing=True),
        Column("born", "datetime", center=86400.0, scale=3600.0),
        Column("region", "categorical", categories=("north", "south")),
        Column("since", "datetime", center=1.6e9 + 0.4, scale=2e7, step=86400.0),
        Column("height", "numeric", center=170.003, scale=8.1, step=0.01),
    )
    spec = Spec("table", (6,), columns=columns)
    day = (1_651_708_800 - 1.6e9 - 0.4) / 2e7  # in float32 a second or so off
    batch = Batch(torch.tensor([[1.5, 2.0, 1.0, day, (1.72 - 170.003) / 8.1, 1.0], [0.0] * 6]))
    told = ["1375", "1970-01-02T02:00:00", "south", "2022-05-05", "1.72"]
    assert [value_of(batch, 0, place, spec) for place in range(5)] == told
    assert value_of(batch, 1, 0, spec) == "missing"
    mask = torch.tensor([[True, True, False, True, True]])
    assert value_of(Batch(batch.x[:1], mask=mask), 0, 2, spec) == "missing"
    assert value_of(batch, 0, 1, TABLE) == "2"
