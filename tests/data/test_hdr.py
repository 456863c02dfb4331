"""High dynamic range, against the tables of the standards."""

from __future__ import annotations

import pytest
import torch

from latentia.data.hdr import HLG, PQ, lowered, nits, tone_mapped


def grey(*values):
    return torch.tensor(values, dtype=torch.float32).reshape(1, 1, 1, -1).expand(1, 3, 1, -1)


def test_pq_stands_for_the_light_of_its_table():
    """BT.2408 and ST 2084: 0.508 is 100 cd/m2, 0.581 is 203, 0.752 is 1000, 1 is 10,000."""
    light = nits(grey(0.0, 0.50808, 0.58069, 0.75183, 1.0), PQ)[0, 0, 0]
    torch.testing.assert_close(light, torch.tensor([0.0, 100.0, 203.0, 1000.0, 10_000.0]), rtol=1e-3, atol=1e-4)


def test_hlg_stands_for_the_light_of_its_table():
    """BT.2408: 75 % of the signal is diffuse white at 203 cd/m2 on a display of 1000; 100 % is 1000."""
    light = nits(grey(0.0, 0.75, 1.0), HLG)[0, 1, 0]
    torch.testing.assert_close(light, torch.tensor([0.0, 203.0, 1000.0]), rtol=2e-3, atol=1e-6)


def test_highlights_come_down_and_shadows_stay():
    light = torch.tensor([0.1, 1.0, 10.0, 50.0, 100.0, 203.0, 400.0, 1000.0, 5000.0])
    made = lowered(light)
    torch.testing.assert_close(made[:4], light[:4], rtol=1e-3, atol=1e-4)
    assert (made.diff()[:-1] > 0).all(), "what is brighter stays brighter"
    assert float(made[-2]) == pytest.approx(203, rel=1e-3)
    assert (made <= light * (1 + 1e-4)).all()


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_a_tone_mapped_picture(transfer):
    ramp = tone_mapped(grey(*torch.linspace(0, 1, 33).tolist()), transfer)
    torch.testing.assert_close(ramp[:, 0], ramp[:, 2], atol=2e-3, rtol=0)  # grey stays grey
    torch.testing.assert_close(ramp[0, :, 0, 0], torch.zeros(3))
    torch.testing.assert_close(ramp[0, :, 0, -1], torch.ones(3), atol=2e-3, rtol=0)
    assert (ramp.diff() >= -1e-6).all()
    red = torch.zeros(1, 3, 1, 1)
    red[:, 0] = 0.5
    made = tone_mapped(red, transfer)[0, :, 0, 0]
    assert made[0] > 0.2
    assert float(made[1:].max()) == 0, "a red of BT.2020 is outside BT.709: it becomes its purest red"
