"""Progressive GAN: what its phases compute and move, that it resumes in the middle of a fade, what it refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import latentia as lt
from latentia.core import Batch, Noise, Now, Spec
from latentia.data.opening import open as open_data
from latentia.errors import BadField
from latentia.fields import from_json, to_json
from latentia.training.run import Run
from latentia.training.step import optimizers_for, step

SPEC = Spec("image", (1, 16, 16), levels=256)
RECIPE = lt.ProGAN(latent=3, hidden=(8, 6, 4), stabilise=32, fade=64, batches=(16, 8), group=4).fitted(SPEC)
SETTINGS = {"every": 40, "average": 100.0, "precision": "float32"}


@pytest.fixture(scope="module")
def data():
    items = np.random.default_rng(0).integers(0, 256, (60, 16, 16, 1), dtype=np.uint8)
    return open_data(items)


def built(recipe=RECIPE, spec=SPEC):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return recipe.build(spec)


def at(recipe, seen, rows=16, batch=16):
    stage = dataclasses.replace(recipe.stage(seen), batch=batch)
    return Now(torch.tensor(seen), stage, Noise(0, seen, slice(0, rows), batch))


def items(count=16):
    return Batch(torch.rand(count, 1, 16, 16, generator=torch.Generator().manual_seed(2)))


def one_step(recipe, net, seen):
    groups = recipe.groups(net)
    step(recipe, net, groups, optimizers_for(groups, torch.device("cpu")), [items()], [at(recipe, seen)])


def flops(recipe, seen):
    net = built(recipe)
    with FlopCounterMode(display=False) as counted:
        one_step(recipe, net, seen)
    return counted.get_total_flops()


def test_stages_count_images():
    # level 1 is added at 32 and whole at 96, level 2 is added at 128 and whole at 192
    stages = [RECIPE.stage(seen) for seen in (0, 31, 32, 95, 96, 127, 128, 191, 192, 10**8)]
    assert [each.level for each in stages] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert [each.moments for each in stages] == [0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    assert [each.batch for each in stages] == [16, 16] + [8] * 8
    assert from_json(lt.ProGAN, to_json(RECIPE)) == RECIPE


def test_the_default_budget_finishes_growing():
    for side in (8, 28, 32, 64, 128, 256):
        recipe = lt.ProGAN().fitted(Spec("image", (3, side, side)))
        assert recipe.stage(recipe.images - 1).level == 2 * recipe.levels


def test_a_step_computes_its_level_alone_and_a_fixed_net_all():
    grown = dataclasses.replace(RECIPE, r1=0.0, r2=0.0)  # the counter cannot follow a slope's own backward pass
    fixed = dataclasses.replace(grown, growing=False)
    first, second, last = (flops(grown, seen) for seen in (0, 96, 192))
    assert first < 0.4 * second < 0.4 * 0.5 * last
    assert second < flops(grown, 64) < 1.02 * second  # a fade has one more layer to a picture and from one
    assert last < flops(grown, 160) < 1.02 * last
    assert {flops(fixed, seen) for seen in (0, 500)} == {last}


def test_weights_out_of_reach_have_no_gradient_and_no_moments():
    net = built()
    groups = RECIPE.groups(net)
    optimizers = optimizers_for(groups, torch.device("cpu"))
    step(RECIPE, net, groups, optimizers, [items()], [at(RECIPE, 40)])
    for body, optimizer in ((net.generator.body, "generator"), (net.critic.body, "critic")):
        above = [*body.blocks[1].parameters(), *body.pictures[2].parameters()]
        assert all(weight.grad is None and weight not in optimizers[optimizer].state for weight in above)
        assert all(weight.grad is not None for weight in body.blocks[0].parameters())


def test_decode_shows_the_level_that_was_trained():
    net = built()
    z = net.draw(Noise(0, 0, slice(None), 4))
    for seen, repeats in ((0, 4), (100, 2)):
        one_step(RECIPE, net, seen)
        shown = net.eval().decode(z)
        net.train()
        assert shown.shape == (4, 1, 16, 16)
        corner = shown[:, :, ::repeats, ::repeats]
        assert torch.equal(shown, corner.repeat_interleave(repeats, 2).repeat_interleave(repeats, 3))
        assert not torch.equal(shown[..., repeats - 1], shown[..., repeats])
    one_step(RECIPE, net, 160)  # halfway into the last level
    raw = net.generator(z, None, 3, torch.tensor(0.5))
    torch.testing.assert_close(net.decode(z), (0.5 + 0.5 * raw).clamp(0, 1))


def test_validation_does_not_count_as_training():
    net = built().eval()
    list(RECIPE.updates(net, items(), at(RECIPE, 100)))
    assert int(net.seen) == 0


def test_a_run_stopped_in_the_middle_of_a_fade_resumes_byte_for_byte(data, tmp_path):
    for run, budgets in (("whole", (240,)), ("parts", (64, 160, 240))):  # both stops are halfway into a fade
        for images in budgets:
            model = lt.train(RECIPE, data, images=images, run=tmp_path / run, **SETTINGS)
    names = ("weights.safetensors", "weights-last.safetensors")
    newest = [sorted((tmp_path / run).glob("checkpoints/*/state.safetensors"))[-1] for run in ("whole", "parts")]
    assert newest[0].read_bytes() == newest[1].read_bytes()
    assert all((tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes() for name in names)
    assert int(model.net.seen) > 0
    assert Run.open(tmp_path / "whole").facts["recipe"]["levels"] == 2


def test_levels_follow_the_data_and_are_kept_in_the_run(data, tmp_path):
    recipe = dataclasses.replace(RECIPE, levels=None)
    lt.train(recipe, data, images=32, run=tmp_path / "run", **SETTINGS)
    assert Run.open(tmp_path / "run").facts["recipe"]["levels"] == 2
    again = lt.train(recipe, data, images=64, run=tmp_path / "run", **SETTINGS)  # not another recipe
    assert again.recipe.levels == 2


def test_several_numbers_are_asked_for_with_an_example():
    with pytest.raises(BadField, match=r"hidden is 16; .*, such as \(16,\)"):
        lt.ProGAN(hidden=16)
    with pytest.raises(BadField, match=r"such as \(16, 8\)"):
        lt.ProGAN(batches=[16, 8])


def test_parts_that_tear_a_group_are_refused():
    net = built()
    with pytest.raises(BadField, match=r"a batch of 12 is computed in parts of 6 rows.*--group 2"):
        next(RECIPE.updates(net, items(6), at(RECIPE, 0, rows=6, batch=12)))
    assert RECIPE.neighbours(6, 6) == 2
    assert RECIPE.neighbours(5, 5) == 1


def test_it_says_how_it_grows():
    assert lt.ProGAN().notes(Spec("image", (1, 28, 28)))[0].startswith("grows through 7 x 7, 14 x 14, 28 x 28; full")
    assert "600,000 images" in lt.ProGAN().notes(Spec("image", (1, 28, 28)))[0]
    assert "does not halve evenly" in lt.ProGAN().notes(Spec("image", (1, 30, 16)))[-1]
    assert not any("evenly" in note for note in lt.ProGAN().notes(SPEC))
    with pytest.raises(BadField, match="hidden has 2 numbers; these pictures have 3 levels"):
        lt.ProGAN(hidden=(8, 4)).build(SPEC)


def test_tables_are_refused(tmp_path):
    with pytest.raises(BadField, match="progan learns from image data"):
        lt.train(lt.ProGAN(), np.random.default_rng(0).normal(size=(40, 5)), images=16, run=tmp_path / "run")
