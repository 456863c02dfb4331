import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, ttest_ind
from sklearn.metrics import roc_auc_score

from latentia.errors import BadData
from latentia.tasks.detectors import (
    _chance,
    _larger_by_chance,
    balance,
    bins,
    divergence,
    left_out,
    memorisation,
    mode_coverage,
    nearest_bin,
    overfitting,
    sameness,
    saturation,
)

from .nets import Rows


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 40))
def test_balance_is_the_area_under_the_roc_curve(seed, real, fake):
    generator = np.random.default_rng(seed)
    first, second = generator.normal(size=real).round(1) + 0.3, generator.normal(size=fake).round(1)
    found = balance(first, second)
    labels = np.r_[np.ones(real), np.zeros(fake)]
    assert found.value == pytest.approx(roc_auc_score(labels, np.r_[first, second]))
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.parts == pytest.approx((first.mean(), second.mean()))


def test_balance_at_both_ends_and_its_interval():
    assert balance(torch.ones(5), torch.zeros(9)).value == 1
    assert balance(torch.zeros(5), torch.zeros(9)).value == 0.5
    assert "50 % it cannot" in balance([1.0], [0.0]).meaning
    held = 0
    for seed in range(100):
        found = balance(normal(60, seed=seed) + 1, normal(50, seed=seed + 1000))
        held += found.low <= 0.7602 <= found.high  # Phi(1 / sqrt 2)
    assert held >= 88
    with pytest.raises(BadData, match="answers to fakes are not finite"):
        balance([1.0], [math.nan])


def test_overfitting_is_seen_when_held_out_items_fall_back_to_the_fakes():
    train, fake = normal(400) + 2, normal(400, seed=1) - 2
    assert overfitting(train, normal(200, seed=2) + 2, fake).said is None
    gap, said = overfitting(train, normal(200, seed=2), fake)
    assert gap == pytest.approx(0.5, abs=0.05)
    assert "by heart" in said
    assert "50% of the way back" in said or "49%" in said or "51%" in said
    assert overfitting(train[:30], normal(30, seed=5) + 1.8, 10 * fake).said is None  # no more than chance
    assert math.isnan(overfitting(train, normal(3, seed=5), fake).value)  # too few to say
    assert overfitting(train[:30], normal(6, seed=5), fake).said is not None  # few, and far from chance
    assert overfitting(np.ones(9), np.zeros(9), -np.ones(9)).said is not None  # nothing varies
    assert overfitting(np.ones(9), np.ones(9), np.zeros(9)) == (0, None)
    assert math.isnan(overfitting(fake, fake, train).value)  # a critic that has not learnt yet


def test_the_chance_of_a_difference_is_welch_s_test():
    for seed in range(5):
        first, second = 2 * normal(40, seed=seed), normal(7, seed=seed + 10)
        expected = ttest_ind(first, second, equal_var=False, alternative="greater").pvalue
        assert _larger_by_chance(first, second) == pytest.approx(expected)


def test_modes_left_out_are_a_failure_when_they_stay_or_were_once_there():
    assert not left_out([0.8, 0.6, 0.5, 0.4, 0.3], late=True)  # it still learns them
    assert left_out([0.3, 0.3, 0.31, 0.29], late=True)
    assert not left_out([0.3, 0.3, 0.31, 0.29], late=False)
    assert left_out([0.5, 0.1, 0.4, 0.4, 0.35], late=False)  # a collapse
    assert not left_out([0.1, 0.4, 0.0, 0.4], late=True)
    assert not left_out([0.4, 0.4, 0.4], late=True)  # nothing before to compare with
    assert not left_out([0.0] * 9, late=True)


def test_saturation_needs_several_readings_in_a_row():
    assert "has little to learn" in saturation([0.7] * 9 + [0.999] * 5).replace("generator has\n", "generator has ")
    assert saturation([0.999] * 4) is None
    assert saturation([0.999] * 4 + [0.9]) is None
    assert saturation([0.8] * 20) is None
    assert "too weak" in saturation([0.8, 0.51, 0.5, 0.49, 0.52, 0.5])
    assert saturation([0.999, math.nan, 0.999, 0.999, 0.999, 0.999]) is not None


def test_samples_that_are_all_alike_have_collapsed_wherever_they_lie():
    real = normal(500, 6) + np.repeat([[0.0], [5.0]], 250, axis=0)
    assert sameness(normal(300, 6, seed=1) + np.repeat([[0.0], [5.0]], 150, axis=0), real) == (
        pytest.approx(0, abs=0.05),
        None,
    )
    found = sameness(90 + 0.1 * normal(300, 6, seed=2), real)
    assert found.value == pytest.approx(1 - 0.1 / math.sqrt(1 + 2.5**2), abs=0.01)
    assert found.said.startswith("Samples differ from each other by 4% of what training items do")


