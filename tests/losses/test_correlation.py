"""The parts of the KL against sums over a whole small data set, and what makes latents independent."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence

from latentia.core import Noise
from latentia.distributions.normal import Normal
from latentia.losses.correlation import aggregate, blocks_of, covariance, independent, off_independence, parts_of_kl
from latentia.losses.divergence import off_capacity

NOISE = Noise(0, 0, slice(None), 12, dtype=torch.float64)
POSTERIOR = Normal(NOISE.normal(3), 0.3 * NOISE.normal(3) - 1)
PRIOR = Normal(torch.zeros(1, 3, dtype=torch.float64), torch.zeros(1, 3, dtype=torch.float64))


def parts(z, rows=slice(None), items=12, stratified=True):
    q = Normal(POSTERIOR.mean[rows], POSTERIOR.log_scale[rows])
    found = aggregate(q.terms(z[rows].unsqueeze(1)), torch.tensor(items), stratified)
    return parts_of_kl(q.log_prob(z[rows]), PRIOR.log_prob(z[rows]), found)


def mixture(z, dimensions):
    """The log density of the aggregate over all 12 items, some dimensions of it."""
    each = POSTERIOR.terms(z.unsqueeze(1))[..., dimensions].sum(-1)
    return torch.logsumexp(each, 1) - math.log(12)


def test_over_a_whole_data_set_stratified_parts_are_exact():
    z = POSTERIOR.sample(NOISE)
    joint, apart = mixture(z, [0, 1, 2]), sum(mixture(z, [j]) for j in range(3))
    found = parts(z)
    torch.testing.assert_close(found.information, POSTERIOR.log_prob(z) - joint)
    torch.testing.assert_close(found.total_correlation, joint - apart)
    torch.testing.assert_close(found.dimension_wise, apart - PRIOR.log_prob(z))


@pytest.mark.parametrize("stratified", [True, False])
def test_the_three_parts_sum_to_the_kl(stratified):
    draws = torch.stack([sum(parts(POSTERIOR.sample(NOISE), stratified=stratified)) for _ in range(4000)])
    torch.testing.assert_close(draws.mean(0), POSTERIOR.kl_to_standard_normal().sum(-1), atol=0.12, rtol=0.02)


def test_a_stratified_estimate_of_a_block_is_right_on_average():
    """q(z) at a draw of row 0, over blocks that hold row 0 and others at random; the weighted one is far too low."""
    z = POSTERIOR.sample(NOISE)
    generator = torch.Generator().manual_seed(0)
    held = {True: [], False: []}
    for _ in range(3000):
        rows = torch.cat([torch.tensor([0]), 1 + torch.randperm(11, generator=generator)[:3]])
        q = Normal(POSTERIOR.mean[rows], POSTERIOR.log_scale[rows])
        terms = q.terms(z[rows].unsqueeze(1))
        for stratified, found in held.items():
            found.append(aggregate(terms, torch.tensor(12), stratified).joint[0].exp())
    truth = mixture(z, [0, 1, 2])[0].exp()
    torch.testing.assert_close(torch.stack(held[True]).mean(), truth, rtol=0.03, atol=0)
    assert torch.stack(held[False]).mean() < 0.6 * truth


def test_weighted_is_equation_s2():
    z = POSTERIOR.sample(NOISE)
    found = aggregate(POSTERIOR.terms(z.unsqueeze(1)), torch.tensor(500), stratified=False)
    expected = torch.stack([POSTERIOR.log_prob(each.expand(12, 3)) for each in z]).logsumexp(1) - math.log(500 * 12)
    torch.testing.assert_close(found.joint, expected)


def test_independent_latents_have_no_total_correlation():
    """Posteriors narrow around draws of N(0, I), the whole data set in a block: the estimate is 0 but for chance."""
    generator = torch.Generator().manual_seed(1)
    mean = torch.randn(1000, 2, generator=generator, dtype=torch.float64)
    tied = torch.stack([mean[:, 0], 0.8 * mean[:, 0] + 0.6 * mean[:, 1]], 1)
    told = []
    for each in (mean, tied):
        q = Normal(each, torch.full_like(each, -1.0))
        z = q.mean + q.standard_deviation * torch.randn(1000, 2, generator=generator, dtype=torch.float64)
        found = aggregate(q.terms(z.unsqueeze(1)), torch.tensor(1000))
        told.append((found.joint - found.each.sum(-1)).mean())
    noisy = torch.tensor([[1.0, 0.8], [0.8, 1.0]]) + math.exp(-2) * torch.eye(2)
    alone = torch.diag(noisy.diagonal())
    expected = kl_divergence(MultivariateNormal(torch.zeros(2), noisy), MultivariateNormal(torch.zeros(2), alone))
    assert abs(told[0]) < 0.03
    assert told[1] == pytest.approx(float(expected), abs=0.06)


@pytest.mark.parametrize(("rows", "block"), [(64, 16), (50, 16), (5, 16), (8, 8), (1, 4)])
def test_blocks_cover_all_rows_and_are_never_smaller(rows, block):
    slices = blocks_of(rows, block)
    assert [row for each in slices for row in range(rows)[each]] == list(range(rows))
    assert min(len(range(rows)[each]) for each in slices) >= min(rows, block)


def test_independent_takes_every_latent_from_another_row_of_the_block():
    z = torch.arange(40.0)[:, None] + torch.arange(4) / 10
    moved = independent(z, 10)
    for column in range(4):
        torch.testing.assert_close(moved[:, column].sort().values, z[:, column])  # a permutation of each latent
    source = moved.floor()
    assert (source // 10 == (torch.arange(40) // 10)[:, None]).all()  # inside the block
    assert all(len(set(row.tolist())) == 4 for row in source)  # no two latents of one row
    torch.testing.assert_close(independent(z[:20], 10), moved[:20])  # whatever stands beside it


def test_covariance_is_torch_s_and_its_distance_counts_each_entry():
    mean = NOISE.normal(3)
    matrix = covariance(mean)
    torch.testing.assert_close(matrix, torch.cov(mean.T, correction=0))
    off, on = off_independence(matrix)
    by_hand = sum(matrix[i, j] ** 2 for i in range(3) for j in range(3) if i != j)
    torch.testing.assert_close(off, by_hand)
    torch.testing.assert_close(on, ((matrix.diagonal() - 1) ** 2).sum())


def test_capacity_takes_the_mean_over_the_batch_first():
    kl = torch.tensor([1.0, 5.0], requires_grad=True)
    assert off_capacity(kl, 4.0) == 1  # the mean of the two distances would be 2
    off_capacity(kl, 4.0).backward()
    assert kl.grad.tolist() == [-0.5, -0.5]
