"""CycleGAN: the published losses in four passes, the pool of fakes, and what is refused."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest
import torch
from safetensors.torch import load_file

import latentia as lt
from latentia.core import Batch, Noise, Now, Spec, Stage
from latentia.data.opening import open as open_data
from latentia.errors import BadData
from latentia.fields import from_json, to_json
from latentia.models._pictures import inward
from latentia.models._pool import Pool
from latentia.presets import load

SPEC = Spec("image", (3, 16, 16), 256, y=Spec("image", (3, 16, 16), 256), pairing="domains", sides=("horse", "zebra"))
PRESET = from_json(
    lt.CycleGAN, {name: value for name, value in load("cyclegan-zhu").items() if name in to_json(lt.CycleGAN())}
)
PUBLISHED = dataclasses.replace(PRESET, width=4, blocks=1, halvings=1, pool=0)


def built(recipe=PUBLISHED, spec=SPEC):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return recipe.build(spec)


def batch(count=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Batch(torch.rand(count, 3, 16, 16, generator=generator), torch.rand(count, 3, 16, 16, generator=generator))


def now(count=4, seen=0, rows=slice(None)):
    return Now(torch.tensor(seen), Stage(count), Noise(0, seen, rows, count))


def published(net, a, b):
    """The losses as they are published, six passes of generators and one of a critic for each picture."""
    to_a, to_b = net.generators
    critic_a, critic_b = net.critics

    def is_one(answers, target):
        return (answers - target).square().mean()

    fake_a, fake_b = to_a(b), to_b(a)
    game = is_one(critic_a(fake_a), 1) + is_one(critic_b(fake_b), 1)
    cycle = (to_a(fake_b) - a).abs().mean() + (to_b(fake_a) - b).abs().mean()
    identity = (to_a(a) - a).abs().mean() + (to_b(b) - b).abs().mean()
    critics = [
        0.5 * (is_one(critic(real), 1) + is_one(critic(fake.detach()), 0))
        for critic, real, fake in ((critic_a, a, fake_a), (critic_b, b, fake_b))
    ]
    return game + 10 * cycle + 0.5 * 10 * identity, critics[0] + critics[1]


def test_the_preset_has_the_published_losses_in_four_passes():
    net, both = built(), batch()
    generators, critics = published(net, inward(both.x, SPEC), inward(both.y, SPEC))
    calls = Counter()
    for index, generator in enumerate(net.generators):
        generator.register_forward_hook(lambda *_, index=index: calls.update([index]))
    updates = list(PUBLISHED.updates(net, both, now()))
    assert [update.group for update in updates] == ["generators", "critics"]
    assert calls == {0: 2, 1: 2}
    torch.testing.assert_close(updates[0].loss, generators)
    torch.testing.assert_close(updates[1].loss, critics)


def test_the_graph_of_the_generators_is_gone_when_the_critics_are_told_of():
    told = PUBLISHED.updates(built(), batch(), now())
    first = next(told)
    first.loss.backward()
    second = next(told)
    second.loss.backward()  # would fail if it reached back into the generators
    assert not any(each.requires_grad for each in second.logs.values() if each.grad_fn is None)


def test_without_identity_channels_may_differ_and_with_it_they_may_not():
    unlike = dataclasses.replace(SPEC, y=Spec("image", (1, 16, 16), 256))
    net = built(lt.CycleGAN(width=4, blocks=1, identity=0.0), unlike)
    assert net.translate(torch.rand(2, 3, 8, 8), "zebra").shape == (2, 1, 8, 8)
    with pytest.raises(BadData, match=r"the domains have 3 and 1 channels.*identity 0"):
        built(spec=unlike)


def test_each_way_has_its_own_generator_and_the_names_of_the_data():
    net, x = built(), torch.rand(2, 3, 8, 8)
    assert net.domains == ("horse", "zebra")
    torch.testing.assert_close(net.translate(x, "horse"), 0.5 + 0.5 * net.generators[0](2 * x - 1))
    torch.testing.assert_close(net.translate(x, "zebra"), 0.5 + 0.5 * net.generators[1](2 * x - 1))


def domains(sizes=(40, 60)):
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randint(0, 256, (n, 16, 16, 3), generator=generator, dtype=torch.uint8).numpy() for n in sizes)
    return open_data(a, b, pairing="domains")


def test_the_judge_looks_both_ways():
    recipe, data = dataclasses.replace(PUBLISHED, width=2), domains((100, 120))
    figures = recipe.judge(built(recipe, data.spec).eval(), data.validation)
    assert set(figures) == {"kid_a", "kid_b", "kid"}
    assert figures["kid"] == pytest.approx((figures["kid_a"] + figures["kid_b"]) / 2)


def test_the_pool_is_in_checkpoints_and_not_in_weights(tmp_path):
    recipe = dataclasses.replace(PUBLISHED, width=2, pool=6)
    lt.train(recipe, domains(), run=tmp_path / "run", images=16, batch=4, every=16)
    state = load_file(sorted((tmp_path / "run").glob("checkpoints/*/state.safetensors"))[-1])
    stored = state["memory|pools.0.stored"]
    assert stored.shape == (6, 3, 16, 16)
    assert all(float(each.abs().sum()) > 0 for each in stored)
    assert not any("pool" in name for name in load_file(tmp_path / "run" / "weights.safetensors"))


class Ramp(torch.nn.Conv2d):
    """Colours by a matrix, and a ramp over the picture, which does not move with it."""

    def __init__(self, slope):
        super().__init__(3, 3, 1)
        self.slope = slope

    def forward(self, x):
        return super().forward(x) + self.slope * torch.arange(x.shape[3]) / x.shape[3]


def test_what_moves_with_the_picture_costs_nothing_and_what_stays_does():
    recipe = dataclasses.replace(PUBLISHED, equivariance=10.0, identity=0.0)
    net, found, losses = built(), {}, {}
    for slope in (0.0, 0.5, 1.0):
        with torch.random.fork_rng():
            torch.manual_seed(2)
            net.generators = torch.nn.ModuleList(Ramp(slope) for _ in range(2))
        for weight in (10.0, 0.0):
            told = next(iter(dataclasses.replace(recipe, equivariance=weight).updates(net, batch(), now())))
            losses[slope, weight] = told.loss.item()
            found[slope] = told.logs["equivariance"].item() if weight else found[slope]
    assert found[0.0] == pytest.approx(0, abs=1e-6)
    assert found[1.0] == pytest.approx(2 * found[0.5], rel=1e-3)
    assert 0.005 < found[1.0] < 0.1  # the ramp is moved by a few hundredths of a side
    assert losses[1.0, 10.0] - losses[1.0, 0.0] == pytest.approx(10 * 2 * found[1.0] / net.unit, rel=1e-3)


# --- the pool --------------------------------------------------------------------------------------------------------


def fakes(step, count=4):
    """Every fake of a run has a value of its own."""
    return (1 + step * count + torch.arange(count, dtype=torch.float32)).view(-1, 1)


def shown(pool, steps, count=4):
    return [pool.swap(fakes(step, count), now(count, step * count)).flatten().tolist() for step in range(steps)]


def test_a_pool_fills_then_shows_older_fakes_half_of_the_time():
    pool = Pool(8, (1,)).train()
    seen = shown(pool, 200)
    assert seen[:2] == [[1, 2, 3, 4], [5, 6, 7, 8]]
    new = [step * 4 + 1 <= value for step, row in enumerate(seen) for value in row][8:]
    assert 0.4 < sum(new) / len(new) < 0.6
    everything = [value for row in seen for value in row]
    assert max(Counter(everything).values()) <= 2  # shown when it is new and stored, and once more when it is replaced
    assert set(pool.stored.flatten().tolist()) <= {float(value) for value in range(1, 801)}


def test_rows_of_a_batch_larger_than_the_pool_are_shown_themselves():
    pool = Pool(3, (1,)).train()
    for step, row in enumerate(shown(pool, 20, 8)):
        assert row[3:] == fakes(step, 8).flatten().tolist()[3:]
    assert Pool(0, (1,)).train().swap(fakes(0), now()) is not None
    assert torch.equal(Pool(0, (1,)).train().swap(fakes(0), now()), fakes(0))


def test_in_eval_mode_a_pool_shows_the_fakes_and_stores_nothing():
    pool = Pool(8, (1,)).eval()
    assert torch.equal(pool.swap(fakes(3), now()), fakes(3))
    assert not pool.stored.any()


def test_over_processes_each_row_sees_what_it_would_alone(monkeypatch):
    whole, parts = Pool(10, (1,)).train(), [Pool(10, (1,)).train() for _ in range(2)]
    rows = [slice(0, 2), slice(2, 4)]
    for step in range(40):
        seen = whole.swap(fakes(step), now(4, 4 * step))
        own = [pool.swap(fakes(step)[part], now(4, 4 * step, part)) for pool, part in zip(parts, rows, strict=True)]
        assert torch.equal(torch.cat(own), seen)
        if step in (3, 17, 39):
            merged(parts, monkeypatch)
            assert all(torch.equal(pool.stored, whole.stored) for pool in parts)


def merged(pools, monkeypatch):
    """Merge as two processes would: each needs the sums of both, so the first round only listens."""
    monkeypatch.setattr("latentia.models._pool.world", lambda: 2)
    heard = [[], []]
    for index, pool in enumerate(pools):
        kept = {name: tensor.clone() for name, tensor in (("stored", pool.stored), ("written", pool.written))}
        monkeypatch.setattr("latentia.models._pool.average", lambda x, index=index: heard[index].append(x.clone()) or x)
        pool.merge()
        for name, tensor in kept.items():
            getattr(pool, name).copy_(tensor)
    means = [(one + two) / 2 for one, two in zip(*heard, strict=True)]
    for pool in pools:
        answers = iter(means)
        monkeypatch.setattr("latentia.models._pool.average", lambda _, answers=answers: next(answers))
        pool.merge()
