"""The game's updates, with a critic whose slopes are known: f(x) = w/2 |x|^2 has the slope w x."""

from __future__ import annotations

import pytest
import torch

from latentia.core import Batch, Noise, Now, Stage
from latentia.losses.adversarial import game
from latentia.models._duel import Slopes, duel

REAL, FAKE, WEIGHT = 2.0, 1.0, 0.5  # each of 3 entries; squared slopes 0.25 * 12 and 0.25 * 3


def critic_loss(r1=0.0, r2=0.0, gradient_penalty=0.0, lazy=1, penalty=True):
    weight = torch.tensor(WEIGHT, dtype=torch.float64, requires_grad=True)
    slopes = Slopes(torch.tensor(r1), torch.tensor(r2), gradient_penalty, squared=r1 > 0 or r2 > 0)
    now = Now(torch.tensor(0), Stage(4, penalty=penalty), Noise(0, 0, slice(None), 4, dtype=torch.float64))
    told = duel(
        Batch(torch.full((4, 3), REAL, dtype=torch.float64)),
        lambda x, _: weight * 0.5 * x.square().sum(1),
        lambda batch, _: torch.full_like(batch.x, FAKE),
        now,
        game("wasserstein"),
        slopes,
        lazy,
    )
    return next(told).loss.item()


PLAIN = WEIGHT * 0.5 * 3 * (FAKE**2 - REAL**2)


def test_the_game_alone():
    assert critic_loss() == pytest.approx(PLAIN)


@pytest.mark.parametrize("lazy", [1, 4])
def test_r1_is_at_reals_and_r2_at_fakes_and_lazy_ones_count_as_many_times_more(lazy):
    assert critic_loss(r1=10.0, lazy=lazy) == pytest.approx(PLAIN + 0.5 * lazy * 10 * 0.25 * 12)
    assert critic_loss(r2=10.0, lazy=lazy) == pytest.approx(PLAIN + 0.5 * lazy * 10 * 0.25 * 3)


def test_a_stage_without_penalties_has_none():
    assert critic_loss(r1=10.0, gradient_penalty=10.0, lazy=4, penalty=False) == pytest.approx(PLAIN)


def test_wgan_gp_is_taken_between_reals_and_fakes():
    where = Noise(0, 0, slice(None), 4, dtype=torch.float64).uniform(1)
    points = REAL + where * (FAKE - REAL)
    slope = (3 * (WEIGHT * points).square()).sqrt()
    assert critic_loss(gradient_penalty=10.0) == pytest.approx(PLAIN + 10 * (slope - 1).square().mean().item())
