"""Games against their published formulas, and minimax as the game it is."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from latentia.errors import BadField
from latentia.losses.adversarial import GAMES, game

REAL = torch.tensor([1.5, -0.3, 40.0], dtype=torch.float64)
FAKE = torch.tensor([-0.2, 0.7, -40.0], dtype=torch.float64)
D_REAL, D_FAKE = REAL.sigmoid(), FAKE.sigmoid()


@pytest.mark.parametrize(
    ("name", "critic", "generator"),
    [
        ("minimax", -(D_REAL.log() + (1 - D_FAKE).log()), (1 - D_FAKE).log()),
        ("non-saturating", -(D_REAL.log() + (1 - D_FAKE).log()), -D_FAKE.log()),
        ("hinge", (1 - REAL).clamp(min=0) + (1 + FAKE).clamp(min=0), -FAKE),
        ("least-squares", ((REAL - 1) ** 2 + FAKE**2) / 2, (FAKE - 1) ** 2 / 2),
        ("wasserstein", FAKE - REAL, -FAKE),
        ("relativistic", -functional.logsigmoid(REAL - FAKE), -functional.logsigmoid(FAKE - REAL)),
    ],
)
def test_games_are_as_published(name, critic, generator):
    torch.testing.assert_close(game(name).critic(REAL, FAKE), critic)
    torch.testing.assert_close(game(name).generator(REAL, FAKE), generator)


@pytest.mark.parametrize("name", GAMES)
def test_answers_far_out_give_finite_gradients(name):
    for value in (-1e4, 1e4):
        logits = torch.tensor([value, -value], requires_grad=True)
        loss = game(name).critic(logits, -logits).sum() + game(name).generator(-logits, logits).sum()
        (slope,) = torch.autograd.grad(loss, logits)
        assert slope.isfinite().all()


@pytest.mark.parametrize("name", GAMES)
def test_a_game_compares_with_reals_exactly_if_it_says_so(name):
    real, fake = torch.randn(4, generator=torch.Generator().manual_seed(0)), torch.zeros(4)
    differs = not torch.equal(game(name).generator(real, fake), game(name).generator(-real, fake))
    assert differs == game(name).pairs


def test_an_unknown_game_is_refused():
    with pytest.raises(BadField, match="did you mean 'hinge'"):
        game("hing")


def test_minimax_moves_both_players_along_the_gradient_of_v():
    """With SGD the critic moves by +rate dV/dD, the generator by -rate dV/dG: Goodfellow et al. 2014, algorithm 1."""
    torch.manual_seed(0)
    critic, generator = nn.Linear(3, 1).double(), nn.Linear(2, 3).double()
    x, z, rate = torch.randn(5, 3).double(), torch.randn(5, 2).double(), 0.1

    def value():
        """V(D, G) = E log D(x) + E log(1 - D(G(z)))."""
        return critic(x).sigmoid().log().mean() + (1 - critic(generator(z)).sigmoid()).log().mean()

    for player, sign, loss in (
        (critic, +1, lambda: game("minimax").critic(critic(x), critic(generator(z)))),
        (generator, -1, lambda: game("minimax").generator(critic(x), critic(generator(z)))),
    ):
        slopes = torch.autograd.grad(value(), list(player.parameters()))
        expected = [weight + sign * rate * slope for weight, slope in zip(player.parameters(), slopes, strict=True)]
        optimizer = torch.optim.SGD(player.parameters(), lr=rate)
        optimizer.zero_grad()
        loss().mean().backward(inputs=list(player.parameters()))
        optimizer.step()
        for weight, wanted in zip(player.parameters(), expected, strict=True):
            torch.testing.assert_close(weight, wanted, rtol=1e-12, atol=1e-14)
