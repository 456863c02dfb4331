from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

import latentia.data as data
from latentia.errors import BadData, BadField


def table(count, columns=3, seed=0):
    return np.random.default_rng(seed).normal(size=(count, columns))


@settings(max_examples=40, deadline=None)
@example(4, 0.45)
@given(st.integers(3, 300), st.floats(0.001, 0.45))
def test_every_item_is_in_exactly_one_split(count, share):
    x = np.broadcast_to(np.arange(count, dtype=np.uint16)[:, None, None], (count, 8, 8))
    found = data.open(x, held_out=share)
    each = [split.read(slice(None)).x[:, 0, 0, 0] for split in (found.train, found.validation, found.test)]
    splits = [(values * 65535).round().long().tolist() for values in each]
    assert sorted(itertools.chain(*splits)) == list(range(count))
    assert len(splits[1]) == len(splits[2]) == min(max(1, round(share * count)), (count - 1) // 2)
    assert len(splits[0]) >= 1


def test_splits_depend_on_the_number_of_items_alone():
    one, other = data.open(table(50)), data.open(table(50, seed=1))
    assert torch.equal(one.validation.rows, other.validation.rows)
    assert torch.equal(one.test.rows, other.test.rows)


def test_an_official_test_set_stays_whole(tmp_path):
    np.savez(tmp_path / "a.npz", x_train=table(20), y_train=np.arange(20) % 2, x_test=table(7), y_test=np.arange(7) % 2)
    found = data.open(tmp_path / "a.npz", labels=True)
    assert (len(found.train), len(found.validation), len(found.test)) == (18, 2, 7)
    assert np.allclose(data.table(found.test.read(slice(None)).x, found.spec, extrapolate=True), table(7), atol=1e-6)
    assert found.test.read(slice(None)).label.tolist() == [0, 1, 0, 1, 0, 1, 0]


def test_options_and_signature_say_how_to_open_it_again(folder):
    found = data.open(folder(8), size=16, fit="pad", held_out=0.2, mirror=True)
    told = json.loads(json.dumps(found.options))
    again = data.open(**told)
    assert told["what"] == str(folder(8))
    assert (again.signature, again.options, again.spec) == (found.signature, found.options, found.spec)
    assert data.open(**{**told, "mirror": False}).signature != found.signature


def test_the_signature_changes_with_the_content(folder):
    root = folder(6)
    before = data.open(root).signature
    (root / "000.png").write_bytes((root / "001.png").read_bytes())
    assert data.open(root).signature != before
    assert data.open(table(9)).signature == data.open(table(9)).signature != data.open(table(9, seed=1)).signature


def test_arrays_are_recorded_without_a_name():
    assert data.open(table(9)).options["what"] is None


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_items_are_refused_with_the_number_needed(count):
    message = "no items" if count == 0 else rf"array has {count} items?; at least 3 are needed: training, validation"
    with pytest.raises(BadData, match=message):
        data.open(table(count))


def test_options_that_a_table_cannot_follow_are_refused():
    for options in ({"binarize": "static"}, {"mirror": True}):
        with pytest.raises(BadField, match="is for pictures; array is a table"):
            data.open(table(9), **options)
    with pytest.raises(BadData, match="size and color are for pictures; array is a table"):
        data.open(table(9), size=16)


def test_labels_that_are_not_there_are_refused():
    with pytest.raises(BadData, match="array has no labels; put pictures into one folder per class"):
        data.open(table(9), labels=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": "64by48"}, r"size is '64by48'; write one number, or WIDTHxHEIGHT"),
        ({"size": 4}, r"size is '4'; each side must be at least 8 pixels"),
        ({"size": (64, 48)}, r"size is \(64, 48\); write one number, or the text 'WIDTHxHEIGHT'"),
        ({"fit": "squash"}, "fit is 'squash'; it must be one of crop, pad, stretch"),
        ({"binarize": "often"}, "binarize is 'often'; it must be one of dynamic, static"),
        ({"held_out": 0.5}, "held_out is 0.5; it must be between 0.001 and 0.45"),
        ({"color": "blue"}, "color is 'blue'; it must be one of grey, rgb, rgba"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(BadField, match=message):
        data.open("digits", **options)


def test_a_background_that_is_no_colour_is_refused(folder):
    with pytest.raises(BadField, match="background is 'whitish', which is no colour"):
        data.open(folder(4), background="whitish")


def test_no_option_shares_its_name_with_the_training():
    from latentia.core import Training
    from latentia.fields import fields_of

    assert not {field.name for field in fields_of(data.DataOptions)} & {field.name for field in fields_of(Training)}
    assert all(field.help for field in fields_of(data.DataOptions))
