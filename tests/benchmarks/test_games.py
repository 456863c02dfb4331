"""The parts of the benchmarks of games that can be checked by hand: modes, the peer's nets, operations, curves."""

import functools
import sys

import numpy as np
import pytest
import torch
from benchmarks._dcgan import BATCH, DCGAN, discriminator, generator
from benchmarks._flops import Cost, Counter, of_an_image
from benchmarks._judges import recall_within
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

import latentia as lt
from benchmarks import __main__ as door
from benchmarks import conditional, fashion_gan, modes, progressive
from latentia import data
from latentia.metrics.classes import modes as counted

# --- modes -----------------------------------------------------------------------------------------------------------


class Brightness(nn.Module):
    """Takes a picture for the class that its brightest tenth names."""

    def forward(self, x):
        return -(x.amax((1, 2, 3))[:, None] * 10 - 0.5 - torch.arange(10)).abs()


class Judge:
    """What a benchmark needs of a model."""

    net = Brightness()


def bright(digits, places):
    """Pictures ``(N, digits, 32, 32)`` with one pixel whose brightness names the digit."""
    x = torch.zeros(*places.shape, 32, 32)
    x[:, :, 5, 7] = (places + 0.5) / 10
    x[:, :, 0, 0] = 1.0  # in the border, which judges do not see
    return x


@pytest.mark.parametrize("digits", [2, 3])
def test_a_mode_is_the_number_that_the_digits_of_the_channels_write(digits):
    places = torch.tensor(np.random.default_rng(0).integers(0, 10, (50, digits)))
    expected = [int("".join(map(str, row))) for row in places.tolist()]
    assert modes.named(bright(digits, places), Judge()).tolist() == expected


def test_stacked_pictures_hold_the_digits_of_their_mode():
    values = np.arange(40, dtype=np.uint8)
    opened = data.open((values[:, None, None] * np.ones((1, 28, 28), np.uint8), values % 10), labels=True)
    pictures, mode = modes.stacked(opened.train, 2, 300)
    assert pictures.shape == (300, 32, 32, 2)
    assert pictures.dtype == np.uint8
    assert (pictures[:, 16, 16] % 10 @ [10, 1]).tolist() == mode.tolist()
    assert pictures[:, :2].max() == pictures[:, :, 30:].max() == 0, "padded"
    assert len(set(mode.tolist())) > 60
    again, _ = modes.stacked(opened.train, 2, 300)
    assert (again == pictures).all()


def test_the_share_of_a_mode_is_the_product_of_its_digits_shares():
    shares = np.arange(1, 11) / 55
    found = modes.joint(shares, 3)
    assert found.shape == (1000,)
    assert found.sum() == pytest.approx(1)
    assert found[407] == pytest.approx(shares[4] * shares[0] * shares[7])
    exact = np.random.default_rng(0).choice(1000, 200_000, p=found)
    assert counted(exact, 1000, found).divergence == pytest.approx(999 / 400_000, rel=0.2), "chance alone"


def test_the_bar_asks_every_seed_and_judge_and_judges_that_are_right():
    rows = [
        {"game": "relativistic", "modes": 100},
        {"game": "relativistic", "modes": 100},
        {"game": "hinge", "modes": 7},
    ]
    good, poor = {1: {"accuracy": 0.99}}, {1: {"accuracy": 0.99}, 2: {"accuracy": 0.97}}
    assert modes.met(rows, 100, good)
    assert not modes.met(rows, 100, poor)
    assert not modes.met([*rows, {"game": "relativistic", "modes": 99}], 100, good)
    assert not modes.met(rows[2:], 100, good)


def test_every_game_is_played_and_its_recipe_is_valid():
    from latentia.losses.adversarial import GAMES

    assert set(modes.GAMES) == set(GAMES)
    for name, fields in modes.GAMES.items():
        recipe = lt.GAN(game=name, **modes.NETS, **fields)
        assert (recipe.r1 > 0) == (name == "relativistic")


# --- the peer --------------------------------------------------------------------------------------------------------


def pictures(count=300):
    return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("width", [8, 128])
