"""Budgets in process seconds: how slices are cut, what is written, and that slices change nothing."""

import time

import pytest
from benchmarks._spent import Ledger, Row, Run, next_images, spend
from hypothesis import given, settings
from hypothesis import strategies as st

import latentia as lt
from latentia import data
from latentia.training import checkpoint

SETTINGS = {"seed": 3, "precision": "float32"}


def test_the_first_slice_is_given_and_the_others_follow_the_last_ones_speed():
    assert next_images([], 100.0, 10, 640) == 640
    assert next_images([Row(640, 5.0)], 100.0, 10, 640) == 1280, "a tenth of the budget at 128 images a second"
    assert next_images([Row(640, 5.0), Row(940, 15.0)], 100.0, 10, 640) == 300, "the speed of the last slice alone"
    assert next_images([Row(640, 5.0), Row(9000, 86.0)], 100.0, 10, 640) == round(8360 / 81 * 14), "all that is left"
    assert next_images([Row(640, 99.0)], 100.0, 10, 640) == 0
    assert next_images([Row(640, 130.0)], 100.0, 10, 640) == 0


@given(st.floats(0.01, 1e4), st.integers(2, 40), st.floats(1.0, 1e4))
@settings(deadline=None)
def test_at_a_steady_speed_the_budget_is_spent_in_about_so_many_slices(speed, slices, budget):
    rows, first = [], max(1, int(speed * budget / slices / 3))
    while images := next_images(rows, budget, slices, first):
        last = rows[-1] if rows else Row(0, 0.0)
        rows.append(Row(last.seen + images, last.seconds + images / speed))
    assert budget - 0.2 * budget / slices <= rows[-1].seconds * (1 + 1e-9)
    assert rows[-1].seconds < budget + 1.5 / speed + first / speed
    assert len(rows) <= slices + 1 or speed * budget < 10 * slices, "unless a slice is but a few images"


def test_a_ledger_forgets_what_came_after_a_checkpoint_and_a_row_that_a_kill_cut_short(tmp_path):
    ledger = Ledger(tmp_path / "run")
    assert ledger.last == Row(0, 0.0)
    for seen in (10, 20, 30):
        ledger.add(seen, seen / 10)
    with ledger.path.open("a") as file:
        file.write("[40, 4.")
    assert ledger.rows == [Row(10, 1.0), Row(20, 2.0), Row(30, 3.0)]
    ledger.keep(20)
    assert ledger.last == Row(20, 2.0)
    with ledger.path.open("a") as file:
        file.write("[40, 4.")
    ledger.keep(20)
    ledger.add(30, 3.5)
    assert ledger.rows == [Row(10, 1.0), Row(20, 2.0), Row(30, 3.5)]


def small(folder, clock=time.process_time):
    recipe = lt.GAN(latent=4, hidden=(8,))
    return Run(recipe, data.open("digits"), folder, {**SETTINGS, "batch": 32}, clock)


def test_slices_are_the_training_without_them_and_their_costs_add_up(tmp_path):
    whole, parts = small(tmp_path / "whole"), small(tmp_path / "parts", iter([0, 7, 100, 108, 200, 209]).__next__)
    whole.train(320)
    for images in (96, 192, 320):
        parts.train(images)
    assert parts.ledger.rows == [Row(96, 7.0), Row(192, 15.0), Row(320, 24.0)]
    name = "weights-last.safetensors"
    assert (whole.folder / name).read_bytes() == (parts.folder / name).read_bytes()
    assert parts.model("last").sample(2).shape == (2, 1, 8, 8)


def test_after_a_kill_before_the_checkpoint_the_lost_slice_is_not_counted(tmp_path, monkeypatch):
    run = small(tmp_path / "run", iter([0, 7, 100, 150, 200, 209]).__next__)
    run.train(96)

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(checkpoint, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            run.train(192)
    assert run.ledger.last == Row(192, 57.0), "written before the checkpoint"
    run.train(192)
    assert run.ledger.rows == [Row(96, 7.0), Row(192, 16.0)]


class Fake:
    """A training that costs a second for each image."""

    def __init__(self, name, folder, told):
        self.name, self.ledger, self.told = name, Ledger(folder / name), told

    def train(self, images):
        self.told.append((self.name, images))
        self.ledger.add(images, float(images))


def test_trainings_take_turns_until_each_has_spent_its_budget(tmp_path):
    told, after = [], []
    runs = {name: Fake(name, tmp_path, told) for name in ("a", "b")}
    runs["b"].ledger.add(20, 20.0)  # it was further when it was stopped
    spend(runs, 40.0, 4, 10, after.append)
    assert told == [("a", 10), ("b", 30), ("a", 20), ("b", 40), ("a", 30), ("a", 40)]
    assert after == [name for name, _ in told]
    spend(runs, 40.0, 4, 10)
    assert len(told) == 6, "a spent budget costs nothing more"
