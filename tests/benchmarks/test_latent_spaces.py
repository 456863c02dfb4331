"""The benchmarks of latent spaces: the parts that can be checked by hand."""

from __future__ import annotations

import numpy as np
import torch
from benchmarks._codes import ALL, codes_at, factors_at, rows_of
from benchmarks._judges import items
from sklearn.linear_model import LogisticRegression

import latentia as lt
from benchmarks import balance, disentangle, disentangle_metrics, edit
from latentia import data
from latentia.core import Spec
from latentia.data.shapes import Shapes


def test_codes_are_those_of_the_encoder_beside_the_factors_of_the_same_pictures():
    rows, shapes = rows_of(600, seed=1), Shapes()
    assert len(rows.unique()) == 600
    net = lt.VAE(latent=2, hidden=(8,), body="mlp").build(Spec("image", (1, 64, 64), levels=2)).eval()
    codes, factors = codes_at(net, shapes, rows), factors_at(rows)
    with torch.no_grad():
        np.testing.assert_allclose(codes[550], net.encode(shapes.gather(rows[[550]]))[0], atol=1e-5)
    assert torch.equal(shapes.gather(rows[[550]]), shapes.gather(Shapes.index(np.insert(factors[[550]], 0, 0, axis=1))))
    assert torch.equal(rows_of(ALL), torch.arange(ALL))


def test_the_recipes_are_those_of_the_protocol():
    for recipe in disentangle.RECIPES.values():
        net = recipe.build(Spec("image", (1, 64, 64), levels=2))
        levels = [layer for layer in net.encoder.modules() if isinstance(layer, torch.nn.Conv2d)]
        assert [layer.out_channels for layer in levels][-1] == 64
        assert net.latent == 10


def test_oracles_must_fit():
    told = {name: {"mig": value} for name, value in (("perfect", 1.0), ("turned", 0.3), ("noise", 0.0))}
    assert disentangle_metrics.fits(told, "mig", 0.0)
    assert not disentangle_metrics.fits(told | {"noise": {"mig": 0.5}}, "mig", 0.0)
    assert not disentangle_metrics.fits(told | {"perfect": {"mig": 0.5}}, "mig", 0.0)


def test_the_mixture_hides_its_kind():
    x, digit = torch.arange(5000.0)[:, None], torch.arange(5000) % 10
    chosen, own = balance.mixed(x, digit, 1000, seed=0)
    assert torch.equal(digit[chosen[:, 0].long()], own)
    odd = own % 2 == 1
    assert int(odd.sum()) == 500
    assert int((own == balance.HIDDEN).sum()) == 25
    assert len(chosen.unique()) == 1000


def test_weights_reach_the_loss():
    x, label = torch.ones(64, 2), torch.arange(64) % 2
    for heavy in (0, 1):
        weight = torch.where(label == heavy, 1.9, 0.1)
        assert balance.share_right(balance.classifier(x, label, weight, 0), x, torch.full((64,), heavy)) == 1


class Linear(torch.nn.Module):
    """A classifier of digits by their pixels, and what a benchmark needs of a model."""

    def __init__(self, x, label):
        super().__init__()
        found = LogisticRegression(max_iter=200).fit(x.flatten(1).numpy(), label.numpy())
        self.weight, self.bias = (torch.as_tensor(each).float() for each in (found.coef_, found.intercept_))
        self.net = self.forward

    def forward(self, x):
        return x.flatten(1) @ self.weight.T + self.bias


def test_an_edit_gains_the_target_and_loses_the_item():
    opened = data.open("digits", labels=True)
    model = lt.train(lt.VAE(latent=6, hidden=(64,)), "digits", images=40_000, every=40_000, device="cpu", batch=256)
    told = edit.edited(model, Linear(*items(opened.train)), opened, (1, 7), 0)
    assert told["pair"] == "1 to 7"
    for way in edit.WAYS:
        found = told[way]
        assert found["target"][4] > found["target"][0] + 0.1  # amount 1
        assert found["identity"][0] == 0
        assert found["identity"] == sorted(found["identity"])
    assert told["discriminant"]["identity"][4] < told["means"]["identity"][4]
