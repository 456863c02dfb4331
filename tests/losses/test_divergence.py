"""Divergences against torch.distributions, and free bits by hand."""

import torch
from torch import distributions as reference

from latentia.core import Noise
from latentia.losses.divergence import free_bits, kl_bernoulli, kl_normal
from latentia.losses.reconstruction import absolute_error, squared_error

NOISE = Noise(0, 0, slice(None), 9, dtype=torch.float64)


def test_kl_of_normals_equals_the_reference():
    mean, log_scale, other_mean, other_log_scale = (NOISE.normal(4) for _ in range(4))
    expected = reference.kl_divergence(
        reference.Normal(mean, log_scale.exp()), reference.Normal(other_mean, other_log_scale.exp())
    )
    torch.testing.assert_close(kl_normal(mean, log_scale, other_mean, other_log_scale), expected)
    assert kl_normal(mean, log_scale, mean, log_scale).abs().max() == 0


def test_kl_of_bernoullis_equals_the_reference():
    logits, other = 3 * NOISE.normal(4), 3 * NOISE.normal(4)
    expected = reference.kl_divergence(reference.Bernoulli(logits=logits), reference.Bernoulli(logits=other))
    torch.testing.assert_close(kl_bernoulli(logits, other), expected, atol=1e-8, rtol=1e-6)


def test_free_bits_take_the_mean_over_the_batch_first():
    kl = torch.tensor([[0.0, 3.0, 0.1], [1.0, 1.0, 0.2]], requires_grad=True)
    value = free_bits(kl, 0.5)
    torch.testing.assert_close(value, torch.tensor(0.5 + 2.0 + 0.5))
    value.backward()
    assert kl.grad[:, 1].tolist() == [0.5, 0.5]
    assert kl.grad[:, 2].tolist() == [0.0, 0.0]
    torch.testing.assert_close(free_bits(kl, 0.0), kl.mean(0).sum())
    torch.testing.assert_close(free_bits(kl, torch.tensor(0.5)), value)


def test_errors_are_sums_over_entries():
    x, y = torch.ones(2, 1, 2, 3), torch.zeros(2, 1, 2, 3)
    y[1] = 3
    assert squared_error(x, y).tolist() == [6, 24]
    assert absolute_error(x, y).tolist() == [6, 12]
