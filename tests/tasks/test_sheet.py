"""Contact sheets: which frames are kept, and what the sheet shows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from latentia.errors import BadData
from latentia.tasks.sheet import LONGEST, Sheet


def watched(count, together=3, moments=8, size=(20, 30)):
    """A sheet of a film whose frame k is as bright as k / count, made negative."""
    sheet = Sheet(lambda x: 1 - x[:, :1], moments=moments)
    frames = (torch.arange(count) / count).reshape(-1, 1, 1, 1).expand(-1, 3, *size)
    made = torch.cat([sheet(part) for part in frames.split(together)])
    assert torch.equal(made, 1 - frames[:, :1])
    return sheet


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 16, 17, 100, 1000])
def test_moments_are_evenly_apart_and_reach_from_end_to_end(count):
    sheet = watched(count)
    assert len(sheet.kept) <= 16
    pixels = np.asarray(sheet.picture()).astype(int)
    columns = min(8, count)
    cell, foot = pixels.shape[1] // columns, 16
    rows = (pixels.shape[0] - 4) // 2
    shades = [pixels[20, 4 + cell * i + 20, 0] for i in range(columns)]
    below = [pixels[rows + 20, 4 + cell * i + 20, 0] for i in range(columns)]
    assert foot < rows
    assert shades == sorted(shades)
    assert [255 - shade for shade in shades] == pytest.approx(below, abs=1)
    assert shades[0] == 0
    if count > 1:
        assert shades[-1] / 255 > (count - 1) / count - 0.13  # the last is within a step of the end
        steps = np.diff(shades)
        assert steps.max() <= 2.1 * max(1, steps.min()) + 2


def test_large_frames_are_brought_down_and_no_frames_are_no_sheet():
    sheet = watched(2, size=(300, 1200))
    assert sheet.kept[0][1].shape == (2, 3, LONGEST // 4, LONGEST)
    with pytest.raises(BadData, match="no frame came by"):
        Sheet(lambda x: x).picture()
