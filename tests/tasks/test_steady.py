"""Films without flicker: statistics that are shared along time, one noise, cuts; on a net whose answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from latentia.core import Spec, moments_of
from latentia.errors import BadField, CannotDo
from latentia.tasks.steady import HALF_LIFE, Cuts, Steady, steadily
from latentia.tasks.translate import translate

from .nets import Autoencoder


class Normalises(nn.Module):
    """x to (x - mean) / deviation of each channel, plus noise if there is some."""

    domains, multiple, variants = ("b",), 4, True

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.shape = (channels, 8, 8)
        self.scale = nn.Parameter(torch.ones(()))

    def given(self, to: str) -> Spec:
        return Spec("image", self.shape, 256)

    def translate(self, x, to, noise=None, moments=None):
        mean, square = (moments or moments_of)(x)
        x = self.scale * (x - mean) / (square - mean.square() + 1e-4).sqrt()
        return x if noise is None else x + noise.normal(*x.shape[1:])


def frames(count=6, seed=0):
    """A still picture of which the lower half changes from frame to frame."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(1, 3, 8, 12, generator=generator).repeat(count, 1, 1, 1)
    x[:, :, 4:] = x[:, :, 4:] * torch.linspace(0.7, 1, count)[:, None, None, None]
    return x


def test_off_is_each_frame_for_itself():
    net, x = Normalises(), frames()
    assert torch.equal(steadily(net, how="off")(x), translate(net, x))


def test_frozen_leaves_what_stands_still_as_it_was():
    net, x = Normalises(), frames()
    made = steadily(net, how="frozen")(x)
    torch.testing.assert_close(made[:, :, :4], made[:1, :, :4].expand(6, -1, -1, -1))
    assert torch.equal(made[:1], translate(net, x[:1]))
    each = translate(net, x)
    assert float((each[1:, :, :4] - each[:1, :, :4]).abs().max()) > 0.05, "and each for itself flickers"


def test_smooth_is_the_mean_along_time_with_its_half_life():
    net, x = Normalises(), frames()
    made = steadily(net, how="smooth")(x)
    keep = 0.5 ** (1 / HALF_LIFE)
    mean, square = x.mean((2, 3), keepdim=True), x.square().mean((2, 3), keepdim=True)
    for row in range(1, 6):
        mean[row] = keep * mean[row - 1] + (1 - keep) * mean[row]
        square[row] = keep * square[row - 1] + (1 - keep) * square[row]
    torch.testing.assert_close(made, (x - mean) / (square - mean.square() + 1e-4).sqrt())


@pytest.mark.parametrize("how", ["smooth", "frozen"])
def test_batches_change_nothing(how):
    net, x = Normalises(), frames(7)
    whole, parted = steadily(net, how=how), steadily(net, how=how)
    assert torch.equal(whole(x), torch.cat([parted(x[rows]) for rows in (slice(0, 3), slice(3, 4), slice(4, 7))]))


def test_statistics_of_many_frames_at_once_are_those_of_one_after_another():
    rows = torch.arange(10.0).reshape(5, 2, 1, 1)
    together, apart = Steady(), Steady()
    together.begin([True, False, False, True, False])
    found = together.along(rows, rows.square())
    each = []
    for row, cut in zip(rows, (True, False, False, True, False), strict=True):
        apart.begin([cut])
        each.append(apart.along(row[None], row[None].square()))
        apart.finish()
    for place in (0, 1):
        torch.testing.assert_close(found[place], torch.cat([one[place] for one in each]))
    torch.testing.assert_close(found[0][3], rows[3], msg="a cut begins anew")


def test_cuts_are_where_the_scene_changes():
    still = frames(4)
    other = 1 - frames(3, seed=1)
    cuts = Cuts()
    assert cuts(still[:2]) == [True, False]
    assert cuts(torch.cat([still[2:], other])) == [False, False, True, False, False]


def test_a_cut_ends_what_is_shared():
    net, dark, light = Normalises(), 0.3 * frames(2), 0.6 + 0.3 * frames(2)
    made = steadily(net, how="frozen")(torch.cat([dark, light]))
    assert torch.equal(made[2:3], translate(net, light[:1]))


def test_all_frames_have_one_noise():
    net, x = Normalises(), frames(1).repeat(4, 1, 1, 1)
    made = steadily(net, seed=3)(x)
    torch.testing.assert_close(made, made[:1].expand_as(made), msg="what stands still stays still")
    assert torch.equal(made[:1], translate(net, x[:1], draws=1, seed=3)[:, 0])
    assert not torch.equal(made, steadily(net, seed=4)(x))


def test_a_grey_net_sees_grey_and_colours_come_out():
    net, x = Normalises(1), frames(2)
    made = steadily(net, how="off")(x)
    assert made.shape == x.shape
    grey = (x * torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)).sum(1, keepdim=True)
    torch.testing.assert_close(made, translate(net, grey).expand(-1, 3, -1, -1))


@pytest.mark.parametrize("how", ["smooth", "frozen", "off"])
def test_frames_in_tiles_are_as_if_whole(how):
    net, x = Normalises(), torch.nn.functional.interpolate(frames(3), (72, 97), mode="bilinear")
    whole, tiled = steadily(net, how=how), steadily(net, how=how, tile=32)
    torch.testing.assert_close(tiled(x), whole(x), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(tiled(x), whole(x), atol=1e-4, rtol=1e-4, msg="time goes on once a frame")


def test_what_is_refused():
    with pytest.raises(BadField, match=r"^--steady is 'smoth'; did you mean 'smooth'\?$"):
        steadily(Normalises(), how="smoth")
    with pytest.raises(CannotDo, match=r"^a film has colours; this model takes pictures of 2 channels$"):
        steadily(Normalises(2))
    with pytest.raises(CannotDo, match=r"^translate needs a model that "):
        steadily(Autoencoder())
    with pytest.raises(BadField, match=r"^there is no domain 'c' in this model"):
        steadily(Normalises(), "c")
