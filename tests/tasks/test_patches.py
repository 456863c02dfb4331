"""What a critic takes patches for: closed forms, and where the colours lie."""

import math

import pytest
import torch

from latentia.tasks.patches import COOL, WARM, shaded, verdict

from .nets import normal


def test_answers_of_two_normals_are_told_as_their_odds():
    made, real = 3 + 2 * normal(1, 200, 200, seed=1), 7 + 2 * normal(1, 200, 200, seed=2)
    found = verdict(made, real)
    odds = torch.logit(found.made.double())
    torch.testing.assert_close(odds, 5 - made, atol=0.05, rtol=0.02)  # log N(a; 3, 2) - log N(a; 7, 2)
    assert found.right == pytest.approx(0.5 * (1 + math.erf(1 / math.sqrt(2))), abs=5e-3)
    scaled = verdict(10 * made - 3, 10 * real - 3)  # what a game counts in does not matter
    torch.testing.assert_close(scaled.made, found.made)


def test_a_critic_that_knows_nothing_takes_nothing_for_made():
    same = normal(4, 5, 5)
    assert verdict(same, same).right == 0.5
    for found in (verdict(same + 1, same), verdict(torch.ones(2, 3, 3), torch.ones(2, 3, 3))):
        assert torch.equal(found.made, torch.full_like(found.made, 0.5))


def test_colours_lie_on_their_patches():
    chances = torch.full((1, 6, 6), 0.5)
    chances[0, 1, 4], chances[0, 4, 1] = 1.0, 0.0
    shown = shaded(torch.ones(1, 1, 32, 32), chances)
    assert shown.shape == (1, 3, 32, 32)
    warm, cool = shown[0, :, 9:11, 21:23].mean((1, 2)), shown[0, :, 21:23, 9:11].mean((1, 2))  # (1.5 + 1) * 4 = 10
    for colour, wanted in ((warm, WARM), (cool, COOL)):
        sure = (1 - colour) / (1 - torch.tensor(wanted))
        assert float(sure.std()) < 1e-5
        assert 0.5 < float(sure.mean()) <= 0.75
    assert torch.equal(shown[0, :, 0, 0], torch.ones(3))
    assert torch.equal(shaded(torch.ones(1, 3, 9, 13), chances[:, :1, :1])[0, 0], torch.ones(9, 13))
