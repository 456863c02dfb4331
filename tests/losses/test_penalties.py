"""Slopes of critics whose slopes are known."""

from __future__ import annotations

import pytest
import torch

from latentia.losses.penalties import slope_off_one, squared_slope


def test_the_slope_of_a_line_is_its_weight():
    weight = torch.tensor([[3.0, -4.0]], dtype=torch.float64)
    x = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    torch.testing.assert_close(squared_slope((x @ weight.T).squeeze(1), x), torch.full((6,), 25.0).double())
    torch.testing.assert_close(slope_off_one((x @ weight.T).squeeze(1), x), torch.full((6,), 16.0).double())


def test_the_slope_of_a_bowl_differs_by_row():
    x = torch.randn(5, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    bowl = 0.5 * x.square().flatten(1).sum(1)
    torch.testing.assert_close(squared_slope(bowl, x), x.detach().square().flatten(1).sum(1))


def test_the_penalty_reaches_the_weights():
    weight = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    x = torch.ones(3, 1, dtype=torch.float64, requires_grad=True)
    penalty = squared_slope((weight * x.square()).squeeze(1), x).mean()
    (slope,) = torch.autograd.grad(penalty, weight)
    assert slope.item() == pytest.approx(2 * weight.item() * 4)  # d/dw (2 w x)^2 = 8 w x^2


def test_a_flat_critic_has_a_finite_gradient():
    weight = torch.zeros(1, requires_grad=True)
    x = torch.ones(3, 1, requires_grad=True)
    (slope,) = torch.autograd.grad(slope_off_one((weight * x).squeeze(1), x).mean(), weight)
    assert slope.isfinite().all()


def test_squares_are_summed_in_float32():
    x = torch.full((1, 4096), 0.1, dtype=torch.bfloat16, requires_grad=True)
    slope = squared_slope((x * 0.3).sum(1), x)
    assert slope.dtype == torch.float32
    assert slope.item() == pytest.approx(4096 * float(torch.tensor(0.3).bfloat16()) ** 2, rel=1e-3)
