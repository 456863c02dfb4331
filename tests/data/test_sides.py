from __future__ import annotations

import itertools

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import latentia.data as data
from latentia.core import Source, Spec


def numbered(count, channels, start=0, side=8):
    """Pictures whose first pixel is their number; noise elsewhere."""
    generator = np.random.default_rng(channels)
    array = generator.integers(0, 256, (count, side, side, channels), dtype=np.uint8)
    array[:, 0, 0] = np.arange(start, start + count)[:, None]
    return array


def numbers(x):
    return (x[:, 0, 0, 0] * 255).round().long().tolist()


def pairs(count=20, **options):
    return data.open(numbered(count, 1), numbered(count, 3), pairing="pairs", **options)


def domains(first=20, second=30, **options):
    return data.open(numbered(first, 1), numbered(second, 3, start=100), pairing="domains", **options)


def test_rows_of_pairs_belong_together_in_all_ways_of_reading():
    found = pairs()
    for split in (found.train, found.validation, found.test):
        for batch in (split.take(0, 3, 50), split.read(slice(None)), split.read([-1, 0])):
            assert batch.x.shape[1:] == (3, 8, 8)
            assert batch.y.shape[1:] == (1, 8, 8)
            assert numbers(batch.x) == numbers(batch.y)


def test_the_splits_of_pairs_share_nothing_and_miss_nothing():
    found = pairs()
    held = [numbers(split.read(slice(None)).y) for split in (found.train, found.validation, found.test)]
    assert [len(each) for each in held] == [16, 2, 2]
    assert sorted(itertools.chain(*held)) == list(range(20))
    assert [numbers(split.read(slice(None)).y) for split in (pairs().train, pairs().validation)] == held[:2]


def test_the_output_is_x_and_the_direction_turns_it():
    assert pairs().spec.sides == ("b", "a")
    assert pairs().spec == pairs(direction="AtoB").spec
    spec = pairs(direction="BtoA").spec
    assert (spec.shape, spec.y.shape, spec.sides, spec.pairing) == ((1, 8, 8), (3, 8, 8), ("a", "b"), "pairs")
    assert pairs(direction="BtoA").signature != pairs().signature
    assert Spec.from_json(spec.to_json()) == spec


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 40), st.integers(1, 3), st.booleans(), st.sampled_from([0.0, 0.4]), st.booleans())
def test_processes_that_keep_their_rows_make_the_whole_batch(start, world, mirror, jitter, paired):
    split, count = (pairs if paired else domains)(mirror=mirror, jitter=jitter).train, 12
    whole = split.take(1, start, count)
    parts = [split.take(1, start, count, slice(r * count // world, (r + 1) * count // world)) for r in range(world)]
    assert torch.equal(torch.cat([part.x for part in parts]), whole.x)
    assert torch.equal(torch.cat([part.y for part in parts]), whole.y)


def test_what_is_drawn_for_a_pair_is_the_same_for_both_sides():
    """Both sides hold the same picture, so they must still be the same after mirroring and jitter."""
    array = numbered(20, 1)
    both = data.open(array, array.copy(), pairing="pairs", mirror=True, jitter=0.5).train
    drawn, plain = both.take(0, 0, 16), data.open(array, array.copy(), pairing="pairs").train.take(0, 0, 16)
    assert torch.equal(drawn.x, drawn.y)
    assert not torch.equal(drawn.x, plain.x)
    assert torch.equal(both.read(slice(None)).x, both.of_x.read(slice(None)).x)  # never drawn where it is read


def test_domains_are_drawn_apart_each_from_its_own_permutations():
    split = domains(20, 30).train
    x, y = len(split.of_x), len(split.of_y)
    assert (x, y, len(split)) == (16, 24, 24)
    batch = split.take(0, 0, 48)
    own = [numbers(side.read(slice(None)).x) for side in (split.of_x, split.of_y)]
    assert all(sorted(numbers(batch.x)[16 * k : 16 * k + 16]) == sorted(own[0]) for k in range(3))
    assert all(sorted(numbers(batch.y)[24 * k : 24 * k + 24]) == sorted(own[1]) for k in range(2))


def test_domains_of_one_length_are_not_drawn_in_step():
    """Two domains that happen to hold true pairs in one order: the pairs must not meet more often than by chance."""
    split = data.open(numbered(60, 1), numbered(60, 3), pairing="domains").train
    drawn = [split.take(seed, 0, 48) for seed in range(20)]
    met = [one == other for each in drawn for one, other in zip(numbers(each.x), numbers(each.y), strict=True)]
    assert sum(met) < 3 * len(met) / 48


def test_a_domain_that_is_shorter_begins_again_where_it_is_read():
    split = domains(20, 30).train
    batch = split.read(slice(None))
    assert len(batch.x) == len(batch.y) == 24
    assert numbers(batch.x)[:16] + numbers(batch.x)[:8] == numbers(batch.x)
    turned = domains(30, 20).train.read(slice(None))
    assert numbers(turned.y)[:16] + numbers(turned.y)[:8] == numbers(turned.y)
    assert len(split.names()) == 24
    assert split.names()[16:] == split.names()[:8]


def test_each_side_is_a_source_of_its_own():
    for found in (pairs(), domains()):
        for split in (found.train, found.validation):
            sides: list[Source] = [split.of_x, split.of_y]
            assert [side.spec.shape for side in sides] == [found.spec.shape, found.spec.y.shape]
            assert [side.take(0, 0, 3).y for side in sides] == [None, None]
    assert found.spec.sides == ("a", "b")
    assert found.spec.pairing == "domains"
