"""The benchmark for a GPU, as far as a processor can show it: it runs, and its checks can fail."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from benchmarks.device import CASES, agreement, first, relative, resumes, speed

import latentia as lt
from benchmarks import device

CPU = torch.device("cpu")
SMALL = CASES[0]


def test_a_first_step_is_compared_to_the_last_digit() -> None:
    assert agreement(SMALL, CPU) == {"float64": 0.0, "float32": 0.0}
    pairs = zip(first(SMALL, CPU, "float32"), first(SMALL, CPU, "float64"), strict=True)
    assert 0 < max(relative(one, two) for one, two in pairs) < 1e-4


def test_a_training_that_resumes_otherwise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resumes(SMALL, CPU, 0)
    train = lt.train

    def other(recipe: lt.VAE, *args: object, images: int, **given: object) -> object:
        return train(recipe, *args, images=images, **{**given, "seed": 1 if images == 32 else 0})

    monkeypatch.setattr(device.lt, "train", other)
    with pytest.raises(lt.errors.BadRun, match="seed"):
        resumes(SMALL, CPU, 0)


def test_speed_counts_operations() -> None:
    one, two = (speed(replace(SMALL, side=side), CPU, "float32", 8, quick=True) for side in (16, 32))
    assert two["flops/s"] / two["images/s"] == pytest.approx(4 * one["flops/s"] / one["images/s"], rel=0.3)
