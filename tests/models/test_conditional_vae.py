"""A VAE that is given labels: what it is without them, that both nets hear them, and that the prior does not."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import latentia as lt
from latentia import data
from latentia.core import Batch, Noise, Now, Spec, Stage
from latentia.models._reference import reference
from latentia.nn.mlp import MLP
from latentia.tasks.likelihood import log_likelihood

SPEC = Spec("image", (1, 8, 8), 256, classes=("a", "b", "c"))
BINARY = Spec("image", (1, 8, 8), 2, classes=("a", "b", "c"))


def built(recipe, spec=SPEC, seed=1):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return recipe.build(spec).double()


def batch_of(count=12, classes=3, levels=256):
    generator = torch.Generator().manual_seed(5)
    x = torch.randint(0, levels, (count, 1, 8, 8), generator=generator).double() / (levels - 1)
    return Batch(x, label=torch.arange(count) % classes)


def loss_of(recipe, net, batch):
    noise = Noise(0, 0, slice(None), len(batch.x), dtype=torch.float64)
    (update,) = recipe.updates(net, batch, Now(torch.tensor(0), Stage(len(batch.x)), noise))
    return update.loss


def folded(layer, inputs, features):
    """What a layer of more ``inputs`` does where those behind are always the same ``features``."""
    weight, bias = layer.weight[:, :inputs], layer.bias + layer.weight[:, inputs:] @ features
    return {"weight": weight.detach().clone(), "bias": bias.detach().clone()}


@pytest.mark.parametrize("settings", [{}, {"objective": "iwae", "draws": 3}, {"prior": "mixture:2", "draws": 2}])
def test_with_one_class_it_is_the_plain_vae_whose_biases_hold_the_class(settings):
    recipe = lt.VAE(latent=3, hidden=(12,), **settings)
    given = built(recipe, dataclasses.replace(SPEC, classes=("only",)))
    plain = built(recipe, dataclasses.replace(SPEC, classes=()), seed=2)
    plain.encoder = MLP(64, (12, 12)).double()  # the joint layer is one layer more
    plain.encoder.layers[0].load_state_dict(given.encoder.layers[0].state_dict())
    own = given.joint.given.features.weight[0]
    plain.encoder.layers[2].load_state_dict(folded(given.joint.layer.layers[0], 12, own))
    state = {name: value for name, value in given.decoder.state_dict().items() if not name.startswith("body.layers.0")}
    first = folded(given.decoder.body.layers[0], 3, given.given.features.weight[0])
    plain.decoder.load_state_dict(state | {f"body.layers.0.{name}": value for name, value in first.items()})
    plain.head.load_state_dict(given.head.state_dict())
    plain.latents.load_state_dict(given.latents.state_dict())
    batch = batch_of(classes=1)
    torch.testing.assert_close(
        loss_of(recipe, given, batch), loss_of(recipe, plain, batch._replace(label=None)), rtol=1e-12, atol=1e-12
    )
    told = log_likelihood(given, batch.x, 20, label=batch.label), log_likelihood(plain, batch.x, 20)
    torch.testing.assert_close(*(torch.from_numpy(each.value) for each in told), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("body", ["mlp", "conv"])
def test_labels_reach_both_nets_and_each_row_its_own(body):
    recipe = lt.VAE(latent=3, body=body, hidden=(12,))
    net, batch = built(recipe), batch_of()
    other = batch._replace(label=batch.label.roll(1))
    assert (loss_of(recipe, net, batch) - loss_of(recipe, net, other)).abs() > 1e-3
    q, p = net.posterior(batch.x, batch.label), net.posterior(batch.x, other.label)
    assert not torch.allclose(q.mean, p.mean)
    shift = (q.mean - p.mean)[batch.label == 0]
    assert shift.std(0).min() > 1e-4  # no mere shift that is the same for all items of a class
    z = torch.stack([q.mean.detach(), p.mean.detach()])
    made, moved = (net.likelihood(z, each.label).mean for each in (batch, other))
    assert not torch.allclose(made, moved)
    torch.testing.assert_close(made[1, 4], net.decode(z[1, 4:5], batch.label[4:5])[0])
    torch.testing.assert_close(q.mean[4], net.encode(batch.x[4:5], batch.label[4:5])[0])
    loss_of(recipe, net, batch._replace(label=torch.zeros(12, dtype=torch.int64))).backward()
    for features in (net.joint.given.features, net.given.features):
        assert features.weight.grad[0].abs().min() > 0
        assert torch.equal(features.weight.grad[1:], torch.zeros(2, 32, dtype=torch.float64))


def test_shares_of_classes_mix_what_the_nets_know_of_them():
    net, batch = built(lt.VAE(latent=3, hidden=(12,))), batch_of()
    shares = torch.nn.functional.one_hot(batch.label, 3).double()
    torch.testing.assert_close(net.encode(batch.x, shares), net.encode(batch.x, batch.label))
    z = net.encode(batch.x, batch.label)
    torch.testing.assert_close(net.decode(z), net.decode(z, torch.full((12, 3), 1 / 3, dtype=torch.float64)))


def test_log_p_of_x_given_a_label_is_the_integral_over_the_prior():
    recipe = lt.VAE(latent=1, hidden=(12,), likelihood="bernoulli")
    net, batch = built(recipe, BINARY), batch_of(6, levels=2)
    with torch.no_grad():
        net.head.layer.weight *= 0.1  # near to the prior, where every draw counts
    grid = torch.linspace(-9, 9, 6001, dtype=torch.float64)[:, None]
    prior = net.prior().log_prob(grid)
    with torch.no_grad():
        exact = torch.stack(
            [
                torch.logsumexp(net.likelihood(grid, label.expand(6001)).log_prob(x.expand(6001, 1, 8, 8)) + prior, 0)
                for x, label in zip(batch.x, batch.label, strict=True)
            ]
        ) + torch.log(grid[1] - grid[0])
    told = log_likelihood(net, batch.x, 4000, label=batch.label)
    assert (torch.from_numpy(told.value) - exact).abs().max() < 0.1
    assert (log_likelihood(net, batch.x, 4000, label=batch.label.roll(1)).value != told.value).all()


def test_pseudo_inputs_begin_as_items_with_their_labels_and_keep_them():
    source = labelled_source()
    recipe = lt.VAE(latent=2, hidden=(8,), prior="vamp:7")
    net = built(recipe, source.spec)
    recipe.prepare(net, source)
    items = source.take(1, 0, 7)
    assert torch.equal(net.pseudo_labels, items.label)
    components = net.posterior(items.x.double(), items.label)
    z = components.mean[:3]
    mixed = torch.logsumexp(components.log_prob(z[:, None]) - torch.log(torch.tensor(7.0).double()), -1)
    torch.testing.assert_close(net.prior().log_prob(z), mixed)


def test_the_optimal_sigma_is_that_of_reconstructions_with_their_labels():
    source = labelled_source()
    recipe = lt.VAE(latent=2, hidden=(8,), likelihood="gaussian-optimal")
    net = built(recipe, source.spec).eval()
    recipe.settle(net, source)
    (batch,) = reference(source, len(source))
    with torch.no_grad():
        x = batch.x.double()
        made = net.decode(net.encode(x, batch.label), batch.label)
        torch.testing.assert_close(
            net.observed.log_sigma.exp().square().flatten()[0], (made - x).square().mean(), rtol=1e-4, atol=0
        )


def labelled_source():
    batch = batch_of(60)
    return data.open(((batch.x[:, 0, :, :, None] * 255).byte().numpy(), batch.label.numpy()), labels=True).train


def test_what_is_decided_from_the_classes_is_said():
    told = lt.VAE(latent=2, hidden=(8,)).notes(SPEC)
    assert any("encoder and decoder given one of 3 labels" in each for each in told)
    assert not any("label" in each for each in lt.VAE().notes(dataclasses.replace(SPEC, classes=())))
    assert any("labels are not learnt from" in each for each in lt.Autoencoder().notes(SPEC))
    assert not any("label" in each for each in lt.Autoencoder().notes(dataclasses.replace(SPEC, classes=())))
