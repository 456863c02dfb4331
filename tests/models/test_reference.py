"""What recipes take from the data is read in parts, never all at once."""

from __future__ import annotations

import pytest
import torch

import latentia as lt
from latentia import data
from latentia.core import SeededNoise
from latentia.metrics.features import RandomConvolutions, extract
from latentia.metrics.kernel import kernel_distance
from latentia.models._reference import mean_item, reference


class Counting:
    """A split that remembers the largest number of items that were read at once."""

    def __init__(self, split):
        self.split, self.spec, self.most = split, split.spec, 0

    def __len__(self):
        return len(self.split)

    def take(self, seed, start, count, rows=slice(None)):
        self.most = max(self.most, count)
        return self.split.take(seed, start, count, rows)

    def read(self, indices):
        batch = self.split.read(indices)
        self.most = max(self.most, len(batch.x))
        return batch


@pytest.fixture
def source():
    pictures = torch.rand(700, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return Counting(data.open(pictures).train)


def test_the_parts_are_the_items_and_their_mean_the_mean(source):
    whole = source.split.take(0, 0, 400).x
    assert torch.equal(torch.cat([part.x for part in reference(source, 400)]), whole)
    torch.testing.assert_close(mean_item(source, 400), whole.mean(0))
    assert sum(len(part.x) for part in reference(source, 10**6)) == len(source)


@pytest.mark.parametrize(
    "recipe",
    [
        lt.VAE(latent=2, hidden=(4,), likelihood="gaussian-optimal"),
        lt.Autoencoder(latent=2, hidden=(4,)),
        lt.GAN(latent=2, hidden=(4,)),
    ],
    ids=lambda recipe: type(recipe).__name__,
)
def test_a_recipe_never_reads_many_items_at_once(recipe, source):
    net = recipe.build(source.spec).eval()
    recipe.prepare(net, source)
    recipe.settle(net, source)
    recipe.judge(net, source)
    assert source.most <= 250


def test_the_optimal_sigma_is_that_of_all_items(source):
    recipe = lt.VAE(latent=2, hidden=(4,), likelihood="gaussian-optimal")
    net = recipe.build(source.spec).eval()
    recipe.settle(net, source)
    with torch.no_grad():
        x = source.split.take(0, 0, len(source)).x
        error = (net.decode(net.encode(x)) - x).square().mean()
        deviation = net.observed.log_sigma.exp()
    torch.testing.assert_close(deviation.square().flatten()[0], error)


def test_the_distance_of_a_judgement_is_that_of_all_items(source):
    net = lt.GAN(latent=2, hidden=(4,)).build(source.spec).eval()
    found = lt.GAN(latent=2, hidden=(4,)).judge(net, source)["kid"]
    with torch.no_grad():
        made = net.decode(net.draw(SeededNoise(range(len(source)), "judge")))
    seen_by = RandomConvolutions(source.spec)
    whole = kernel_distance(extract(seen_by, made), extract(seen_by, source.split.read(slice(None)).x)).value
    assert found == pytest.approx(whole, rel=1e-4)
