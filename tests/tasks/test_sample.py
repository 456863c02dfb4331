import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentia.core import Spec
from latentia.errors import BadData, BadField, CannotDo
from latentia.tasks.encode import decode
from latentia.tasks.sample import BLOCK, draw, sample

from .nets import Autoencoder, LinearGaussian, Pictures

SPEC = Spec("image", (1, 8, 8))
NET = Pictures()
WHOLE = sample(NET, SPEC, 3 * BLOCK)


@given(seed=st.integers(0, 3 * BLOCK - 1), count=st.integers(1, 70))
@settings(max_examples=40, deadline=None)
def test_an_item_is_its_seed_s_to_the_last_bit(seed, count):
    count = min(count, 3 * BLOCK - seed)
    assert torch.equal(sample(NET, SPEC, count, seed), WHOLE[seed : seed + count])


def test_items_are_float32_on_the_cpu_in_the_range_of_the_data():
    assert (WHOLE.dtype, WHOLE.device.type, WHOLE.shape) == (torch.float32, "cpu", (96, 1, 8, 8))
    assert WHOLE.min() >= 0
    assert WHOLE.max() <= 1
    assert len({tuple(item.flatten().tolist()) for item in WHOLE}) == 96


def test_means_beyond_the_range_of_pictures_are_cut_and_those_of_tables_are_not():
    net = LinearGaussian()
    assert sample(net, Spec("table", (6,)), 50).min() < 0
    assert sample(LinearGaussian(size=64, shape=(1, 8, 8)), SPEC, 50).min() == 0


def test_seeds_may_come_in_any_order_and_more_than_once():
    seeds = [40, 3, 3, 100, 0]
    latents = draw(NET, seeds)
    assert latents.shape == (5, 5)
    for latent, seed in zip(latents, seeds, strict=True):
        assert torch.equal(latent, draw(NET, [seed])[0])
    assert torch.allclose(decode(NET, latents[1:3]), WHOLE[[3, 3]], atol=1e-6)


def test_draws_are_standard_normal_in_every_seed():
    latents = draw(NET, range(4000))
    assert latents.mean(0).abs().max() < 0.08
    assert (latents.std(0) - 1).abs().max() < 0.05


def test_a_seed_means_the_same_in_float64():
    net = LinearGaussian()
    exact = draw(net, range(5))
    assert torch.equal(exact, draw(net.float(), range(5)))


def test_training_mode_is_left_as_it_was_and_changes_nothing():
    net = Pictures().train()
    net.norm.eval()
    state = torch.random.get_rng_state()
    assert torch.equal(sample(net, SPEC, 5), WHOLE[:5])
    assert net.training
    assert net.drop.training
    assert not net.norm.training
    assert torch.equal(state, torch.random.get_rng_state())


def test_autocast_is_switched_off():
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(sample(NET, SPEC, 4), WHOLE[:4])


@pytest.mark.parametrize(("count", "seed"), [(0, 0), (3, -1)])
def test_counts_and_seeds_below_their_range_are_refused(count, seed):
    with pytest.raises(BadData, match="at least one item, and for seeds of 0 or more"):
        sample(NET, SPEC, count, seed)


def test_a_net_without_a_prior_is_refused():
    with pytest.raises(CannotDo, match="sample needs a model that draws latents from a prior"):
        sample(Autoencoder(), SPEC, 1)


@pytest.mark.parametrize(("count", "seed", "told"), [("4", 0, "count is '4'"), (2, 0.5, "seed is 0.5")])
def test_counts_and_seeds_that_are_no_whole_numbers_are_refused(count, seed, told):
    with pytest.raises(BadField, match=f"{told}; it must be a whole number"):
        sample(NET, SPEC, count, seed)
