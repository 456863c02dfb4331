"""Schedules as functions of the images seen."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentia.errors import BadField
from latentia.losses.schedules import at


def now(seen):
    return torch.tensor(seen)


def test_values_along_the_way():
    assert at(0.3, now(5)).item() == pytest.approx(0.3)
    assert [at("0:1@2M", now(seen)).item() for seen in (0, 500_000, 2_000_000, 9_000_000)] == [0, 0.25, 1, 1]
    assert at("1e-3:0@20M~cosine", now(5_000_000)).item() == pytest.approx(1e-3 * (0.5 + 0.5 * math.cos(math.pi / 4)))
    assert at("4:1@0", now(0)).item() == 1


@given(st.floats(-10, 10), st.floats(-10, 10), st.integers(1, 10**9), st.sampled_from(["", "~cosine"]))
def test_both_ends_are_exact_and_nothing_leaves_their_range(start, end, images, shape):
    schedule = f"{start}:{end}@{images}{shape}"
    ends = torch.tensor([start, end])
    assert at(schedule, now(0)) == ends[0]
    assert at(schedule, now(images)) == at(schedule, now(3 * images)) == ends[1]
    assert ends.min() <= at(schedule, now(images // 3)) <= ends.max()


def test_a_long_training_keeps_counting():
    """A float32 counter stops at 16.8 million; the schedule still moves by one step at 100 million."""
    at_step, next_step = (at("0:1@200M", now(seen)).item() for seen in (100_000_000, 100_000_128))
    assert next_step - at_step == pytest.approx(128 / 2e8, rel=0.2)


def test_what_is_no_schedule_is_refused():
    with pytest.raises(BadField, match="START:END@IMAGES"):
        at("0:1", now(0))
