import pytest
import torch
from torch import nn

from latentia.core import Spec
from latentia.errors import BadData, BadField, CannotDo
from latentia.tasks.translate import destination, fitted, made_spec, translate

from .nets import LinearGaussian, normal

GREY, COLOUR = Spec("image", (1, 8, 8), 256), Spec("image", (3, 8, 8), 256)


class Toy(nn.Module):
    """From two channels to three, as large; subclasses say how."""

    domains, multiple, variants = ("colours",), 1, False

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def given(self, to):
        return Spec("image", (2, 8, 8), 256)

    def translate(self, x, to, noise=None, moments=None):
        assert x.shape[2] % self.multiple == 0
        assert x.shape[3] % self.multiple == 0
        return self.work(x, noise, moments)

    def work(self, x, noise, moments):
        made = torch.cat([x, x[:, :1]], 1) * self.weight
        return made if noise is None else made + noise.uniform(3, 1, 1)


class Padded(Toy):
    multiple = 16


class Noisy(Toy):
    variants = True


class Two(Toy):
    domains = ("day", "night")


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (7, 33), (16, 16), (17, 31)])
def test_pictures_come_back_in_their_own_size(size):
    x = normal(2, 2, *size).float()
    made = translate(Padded(), x)
    assert torch.equal(made, torch.cat([x, x[:, :1]], 1))
    assert made.dtype == torch.float32


def test_padding_is_a_mirror():
    x = torch.arange(6.0).reshape(1, 1, 1, 6).expand(1, 1, 9, 6)
    assert fitted(x, 8)[0, 0, 0].tolist() == [0, 1, 2, 3, 4, 5, 4, 3]
    assert fitted(x, 8).shape == (1, 1, 16, 8)
    assert fitted(x[..., :2], 12)[0, 0, 0].tolist() == [0, 1] * 6
    assert fitted(x[..., :1], 4)[0, 0, 0].tolist() == [0] * 8  # no side under 8 pixels
    even = torch.rand(1, 1, 8, 16)
    assert fitted(even, 8) is even


def test_a_variant_is_that_of_its_seed_alone():
    net, x = Noisy(), normal(3, 2, 4, 5).float()
    made = translate(net, x, draws=3, seed=5)
    assert made.shape == (3, 3, 3, 4, 5)
    assert not torch.equal(made[:, 0], made[:, 1])
    alone = translate(net, x[2:], draws=2, seed=6)
    assert torch.equal(made[2:, 1:], alone)
    assert torch.equal(translate(net, x), translate(Toy(), x))  # without draws there is no noise


def test_training_mode_is_left_as_it_was():
    net = Toy().train()
    translate(net, normal(1, 2, 4, 4).float())
    assert net.training


def test_domains_are_known_by_their_names_or_letters():
    assert destination(Toy(), None) == "colours"
    assert [destination(Two(), each) for each in ("day", "night", "a", "b")] == ["day", "night", "day", "night"]
    with pytest.raises(BadField, match=r"to day and to night.*--to"):
        destination(Two(), None)
    with pytest.raises(BadField, match="did you mean 'night'"):
        destination(Two(), "nigth")
    with pytest.raises(BadField, match="known: colours"):
        destination(Toy(), "b")


def test_the_spec_of_a_domain():
    spec = Spec("image", (3, 8, 8), 256, y=GREY, pairing="domains", sides=("day", "night"))
    assert made_spec(spec, "night") is GREY
    assert made_spec(spec, "day") is spec


def test_what_cannot_be_is_refused():
    x = normal(1, 2, 8, 8).float()
    with pytest.raises(CannotDo, match="turns pictures into their counterparts"):
        translate(LinearGaussian(), x)
    with pytest.raises(CannotDo, match="one answer"):
        translate(Toy(), x, draws=2)
    with pytest.raises(BadField, match="at least one"):
        translate(Noisy(), x, draws=0)
    with pytest.raises(BadField, match="whole pictures"):
        translate(Noisy(), x, draws=2, tile=64)
    with pytest.raises(BadField, match="at least 32"):
        translate(Toy(), x, tile=8)
    for wrong in (x[:, :1], x[0], x[:, :, :0], x[:0]):
        with pytest.raises(BadData, match="takes pictures"):
            translate(Toy(), wrong)