def test_the_nets_of_dcgan(width):
    made, judge = generator(width), discriminator(width)
    x = made(torch.rand(3, 100) * 2 - 1)
    assert x.shape == (3, 1, 28, 28)
    assert x.abs().max() <= 1
    assert judge(x).shape == (3, 1)
    shapes = [
        tuple(layer(torch.rand(2, *shape)).shape[1:]) for layer, shape in ((made[:4], (100,)), (made[:7], (100,)))
    ]
    assert shapes == [(2 * width, 7, 7), (width, 14, 14)]
    norms = [sum(isinstance(layer, nn.BatchNorm2d) for layer in net) for net in (made, judge)]
    assert norms == [2, 1], "none at the generator's output, none at the discriminator's input"
    weights = torch.cat([layer.weight.flatten() for layer in (made[4], judge[2])])
    assert weights.std().item() == pytest.approx(0.02, rel=0.05)
    assert sum(each.numel() for each in made.parameters()) == 100 * 98 * width + 50 * width**2 + 31 * width + 1


def test_an_epoch_shows_every_picture_once(tmp_path):
    peer = DCGAN(
        tmp_path / "run", torch.arange(2 * BATCH).float().reshape(-1, 1, 1, 1).expand(-1, 1, 28, 28), 1e-3, 0, 8
    )
    seen = [(peer.batch(start)[:, 0, 0, 0] + 1) / 2 for start in (0, BATCH, 2 * BATCH)]
    assert torch.cat(seen[:2]).sort().values.tolist() == list(range(2 * BATCH))
    assert not torch.equal(seen[0], seen[2]), "another order in the next epoch"


def test_dcgan_in_slices_is_dcgan_in_one_and_costs_are_kept(tmp_path):
    whole, parts = (functools.partial(DCGAN, tmp_path / name, pictures(), 2e-4, 5, 8) for name in ("whole", "parts"))
    one = whole()
    before = {name: weight.clone() for name, weight in one.nets.named_parameters()}
    one.train(4 * BATCH)
    assert all(not torch.equal(weight, before[name]) for name, weight in one.nets.named_parameters())
    parts().train(BATCH)
    parts().train(4 * BATCH)
    assert torch.equal(parts().sample(5), one.sample(5))
    assert [row.seen for row in parts().ledger.rows] == [BATCH, 4 * BATCH]
    assert 0 < parts().ledger.rows[0].seconds < parts().ledger.rows[1].seconds
    assert one.sample(5).shape == (5, 1, 28, 28)
    assert not torch.equal(one.sample(5), DCGAN(tmp_path / "other", pictures(), 2e-4, 6, 8).sample(5))


# --- operations ------------------------------------------------------------------------------------------------------


def test_operations_agree_with_torchs_counter_where_it_can_count():
    recipe = lt.ProGAN(hidden=(8, 6), group=2, latent=3, r1=0.0, r2=0.0, batches=(8,), growing=False)
    opened = data.open("digits")
    with FlopCounterMode(display=False) as theirs:
        ours = of_an_image(recipe, opened, 0)
    assert theirs.get_total_flops() == 8 * ours > 0


def test_operations_of_a_slopes_own_backward_pass():
    x, weight = torch.rand(5, 7, requires_grad=True), torch.rand(3, 7, requires_grad=True)
    with Counter() as counted_here:
        y = (x @ weight.T).square().sum()
        (slope,) = torch.autograd.grad(y, x, create_graph=True)
        slope.square().sum().backward(inputs=[weight])
    product = 2 * 5 * 7 * 3
    # forward; slope = 2 y W; from it the gradients of y (one product) and of W (one here, one through y)
    assert counted_here.total == product * 5


def test_the_cost_of_a_training_adds_up_over_its_stages():
    recipe = lt.ProGAN(hidden=(8, 6), group=2, latent=3, stabilise=32, fade=32, batches=(16, 8))
    opened = data.open("digits")
    cost = Cost(recipe, opened)
    first, fading, last = (of_an_image(recipe, opened, seen) for seen in (0, 32, 64))
    assert first < fading
    assert cost.at(16) == 16 * first
    assert cost.at(80) == pytest.approx(32 * first + 32 * fading + 16 * last)


