import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from latentia.errors import BadField
from latentia.nn.blocks import InstanceNorm
from latentia.tasks.tiles import side_of, windows
from latentia.tasks.translate import translate

from .nets import normal
from .test_translate import Toy


def smooth(height, width, seed=0):
    """A picture of clouds in [0, 1], with one bright corner so that parts differ from the whole."""
    x = nn.functional.interpolate(normal(1, 2, 6, 8, seed=seed).float(), (height, width), mode="bicubic").sigmoid()
    x[:, :, : height // 3, : width // 3] = 0.9 + 0.1 * x[:, :, : height // 3, : width // 3]
    return x


class Normed(Toy):
    """Three normed convolutions that halve and double: an answer sees 15 pixels around its own."""

    multiple = 4

    def __init__(self):
        super().__init__()
        self.down, self.mid = nn.Conv2d(2, 8, 4, 2, 1), nn.Conv2d(8, 8, 3, padding=1)
        self.up = nn.ConvTranspose2d(8, 3, 4, 2, 1)
        self.norms = nn.ModuleList([InstanceNorm(8), InstanceNorm(8), InstanceNorm(3)])
        generator = torch.Generator().manual_seed(3)
        for weight in (*self.down.parameters(), *self.mid.parameters(), *self.up.parameters()):
            weight.data = 0.3 * torch.randn(weight.shape, generator=generator)

    def work(self, x, noise, moments):
        for layer, norm in zip((self.down, self.mid, self.up), self.norms, strict=True):
            x = norm(layer(x), moments).tanh()
        return 0.5 + 0.5 * x


class Positioned(Toy):
    """A net that sees all of what it is given: each part becomes another grey, its own mean."""

    def work(self, x, noise, moments):
        return x.mean((1, 2, 3), keepdim=True).expand(-1, 3, *x.shape[2:])


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(4, 16), st.integers(1, 8))
def test_weights_of_tiles_sum_to_one_and_cores_meet(blocks, tile, multiple):
    side, tile = blocks * multiple, tile * multiple
    margin = max(multiple, tile // 4 // multiple * multiple)
    found = windows(side, tile, margin)
    total = torch.zeros(side)
    for window in found:
        assert 0 <= window.start <= window.first < window.last <= window.stop <= side
        assert window.start % multiple == 0
        assert window.stop - window.start == min(side, tile)
        assert len(window.weight) == window.stop - window.start
        total[window.start : window.stop] += window.weight
    torch.testing.assert_close(total, torch.ones(side))
    assert [each.last for each in found[:-1]] == [each.first for each in found[1:]]
    assert (found[0].first, found[-1].last) == (0, side)


@pytest.mark.parametrize("tile", [64, 100])
def test_tiles_of_a_net_that_sees_little_are_the_whole_picture(tile):
    net, x = Normed(), smooth(150, 203)
    whole = translate(net, x)
    assert whole.std() > 0.1
    made = translate(net, x, tile=tile)
    assert made.shape == (1, 3, 150, 203)
    assert (made - whole).abs().max() < 2e-3  # half a grey level of 8 bits


def test_statistics_of_single_tiles_would_show():
    """What the test above would miss if it could not fail: parts on their own are far from the whole."""
    net, x = Normed(), smooth(150, 203)
    assert (translate(net, x)[..., :64, :64] - translate(net, x[..., :64, :64])).abs().max() > 0.1


def test_no_seam_shows_where_a_net_sees_farther_than_its_tiles():
    net, x = Positioned(), smooth(256, 256)
    made = translate(net, x, tile=64)
    down, across = made.diff(dim=2).abs(), made.diff(dim=3).abs()
    borders = [window.first - 1 for window in windows(256, 64, 16)[1:]]
    inside = [place for place in range(255) if place not in borders]
    assert across[..., borders].max() <= across[..., inside].max() + 1e-6
    assert down[..., borders, :].max() <= down[..., inside, :].max() + 1e-6
    assert max(down.max(), across.max()) < 0.05  # and neighbouring tiles are up to 0.4 apart
    assert made.amax() - made.amin() > 0.2


def test_a_tile_too_small_for_the_net_is_refused():
    with pytest.raises(BadField, match="at least 256"):
        side_of(200, 64)
    assert side_of(300, 64) == 256
