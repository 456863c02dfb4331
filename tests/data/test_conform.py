from __future__ import annotations

import numpy as np
import pytest
import torch

import latentia.data as data

RANDOM = np.random.default_rng(0)


def everything(found):
    rows = torch.cat([split.rows for split in (found.train, found.validation, found.test)]).argsort()
    return torch.cat([split.read(slice(None)).x for split in (found.train, found.validation, found.test)])[rows]


def test_known_sets_and_arrays_are_resized_as_they_are_read():
    found = data.open("digits", size="20x16", color="rgb")
    assert (found.spec.shape, found.spec.levels) == ((3, 16, 20), 256)
    assert found.notes == ["the pictures are brought from 8 x 8 grey to 20 x 16 RGB as they are read"]
    x = found.train.take(0, 0, 5).x
    assert x.shape == (5, 3, 16, 20)
    assert torch.equal(x[:, 0], x[:, 1])
    assert torch.allclose(x * 255, (x * 255).round(), atol=1e-4)
    assert data.open("digits", size=8).notes == []


def test_resizing_is_antialiased():
    board = (np.indices((128, 128)).sum(0) % 2 * 255).astype(np.uint8)
    for fit in ("crop", "stretch", "pad"):
        x = everything(data.open(np.stack([board] * 4), size=20, fit=fit))
        assert (x - 0.5).abs().max() < 0.1


def test_transparency_in_arrays_is_composited_when_a_colour_is_asked_for():
    array = np.zeros((4, 8, 8, 4), np.uint8)
    array[..., 0], array[:, :4, :, 3] = 200, 255
    assert data.open(array).spec.shape == (4, 8, 8)
    x = everything(data.open(array, color="rgb", background="#0000ff"))
    assert torch.allclose(x[0, :, 0, 0], torch.tensor([200, 0, 0]) / 255)
    assert torch.allclose(x[0, :, 7, 0], torch.tensor([0, 0, 1.0]))
    grey = everything(data.open(array, color="grey", background="black"))
    assert grey[0, 0, 0, 0] == pytest.approx(round(0.299 * 200) / 255)


def test_padding_has_the_background():
    x = everything(data.open(np.full((4, 8, 16), 255, np.uint8), size=16, fit="pad", background="black"))
    assert x[0, 0, :, 5].tolist() == [0.0] * 4 + [1.0] * 8 + [0.0] * 4


def test_colours_that_are_not_mixed_keep_the_levels():
    array = RANDOM.random((5, 8, 8)) > 0.5
    assert data.open(array, color="rgb").spec.levels == 2
    assert data.open(array, size=12).spec.levels == 256
    assert data.open(RANDOM.random((5, 8, 8)), size=12).spec.levels is None
