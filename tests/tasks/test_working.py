import pytest
import torch
from torch import nn

from latentia.core import Encodes, HasDensity, Reconstructs, Samples, SeededNoise
from latentia.errors import CannotDo
from latentia.tasks.working import ItemNoise, parts, place, require, still

from .nets import Autoencoder, LinearGaussian, Pictures


@pytest.mark.parametrize(
    ("net", "able"),
    [
        (LinearGaussian(), {Samples, Encodes, Reconstructs, HasDensity}),
        (Autoencoder(), {Encodes, Reconstructs}),
        (Pictures(), {Samples}),
    ],
)
@pytest.mark.parametrize("capability", [Samples, Encodes, Reconstructs, HasDensity])
def test_a_capability_is_there_or_refused_in_one_sentence(net, able, capability):
    if capability in able:
        require(net, capability, "the verb")
    else:
        told = "^the verb needs a model that .*; this one does not. `latentia models`"
        with pytest.raises(CannotDo, match=told):
            require(net, capability, "the verb")


def fail_within(net):
    with still(net):
        assert not any(module.training for module in net.modules())
        assert not torch.is_grad_enabled()
        raise KeyError


def test_modes_come_back_even_after_an_error():
    net = nn.Sequential(nn.Dropout(), nn.Sequential(nn.BatchNorm1d(2), nn.Linear(2, 2))).train()
    net[1][0].eval()
    before = [module.training for module in net.modules()]
    with pytest.raises(KeyError):
        fail_within(net)
    assert [module.training for module in net.modules()] == before
    assert torch.is_grad_enabled()


def test_place_has_the_type_of_the_net():
    assert place(nn.Linear(1, 1).double()).dtype == torch.float64
    assert place(nn.Flatten()).dtype == torch.float32
    counter = nn.Module()
    counter.register_buffer("seen", torch.zeros((), dtype=torch.int64))
    counter.register_buffer("mean", torch.zeros(1, dtype=torch.float64))
    assert place(counter).dtype == torch.float64


def test_item_noise_is_the_seeded_noise_in_another_type():
    plain, moved = SeededNoise([3, 9]), ItemNoise([3, 9], torch.empty(0, dtype=torch.float64))
    assert torch.equal(plain.normal(4).double(), moved.normal(4))
    assert moved.uniform(2, 2).dtype == torch.float64


def test_parts_cover_a_range_in_order():
    assert [list(range(10))[part] for part in parts(10, 4)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert list(parts(0, 4)) == []
