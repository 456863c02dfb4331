import numpy as np
import pytest
import torch

from latentia.core import Spec
from latentia.errors import BadData, BadField
from latentia.metrics.features import RandomConvolutions, extract, fingerprint, name_of, pixels, quantise
from latentia.metrics.kernel import kernel_distance


def pictures(count, *shape, seed=0):
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(1, 4, 4), (1, 28, 28), (3, 32, 48), (4, 9, 21)])
def test_random_convolutions_take_any_channels_and_sizes(shape):
    net = RandomConvolutions(Spec("image", shape))
    features = net(pictures(5, *shape))
    assert features.shape == (5, net.features)
    assert net.features <= 256
    torch.testing.assert_close(features.square().mean(1), torch.ones(5))


def test_random_convolutions_follow_their_seed_and_nothing_else():
    spec, before = Spec("image", (1, 8, 8)), torch.get_rng_state()
    net, again, other = RandomConvolutions(spec), RandomConvolutions(spec), RandomConvolutions(spec, seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    assert net.fingerprint == again.fingerprint != other.fingerprint
    assert (net.name, other.name) == ("random-conv 0", "random-conv 1")
    x = pictures(6, 1, 8, 8)
    assert torch.equal(net(x), again(x))
    torch.testing.assert_close(net(x)[2:4], net(x[2:4]))  # a row does not depend on its neighbours
    assert not any(weight.requires_grad for weight in net.parameters())


def test_random_convolutions_see_what_goes_wrong_with_pictures():
    from sklearn.datasets import load_digits

    digits = torch.tensor(load_digits().images).float()[:, None] / 16
    digits, classes = digits[torch.randperm(1797, generator=torch.Generator().manual_seed(0))], load_digits().target
    classes = torch.tensor(classes)[torch.randperm(1797, generator=torch.Generator().manual_seed(0))]
    net = RandomConvolutions(Spec("image", (1, 8, 8)))
    real, rest = extract(net, digits[:900]), digits[900:]

    def far(images):
        return kernel_distance(real, extract(net, images))

    floor, noisy = far(rest), far(rest + 0.3 * torch.randn(rest.shape, generator=torch.Generator().manual_seed(1)))
    assert floor.low < 0 < floor.high
    for broken in (noisy, far(rest[classes[900:] < 5]), far(rest[:1].expand(300, -1, -1, -1)), far(rest.roll(1, 3))):
        assert broken.low > floor.high


def test_features_are_of_8_bit_pictures_and_in_float64():
    x = torch.tensor([-0.5, 0.1, 0.5, 1.7]).view(1, 1, 2, 2)
    expected = np.array([0, round(0.1 * 255), 128, 255]) / 255
    np.testing.assert_allclose(quantise(x).flatten(), expected, atol=1e-7)
    assert extract(pixels, x).dtype == torch.float64
    assert torch.equal(extract(pixels, x + 1e-4), extract(pixels, x))
    assert torch.equal(extract(pixels, torch.tensor([[3.25, -7.0]])), torch.tensor([[3.25, -7.0]]).double())


def test_parts_give_what_the_whole_gives():
    net, x = RandomConvolutions(Spec("image", (1, 8, 8))), pictures(11, 1, 8, 8)
    torch.testing.assert_close(extract(net, iter([x[:4], x[4:]]), batch=3), extract(net, x))


def test_names_and_fingerprints():
    assert name_of(pixels) == "pixels"
    assert name_of(torch.nn.Identity()) == "Identity"
    layer = torch.nn.Linear(2, 2)
    torch.nn.init.zeros_(layer.weight), torch.nn.init.zeros_(layer.bias)
    before = fingerprint(layer)
    layer.bias.data[0] = 1e-7
    assert fingerprint(layer) != before


def summed(x):
    return x.flatten(1).sum(1)


def test_what_cannot_be_an_extractor_s_input_is_refused():
    with pytest.raises(BadField, match=r"pictures from 4 pixels; these data are table \(5,\)"):
        RandomConvolutions(Spec("table", (5,)))
    with pytest.raises(BadField, match="width is 64"):
        RandomConvolutions(Spec("image", (1, 8, 8)), width=64)
    with pytest.raises(BadData, match=r"'summed' made \(2,\) of 2 items"):
        extract(summed, torch.zeros(2, 1, 4, 4))
    with pytest.raises(BadData, match="no items"):
        extract(pixels, torch.zeros(0, 1, 4, 4))
