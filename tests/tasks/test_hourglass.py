import torch
from torch import nn

from latentia.core import Spec
from latentia.tasks.hourglass import Row, hourglass

from .nets import Autoencoder, LinearGaussian, Pictures


def test_rows_go_from_x_through_z_to_x_hat():
    net = Autoencoder(size=6, latent=3)
    assert hourglass(net, Spec("table", (6,))) == [
        Row("x", (6,), 0),
        Row("down Linear", (3,), 18),
        Row("z", (3,), 0),
        Row("x-hat", (6,), 0),
    ]


def test_a_net_without_encoder_begins_at_z_and_shows_one_item():
    rows = hourglass(Pictures(), Spec("image", (1, 8, 8)))
    assert [row.name for row in rows][:2] == ["z", "open Linear"]
    assert rows[-1] == Row("x-hat", (1, 8, 8), 0)
    assert all(len(row.shape) in (1, 3) for row in rows)


def test_rows_add_up_to_all_weights():
    class Shared(nn.Module):
        latent = 4

        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)
            self.scale = nn.Parameter(torch.ones(3))

        def encode(self, x):
            return self.layer(self.layer(x))

        def decode(self, z):
            return self.layer(z) * self.scale.sum()

    for net, spec in ((Shared(), Spec("table", (4,))), (LinearGaussian(), Spec("table", (6,)))):
        rows = hourglass(net, spec)
        assert sum(row.parameters for row in rows) == sum(weight.numel() for weight in net.parameters())
    assert [row.parameters for row in hourglass(Shared(), Spec("table", (4,)))] == [0, 20, 0, 0, 0, 0, 3]


def test_no_hook_stays_and_the_mode_is_left_as_it_was():
    net = Pictures().train()
    hourglass(net, Spec("image", (1, 8, 8)))
    assert not any(layer._forward_hooks for layer in net.modules())
    assert net.training
    assert net.norm.num_batches_tracked == 0
