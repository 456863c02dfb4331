"""The known map, the baselines and the scores of the benchmarks of translation, and the plain step beside ours."""

import colorsys
import random

import pytest
import torch
from benchmarks._paired import ALONE, OURS, verdict
from benchmarks._translations import (
    baselines,
    better,
    copied,
    covariance_matched,
    crowds,
    group_of,
    histogram_matched,
    mapped,
    moments,
    paired,
    patch_distance,
    turned,
)
from benchmarks.cyclegan_step import Plain, recipe_for
from benchmarks.emoji_styles import places_of

from latentia.core import Batch, Noise, Now, Spec, Stage


def pictures(count, seed=0, side=16, channels=3):
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(seed))


# --- the known map ---------------------------------------------------------------------------------------------------


def test_hue_is_that_of_the_standard_library():
    draw = random.Random(0)
    colours = [(draw.random(), draw.random(), draw.random()) for _ in range(50)] + [
        (0.5, 0.5, 0.5),
        (0, 0, 0),
        (1, 0, 0),
    ]
    wanted = []
    for colour in colours:
        hue, saturation, value = colorsys.rgb_to_hsv(*colour)
        wanted.append(colorsys.hsv_to_rgb((hue + 0.25) % 1, saturation, value))
    x, y = (torch.tensor(each, dtype=torch.float64).T.reshape(1, 3, -1, 1) for each in (colours, wanted))
    torch.testing.assert_close(turned(x, 90.0), y)
    torch.testing.assert_close(mapped(x), y.pow(0.6))


def test_four_quarters_are_a_whole_turn():
    x = y = pictures(2).double()
    for _ in range(4):
        y = turned(y, 90.0)
    torch.testing.assert_close(x, y)


# --- baselines -------------------------------------------------------------------------------------------------------


def test_histogram_matching_recovers_an_increasing_map_of_each_channel():
    x = pictures(8, side=32)
    curves = torch.tensor([0.5, 1.5, 1.0]).view(1, 3, 1, 1)
    made = histogram_matched(x, x, x.pow(curves))
    assert float((made - x.pow(curves)).abs().max()) < 3 / 255 + 1 / 16  # steep near 0, where levels are few
    assert float((made - x.pow(curves)).abs().mean()) < 2 / 255
    same = histogram_matched(x, x, x)
    torch.testing.assert_close(same, (x * 255).round() / 255)


def test_covariance_transfer_gives_mean_and_covariance_and_is_symmetric():
    x = 0.4 + 0.2 * pictures(4, 1)
    mix = torch.tensor([[0.9, 0.2, 0.0], [0.2, 0.7, 0.1], [0.0, 0.1, 0.5]])  # symmetric and positive: its own transfer
    y = torch.einsum("ij,njhw->nihw", mix, x) + 0.05
    torch.testing.assert_close(covariance_matched(x, x, y), y, atol=1e-4, rtol=0)
    other = 0.3 + 0.4 * pictures(4, 2)[:, [2, 0, 1]] * pictures(4, 3)
    for found, wanted in zip(moments(covariance_matched(x, x, other)), moments(other), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-4, rtol=0)


def test_baselines_of_other_channels_are_those_that_can_be_had():
    grey, colour = pictures(3, channels=1), pictures(5, 1)
    found = baselines(grey, grey, colour)
    assert set(found) == {"copy-input", "mean colour"}
    assert all(each.shape == (3, 3, 16, 16) for each in found.values())
    torch.testing.assert_close(found["mean colour"][1, :, 3, 4], colour.mean((0, 2, 3)))
    torch.testing.assert_close(copied(colour, 1)[:, 0], colour.mean(1))


# --- scores ----------------------------------------------------------------------------------------------------------


def test_paired_scores_are_known_for_a_known_difference():
    truth = torch.full((3, 3, 16, 16), 51 / 255)
    found = paired(truth + 0.2, truth)
    assert found["L1"] == pytest.approx(0.2, abs=1e-6)
    assert found["PSNR"] == pytest.approx(13.979, abs=1e-3)
    same = paired(truth, truth)
    assert same["SSIM"] == pytest.approx(1)
    assert same["PSNR"] == pytest.approx(58.9, abs=0.1)


def test_the_patch_distance_of_constant_pictures_is_their_difference_times_the_sums_of_filters():
    one = torch.full((4, 3, 32, 32), 0.0)
    small, large = patch_distance(one, one + 51 / 255), patch_distance(one, one + 102 / 255)
    assert patch_distance(one, one) == 0
    assert large == pytest.approx(2 * small, rel=1e-5)
    # the sum of a unit filter of n numbers is about normal: the mean of its size is sqrt(2 / pi)
    assert small == pytest.approx(1e3 * 0.2 * (2 / torch.pi) ** 0.5, rel=0.15)


def test_the_patch_distance_does_not_ask_for_equal_numbers_and_sees_sharpness():
    x = pictures(12, side=32)
    blurred = torch.nn.functional.avg_pool2d(x, 3, 1, 1)
    same = patch_distance(x[:8], x[8:])
    assert same < 0.2 * patch_distance(blurred[:8], x[8:])


def test_crowds_compare_each_half_with_the_other_one():
    half = torch.arange(16) // 8
    x = pictures(16) * torch.where(half == 1, 1.0, 0.3).view(-1, 1, 1, 1)
    crossed, straight = crowds(x, x, (half, half)), crowds(x, x, (half, 1 - half))
    assert crossed["patches"] > 100
    assert straight["patches"] == 0
    assert crossed["KID"] > straight["KID"]


