"""What the critic is shown: reals and fakes by draws of their own, in both updates; and how ADA's p moves."""

from __future__ import annotations

import copy

import pytest
import torch

import latentia as lt
from latentia.core import Batch, Noise, Now, Remembers, Spec, Stage
from latentia.errors import BadField
from latentia.fields import from_json, to_json
from latentia.losses.adversarial import GAMES, game
from latentia.models._augment import MOST, Adaptive, Augmentation, Differentiable
from latentia.models._duel import Slopes, duel
from latentia.training import checkpoint
from latentia.training.step import optimizers_for, step

SPEC = Spec("image", (1, 8, 8), levels=256)


def now(seen=0, batch=16, rows=slice(None)):
    return Now(torch.tensor(seen), Stage(batch), Noise(0, seen, rows, batch))


def items(count=16):
    return Batch(torch.rand(count, 1, 8, 8, generator=torch.Generator().manual_seed(1)))


def built(recipe):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return recipe.build(SPEC)


def step_of(ada, seen, verdict, batch=16):
    ada.begin(now(seen, batch))
    return ada.hear(verdict)


def sure(share, count=16):
    """Verdicts of which ``share`` are right."""
    return torch.where(torch.arange(count) < share * count, 3.0, -0.1)


class Adding(Augmentation):
    """Adds a draw to each picture, and keeps what it has shown."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, x, noise):
        self.shown.append(x + noise.uniform(*[1] * (x.dim() - 1)))
        return self.shown[-1]


def test_the_critic_sees_what_is_shown_of_reals_and_of_fakes_in_both_updates():
    seen, shown = [], Adding()

    def answer(x, _):
        seen.append(x.detach().clone())
        return x.square().flatten(1).sum(1)

    weight = torch.ones((), requires_grad=True)
    slopes = Slopes(torch.tensor(2.0), torch.tensor(2.0), 0.0, squared=True)
    made = torch.zeros(16, 1, 8, 8)
    told = duel(items(), answer, lambda *_: weight * made, now(), game("relativistic"), slopes, augmentation=shown)
    critic, generator = told
    fake, real, fake_again, real_again = shown.shown
    assert torch.equal(seen[0], torch.cat([real, fake]).detach())
    assert torch.equal(seen[1], fake_again.detach())
    assert torch.equal(seen[2], real_again)
    draws = [(each.detach() - x)[:, 0, 0, 0] for each, x in zip(shown.shown, [made, items().x] * 2, strict=True)]
    assert len({round(float(draw), 6) for each in draws for draw in each}) == 64
    assert generator.loss.requires_grad  # through what is shown of the fake
    slope = critic.logs["slope_real"]
    torch.testing.assert_close(slope, (2 * real).square().flatten(1).sum(1).mean())  # taken at what is shown


@pytest.mark.parametrize("augment", ["diff", "ada"])
def test_in_eval_mode_pictures_are_shown_themselves(augment):
    net = built(lt.GAN(latent=3, hidden=(8,), augment=augment)).eval()
    if augment == "ada":
        net.augmentation.p.fill_(0.8)
    at = now()
    assert net.augmentation(items().x, at.noise) is not None
    assert torch.equal(net.augmentation(items().x, at.noise), items().x)
    assert net.augmentation.hear(sure(1)) == {}
    net.train()
    assert not torch.equal(net.augmentation(items().x, at.noise), items().x)


def test_p_rises_and_falls_at_the_stated_speed_and_stays_in_its_range():
    ada = Adaptive(target=0.5, images=160)
    logs = [step_of(ada, 16 * i, sure(0.9)) for i in range(4)]
    assert [round(float(each["ada_p"]), 6) for each in logs] == [0.0, 0.1, 0.2, 0.3]  # a step of 16 of 160 images
    for i in range(4, 14):
        step_of(ada, 16 * i, sure(0.9))
    assert float(ada.p) == pytest.approx(MOST)
    for i in range(14, 17):
        logs = step_of(ada, 16 * i, sure(0.5))  # a mean sign of 0
    assert float(ada.p) == pytest.approx(MOST - 0.2)
    assert float(logs["ada_sure"]) == 0
    for i in range(17, 40):
        step_of(ada, 16 * i, sure(0))
    assert float(ada.p) == 0


def test_p_stays_where_the_mean_sign_is_the_target():
    ada = Adaptive(target=0.5, images=160)
    for i in range(5):
        step_of(ada, 16 * i, sure(0.75))
    assert float(ada.p) == 0
    step_of(ada, 80, sure(0.82))
    step_of(ada, 96, sure(0.75))
    assert float(ada.p) == pytest.approx(0.1)


def test_parts_of_a_step_move_p_once_by_what_all_of_them_heard():
    ada = Adaptive(target=0.5, images=160)
    for i in range(3):
        for verdict in (sure(1, 12), sure(0, 4)):  # 12 of 16: on its own the second part would lower p
            ada.begin(now(16 * i))
            ada.hear(verdict)
    assert float(ada.p) == 0
    for i in range(3, 5):
        for verdict in (sure(1, 13), sure(0, 3)):
            ada.begin(now(16 * i))
            ada.hear(verdict)
    assert float(ada.p) == pytest.approx(0.1)


def test_in_eval_mode_p_hears_nothing():
    ada = Adaptive(target=0.5, images=160)
    step_of(ada, 0, sure(1))
    before = {name: tensor.clone() for name, tensor in ada.memory().items()}
    ada.eval()
    for i in range(1, 4):
        step_of(ada, 16 * i, sure(1))
    assert all(torch.equal(before[name], tensor) for name, tensor in ada.memory().items())


def test_p_is_memory_of_the_net_and_no_weight():
    net = built(lt.GAN(latent=3, hidden=(8,), augment="ada"))
    assert isinstance(net.augmentation, Remembers)
    assert {name.rpartition(".")[2] for name in checkpoint.memory(net)} == {"p", "signs", "rows", "seen"}
    assert net.state_dict().keys() == built(lt.GAN(latent=3, hidden=(8,))).state_dict().keys()


@pytest.mark.parametrize("images", [800, 10**9])
def test_p_rises_when_a_critic_learns_a_few_pictures_by_heart_until_it_is_as_sure_as_it_may_be(images):
    recipe = lt.GAN(latent=3, hidden=(32,), augment="ada", ada_target=0.5, ada_images=images, r1=0.0, r2=0.0)
    net = built(recipe)
    groups = recipe.groups(net)
    optimizers = optimizers_for(groups, torch.device("cpu"))
    optimizers["generator"] = torch.optim.SGD(groups["generator"].weights, lr=0.0)  # it never gets better
    logs = [step(recipe, net, groups, optimizers, [items()], [now(16 * i)]) for i in range(80)]
    sure_at_last = sum(float(each["ada_sure"]) for each in logs[-40:]) / 40
    assert float(logs[0]["ada_p"]) == 0
    if images == 800:
        assert float(logs[-1]["ada_p"]) > 0.1
        assert sure_at_last == pytest.approx(0.5, abs=0.15)
    else:  # hardly any augmentation
        assert sure_at_last > 0.9


@pytest.mark.parametrize("name", GAMES)
def test_a_verdict_is_positive_where_the_critic_is_right(name):
    """Where answers have a zero the published rule is kept; a game that feels differences alone has none."""
    played = game(name)
    centre = 0.5 if name == "least-squares" else 0.0
    real, fake = torch.tensor([1.0, -1.0]) + centre, torch.tensor([-1.0, 1.0]) + centre
    assert torch.equal(played.verdict(real, fake).sign(), torch.tensor([1.0, -1.0]))
    moved = played.critic(real + 5, fake + 5)
    if torch.allclose(moved, played.critic(real, fake)):
        assert torch.equal(played.verdict(real + 5, fake + 5), played.verdict(real, fake))
    else:
        assert torch.equal(played.verdict(real, fake), real - centre)


def test_the_kinds_by_their_names():
    kinds = {"none": Augmentation, "diff": Differentiable, "ada": Adaptive}
    for name, kind in kinds.items():
        recipe = lt.GAN(latent=3, hidden=(8,), augment=name, ada_target=0.4, ada_images=5000)
        assert type(built(recipe).augmentation) is kind
        assert from_json(lt.GAN, to_json(recipe)) == recipe
    with pytest.raises(BadField, match="augment is 'dif'; it must be one of none, diff, ada"):
        lt.GAN(augment="dif")
    with pytest.raises(BadField, match=r"ada_target is 1\.5; it must be between 0 and 1"):
        lt.GAN(ada_target=1.5)


def test_tables_are_not_augmented():
    with pytest.raises(BadField, match="augment is diff, and the data is a table; it is for pictures: take none"):
        lt.GAN(augment="diff").build(Spec("table", (4,)))


@pytest.mark.parametrize("kind", [lt.GAN, lt.ProGAN])
def test_without_augmentation_not_a_bit_is_other_than_before(kind):
    """An augmentation of none draws nothing: noise, and so runs of before, stay what they were."""
    recipe = kind(latent=3, hidden=(8,) if kind is lt.GAN else (6, 4))
    recipe = recipe.fitted(SPEC)
    net, drawn = built(recipe), []
    at = now()._replace(stage=recipe.stage(0))
    draw = at.noise._draw
    at.noise._draw = lambda how, shape: (drawn.append(shape), draw(how, shape))[1]
    list(recipe.updates(copy.deepcopy(net), items(), at))
    assert drawn == [(3,), (3,)]
