"""What every recipe promises, on tiny random data."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json

import pytest
import torch
from tests.contract.cases import CASES
from torch.utils._python_dispatch import TorchDispatchMode

from latentia import models
from latentia.core import (
    Encodes,
    HasCritic,
    HasDensity,
    Noise,
    Now,
    Recipe,
    Reconstructs,
    Samples,
    Stage,
    Training,
    Translates,
)
from latentia.errors import BadData, BadField
from latentia.fields import fields_of, from_json, to_json
from latentia.training.step import optimizers_for, step

MIXES_EXAMPLES = {
    "vae-optimal": "sigma is a function of the batch's mean: global over processes, not over parts of a batch",
    "vae-gated": "free bits are a function of the batch's mean: global over processes, not over parts of a batch",
    "vae-capacity": "the distance to the capacity is a function of the batch's mean, as free bits are",
    "dipvae": "a covariance is a function of the batch's means, as free bits are",
    "dipvae-i": "a covariance is a function of the batch's means, as free bits are",
    "vae-columns-robust": "the rows that are left out are those of a part of a batch",
    "gan-spectral": "each pass of the critic is one more power iteration, and parts make more passes",
    "gan-wasserstein": "the rows of the second critic step are every second row of a part, not of the batch",
}


def built(case, dtype=torch.float32):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        net = case.recipe.build(case.spec).to(dtype)
    case.recipe.prepare(net, case.data().train)
    return net


def now(count=16, seen=0, dtype=torch.float32):
    return Now(torch.tensor(seen), Stage(count), Noise(0, seen, slice(None), count, dtype=dtype))


def one_step(case, net, batch=None, at=None, optimizers=None):
    groups = case.recipe.groups(net)
    optimizers = optimizers or optimizers_for(groups, torch.device("cpu"))
    return step(case.recipe, net, groups, optimizers, [batch or case.batch()], [at or now()])


def test_every_model_of_the_package_has_a_case():
    assert {models.name_of(case.recipe) for case in CASES} == set(models.names())


def test_losses_are_finite_and_the_score_gets_better_when_a_batch_is_learnt(case):
    net = built(case)
    groups = case.recipe.groups(net)
    optimizers = optimizers_for(groups, torch.device("cpu"))
    name, better = case.recipe.score
    scores = []
    for _ in range(60):
        logs = step(case.recipe, net, groups, optimizers, [case.batch()], [now(seen=10_000)])
        assert all(value.isfinite() for value in logs.values())
        scores.append(float(logs.get(name, 0.0)))
    if name in logs:  # a game is not won by a batch
        assert scores[-1] > scores[0] if better == "higher" else scores[-1] < scores[0]


def test_groups_are_disjoint_and_complete(case):
    net = built(case)
    held = [weight for group in case.recipe.groups(net).values() for weight in group.weights]
    assert len({id(weight) for weight in held}) == len(held)
    assert {id(weight) for weight in held} == {id(weight) for weight in net.parameters()}


def test_each_update_moves_its_own_group_and_no_other(case):
    net = built(case)
    groups = case.recipe.groups(net)
    optimizers = optimizers_for(groups, torch.device("cpu"))
    told = case.recipe.updates(net, case.batch(), now())
    before = copy.deepcopy(net.state_dict())
    names = {id(weight): name for name, weight in net.named_parameters()}
    for update in told:
        optimizers[update.group].zero_grad(set_to_none=True)
        update.loss.backward(inputs=list(groups[update.group].weights))
        optimizers[update.group].step()
        after = net.state_dict()
        moved = {name for name in names.values() if not torch.equal(before[name], after[name])}
        own = {names[id(weight)] for weight in groups[update.group].weights}
        assert moved
        assert moved <= own
        before = copy.deepcopy(after)


def test_every_weight_moves(case):
    net = built(case)
    before = {name: weight.clone() for name, weight in net.named_parameters()}
    groups = case.recipe.groups(net)
    optimizers = optimizers_for(groups, torch.device("cpu"))
    recipe = case.recipe.fitted(case.spec)
    for seen in (0, 20, 100, 116):  # a layer behind a zero bias may need a second step, another a later stage
        at = now(seen=seen)._replace(stage=dataclasses.replace(recipe.stage(seen), batch=16))
        step(recipe, net, groups, optimizers, [case.batch()], [at])
    still = [name for name, weight in net.named_parameters() if torch.equal(before[name], weight)]
    assert not still


def test_randomness_comes_from_the_noise_alone(case):
    net, before = built(case), torch.get_rng_state()
    first = one_step(case, copy.deepcopy(net))
    torch.rand(3)
    second = one_step(case, copy.deepcopy(net))
    assert {name: float(value) for name, value in first.items()} == {name: float(v) for name, v in second.items()}
    torch.set_rng_state(before)
    one_step(case, copy.deepcopy(net))
    assert torch.equal(torch.get_rng_state(), before)


class RefuseHostReads(TorchDispatchMode):
    """A captured step cannot wait for the device: no reading of a number, no shape that depends on values."""

    FORBIDDEN = ("_local_scalar_dense", "nonzero", "masked_select", "_unique2", "equal")

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.name().split("::")[1].split(".")[0]
        if name in self.FORBIDDEN:
            raise AssertionError(f"a step read the host: {func.name()}")
        return func(*args, **(kwargs or {}))


def test_a_step_reads_nothing_from_the_device(case):
    net, at, batch = built(case), now(), case.batch()
    optimizers = optimizers_for(case.recipe.groups(net), torch.device("cpu"))
    with RefuseHostReads():
        one_step(case, net, batch, at, optimizers)


def test_the_refusal_of_host_reads_can_fail():
    with pytest.raises(AssertionError, match="read the host"), RefuseHostReads():
        int(torch.ones(()))


def test_micro_batches_equal_the_whole_batch(case):
    whole, parts = built(case, torch.float64), built(case, torch.float64)
    batch = case.batch()
    batch = batch.to(torch.device("cpu"), torch.float64)
    one_step(case, whole, batch, now(dtype=torch.float64))
    groups = case.recipe.groups(parts)
    rows = [slice(0, 8), slice(8, 16)]
    nows = [Now(torch.tensor(0), Stage(16), Noise(0, 0, each, 16, dtype=torch.float64)) for each in rows]
    batches = [batch._replace(**{name: slot[each] for name, slot in batch.slots()}) for each in rows]
    step(case.recipe, parts, groups, optimizers_for(groups, torch.device("cpu")), batches, nows)
    if case.name in MIXES_EXAMPLES:
        pytest.skip(MIXES_EXAMPLES[case.name])
    for name, weight in whole.state_dict().items():
        torch.testing.assert_close(parts.state_dict()[name], weight, rtol=1e-9, atol=1e-9)


def test_validation_changes_nothing(case):
    net = built(case).eval()
    before = copy.deepcopy(net.state_dict())
    logs = [update.logs for update in case.recipe.updates(net, case.batch(), now())]
    figures = case.recipe.judge(net, case.data().validation)
    assert case.recipe.score[0] in {name for each in [*logs, figures] for name in each}
    for name, value in net.state_dict().items():
        assert torch.equal(before[name], value)


def test_capabilities_are_what_the_net_has(case):
    net = built(case)
    has = {
        each for each in (Samples, Encodes, Reconstructs, HasDensity, Translates, HasCritic) if isinstance(net, each)
    }
    assert has == case.recipe.capabilities


def test_nets_return_float32_under_autocast(case):
    net = built(case)
    with torch.autocast("cpu", torch.bfloat16):
        if Encodes in case.recipe.capabilities:
            assert net.encode(case.batch().x).dtype == torch.float32
        for update in case.recipe.updates(net, case.batch(), now()):
            assert update.loss.dtype == torch.float32
        if Samples in case.recipe.capabilities:
            assert net.decode(torch.zeros(4, net.latent)).dtype == torch.float32
        for to in net.domains if Translates in case.recipe.capabilities else ():
            assert net.translate(case.sides()[to], to).dtype == torch.float32


def test_shapes_and_range(case):
    net = built(case).eval()
    x = case.batch().x
    if Translates in case.recipe.capabilities:
        translates_any_size(case, net.requires_grad_(False))
        return
    z = net.encode(x) if Encodes in case.recipe.capabilities else net.draw(now().noise)
    assert z.shape == (16, net.latent)
    back = net.decode(z)
    assert back.shape == x.shape
    if case.spec.kind == "image":
        assert float(back.detach().min()) >= -1e-6 or "gaussian" in getattr(case.recipe, "likelihood", "")


def translates_any_size(case, net):
    """A translation has the size of its picture and the channels of its domain, and depends on nothing else."""
    for to, channels in zip(net.domains, (case.spec.shape[0], case.spec.y.shape[0]), strict=False):
        x = case.sides()[to][:3, :, :9, :13]
        made = net.translate(x, to)
        assert made.shape == (3, channels, 9, 13)
        assert float(made.min()) >= 0
        assert float(made.max()) <= 1
        torch.testing.assert_close(net.translate(x[1:2], to), made[1:2])
        assert net.given(to).shape[0] == x.shape[1]
        draws = [net.translate(x, to, Noise(seed, 0, slice(None), 3)) for seed in (0, 0, 1)]
        assert torch.equal(draws[0], draws[1])
        assert torch.equal(draws[0], draws[2]) != net.variants
    with pytest.raises(BadData, match="no domain 'nowhere' to translate to"):
        net.translate(x, "nowhere")


def test_fields_survive_json(case):
    text = json.dumps(to_json(case.recipe))
    assert from_json(type(case.recipe), json.loads(text)) == case.recipe


@pytest.mark.parametrize("name", models.names())
def test_fields_have_help_and_free_names(name):
    recipe = models.load(name)
    reserved = {field.name for field in fields_of(Training)}
    for field in fields_of(recipe):
        assert field.help, field.name
        assert field.name not in reserved
    assert inspect.getdoc(recipe) not in (None, inspect.getdoc(Recipe))
    assert dataclasses.is_dataclass(recipe)


@pytest.mark.parametrize("name", models.names())
def test_a_field_that_a_recipe_has_not_names_the_near_one(name):
    recipe = models.load(name)
    with pytest.raises(BadField, match=rf"{recipe.__name__} has no field 'rrate'; did you mean 'rate'"):
        recipe(rrate=1.0)


@pytest.mark.parametrize("name", models.names())
def test_a_recipe_has_no_fit_and_says_where_it_is(name):
    with pytest.raises(TypeError, match=r"latentia.train\(.*latentia.estimators"):
        models.load(name)().fit(None)
