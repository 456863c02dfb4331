"""What FactorVAE, beta-TCVAE and DIP-VAE add to a VAE, and what they must not touch."""

from __future__ import annotations

import pytest
import torch

import latentia as lt
from latentia.core import Batch, Noise, Now, Spec, Stage
from latentia.errors import BadField

SPEC = Spec("image", (1, 8, 8), 256)
X = torch.rand(32, 1, 8, 8, generator=torch.Generator().manual_seed(0))


def told(recipe, net=None, seen=0):
    torch.manual_seed(0)
    net = net or recipe.build(SPEC)
    now = Now(torch.tensor(seen), Stage(32), Noise(0, seen, slice(None), 32))
    return net, list(recipe.updates(net, Batch(X), now))


def grown(loss, weights):
    return [grad is not None for grad in torch.autograd.grad(loss, list(weights), allow_unused=True)]


def test_the_critic_s_loss_has_no_way_to_the_encoder_and_the_vae_s_has():
    recipe = lt.FactorVAE(latent=3, hidden=(16,), critic=(8,))
    net, (first, second) = told(recipe)
    groups = recipe.groups(net)
    assert not any(grown(second.loss, groups["vae"].weights))
    assert all(grown(second.loss, groups["critic"].weights))
    assert any(grown(first.loss, net.encoder.parameters()))


def test_the_two_players_see_different_items():
    """The critic's second half of the batch is nothing that the VAE has seen, and the other way round."""
    recipe = lt.FactorVAE(latent=3, hidden=(16,), critic=(8,))
    net, plain = told(recipe)
    changed = X.clone()
    changed[1::2] = 0
    now = Now(torch.tensor(0), Stage(32), Noise(0, 0, slice(None), 32))
    other = list(recipe.updates(net, Batch(changed), now))
    assert other[0].loss == plain[0].loss
    assert other[1].loss != plain[1].loss


def test_a_trained_critic_tells_total_correlation():
    """Of tied codes the critic's answer comes near log q(z) / prod q(z_j), whose mean is -log(1 - r^2) / 2."""
    recipe = lt.FactorVAE(latent=2, hidden=(4,), critic=(64, 64), block=16)
    net = recipe.build(SPEC)
    generator = torch.Generator().manual_seed(0)
    adam = torch.optim.Adam(net.critic.parameters(), 3e-3)

    def tied(count):
        free = torch.randn(count, 2, generator=generator)
        return torch.stack([free[:, 0], 0.8 * free[:, 0] + 0.6 * free[:, 1]], 1)

    from latentia.losses.correlation import independent

    for _ in range(400):
        loss = torch.nn.functional.softplus(-net.critic(tied(256))).mean()
        loss = loss + torch.nn.functional.softplus(net.critic(independent(tied(256), 16))).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert net.critic(tied(4000)).mean().item() == pytest.approx(0.51, abs=0.1)


def test_without_their_term_they_are_a_vae():
    held = []
    for recipe in (
        lt.TCVAE(latent=3, hidden=(16,), beta=1.0),
        lt.DIPVAE(latent=3, hidden=(16,), off_diagonal=0.0, diagonal=0.0),
        lt.VAE(latent=3, hidden=(16,), prior="normal"),
    ):
        _, (update,) = told(recipe)
        held.append(update.loss.detach())
    torch.testing.assert_close(held[0], held[2])
    torch.testing.assert_close(held[1], held[2])


def test_tcvae_counts_the_items_it_is_trained_on_and_its_parts_sum_to_the_kl():
    model = lt.train(lt.TCVAE(latent=3, hidden=(16,)), "digits", images=256, device="cpu")
    assert int(model.net.items) == 1437
    _, (update,) = told(model.recipe, model.net)
    parts = sum(update.logs[name] for name in ("information", "total_correlation", "dimension_wise"))
    assert float(parts) == pytest.approx(float(update.logs["kl"]), rel=0.35, abs=0.5)  # one draw each


def test_capacity_holds_the_kl_near_a_target():
    """A VAE that is told to spend 5 nats spends about 5, where it would spend more or fewer by itself."""
    spent = {}
    for capacity in ("0", "5"):
        recipe = lt.VAE(latent=4, hidden=(32,), beta=50.0, capacity=float(capacity))
        model = lt.train(recipe, "digits", images=20_000, device="cpu", batch=128)
        spent[capacity] = {each.name: each.value for each in model.evaluate(draws=2)}["kl"]
    assert spent["0"] < 3
    assert spent["5"] == pytest.approx(5, abs=0.7)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"capacity": "0:5@1k", "objective": "iwae", "draws": 2}, "neither free_bits nor capacity"),
        ({"capacity": 5.0, "free_bits": 0.5}, "give one of them"),
    ],
)
def test_a_capacity_beside_what_it_excludes_is_refused(fields, said):
    with pytest.raises(BadField, match=said):
        lt.VAE(**fields).build(SPEC)


def test_what_else_chooses_the_weights_is_said():
    assert any("without what is added" in line for line in lt.FactorVAE().notes(SPEC))
    assert any("at beta 1" in line for line in lt.VAE(capacity="0:5@1k").notes(SPEC))
