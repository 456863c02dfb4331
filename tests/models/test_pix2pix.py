"""pix2pix: its critic sees input and output together, what the generator lowers, and how it is used."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn.functional import interpolate

import latentia as lt
from latentia.core import Batch, Noise, Now, Spec, Stage
from latentia.errors import BadData
from latentia.losses.adversarial import game
from latentia.models._pictures import inward, slopes_for
from latentia.training.step import optimizers_for, step

GREY = Spec("image", (1, 16, 16), levels=256)
SPEC = Spec("image", (3, 16, 16), levels=256, y=GREY, pairing="pairs", sides=("colour", "outline"))
RECIPE = lt.Pix2Pix(width=8, dropout=0.0, game="relativistic", r1=1.0, r2=1.0, critic_norm=False)


def built(recipe=RECIPE, spec=SPEC):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return recipe.build(spec)


def pairs(count=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    y = interpolate(torch.rand(count, 1, 4, 4, generator=generator), size=16, mode="bilinear")
    return Batch(torch.cat([y, 1 - y, y.square()], 1), y)


def now(count=8, seen=0):
    return Now(torch.tensor(seen), Stage(count), Noise(0, seen, slice(None), count))


def losses(recipe, net, batch):
    return {update.group: update.loss.item() for update in recipe.updates(net, batch, now())}


def trained(recipe, steps):
    net = built(recipe)
    groups = recipe.groups(net)
    optimizers = optimizers_for(groups, torch.device("cpu"))
    for index in range(steps):
        logs = step(recipe, net, groups, optimizers, [pairs()], [now(seen=8 * index)])
    return net, logs


def test_the_critic_sees_input_and_output_together():
    """An unconditional critic would answer the same to outputs beside inputs that are not theirs."""
    recipe = dataclasses.replace(RECIPE, game="least-squares", r1=0.0, r2=0.0)
    net, batch = built(recipe), pairs()
    made = net.generator(inward(batch.y, GREY)).detach()
    net.generator.forward = lambda *_: made  # the same outputs, whatever they are shown beside
    shuffled = batch._replace(y=batch.y.roll(1, 0))
    assert abs(losses(recipe, net, batch)["critic"] - losses(recipe, net, shuffled)["critic"]) > 1e-5


def test_a_trained_critic_tells_wrong_inputs_from_right_ones():
    net, _ = trained(RECIPE, 30)
    batch = pairs()
    x, y = inward(batch.x, SPEC), inward(batch.y, GREY)
    with torch.no_grad():
        right, wrong = (net.critic(torch.cat([given, x], 1)).mean(1) for given in (y, y.roll(1, 0)))
    assert float((right - wrong).mean()) > 0


def test_the_generator_lowers_its_game_and_the_absolute_error():
    recipe = dataclasses.replace(RECIPE, game="non-saturating", l1=7.0, game_weight=0.5, r1=0.0, r2=0.0)
    net, batch = built(recipe).eval(), pairs()
    x, y = inward(batch.x, SPEC), inward(batch.y, GREY)
    made = net.generator(y)
    error = (made - x).abs().mean()
    answers = net.critic(torch.cat([y, made], 1))
    expected = 0.5 * game("non-saturating").generator(answers, answers).mean() + 7 * error
    updates = list(recipe.updates(net, batch, now()))
    assert [update.group for update in updates] == ["critic", "generator"]
    torch.testing.assert_close(updates[1].loss, expected)
    torch.testing.assert_close(updates[1].logs["l1"], error / 2)  # in the data's range, which is half as wide
    torch.testing.assert_close((net.translate(batch.y, "colour") - batch.x).abs().mean(), error / 2)


def test_what_moves_with_the_input_costs_nothing_and_what_stays_does():
    recipe = dataclasses.replace(RECIPE, equivariance=10.0, dropout=0.5)
    net, batch = built(recipe), pairs()
    seen = []
    net.generator.forward = lambda y, noise=None: seen.append(noise) or torch.cat([y, -y, 0.5 * y], 1)
    told = list(recipe.updates(net, batch, now()))[-1]
    assert told.logs["equivariance"].item() == pytest.approx(0, abs=1e-6)
    assert seen[-2:] == [None, None]  # noise stays where it is when a picture moves
    net.generator.forward = lambda y, noise=None: torch.cat([y, y, y], 1) + torch.linspace(0, 1, 16)
    off, plain = (list(each.updates(net, batch, now()))[-1] for each in (recipe, RECIPE))
    assert 0.005 < off.logs["equivariance"].item() < 0.1
    assert off.loss.item() > plain.loss.item()


def test_the_squared_slope_of_a_patch_does_not_grow_with_the_picture():
    """R1 is that of one answer: the sum over answers, which has as many times its slope, is divided by their number."""
    net = built()
    small, large = torch.zeros(1, 3, 16, 16), torch.zeros(1, 3, 32, 64)
    for x in (small, large):
        slopes = slopes_for(RECIPE, net.critic, x, torch.tensor(0))
        assert float(slopes.r1) == pytest.approx(1 / net.critic.patches(*x.shape[2:]))


def test_it_learns_a_map_of_pairs_and_keeps_to_it():
    net, logs = trained(dataclasses.replace(RECIPE, l1=100.0, rate=2e-3), 80)
    assert float(logs["l1"]) < 0.12
    other = pairs(seed=5)
    made = net.eval().requires_grad_(False).translate(other.y, "colour")
    assert float((made - other.x).abs().mean()) < 0.2


def test_dropout_is_the_only_source_of_variants():
    net, y = built(dataclasses.replace(RECIPE, dropout=0.5)), pairs().y
    one, two = (net.translate(y, "colour", Noise(seed, 0, slice(None), 8)) for seed in (0, 1))
    assert net.variants
    assert not torch.equal(one, two)
    assert torch.equal(net.train().translate(y, "colour"), net.eval().translate(y, "colour"))
    assert not built().variants


def test_the_default_sizes_follow_the_pictures():
    def note(side, **fields):
        spec = dataclasses.replace(SPEC, shape=(3, side, side))
        return lt.Pix2Pix(**fields).notes(spec)[0]

    assert "4 halvings; the critic judges patches of 34 x 34 of 64 x 64 pixels" in note(64)
    assert "6 halvings; the critic judges patches of 70 x 70 of 256 x 256" in note(256)
    assert "2 halvings; the critic judges patches of 7 x 7 of 16 x 16" in note(16)
    assert "resnet of width 16, 6 blocks; the critic judges patches of 16 x 16 of 16 x 16" in note(
        16, net="resnet", scale="small", halvings=1
    )


def test_data_of_one_picture_an_item_is_refused(tmp_path):
    with pytest.raises(BadData, match="pix2pix learns from two pictures an item"):
        lt.Pix2Pix().build(GREY)
    with pytest.raises(BadData, match="translation needs two"):
        next(RECIPE.updates(built(), Batch(torch.zeros(2, 3, 16, 16)), now(2)))
    with pytest.raises(BadData, match="shapes has no pairs"):
        lt.train(RECIPE, "shapes", images=16, run=tmp_path / "run")


def test_a_name_that_is_no_domain_is_refused():
    for refused in (built().given, lambda to: built().translate(pairs().y, to)):
        with pytest.raises(BadData, match=r"no domain 'color' to translate to; did you mean 'colour'\?"):
            refused("color")
