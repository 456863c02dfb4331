import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from latentia.errors import BadField
from latentia.tasks.interpolate import interpolate
from latentia.tasks.walk import blurred, distances, shared, variation, walk

from .nets import LinearGaussian, Pictures, normal


class Curved(nn.Module):
    """Latents on a line to points on a circle, ever faster: the angle is t squared."""

    latent = 2

    def decode(self, z):
        angle = z[:, :1].square()
        return torch.cat([angle.cos(), angle.sin()], 1)


class Flat(nn.Module):
    latent = 2

    def decode(self, z):
        return torch.zeros(len(z), 3)


LINE = torch.tensor([[0.0, 0.0], [1.5, 0.0]])


@given(ends=st.integers(2, 4), steps=st.integers(2, 7), loop=st.booleans(), even=st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_walk_meets_its_ends_and_measures_its_own_frames(ends, steps, loop, even):
    net, stops = Pictures().eval(), normal(ends, 5, seed=ends, dtype=torch.float32)
    found = walk(net, stops, steps, loop=loop, even=even)
    assert torch.equal(found.z[list(found.stops)], stops)
    around = torch.cat([found.x, found.x[:1]]) if loop else found.x
    seen = blurred(around).double()
    np.testing.assert_allclose(found.steps, (seen[1:] - seen[:-1]).norm(dim=1), rtol=1e-5)
    assert found.length == pytest.approx(found.steps.sum())
    if not even:
        assert torch.equal(found.x, interpolate(net, stops, steps, loop=loop))


def test_an_even_walk_takes_the_same_way_at_an_even_pace():
    plain, even = (walk(Curved(), LINE, 17, "lerp", even=choice) for choice in (False, True))
    assert plain.unevenness > 0.5
    assert even.unevenness < 0.01
    angles = torch.linspace(0, 2.25, 17).sqrt()
    torch.testing.assert_close(even.z[:, 0], angles, atol=0.01, rtol=0)
    assert torch.equal(even.z[:, 1], torch.zeros(17))


def test_steps_of_a_walk_in_closed_form():
    found = walk(Curved(), LINE, 3, "lerp")
    angles = np.array([0.0, 0.75, 1.5]) ** 2
    np.testing.assert_allclose(found.steps, 2 * np.sin(np.diff(angles) / 2), rtol=1e-6)
    assert found.unevenness == pytest.approx(found.steps.std() / found.steps.mean())


def test_a_film_has_the_frames_asked_for_and_long_legs_get_more_of_them():
    ends = torch.tensor([[0.0, 0.0], [0.5, 0.0], [1.5, 0.0]])
    plain = walk(Curved(), ends, how="lerp", frames=41)
    assert (len(plain.x), plain.stops) == (41, (0, 20, 40))
    even = walk(Curved(), ends, how="lerp", frames=41, even=True)
    assert (len(even.x), even.stops) == (41, (0, 4, 40))
    assert even.unevenness < 0.1 < plain.unevenness
    loop = walk(Curved(), ends, how="lerp", frames=41, even=True, loop=True)
    assert (len(loop.x), len(loop.steps)) == (41, 41)


def test_distances_do_not_depend_on_the_batch_and_the_feature_may_be_any():
    net, z = LinearGaussian(), normal(11, 3).float()
    whole = distances(net, z, loop=True)
    assert len(whole) == 11
    np.testing.assert_allclose(distances(net, z, loop=True, batch=3), whole)
    first = distances(net, z, features=lambda x: x[:, :1])
    made = z.double() @ net.weight[0] + net.bias[0]
    np.testing.assert_allclose(first, made.diff().abs().detach(), rtol=1e-4)


def test_even_means_even_in_the_feature_that_is_given():
    ends = normal(2, 3, seed=5).float()
    found = walk(LinearGaussian(), ends, 9, even=True, features=lambda x: x[:, :1] ** 3)
    assert found.unevenness < 0.02
    assert variation(distances(LinearGaussian(), found.z)) > 0.1


def test_a_walk_where_nothing_moves_stays_as_it_is():
    found = walk(Flat(), normal(3, 2).float(), 5, even=True)
    assert (found.length, found.unevenness, len(found.x)) == (0, 0, 9)


def test_seen_from_afar_a_shift_is_a_smaller_step_than_a_jump():
    x = torch.zeros(3, 1, 16, 16)
    for picture, left in enumerate((2, 3, 11)):
        x[picture, :, 6:10, left : left + 4] = 1
    near, far = (blurred(x[[0]]) - blurred(x[[1, 2]])).norm(dim=1)
    plain = (x[[0]] - x[[1, 2]]).flatten(1).norm(dim=1)
    assert far / near > 1.1 * plain[1] / plain[0]


def test_blurred_in_closed_form():
    level = torch.full((1, 1, 4, 4), 0.5)
    assert blurred(level).square().sum() == pytest.approx(2 * 0.25)
    assert blurred(torch.ones(2, 3, 9, 8)).square().sum(1).tolist() == pytest.approx([3, 3])
    rows = normal(4, 6)
    assert torch.equal(blurred(rows), rows)


@given(
    lengths=st.lists(st.floats(0, 10), min_size=1, max_size=6),
    more=st.integers(0, 50),
)
def test_steps_are_shared_out_whole(lengths, more):
    total = len(lengths) + more
    counts = shared(total, np.array(lengths))
    assert sum(counts) == total
    assert min(counts) >= 1
    if sum(lengths) > 0 and min(lengths) / sum(lengths) * total >= 1:
        assert all(abs(n - part / sum(lengths) * total) < 1 for n, part in zip(counts, lengths, strict=True))


def test_refusals():
    with pytest.raises(BadField, match="steps is 1, between 2 items"):
        walk(Curved(), LINE, 1)
    with pytest.raises(BadField, match="3 frames are too few to meet 4 items; ask for at least 4"):
        walk(Curved(), LINE.repeat(2, 1), frames=3)
    with pytest.raises(BadField, match="at least 4"):
        walk(Curved(), LINE.repeat(2, 1), frames=3, loop=True)
    with pytest.raises(BadField, match="did you mean 'slerp'"):
        walk(Curved(), LINE, how="slrp", even=True)
    assert math.isclose(variation(np.array([1.0, 3.0])), 0.5)
