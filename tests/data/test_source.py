from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentia.core import Source, Spec
from latentia.data.source import ArrayValues, Split, item_noise


def make(count=10, binarize=None, mirror=False, name="train", side=8):
    array = np.random.default_rng(0).integers(0, 256, (count, side, side, 1), dtype=np.uint8)
    array[:, 0, 0, 0] = np.arange(count)  # tells the items apart
    spec = Spec("image", (1, side, side), 2 if binarize else 256)
    return Split(name, spec, ArrayValues(array, 255), torch.arange(count), None, None, binarize, mirror)


def numbers(batch):
    return (batch.x[:, 0, 0, 0] * 255).round().long().tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(0, 40), st.integers(1, 30), st.integers(0, 3))
def test_take_is_a_window_of_one_stream(count, start, size, seed):
    split = make(count)
    stream = [place for position in range(start + size) for place in numbers(split.take(seed, position, 1))]
    assert numbers(split.take(seed, start, size)) == stream[start:]
    for epoch in range((start + size) // count):
        assert sorted(stream[epoch * count : (epoch + 1) * count]) == list(range(count))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 25), st.integers(1, 4), st.sampled_from([None, "dynamic", "static"]), st.booleans())
def test_processes_that_keep_their_rows_make_the_whole_batch(start, world, binarize, mirror):
    split, count = make(10, binarize, mirror), 4 * 3
    whole = split.take(1, start, count).x
    blocks = [split.take(1, start, count, slice(r * count // world, (r + 1) * count // world)).x for r in range(world)]
    assert torch.equal(torch.cat(blocks), whole)
    for rank in range(world):
        assert torch.equal(split.take(1, start, count, slice(rank, None, world)).x, whole[rank::world])


def test_seeds_and_epochs_have_orders_of_their_own():
    split = make(100)
    orders = {tuple(numbers(split.take(seed, 100 * epoch, 100))) for seed in range(3) for epoch in range(3)}
    assert len(orders) == 9


def test_take_leaves_the_default_generator_alone():
    before = torch.get_rng_state()
    make(10, "dynamic", True).take(0, 0, 8)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_split_is_a_source():
    split: Source = make()
    assert len(split) == 10
    assert split.spec.shape == split.take(0, 0, 3).x.shape[1:]


def test_read_takes_slices_lists_tensors_and_places_from_the_end():
    split = make()
    assert numbers(split.read(slice(2, 5))) == [2, 3, 4]
    assert numbers(split.read([7, 0, -1])) == [7, 0, 9]
    assert numbers(split.read(torch.tensor([3]))) == [3]
    assert split.read([]).x.shape == (0, 1, 8, 8)


def test_a_mirrored_half_differs_from_batch_to_batch_and_read_is_never_mirrored():
    plain, mirrored = make(10), make(10, mirror=True)
    same = []
    for start in range(0, 400, 20):
        a, b = plain.take(0, start, 20).x, mirrored.take(0, start, 20).x
        equal = (a == b).flatten(1).all(1)
        assert torch.equal(torch.where(equal[:, None, None, None], a, a.flip(-1)), b)
        same.append(equal)
    share = torch.cat(same).float().mean()
    assert 0.4 < share < 0.6
    assert not all(torch.equal(each, same[0]) for each in same)
    assert torch.equal(plain.read(slice(None)).x, mirrored.read(slice(None)).x)


def test_dynamic_binarisation_is_drawn_anew_and_has_the_grey_value_as_its_mean():
    split = make(4, "dynamic")
    grey = make(4).read(slice(None)).x
    draws = torch.stack([split.take(0, 4 * epoch, 4).x.flatten(1).sum(1).sort().values for epoch in range(50)])
    assert len(draws.unique(dim=0)) == 50
    order = [make(4).take(0, 4 * epoch, 4) for epoch in range(300)]
    total = torch.zeros_like(grey)
    for epoch, batch in enumerate(order):
        total[numbers(batch)] += split.take(0, 4 * epoch, 4).x
    assert set(split.take(0, 0, 4).x.unique().tolist()) <= {0.0, 1.0}
    assert (total / 300 - grey).abs().max() < 5 * 0.5 / 300**0.5


def test_static_binarisation_and_reading_draw_once_per_item_whatever_is_read_with_it():
    static, dynamic = make(9, "static"), make(9, "dynamic")
    whole = static.read(slice(None)).x
    assert torch.equal(static.read([5, 2, 2]).x, whole[[5, 2, 2]])
    assert torch.equal(dynamic.read([4]).x, whole[[4]])
    taken = static.take(0, 9, 9).x
    assert torch.equal(taken.flatten(1).sum(1).sort().values, whole.flatten(1).sum(1).sort().values)
    assert not torch.equal(make(9, "static", name="test").read(slice(None)).x, whole)


@pytest.mark.parametrize(("dtype", "top"), [(np.uint8, 255), (np.uint16, 65535), (np.uint8, 16)])
def test_integers_become_the_nearest_float_of_their_fraction(dtype, top):
    array = np.linspace(0, top, 64).astype(dtype).reshape(1, 8, 8, 1)
    x = ArrayValues(array, top).gather(torch.tensor([0]))
    assert x.dtype == torch.float32
    assert np.array_equal(x[0, 0].numpy(), array[0, ..., 0].astype(np.float32) / np.float32(top))


def test_colour_batches_are_channels_last_in_memory():
    values = ArrayValues(np.zeros((4, 8, 9, 3), np.uint8), 255)
    x = values.gather(torch.arange(4))
    assert x.shape == (4, 3, 8, 9)
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_the_noise_of_items_is_splitmix64_and_uniform():
    def splitmix(state, count):
        mask, found = (1 << 64) - 1, []
        for _ in range(count):
            state = (state + 0x9E3779B97F4A7C15) & mask
            z = state
            z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & mask
            z = ((z ^ z >> 27) * 0x94D049BB133111EB) & mask
            found.append(((z ^ z >> 31) >> 40) / 2**24)
        return found

    noise = item_noise(12345, torch.arange(300), 64)
    assert noise[:3].flatten().tolist() == splitmix(12345, 3 * 64)
    assert torch.equal(item_noise(12345, torch.tensor([7, 299]), 64), noise[[7, 299]])
    assert abs(float(noise.mean()) - 0.5) < 4 * (1 / 12 / noise.numel()) ** 0.5
    assert float(torch.corrcoef(noise.T).fill_diagonal_(0).abs().max()) < 0.3
    counts = torch.histc(noise, 32, 0, 1)
    assert float(((counts - 600) ** 2 / 600).sum()) < 70  # chi squared with 31 degrees of freedom