def test_lost_modes_are_named_and_rare_ones_are_not_missed():
    real = np.repeat(np.arange(4), [400, 400, 190, 10])
    assert mode_coverage(real[::2], real) == (0, None)
    held, said = mode_coverage(np.repeat([0, 1, 2], [250, 240, 3]), real, names=("cat", "dog", "eel", "fox"))
    assert held == pytest.approx(0.19)
    assert said.startswith("Samples leave out 1 of 4 modes of the training set, which hold 19.0% of it (eel).")
    assert mode_coverage([0, 1, 0, 1], real).said is None  # four samples say nothing
    assert "mode 2" in mode_coverage(np.zeros(500, int), real).said
    with pytest.raises(BadData, match="no samples"):
        mode_coverage([], real)


def test_false_alarms_of_lost_modes_are_rare():
    generator = np.random.default_rng(0)
    share = generator.dirichlet(np.ones(100))
    alarms = 0
    for _ in range(50):
        made, real = generator.choice(100, 1000, p=share), generator.choice(100, 4000, p=share)
        alarms += mode_coverage(made, real).said is not None
    assert alarms <= 1


@given(st.integers(0, 50), st.integers(50, 400), st.floats(0.001, 0.999))
def test_the_chance_is_scipy_s(hits, count, share):
    assert _chance(hits, count, share) == pytest.approx(binom.cdf(hits, count, share), rel=1e-6, abs=1e-12)


def test_bins_are_modes_where_there_are_no_labels():
    centres = np.array([[0.0, 0], [9, 0], [0, 9], [9, 9]])
    real = np.concatenate([normal(100, 2, seed=place) + centre for place, centre in enumerate(centres)])
    found = bins(real, count=4)
    assert sorted(map(tuple, found.round().astype(int))) == [(0, 0), (0, 9), (9, 0), (9, 9)]
    assert (found == bins(real, count=4)).all()
    assert len(bins(real[:60], count=50)) == 3
    made = nearest_bin(real[:300], found)
    assert len(set(made)) == 3
    assert "1 of 4 modes" in mode_coverage(made, nearest_bin(real, found)).said


@pytest.mark.parametrize(("train", "held_out", "copied"), [(300, 300, 0.5), (900, 100, 0.8)])
def test_copies_are_told_from_good_samples(train, held_out, copied):
    generator = torch.Generator().manual_seed(0)
    known, unseen, fresh = (torch.randn(count, 5, generator=generator) for count in (train, held_out, 400))
    assert memorisation(fresh, Rows(known), Rows(unseen)).said is None
    assert memorisation(fresh * 0.1, Rows(known), Rows(unseen)).said is None  # blurred to the middle, but no copies
    near = known[torch.arange(int(400 * copied)) % 250]
    made = torch.cat([fresh[len(near) :], near + 0.01 * torch.randn(near.shape, generator=generator)])
    least, said = memorisation(made, Rows(known), Rows(unseen))
    assert "of 400 samples look like copies" in said
    assert int(said.split("%")[0].removeprefix("About ")) / 100 == pytest.approx(copied, abs=0.12)
    assert 0.02 < least < copied
    with pytest.raises(BadData, match="no samples"):
        memorisation(fresh[:0], Rows(known), Rows(unseen))


def test_copies_are_not_seen_where_few_items_were_held_out():
    """A few items are near to most samples: which of them were held out says more than the number of samples."""
    said = 0
    for seed in range(60):
        generator = torch.Generator().manual_seed(seed)
        known, unseen, fresh = (torch.randn(count, 20, generator=generator) for count in (180, 20, 500))
        said += memorisation(fresh, Rows(known), Rows(unseen)).said is not None
    assert said <= 1  # by the number of samples alone there would be twenty


def test_divergence():
    steady = list(1 + 0.3 * normal(40))
    assert divergence(steady) is None
    assert divergence([*steady, math.inf]).startswith("The loss is inf: the training has diverged")
    assert "has run away: 900, where it used to be around" in divergence([*steady, 300, 700, 900], "critic's loss")
    assert divergence([*steady, 900]) is None  # a spike
    assert divergence([100.0, 80, 50, 20, 10, 5, 2, 1, 1]) is None  # a loss that falls
    assert divergence([]) is None
    assert divergence([0.01] * 10 + [0.5, 0.6, 0.69]) is None  # a player that had won, and wins no more
