"""Games between a critic and a generator: what each lowers, from the critic's answers (logits), one value per example.

The critic answers with a number, high for what it takes to be real. In the game of Goodfellow et al. 2014 its sigmoid
is the probability D that an item is real.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import logsigmoid, relu, softplus

from latentia.errors import BadField, near

Loss = Callable[[Tensor, Tensor], Tensor]


def _answer(real: Tensor, fake: Tensor) -> Tensor:
    return real


def _margin(real: Tensor, fake: Tensor) -> Tensor:
    return real - fake


@dataclass(frozen=True)
class Game:
    """The losses of both players as functions of the critic's answers ``real`` and ``fake``, each ``(N,)``.

    Attributes:
        critic: lowered by the critic.
        generator: lowered by the generator.
        pairs: the generator's loss depends on ``real`` too: each fake is compared with the real of its row.
        verdict: positive where the critic is right about the real of a row. Its answer alone tells that where 0 lies
            between real and fake; where answers have no zero, they are compared.
    """

    critic: Loss
    generator: Loss
    pairs: bool = False
    verdict: Loss = _answer


def _cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(x) - log(1 - D(G(z)))."""
    return -logsigmoid(real) - logsigmoid(-fake)


GAMES: dict[str, Game] = {
    # min over G, max over D of V = E log D(x) + E log(1 - D(G(z))): Goodfellow et al. 2014, equation 1
    "minimax": Game(_cross_entropy, lambda real, fake: logsigmoid(-fake)),
    # the same critic; the generator raises log D(G(z)), whose gradient does not fade: section 3 there
    "non-saturating": Game(_cross_entropy, lambda real, fake: -logsigmoid(fake)),
    # Lim & Ye 2017, "Geometric GAN"
    "hinge": Game(lambda real, fake: relu(1 - real) + relu(1 + fake), lambda real, fake: -fake),
    # Mao et al. 2017, "Least Squares Generative Adversarial Networks", equation 9
    "least-squares": Game(
        lambda real, fake: 0.5 * (real - 1).square() + 0.5 * fake.square(),
        lambda real, fake: 0.5 * (fake - 1).square(),
        verdict=lambda real, fake: real - 0.5,
    ),
    # Arjovsky et al. 2017, "Wasserstein GAN"; needs a critic of bounded slope
    "wasserstein": Game(lambda real, fake: fake - real, lambda real, fake: -fake, verdict=_margin),
    # Jolicoeur-Martineau 2019 in pairs, as in Huang et al. 2024, "The GAN is dead; long live the GAN!", equation 2
    "relativistic": Game(
        lambda real, fake: softplus(fake - real), lambda real, fake: softplus(real - fake), pairs=True, verdict=_margin
    ),
}


def game(name: str) -> Game:
    """The game of this name.

    Raises:
        BadField: there is none.
    """
    if name not in GAMES:
        raise BadField(f"game is {name!r}; {near(name, GAMES)}")
    return GAMES[name]
