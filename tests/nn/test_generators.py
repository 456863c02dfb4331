"""U-Net and ResNet: any size, locality with shared moments, no dead weights, outputs outside autocast."""

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentia.core import Noise, moments_of
from latentia.nn.resnet import ResNet
from latentia.nn.unet import UNet

NETS = {
    "unet": lambda: UNet(2, 3, 4, 3),
    "unet-published": lambda: UNet(2, 3, 4, 7, transposed=True),
    "resnet": lambda: ResNet(2, 3, 4, 1, dropout=0.5),
    "resnet-published": lambda: ResNet(2, 3, 4, 2, transposed=True, affine=False),
}


def built(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return NETS[name]()


@pytest.fixture(params=NETS)
def net(request):
    return built(request.param)


def numbers(*shape, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=dtype)


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(sorted(NETS)), st.integers(8, 40), st.integers(8, 40))
def test_the_output_has_the_size_of_the_input(name, height, width):
    net = built(name)
    made = net(numbers(2, 2, height, width))
    assert made.shape == (2, 3, height, width)
    assert float(made.detach().abs().max()) <= 1


def test_sides_that_are_multiples_are_not_padded(net):
    x = numbers(1, 2, 2 * net.multiple, max(16, net.multiple))
    widened = torch.cat([x, x[:, :, :, -1:]], 3)
    with torch.no_grad():
        assert net(x).shape == x[:, :1].expand(1, 3, -1, -1).shape
        assert not torch.allclose(net(widened)[..., :-1], net(x))


def test_no_weight_is_without_effect(net):
    """A bias before a norm has no effect, and would walk at random under Adam."""
    net = net.double()
    net(numbers(2, 2, 128, 128, dtype=torch.float64)).square().sum().backward()
    dead = [name for name, weight in net.named_parameters() if float(weight.grad.abs().max()) < 1e-9]
    assert not dead


def test_under_autocast_it_returns_float32_computed_outside(net):
    with torch.autocast("cpu", torch.bfloat16):
        made = net(numbers(1, 2, 128, 128))
    assert made.dtype == torch.float32
    assert not torch.equal(made, made.bfloat16().float())


@pytest.mark.parametrize("name", ["resnet", "resnet-published", "unet"])
def test_with_the_moments_of_the_whole_a_tile_is_what_the_whole_has_there(name):
    net, whole = built(name).double(), numbers(1, 2, 96, 160, dtype=torch.float64)
    kept = []

    def measure(features):
        kept.append(moments_of(features))
        return kept[-1]

    with torch.no_grad():
        expected = net(whole, moments=measure)
        again = iter(kept)
        tile = net(whole[..., 32:128], moments=lambda *_: next(again))
        plain = net(whole[..., 32:128])
    assert next(again, None) is None  # as many norms, in the same order
    middle = slice(40, 56)
    torch.testing.assert_close(tile[..., middle], expected[..., 32:128][..., middle])
    assert not torch.allclose(plain[..., middle], tile[..., middle], atol=1e-3)


@pytest.mark.parametrize("name", ["unet", "resnet"])
def test_noise_makes_variants_and_without_it_there_are_none(name):
    net, x = built(name), numbers(2, 2, 16, 16)
    with torch.no_grad():
        one, two, again = (net(x, Noise(seed, 0, slice(None), 2)) for seed in (0, 1, 0))
        assert torch.equal(net(x), net(x))
    assert torch.equal(one, again)
    assert not torch.allclose(one, two, atol=1e-4)


def test_published_sizes():
    """54.4 million weights in the U-Net of Isola et al., 11.4 million in the ResNet of Zhu et al., as theirs count."""
    counts = [
        sum(weight.numel() for weight in net.parameters())
        for net in (UNet(3, 3, 64, 8, transposed=True), ResNet(3, 3, 64, 9, transposed=True, affine=False))
    ]
    assert counts == pytest.approx([54.414e6, 11.378e6], rel=2e-3)


def test_a_unet_hands_every_level_across():
    net, x = built("unet").double(), numbers(1, 2, 32, 32, dtype=torch.float64)
    with torch.no_grad():
        whole = net(x)
        for first, second in itertools.pairwise([*net.down, None]):
            kept, first.weight.data = first.weight.data, torch.zeros_like(first.weight)
            assert not torch.allclose(net(x), whole), second
            first.weight.data = kept


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 3), (1, 3), (3, 1)])
@pytest.mark.parametrize("make", [lambda *c: ResNet(*c, 4, 1, residual=True), lambda *c: UNet(*c, 4, 3, residual=True)])
def test_a_residual_net_begins_by_leaving_pictures_as_they_are(make, inputs, outputs):
    net, x = make(inputs, outputs), numbers(2, inputs, 17, 30).clamp(-1, 1)
    same = x if inputs == outputs else x.mean(1, keepdim=True).expand(-1, outputs, -1, -1)
    torch.testing.assert_close(net(x), same)
    net(x).square().sum().backward()
    with torch.no_grad():
        for weight in net.parameters():
            weight -= 0.2 * weight.grad.sign()  # a step
    assert float((net(x) - same).detach().abs().max()) > 0.1
    assert float(net(x).detach().abs().max()) > 1  # in training gradients pass where the range ends
    assert float(net.eval()(x).detach().abs().max()) <= 1