def test_better_follows_the_direction_of_each_figure():
    one = {"L1": 0.1, "PSNR": 20.0, "SSIM": 0.5, "KID": 0.2, "patches": 3.0}
    two = {"L1": 0.2, "PSNR": 21.0, "SSIM": 0.5, "KID": 0.1, "patches": 4.0}
    assert better(one, two) == ["L1", "patches"]
    assert better(two, one) == ["PSNR", "KID"]


def test_the_verdict_of_pairs_asks_for_every_measure_and_every_seed():
    bad = {"L1": 0.3, "PSNR": 8.0, "SSIM": 0.3, "KID": 3.0, "patches": 90.0}
    alone = {"L1": 0.1, "PSNR": 15.0, "SSIM": 0.7, "KID": 0.5, "patches": 20.0}
    ours = {"L1": 0.114, "PSNR": 14.0, "SSIM": 0.7, "KID": 0.2, "patches": 9.0}
    untrained = {"copy-input": bad, "mean colour": bad}
    told = verdict(untrained, [{OURS: ours, ALONE: alone}] * 2)
    assert told["met"]
    assert not verdict(untrained, [{OURS: ours, ALONE: alone}, {OURS: {**ours, "L1": 0.116}, ALONE: alone}])["met"]
    assert not verdict(untrained, [{OURS: {**ours, "patches": 21.0}, ALONE: alone}])["sharper than L1 alone"]
    blind = verdict({**untrained, "copy-input": {**bad, "SSIM": 0.9}}, [{OURS: ours, ALONE: alone}])
    assert blind["untrained is better by"]["copy-input"] == [["SSIM"]]
    assert not blind["met"]


# --- emoji -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "group"),
    [
        (["1f44d.png", "1f44d-1f3fb.png", "emoji_u1f44d_1f3ff.png"], "1f44d"),
        (["1f46e-1f3fc-200d-2640-fe0f.png", "emoji_u1f46e.png"], "1f46e"),
        (["1f469-200d-1f52c.png", "1f468-1f3fd-200d-1f52c.png"], "1f52c"),
        (["1f468.png", "1f469-1f3fb.png", "emoji_u1f468_200d_1f469_200d_1f466.png"], "people"),
        (["0023-20e3.png", "emoji_u0031_20e3.png"], "keys"),
        (["1f551.png", "folder/1f567.png"], "clocks"),
        (["1f1e9-1f1ea.png"], "1f1e9-1f1ea"),
    ],
)
def test_near_duplicates_are_one_group(names, group):
    assert {group_of(name) for name in names} == {group}


def test_true_pairs_are_those_of_which_both_are_there():
    couples = [("emoji_u1.png", "1.png"), ("emoji_u2.png", "2.png"), ("emoji_u3.png", "3.png")]
    assert places_of(["emoji_u3.png", "emoji_u1.png"], ["1.png", "2.png", "3.png"], couples) == ([1, 0], [0, 2])


# --- the published step ----------------------------------------------------------------------------------------------


def ordered(net):
    """Weights of our generator in the order of the plain one: down, blocks, up, last."""
    return [*net.down.parameters(), *net.blocks.parameters(), *net.up.parameters(), *net.last.parameters()]


def test_the_plain_step_has_the_nets_and_the_losses_of_ours_in_six_passes_and_in_four():
    recipe = recipe_for(width=4, blocks=2)
    spec = Spec("image", (3, 32, 32), 256, y=Spec("image", (3, 32, 32), 256), pairing="domains", sides=("a", "b"))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = recipe.build(spec)
    four, six = (Plain(0, published=published, width=4, blocks=2) for published in (False, True))
    for plain in (four, six):
        theirs = [plain.to_x, plain.to_y, plain.of_x, plain.of_y]
        mine = [*map(ordered, net.generators), *([*critic.parameters()] for critic in net.critics)]
        for module, weights in zip(theirs, mine, strict=True):
            own = list(module.parameters())
            if plain is six:  # biases before a norm are felt by nothing
                own = [each for each in own if each.dim() > 1]
                weights = [each for each in weights if each.dim() > 1]
            assert [each.shape for each in own] == [each.shape for each in weights]
            for each, weight in zip(own, weights, strict=True):
                each.data.copy_(weight.data)
        for part in [part for module in theirs for part in module.modules() if getattr(part, "bias", None) is not None]:
            torch.nn.init.zeros_(part.bias)
    x, y = pictures(2, 1, 32), pictures(2, 2, 32)
    told = recipe.updates(net, Batch(x, y), Now(torch.tensor(0), Stage(2), Noise(0, 0, slice(None), 2)))
    expected = [next(told).loss, next(told).loss]
    for plain in (four, six):
        loss, fake_x, fake_y = plain.generators_loss(2 * x - 1, 2 * y - 1)
        critics = plain.critics_loss(2 * x - 1, fake_x, plain.of_x) + plain.critics_loss(2 * y - 1, fake_y, plain.of_y)
        torch.testing.assert_close([loss, critics], expected, rtol=1e-4, atol=1e-5)


def test_the_plain_step_moves_both_players():
    plain = Plain(0, published=True, width=4, blocks=1)
    before = [[weight.detach().clone() for weight in plain.weights(each)] for each in (True, False)]
    plain.step_on(Batch(pictures(1, 1, 32), pictures(1, 2, 32)))()
    for each, old in zip((True, False), before, strict=True):
        assert any(not torch.equal(a, b) for a, b in zip(plain.weights(each), old, strict=True))
