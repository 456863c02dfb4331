"""The game of a critic against a generator."""

from __future__ import annotations

import torch

from latentia.core import Batch, Noise, Now, Spec
from latentia.models.gan import GAN


def test_a_batch_of_fewer_items_than_critic_updates_has_finite_logs():
    """The last held-out items of a validation may be fewer than the updates of the critic."""
    recipe = GAN(latent=2, hidden=(4,), critics=5)
    net = recipe.build(Spec("table", (3,))).eval()
    now = Now(torch.tensor(0), recipe.stage(0), Noise(0, 0, slice(None), 2))
    told = list(recipe.updates(net, Batch(torch.rand(2, 3)), now))
    assert [update.group for update in told] == ["critic", "critic", "generator"]
    assert all(value.isfinite() for update in told for value in (update.loss, *update.logs.values()))
