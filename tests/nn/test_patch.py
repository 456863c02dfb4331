"""PatchGAN: what it says of its patches, held to gradients."""

import pytest
import torch

from latentia.nn.patch import PatchCritic, layers_of, receptive_field


def built(halvings, norm=False, **options):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PatchCritic(2, 3, halvings, norm, **options).double()


@pytest.mark.parametrize(("halvings", "pixels"), [(0, 7), (1, 16), (2, 34), (3, 70), (4, 142)])
def test_an_answer_depends_on_its_patch_and_on_nothing_else(halvings, pixels):
    critic, side = built(halvings), 2 * pixels + 2 ** (halvings + 2)
    x = torch.randn(1, 2, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    answers = critic(x)
    count = int(answers.shape[1] ** 0.5)
    assert count**2 == answers.shape[1] == critic.patches(side, side)
    (slope,) = torch.autograd.grad(answers.view(count, count)[count // 2, count // 2], x)
    rows, columns = (slope[0].abs().sum((0, axis)).nonzero().flatten() for axis in (2, 1))
    assert critic.patch == receptive_field(layers_of(halvings)) == pixels
    for seen in (rows, columns):
        assert int(seen[-1] - seen[0]) + 1 == pixels
        assert len(seen) == pixels


def test_the_published_critic():
    critic = PatchCritic(6, 64, 3, norm=True)
    assert critic.patches(256, 256) == 30 * 30
    assert sum(weight.numel() for weight in critic.parameters()) == pytest.approx(2.769e6, rel=1e-3)


@pytest.mark.parametrize("norm", [True, False])
def test_no_weight_is_without_effect(norm):
    critic = built(2, norm)
    x = torch.randn(3, 2, 32, 48, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    answers = critic(x)
    assert answers.shape == (3, critic.patches(32, 48))
    answers.square().sum().backward()
    assert not [name for name, weight in critic.named_parameters() if float(weight.grad.abs().max()) < 1e-9]
    assert built(2, bias=False).answer.bias is None


def test_answers_are_float32_under_autocast():
    critic = built(1).float()
    with torch.autocast("cpu", torch.bfloat16):
        assert critic(torch.rand(1, 2, 16, 16)).dtype == torch.float32


@pytest.mark.parametrize("halvings", [0, 2])
def test_answers_lie_where_a_map_is_laid_over_the_picture(halvings):
    critic, side, apart = built(halvings), 24 * 2**halvings, 2**halvings
    x = torch.randn(1, 2, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    answers = critic.maps(x)
    assert answers.shape == (1, 22, 22)
    torch.testing.assert_close(answers.flatten(1), critic(x))
    (slope,) = torch.autograd.grad(answers[0, 9, 12], x)
    for others, place in (((0, 2), 9), ((0, 1), 12)):
        seen = slope[0].abs().sum(others).nonzero().flatten()
        assert (int(seen[0]) + int(seen[-1]) + 1) / 2 == (place + 1.5) * apart