# --- curves and verdicts ---------------------------------------------------------------------------------------------


def curve(*points):
    return [
        {
            "images": images,
            "seconds": seconds,
            "operations": seconds * 10.0,
            "FD": distance,
            "levels": {"16": 1.0, "8": 2.0},
        }
        for images, seconds, distance in points
    ]


def test_curves_are_read_at_places_that_all_have_reached(tmp_path):
    curves = {"growing": [curve((100, 1, 50), (300, 3, 10))], "fixed": [curve((50, 2, 40), (150, 6, 20))]}
    assert progressive.at(curves["growing"][0], "images", 200) == 30
    images, seconds = (progressive.compared(curves, axis) for axis in ("images", "seconds"))
    assert [row["at"] for row in images] == [75, 150]
    assert images[1] == {"axis": "images", "at": 150, "growing": [40], "fixed": [20]}
    assert seconds[1] == {"axis": "seconds", "at": 3, "growing": [10], "fixed": [35]}
    floor = {"FD": 1.0, "levels": {"16": 0.5, "8": 0.4}}
    progressive.draw(curves, floor, tmp_path / "pictures" / "growing.png")
    assert (tmp_path / "pictures" / "growing.png").read_bytes()[:4] == b"\x89PNG"


def test_the_floor_of_real_pictures_is_below_noise():
    opened = data.open(np.random.default_rng(0).integers(0, 64, (700, 16, 16, 3), dtype=np.uint8))
    measure = progressive.Measure(opened)
    noise = torch.rand(measure.count, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    found = measure(noise)
    assert found["FD"] > 5 * measure.floor["FD"]
    assert list(found["levels"]) == ["16"]


def row(side, seed, distance, classes=10, judge=1):
    return {"side": side, "seed": seed, "judge": judge, "FD": {"value": distance}, "classes": classes}


def test_the_verdict_compares_seed_by_seed_and_asks_for_all_classes():
    ours, theirs = fashion_gan.GAN, fashion_gan.PEER
    found = [row(ours, 0, 4.0), row(theirs, 0, 10.0), row(ours, 1, 5.0), row(theirs, 1, 5.0, classes=9)]
    assert fashion_gan.verdict(found) == {"ratio": 0.7, "met": True, "half": False, "classes covered": True}
    assert not fashion_gan.verdict([*found, row(ours, 2, 6.0), row(theirs, 2, 5.0)])["met"]
    assert not fashion_gan.verdict([row(ours, 0, 1.0, classes=9), row(theirs, 0, 2.0)])["met"]


class Corners(nn.Module):
    """Lends the pixels themselves as features."""

    def features(self, x):
        return x.flatten(1)

    def forward(self, x):
        return x.mean((1, 2, 3))[:, None] * torch.ones(2)


def test_recall_within_a_class_sees_kinds_that_are_missing():
    generator_of = torch.Generator().manual_seed(0)
    kinds = torch.tensor([0.2, 0.8]).repeat(100)[:, None, None, None]
    real = (kinds + 0.02 * torch.randn(200, 1, 2, 2, generator=generator_of)).clamp(0, 1)
    made = {0: real[torch.randperm(200, generator=generator_of)], 1: real[::2].repeat(2, 1, 1, 1)}
    judge = type("Judge", (), {"net": Corners()})()
    found = recall_within(made, {0: real, 1: real}, judge)
    assert found[0][0] > 0.8
    assert found[1][0] < 0.6, "half of the kinds"
    assert found[0][1] == found[1][1] > 0.8
    assert conditional.share(0.3, 0.6) == 0.5


def test_a_benchmarks_own_options_are_known_at_the_door(monkeypatch, capsys):
    told = {}
    monkeypatch.setattr(modes, "run", lambda **given: told.update(given))
    monkeypatch.setattr(sys, "argv", ["benchmarks", "modes", "--digits", "3", "--seed", "4"])
    door.main()
    assert told["digits"] == 3
    assert told["seed"] == 4
    monkeypatch.setattr(sys, "argv", ["benchmarks", "walk", "--digits", "3"])
    with pytest.raises(SystemExit):
        door.main()
    assert "unrecognized arguments: --digits" in capsys.readouterr().err
