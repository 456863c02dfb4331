import sys

import numpy as np
import pytest
import torch

from latentia.errors import BadData, BadField
from latentia.tasks.video import film

av = pytest.importorskip("av", reason="the extra video is not installed")


def read(path):
    """Every frame as colours, and what the file says of itself."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        context = stream.codec_context
        told = (context.name, context.pix_fmt, context.color_range, context.colorspace, context.color_primaries)
        rate, seconds = stream.average_rate, float(stream.duration * stream.time_base)
        bt709 = av.video.reformatter.Colorspace.ITU709
        frames = [frame.to_ndarray(format="rgb24", src_colorspace=bt709) for frame in container.decode(video=0)]
    return np.stack(frames), told, rate, seconds


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("count", [1, 7, 40])
def test_every_frame_comes_back_in_its_colours(tmp_path, channels, count):
    x = torch.zeros(count, channels, 16, 24)
    x[:, 0] = torch.linspace(0, 1, count)[:, None, None]
    if channels > 1:
        x[:, 1, :, 12:] = 0.5
        x[:, 2, 8:] = 1
    if channels == 4:
        x[:, 3] = 1
    path = film(x, tmp_path / "walk.mp4", fps=25, cell=64)
    frames, told, rate, seconds = read(path)
    assert frames.shape == (count, 64, 96, 3)
    colours = x[:, :3].expand(-1, 3, -1, -1).permute(0, 2, 3, 1).repeat_interleave(4, 1).repeat_interleave(4, 2)
    error = np.abs(frames.astype(float) - 255 * colours.numpy())
    assert error.mean() < 3
    assert np.median(error[-1]) < 3, "the last frame is the last"
    assert told == ("h264", "yuv420p", 1, 1, 1)  # limited range, BT.709
    assert (rate, seconds) == (25, pytest.approx(count / 25))
    assert [each.name for each in tmp_path.iterdir()] == ["walk.mp4"]


def test_odd_sides_become_even_by_doubling_their_last_pixels(tmp_path):
    x = torch.zeros(3, 1, 9, 13)
    x[..., -1] = 1
    frames = read(film(x, tmp_path / "a.mp4", fps=29.97, cell=27))[0]
    assert frames.shape == (3, 28, 40, 3)
    assert (frames[:, :, -4:] > 240).all()
    assert (frames[:, :, :30] < 15).all()


def test_alpha_is_laid_on_white(tmp_path):
    frames = read(film(torch.zeros(2, 4, 8, 8), tmp_path / "a.mp4", cell=16))[0]
    assert (frames > 250).all()


def test_refusals_leave_nothing(tmp_path):
    with pytest.raises(BadData, match="0 frames"):
        film(torch.zeros(0, 1, 8, 8), tmp_path / "a.mp4")
    with pytest.raises(BadData, match="at 0 a second"):
        film(torch.zeros(2, 1, 8, 8), tmp_path / "a.mp4", fps=0)
    with pytest.raises(BadData, match="no picture"):
        film(torch.zeros(2, 12), tmp_path / "a.mp4")
    broken = torch.zeros(3, 1, 8, 8)
    broken[2] = torch.nan
    with pytest.raises(BadData, match="not finite"):
        film(broken, tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_one_line_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(
        BadField, match=r"^an \.mp4 needs an extra: pip install 'latentia\[video\]'; a \.gif needs none$"
    ):
        film(torch.zeros(2, 1, 8, 8), tmp_path / "a.mp4")
