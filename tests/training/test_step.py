"""Channels-last resume, averaging, and the meter."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from latentia.core import Batch, Group, Noise, Now, Recipe, Stage, Update
from latentia.training import checkpoint
from latentia.training.averaging import AveragedNet
from latentia.training.loop import validation
from latentia.training.machine import Machine
from latentia.training.step import Meter, optimizers_for, step


def conv():
    torch.manual_seed(0)
    return nn.Conv2d(3, 5, 3).to(memory_format=torch.channels_last)


def move(net, optimizer, steps):
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        x = torch.randn(4, 3, 8, 8, generator=generator).contiguous(memory_format=torch.channels_last)
        optimizer.zero_grad(set_to_none=True)
        net(x).square().mean().backward()
        optimizer.step()


def test_a_channels_last_net_resumes_bit_for_bit():
    nets = [conv(), conv()]
    optimizers = [optimizers_for({"net": Group(list(net.parameters()))}, torch.device("cpu")) for net in nets]
    move(nets[0], optimizers[0]["net"], 3)
    # as a file gives them back: contiguous
    plain = {name: value.contiguous() for name, value in checkpoint.moments(optimizers[0]).items()}
    checkpoint.copy_into(nets[1], {name: value.contiguous() for name, value in nets[0].state_dict().items()}, "here")
    checkpoint.set_moments(optimizers[1], plain)
    for net, optimizer in zip(nets, optimizers, strict=True):
        move(net, optimizer["net"], 2)
    assert torch.equal(nets[0].weight, nets[1].weight)
    assert nets[1].weight.is_contiguous(memory_format=torch.channels_last)


def test_averaged_weights_follow_the_half_life():
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    averaged = AveragedNet(net, half_life=100.0)
    nn.init.ones_(net.weight)
    averaged.update(seen=100_000, images=100)
    assert averaged.net.weight.item() == pytest.approx(0.5)
    averaged.update(seen=100_000, images=200)
    assert averaged.net.weight.item() == pytest.approx(1 - 0.5**3)


def test_early_averages_forget_faster():
    net = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(net.weight)
    averaged = AveragedNet(net, half_life=1e9)
    nn.init.ones_(net.weight)
    averaged.update(seen=1000, images=50)  # the half-life is 5 % of what was seen
    assert averaged.net.weight.item() == pytest.approx(0.5)


def test_the_meter_reads_means_and_the_first_break():
    meter = Meter()
    for seen, value in ((0, 1.0), (8, 3.0)):
        meter.add(seen, {"loss": torch.tensor(value)})
    assert meter.broken_at() is None
    assert meter.read() == {"loss": 2.0}
    for seen, value in ((16, 1.0), (24, float("nan")), (32, float("inf"))):
        meter.add(seen, {"other": torch.tensor(0.0), "loss": torch.tensor(value)})
    assert meter.broken_at() == (24, "loss")


def test_the_meter_keeps_logs_that_only_some_steps_have():
    """A lazy penalty is logged in every n-th step: it resets neither the means nor the first break."""
    meter = Meter()
    for seen, logs in ((0, {"loss": 1.0, "slope": 5.0}), (8, {"loss": 2.0}), (16, {"loss": 3.0, "slope": 7.0})):
        meter.add(seen, {name: torch.tensor(value) for name, value in logs.items()})
    assert meter.read() == {"loss": 2.0, "slope": 6.0}
    assert meter.peek() == {}
    meter.add(24, {"loss": torch.tensor(float("nan")), "slope": torch.tensor(0.0)})
    meter.add(32, {"loss": torch.tensor(0.0)})
    assert meter.broken_at() == (24, "loss")


class Twice(Recipe):
    """Moves one group twice in a step."""

    score = ("loss", "lower")

    def build(self, spec):
        return nn.Linear(1, 1)

    def groups(self, net):
        return {"net": Group(list(net.parameters()), rate=0.0)}

    def updates(self, net, batch, now):
        for level in (1.0, 3.0):
            error = batch.x.mean() + level + 0 * net(batch.x).sum()
            yield Update("net", error, {"error": error})


def test_the_logs_of_a_group_that_moves_twice_are_means():
    net, recipe = nn.Linear(1, 1), Twice()
    groups = recipe.groups(net)
    halves = [Batch(torch.zeros(2, 1)), Batch(torch.ones(2, 1))]
    nows = [Now(torch.tensor(0), Stage(4), Noise(0, 0, rows, 4)) for rows in (slice(0, 2), slice(2, 4))]
    logs = step(recipe, net, groups, optimizers_for(groups, torch.device("cpu")), halves, nows)
    assert {name: float(value) for name, value in logs.items()} == {"net": 2.5, "error": 2.5}

    class Source:
        def __len__(self):
            return 5

        def read(self, indices):
            return Batch(torch.zeros(len(indices), 1))

    assert validation(recipe, net, Source(), Stage(4), 4, 0, Machine(torch.device("cpu"), "float32")) == {"error": 2.0}


@pytest.mark.parametrize(("capturable", "device"), [(True, "meta"), (False, "cpu")])
def test_the_counts_of_steps_go_where_the_optimiser_reads_them(capturable, device):
    """A fused or capturable Adam on a GPU reads them there; the meta device stands for one. A file is on the CPU."""
    weight = nn.Parameter(torch.zeros(3, device="meta"))
    optimizer = torch.optim.Adam([weight], capturable=capturable)
    file = {"net/0/step": torch.tensor(5.0), "net/0/exp_avg": torch.ones(3), "net/0/exp_avg_sq": torch.ones(3)}
    checkpoint.set_moments({"net": optimizer}, file)
    assert optimizer.state[weight]["step"].device.type == device
    assert optimizer.state[weight]["exp_avg"].device.type == "meta"
