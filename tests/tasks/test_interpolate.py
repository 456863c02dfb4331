import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentia.errors import BadField
from latentia.tasks.encode import decode
from latentia.tasks.interpolate import interpolate, path, slerp

from .nets import LinearGaussian, normal


@given(
    seed=st.integers(0, 1000),
    ends=st.integers(2, 4),
    steps=st.integers(2, 7),
    how=st.sampled_from(["slerp", "lerp"]),
    loop=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_the_walk_meets_its_ends_exactly_and_has_the_frames_it_says(seed, ends, steps, how, loop):
    stops = normal(ends, 5, seed=seed, dtype=torch.float32)
    walk = path(stops, steps, how, loop)
    assert torch.equal(walk[:: steps - 1][:ends], stops)
    legs = ends if loop else ends - 1
    assert len(walk) == legs * (steps - 1) + (not loop)
    assert walk.dtype == stops.dtype
    assert torch.isfinite(walk).all()


@given(seed=st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_slerp_turns_at_an_even_pace_and_changes_length_evenly(seed):
    a, b = normal(2, 5, seed=seed)
    walk = path(torch.stack([a, b * 2]), 9)
    lengths = walk.norm(dim=1)
    assert torch.allclose(lengths, torch.linspace(float(lengths[0]), float(lengths[-1]), 9, dtype=lengths.dtype))
    units = walk / lengths[:, None]
    angles = torch.arccos((units[1:] * units[:-1]).sum(1).clamp(-1, 1))
    assert torch.allclose(angles, angles.mean().expand(8), atol=1e-6)


def test_slerp_of_a_quarter_turn():
    walk = path(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), 3)
    assert torch.allclose(walk[1], torch.tensor([math.sqrt(0.5)] * 2))
    assert torch.allclose(path(torch.eye(2), 3, "lerp")[1], torch.tensor([0.5, 0.5]))


@pytest.mark.parametrize("end", [[2.0, 0.0], [-1.0, 0.0], [0.0, 0.0], [1.0, 1e-9]])
def test_slerp_is_straight_where_there_is_no_arc(end):
    ends = torch.tensor([[1.0, 0.0], end], dtype=torch.float64)
    assert torch.allclose(path(ends, 5), path(ends, 5, "lerp"), atol=1e-8)


def test_slerp_of_nearly_parallel_vectors_is_precise():
    a = torch.tensor([1.0, 0.0], dtype=torch.float64)
    b = torch.tensor([math.cos(1e-4), math.sin(1e-4)], dtype=torch.float64)
    half = slerp(a, b, torch.tensor([[0.5]], dtype=torch.float64))[0]
    assert math.isclose(math.atan2(float(half[1]), float(half[0])), 0.5e-4, rel_tol=1e-9)


def test_frames_are_the_decoded_walk():
    net, ends = LinearGaussian(), normal(3, 3).float()
    assert torch.allclose(interpolate(net, ends, 4), decode(net, path(ends, 4)))
    assert torch.equal(interpolate(net, ends, 4)[3], decode(net, path(ends, 4))[3])


def test_refusals():
    ends = normal(2, 3)
    with pytest.raises(BadField, match="how is 'slrp'; did you mean 'slerp'"):
        path(ends, how="slrp")
    with pytest.raises(BadField, match="steps is 1, between 2 items"):
        path(ends, 1)
    with pytest.raises(BadField, match="between 1 items"):
        path(ends[:1])
