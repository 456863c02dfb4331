import pytest
import torch
from torch import nn

from latentia.errors import BadField, CannotDo
from latentia.tasks.invert import Inverted, invert, residual_of
from latentia.tasks.sample import draw
from latentia.tasks.walk import blurred

from .nets import Autoencoder, normal


class Linear(nn.Module):
    """x = z W + b, whose inverse is a pseudoinverse; z is drawn around ``around``, ``wide``."""

    def __init__(self, latent=4, size=12, around=0.0, wide=1.0):
        super().__init__()
        self.latent, self.around, self.wide = latent, around, wide
        self.weight = nn.Parameter(normal(latent, size, seed=1))
        self.bias = nn.Parameter(normal(size, seed=2))

    def draw(self, noise):
        return (self.around + self.wide * noise.normal(self.latent)).to(self.bias)

    def decode(self, z):
        return z @ self.weight + self.bias


class Decoder(nn.Module):
    """A small net from 6 numbers to pictures of 8 x 8."""

    latent = 6

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.net = nn.Sequential(nn.Linear(6, 48), nn.Tanh(), nn.Dropout(0.5), nn.Linear(48, 64), nn.Sigmoid())
        with torch.no_grad():
            for weight in self.parameters():
                weight.copy_(torch.randn(weight.shape, generator=generator) * 0.4)

    def draw(self, noise):
        return noise.normal(self.latent)

    def decode(self, z):
        return self.net(z).reshape(-1, 1, 8, 8)


@pytest.mark.parametrize(("around", "wide"), [(0.0, 1.0), (20.0, 5.0)])
def test_a_linear_decoder_is_inverted_exactly(around, wide):
    net = Linear(around=around, wide=wide)
    z = around + wide * normal(3, 4)
    found = invert(net, net.decode(z).detach(), starts=2)
    expected = (net.decode(z).detach() - net.bias) @ torch.linalg.pinv(net.weight)
    torch.testing.assert_close(found.z.double(), expected.detach(), atol=1e-4 * wide, rtol=0)
    assert (found.z.shape, found.residual.shape, found.starts.shape) == ((3, 4), (3,), (3, 2))
    assert found.residual.max() < 1e-4 * wide


def test_what_a_net_cannot_make_is_left_as_residual():
    net = Linear()
    x = net.decode(normal(2, 4)).detach() + (away := 0.3 * normal(2, 12, seed=7))
    projector = net.weight.T @ torch.linalg.pinv(net.weight.T)
    left = (away - away @ projector.T).square().mean(1).sqrt()
    found = invert(net, x, starts=1)
    torch.testing.assert_close(found.residual.double(), left.detach(), atol=1e-4, rtol=0)
    assert residual_of(net, x, found.z) == str(found)


def test_latents_stay_where_the_prior_is():
    net = Linear()
    far = invert(net, net.decode(torch.full((1, 4), 40.0, dtype=torch.float64)).detach(), starts=2)
    assert far.z.norm() < 10
    assert far.residual > 1


def test_pictures_of_seeds_are_found_again_by_several_starts():
    net = Decoder().eval()
    z = draw(net, range(6))
    x = net.decode(z).detach()
    found = invert(net, x, starts=4)
    assert found.residual.max() < 0.02 * x.std()
    assert torch.equal(found.residual, found.starts.min(1).values)
    assert not torch.allclose(found.starts[:, 0], found.starts[:, 3])
    screened = invert(net, x, starts=1, steps=1)
    assert screened.residual.mean() > 20 * found.residual.mean()


def test_the_same_call_gives_the_same_bits_whatever_torch_drew_and_trains_nothing():
    net, x = Decoder(), torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    before = {name: weight.clone() for name, weight in net.state_dict().items()}
    state = torch.random.get_rng_state()
    one, two = (invert(net, x, starts=2, steps=20) for _ in range(2))
    assert torch.equal(one.z, two.z)
    assert torch.equal(one.starts, two.starts)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(weight.grad is None for weight in net.parameters())
    assert all(torch.equal(before[name], weight) for name, weight in net.state_dict().items())
    assert net.training, "as it was"
    assert not torch.equal(invert(net, x, starts=2, steps=20, seed=1).z, one.z)


def test_items_are_searched_each_on_its_own():
    net, x = Decoder(), torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    whole = invert(net, x, starts=3, steps=10)
    torch.testing.assert_close(invert(net, x, starts=3, steps=10, batch=3).z, whole.z, atol=1e-4, rtol=0)
    torch.testing.assert_close(invert(net, x[2:3], starts=3, steps=10).z, whole.z[2:3], atol=1e-4, rtol=0)


def test_a_feature_joins_the_loss():
    net, x = Decoder(), torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    plain, seen = invert(net, x, starts=2), invert(net, x, starts=2, features=blurred)

    def apart(found):
        return (blurred(net.eval().decode(found.z)) - blurred(x)).norm(dim=1).mean()

    assert apart(seen) < apart(plain)
    assert plain.residual.mean() < seen.residual.mean()


def test_progress_counts_every_step_of_every_batch():
    told = []
    invert(Decoder(), torch.rand(3, 1, 8, 8), starts=2, steps=4, batch=4, progress=lambda *each: told.append(each))
    assert told == [(step + 1, 8) for step in range(8)]


def test_nothing_to_invert():
    found = invert(Decoder(), torch.empty(0, 1, 8, 8))
    assert (found.z.shape, found.residual.shape, found.starts.shape) == ((0, 6), (0,), (0, 8))
    assert str(found) == "no items"
    told = str(Inverted(torch.zeros(3, 1), torch.tensor([0.1, 0.2, 0.4]), torch.zeros(3, 1)))
    assert told == "residual 0.2 (median), 0.4 (largest), root mean squared error per value"


def test_refusals():
    x = torch.rand(1, 1, 8, 8)
    with pytest.raises(CannotDo, match="finding latents by optimisation needs a model that draws latents"):
        invert(Autoencoder(), x)
    with pytest.raises(BadField, match="0 starts and 200 steps"):
        invert(Decoder(), x, starts=0)
    with pytest.raises(BadField, match="at least 1 step"):
        invert(Decoder(), x, steps=0)

    class Silent(Decoder):
        def decode(self, z):
            return super().decode(z).detach()

    with pytest.raises(CannotDo, match=r"Silent\.decode passes no gradients"):
        invert(Silent(), x)
