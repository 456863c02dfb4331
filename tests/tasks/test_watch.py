"""What is seen of a training from outside: pictures of the same noise, and sentences about games that fail."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import latentia as lt
from latentia import api
from latentia.core import Batch, HasCritic, Noise, Spec
from latentia.tasks.course import figures, moments, said
from latentia.tasks.pictures import grid
from latentia.tasks.watch import Part, Watch, spread
from latentia.training.run import Said

SETTINGS = {"images": 768, "every": 256, "batch": 64, "precision": "float32"}
GAN = lt.GAN(latent=4, hidden=(16,))
SHAPE = (1, 12, 12)


class Source:
    """Pictures of four kinds: one corner of four is bright; ``label`` says which."""

    def __init__(self, count: int, seed: int, kinds: tuple[int, ...] = (0, 1, 2, 3)) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.label = torch.tensor(kinds)[torch.arange(count) % len(kinds)]
        self.x = corners(self.label) + 0.1 * torch.rand(count, *SHAPE, generator=generator)
        self.spec = Spec("image", SHAPE)

    def __len__(self) -> int:
        return len(self.x)

    def read(self, indices) -> Batch:
        return Batch(self.x[torch.as_tensor(list(indices)) if isinstance(indices, range) else indices])


def corners(kind: Tensor) -> Tensor:
    x = torch.zeros(len(kind), *SHAPE)
    for corner in range(4):
        rows, columns = (slice(6 * part, 6 * part + 6) for part in divmod(corner, 2))
        x[kind == corner, :, rows, columns] = 0.8
    return x


class Game(nn.Module):
    """Makes pictures of some kinds, or copies of ``known``; its critic answers higher to real items, and to those."""

    latent, classes = 2, 0

    def __init__(self, kinds=(0, 1, 2, 3), known: Tensor | None = None, copies: bool = False, margin=0.3) -> None:
        super().__init__()
        self.kinds, self.known, self.copies, self.margin = kinds, known, copies, margin
        self.weight = nn.Parameter(torch.zeros(1))

    def draw(self, noise: Noise) -> Tensor:
        return noise.normal(2)

    def decode(self, z: Tensor) -> Tensor:
        place = (z[:, 0].abs() * 1e4).long()
        if self.copies:
            return self.known[place % len(self.known)]
        kind = torch.tensor(self.kinds)[place % len(self.kinds)]
        return corners(kind) + 0.1 * torch.frac(z[:, 1].abs() * 1e3 * torch.arange(1, 145).sqrt()[:, None]).T.reshape(
            -1, *SHAPE
        )

    def answer(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        chance = x.flatten(1).sum(1) * 1e3 % 1
        real, known = among(x, torch.cat([TRAIN.x, HELD_OUT.x])), among(x, self.known)
        return chance + 0.3 * real + self.margin * known

    def detailed(self, x: Tensor) -> Tensor:
        return x


def among(x: Tensor, items: Tensor | None) -> Tensor:
    """1 where an item is one of ``items``."""
    if items is None:
        return torch.zeros(len(x))
    return (torch.cdist(x.flatten(1), items.flatten(1)).min(1).values < 0.1).float()


TRAIN, HELD_OUT = Source(400, 1), Source(200, 2)


def looked(net, times=3, every=4_000, budget=None, log=(), start=0):
    """What is said over several validations; the rows of the log with it."""
    watch, rows, heard = Watch(TRAIN, HELD_OUT), list(log), {}
    for i in range(times):
        seen = every * (start + i + 1)
        found = watch.look(net, net, seen, every, budget, rows)
        row = {"seen": seen, "split": "watch", "logs": found.figures, "found": found.found, "said": found.said}
        rows.append(json.loads(json.dumps(row)))
        heard |= {name: (seen, sentence) for name, sentence in found.said.items()}
    return heard, rows


def test_a_healthy_game_is_silent():
    net = Game()
    assert isinstance(net, HasCritic)
    heard, rows = looked(net, 8, budget=32_000)
    assert heard == {}
    assert all(row["found"] == [] for row in rows)
    assert 0.6 < rows[-1]["logs"]["balance"] < 0.9
    assert rows[-1]["logs"]["lost_modes"] == rows[-1]["logs"]["copies"] == 0


def test_a_critic_that_knows_its_items_by_heart():
    heard, rows = looked(Game(known=TRAIN.x), 4)
    assert list(heard) == ["overfitting"]
    seen, sentence = heard["overfitting"]
    assert (seen, "by heart" in sentence) == (12_000, True), "found three times, then said, and once"
    assert rows[-1]["logs"]["overfitting"] == pytest.approx(0.5, abs=0.15)
    assert looked(Game(known=TRAIN.x), 2)[0] == {}


def test_copies_of_training_items():
    heard, rows = looked(Game(known=TRAIN.x, copies=True), 3)
    assert "look like copies" in heard["copies"][1]
    assert rows[-1]["logs"]["copies"] > 0.3


def test_a_critic_that_always_wins():
    heard, _ = looked(Game(known=torch.cat([TRAIN.x, HELD_OUT.x]), margin=5.0), 6)
    assert list(heard) == ["balance"]
    assert heard["balance"][0] == 20_000
    assert "the generator has little to learn from" in heard["balance"][1]


def test_kinds_that_were_once_there_and_are_lost():
    _, rows = looked(Game(), 2)
    heard, rows = looked(Game(kinds=(0, 1)), 3, log=rows, start=2)
    assert list(heard) == ["lost_modes"]
    assert "around training item" in heard["lost_modes"][1]
    assert rows[-1]["logs"]["lost_modes"] == pytest.approx(0.5, abs=0.1)


def test_kinds_that_are_never_there_are_told_late_only():
    assert looked(Game(kinds=(0, 1, 2)), 6, budget=56_000)[0] == {}
    heard, _ = looked(Game(kinds=(0, 1, 2)), 8, budget=56_000)
    assert [seen for seen, _ in heard.values()] == [28_000]


def test_a_loss_that_runs_away():
    losses = [0.7] * 10 + [60.0, 80.0, 90.0]
    rows = [{"seen": 10 * i, "split": "train", "logs": {"critic": loss}} for i, loss in enumerate(losses)]
    heard, _ = looked(Game(), 1, log=rows)
    assert heard["critic_loss"][1].startswith("The critic's loss has run away: 90")


def test_what_was_said_before_a_stop_is_not_said_again():
    net = Game(known=TRAIN.x)
    _, rows = looked(net, 3)
    assert looked(net, 3, log=rows, start=3)[0] == {}


def test_the_learning_critic_is_asked_and_the_averaged_samples_are_held_against_the_data():
    figures = Watch(TRAIN, HELD_OUT).look(Game(kinds=(0, 1)), Game(known=TRAIN.x), 1, 4_000, None, []).figures
    assert (figures["overfitting"] > 0.3, figures["lost_modes"] > 0.4) == (True, True)
    figures = Watch(TRAIN, HELD_OUT).look(Game(known=TRAIN.x), Game(kinds=(0, 1)), 1, 4_000, None, []).figures
    assert (abs(figures["overfitting"]) < 0.3, figures["lost_modes"]) == (True, 0)


def test_a_net_without_a_critic_is_not_asked():
    found = Watch(TRAIN, HELD_OUT).look(nn.Linear(1, 1), nn.Linear(1, 1), 1, 1, 1, [])
    assert (found.figures, found.said) == ({}, {})


def test_places_lie_evenly_and_parts_are_items_of_the_source():
    assert list(spread(TRAIN, 4)) == [0, 100, 200, 300]
    assert len(spread(TRAIN, 399)) == 200
    part = Part(TRAIN, spread(TRAIN, 4))
    assert len(part) == 4
    assert torch.equal(part.read(slice(1, 3)).x, TRAIN.x[[100, 200]])


# --- in a real training ----------------------------------------------------------------------------------------------


def trained(path, recipe=GAN, **changes):
    told: list[object] = []
    model = lt.train(recipe, "digits", run=path, progress=told.append, **(SETTINGS | changes))
    return model, told


def weights(path):
    return (path / "weights-last.safetensors").read_bytes()


@pytest.mark.parametrize("recipe", [GAN, lt.VAE(latent=2, hidden=(8,))], ids=["gan", "vae"])
def test_watching_moves_no_weight(tmp_path, monkeypatch, recipe):
    trained(tmp_path / "watched", recipe)
    monkeypatch.setattr(api, "_watched", lambda data, folder, tell: tell)
    trained(tmp_path / "alone", recipe)
    assert weights(tmp_path / "watched") == weights(tmp_path / "alone")
    assert not (tmp_path / "alone" / "pictures").exists()


def test_pictures_and_figures_are_in_the_run_the_same_after_a_stop(tmp_path):
    model, _ = trained(tmp_path / "whole")
    trained(tmp_path / "parts", images=512)
    (tmp_path / "parts" / "pictures" / "0000009999.png").touch()  # of a later moment, that a resume makes again
    trained(tmp_path / "parts")
    names = [[path.name for path in sorted((tmp_path / each / "pictures").iterdir())] for each in ("whole", "parts")]
    assert names[0] == names[1] == ["0000000256.png", "0000000512.png", "0000000768.png"]
    for name in names[0]:
        assert len({(tmp_path / each / "pictures" / name).read_bytes() for each in ("whole", "parts")}) == 1
    first, second = (
        [row | {"seconds": 0} for row in lt.load(tmp_path / each).folder.rows() if row["split"] == "watch"]
        for each in ("whole", "parts")
    )
    assert first == second
    assert [row["seen"] for row in first] == [256, 512, 768]
    assert {"balance", "answer_train", "answer_held_out", "answer_fake", "lost_modes"} <= set(first[0]["logs"])
    shown = np.asarray(Image.open(tmp_path / "whole" / "pictures" / names[0][-1]))
    assert np.array_equal(shown, np.asarray(grid(lt.load(tmp_path / "whole", weights="last").sample(64), 8)))
    page = model.report().read_text()
    assert "How samples came about" in page
    assert f"<h1>{type(model.recipe).__name__} on digits</h1>" in page


def test_a_net_of_labels_has_a_row_of_each(tmp_path):
    model, _ = trained(tmp_path / "run", labels=True, images=256)
    found = moments(tmp_path / "run" / "pictures", model.spec, classes=10, count=10)
    (seen, items), last = found[0], lt.load(tmp_path / "run", weights="last")
    own = torch.cat([last.sample(1, seed=0, label=each) for each in range(10)])
    assert seen == 256
    torch.testing.assert_close(items, own, atol=0.5 / 255 + 1e-6, rtol=0)


def test_a_table_is_watched_without_pictures(tmp_path):
    table = torch.randn(300, 5, generator=torch.Generator().manual_seed(0)) * torch.tensor([1, 10, 100, 1, 1])
    model = lt.train(GAN, table, run=tmp_path / "run", **SETTINGS)
    assert not (tmp_path / "run" / "pictures").exists()
    rows = [row for row in model.folder.rows() if row["split"] == "watch"]
    assert all(math.isfinite(value) for row in rows for value in row["logs"].values())
    assert len(figures(rows)) >= 3


def test_a_growing_game_is_watched(tmp_path):
    recipe = lt.ProGAN(latent=4, hidden=(8, 8), stabilise=256, fade=256, batches=(64, 64))
    model, _ = trained(tmp_path / "run", recipe)
    rows = [row for row in model.folder.rows() if row["split"] == "watch"]
    assert [row["seen"] for row in rows] == [256, 512, 768]


def test_sentences_are_told_and_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("latentia.tasks.detectors.saturation", lambda values: "It is saturated." * (len(values) > 1))
    model, told = trained(tmp_path / "run")
    assert [event.text for event in told if isinstance(event, Said)].count("It is saturated.") == 1
    assert list(said(model.folder.rows())) == [(512, "It is saturated.")]
    assert "At 512 images: It is saturated." in model.report().read_text()


def test_moments_lie_evenly_over_a_training(tmp_path):
    spec = Spec("image", (1, 8, 8))
    assert moments(tmp_path, spec) == []
    for seen in range(10, 210, 10):
        grid(torch.full((64, 1, 8, 8), seen / 255), 8).save(tmp_path / f"{seen:010d}.png")
    (tmp_path / "mine.png").touch()
    found = moments(tmp_path, spec)
    assert [seen for seen, _ in found] == [10, 40, 60, 90, 120, 150, 170, 200]
    assert all(bool((items == seen / 255).all()) and items.shape == (11, 1, 8, 8) for seen, items in found)


@pytest.mark.parametrize("seen", [0, 300, 600, 2_000], ids=["first", "fading", "whole", "grown"])
def test_a_growing_game_compares_pictures_of_the_same_detail(seen):
    spec = Spec("image", (1, 16, 16))
    recipe = lt.ProGAN(latent=4, hidden=(8, 8, 8), stabilise=256, fade=256)
    net = recipe.build(spec)
    net.seen.fill_(seen)
    x = torch.rand(8, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    shown = net.detailed(x)
    assert shown.shape == x.shape
    assert torch.equal(shown, x) == (seen == 2_000)
    answers = net.answer(x)
    assert answers.shape == (8,)
    if seen != 300:  # a fade of what is faded already goes further
        torch.testing.assert_close(net.detailed(shown), shown)
        torch.testing.assert_close(net.answer(shown), answers)


def test_the_critic_is_asked_in_the_data_s_units():
    table = torch.randn(200, 3, generator=torch.Generator().manual_seed(0)) * 5 + 20
    net = GAN.build(Spec("table", (3,)))
    net.centre.fill_(20.0)
    net.spread.fill_(5.0)
    torch.testing.assert_close(net.answer(table), net.critic((table - 20) / 5))
    assert net.detailed(table) is table
