"""The loop: budgets, stopping, refusing, and what is left behind."""

from __future__ import annotations

import json
import signal
import tempfile
import time

import pytest
import torch
from tests.training.recipes import Line

import latentia as lt
from latentia import api
from latentia.core import Batch, Stage, Training
from latentia.errors import BadField, BadRun, Diverged, OutOfMemory
from latentia.training import checkpoint
from latentia.training.budget import MEASURED, SETTLING, Stopwatch, budget_of, stage_at
from latentia.training.loop import validation
from latentia.training.machine import Machine
from latentia.training.run import Finished, Logged, Run, Said, Started, Validated

SETTINGS = {"batch": 8, "every": 64, "precision": "float32"}


def train(tmp_path, recipe=None, tell=None, **changes):
    return lt.train(recipe or Line(), "digits", run=tmp_path / "run", progress=tell, **(SETTINGS | changes))


def rows(tmp_path):
    return [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]


def test_the_mean_picture_is_learnt(tmp_path):
    model = train(tmp_path, images=20_000, every=10_000, average=500.0)
    mean = model.data().train.read(slice(None)).x.mean(0)
    torch.testing.assert_close(model.net.mean, mean, atol=0.05, rtol=0)


def test_events_tell_the_story_in_order(tmp_path):
    told = []
    train(tmp_path, images=128, tell=told.append)
    kinds = [type(event) for event in told if not isinstance(event, Said)]
    assert kinds[0] is Started
    assert kinds[-1] is Finished
    assert [event.seen for event in told if isinstance(event, Validated)] == [64, 128]
    logged = [event for event in told if isinstance(event, Logged)]
    assert all(event.images_per_second > 0 and event.remaining >= 0 for event in logged)


def test_a_finished_run_says_so_and_a_larger_budget_goes_on(tmp_path):
    train(tmp_path, images=128)
    told = []
    train(tmp_path, images=128, tell=told.append)
    assert [type(event) for event in told if not isinstance(event, Said)] == [Started, Finished]
    lt.resume(tmp_path / "run", images=256)
    assert [row["seen"] for row in rows(tmp_path) if row["split"] == "validation"] == [64, 128, 192, 256]


def test_a_smaller_budget_does_not_end_a_run_that_was_stopped(tmp_path):
    def stop(event):
        if isinstance(event, Validated) and event.seen == 128:  # a checkpoint of 64 is there
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, images=256, tell=stop)
    lt.resume(tmp_path / "run", images=8)
    assert Run.open(tmp_path / "run").facts["budget"] == 256
    lt.resume(tmp_path / "run")
    assert [row["seen"] for row in rows(tmp_path) if row["split"] == "validation"] == [64, 128, 192, 256]
    lt.resume(tmp_path / "run", images=320)
    assert Run.open(tmp_path / "run").facts["asked"]["images"] == 320


@pytest.mark.parametrize("recipe", ["vae", lt.VAE])
def test_what_is_no_recipe_is_refused(recipe):
    with pytest.raises(BadField, match=r"train takes a recipe, such as VAE\(latent=8\), not "):
        lt.train(recipe, "digits", images=8)


@pytest.mark.parametrize("changes", [{"images": 8, "steps": 1}, {"images": 8, "rate": "1e-3:0@9"}])
def test_a_budget_that_is_refused_begins_no_run(tmp_path, changes):
    recipe = lt.Autoencoder(latent=2, rate=changes.pop("rate", 1e-3))
    with pytest.raises(BadField):
        lt.train(recipe, "digits", run=tmp_path / "run", **changes)
    assert not (tmp_path / "run").exists()


def test_going_on_where_bits_differ_says_so_once(tmp_path):
    train(tmp_path, images=64)
    facts = Run.open(tmp_path / "run").facts
    facts["versions"]["torch"], facts["processes"] = "1.0", 4
    checkpoint.write_json(tmp_path / "run" / "recipe.json", facts)
    sentence = f"torch was 1.0, now {torch.__version__}; processes was 4, now 1: the run goes on to the same up to "
    for images, times in ((128, 1), (192, 0)):
        told = []
        train(tmp_path, images=images, tell=told.append)
        assert sum(sentence in event.text for event in told if isinstance(event, Said)) == times


def test_the_last_two_checkpoints_and_the_best_are_kept(tmp_path):
    train(tmp_path, Line(rate="1e-2:-1e-2@320"), images=640, average=0.0)
    kept = [int(path.name) for path in checkpoint.found(tmp_path / "run" / "checkpoints")]
    best = min((row for row in rows(tmp_path) if row["split"] == "validation"), key=lambda row: row["logs"]["error"])
    assert kept == sorted({best["seen"], 576, 640})
    assert best["seen"] < 576


def test_the_best_weights_are_those_of_the_best_score(tmp_path):
    best = train(tmp_path, Line(rate="1e-2:-1e-2@320"), images=640, average=0.0)
    last = lt.load(tmp_path / "run", weights="last")
    mean = best.data().validation.read(slice(None)).x.mean(0)
    assert (best.net.mean - mean).square().sum() < (last.net.mean - mean).square().sum()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 16}, "batch = 8, now it is 16"),
        ({"seed": 1}, "seed = 0, now it is 1"),
        ({"recipe": Line(rate=1e-3)}, "rate = 0.01, now it is 0.001"),
        ({"binarize": "static"}, r"other data: binarize was None, now it is 'static'"),
    ],
)
def test_another_recipe_training_or_data_is_refused_with_the_differing_field(tmp_path, changes, message):
    train(tmp_path, images=64)
    with pytest.raises(BadRun, match=message):
        train(tmp_path, images=64, **changes)


def test_a_run_from_before_a_field_was_there_goes_on_with_its_default(tmp_path):
    train(tmp_path, images=64)
    facts = Run.open(tmp_path / "run").facts
    del facts["recipe"]["breaks_at"]
    checkpoint.write_json(tmp_path / "run" / "recipe.json", facts)
    with pytest.raises(BadRun, match="breaks_at = 1000000000, now it is 5000"):
        train(tmp_path, Line(breaks_at=5000), images=128)
    train(tmp_path, images=128)
    assert rows(tmp_path)[-1]["seen"] == 128


def test_another_model_is_refused(tmp_path):
    train(tmp_path, images=64)
    with pytest.raises(BadRun, match=r"is a run of .*recipes.py, not of vae"):
        lt.train(lt.VAE(), "digits", run=tmp_path / "run", images=64, **SETTINGS)


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path):
    train(tmp_path / "whole", images=256)
    train(tmp_path, images=192)
    newest = checkpoint.found(tmp_path / "run" / "checkpoints")[-1] / checkpoint.TENSORS
    damaged = bytearray(newest.read_bytes())
    damaged[-3] ^= 0xFF
    newest.write_bytes(damaged)
    told = []
    train(tmp_path, images=256, tell=told.append)
    said = [event.text for event in told if isinstance(event, Said)]
    assert any("000000000192 is damaged" in text and "000000000128 is used" in text for text in said)
    assert next(event for event in told if isinstance(event, Started)).seen == 128
    for name in ("weights.safetensors", "weights-last.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / "run" / name).read_bytes()


def test_when_all_checkpoints_are_damaged_the_run_is_refused(tmp_path):
    train(tmp_path, images=128)
    for path in checkpoint.found(tmp_path / "run" / "checkpoints"):
        (path / checkpoint.STATE).write_text("{")
    told = []
    with pytest.raises(BadRun, match=r"all checkpoints of .*, the newest: .*000000000128 is damaged.*\n--fresh begins"):
        train(tmp_path, images=256, tell=told.append)
    assert not [event for event in told if isinstance(event, Said) and "is used" in event.text]


def test_what_kills_and_damage_left_is_cleared_and_takes_no_place_of_a_whole_checkpoint(tmp_path):
    train(tmp_path, images=192)
    folder = tmp_path / "run" / "checkpoints"
    (folder / "000000000192" / checkpoint.TENSORS).unlink()  # damaged
    (folder / ".000000000200.part").mkdir()  # a kill while it was written
    train(tmp_path, images=176, every=16)
    names = sorted(path.name for path in folder.iterdir())
    assert {"000000000160", "000000000176"} <= set(names)
    assert names[-1] == "000000000176"
    assert not [name for name in names if name.startswith(".")]


def test_a_loss_that_is_not_finite_stops_and_keeps_the_last_good_checkpoint(tmp_path):
    with pytest.raises(Diverged, match=r"the line of the step at 104 images is not finite.*lower --rate"):
        train(tmp_path, Line(breaks_at=100), images=256)
    assert [int(path.name) for path in checkpoint.found(tmp_path / "run" / "checkpoints")] == [64]
    assert lt.load(tmp_path / "run").net.mean.isfinite().all()


def test_weights_that_are_not_finite_are_never_saved(tmp_path):
    """A finite loss with a gradient that is no number, in the very step before a checkpoint."""
    with pytest.raises(Diverged, match="a weight after the step that ended at 128 images is not finite"):
        train(tmp_path, Line(breaks_gradient_at=120), images=256)
    assert [int(path.name) for path in checkpoint.found(tmp_path / "run" / "checkpoints")] == [64]
    assert lt.load(tmp_path / "run", weights="last").net.mean.isfinite().all()


def test_a_score_that_is_no_number_is_said_and_never_the_best(tmp_path):
    told = []
    train(tmp_path, Line(blind_until=64), images=192, tell=told.append)
    assert [event.best for event in told if isinstance(event, Validated)] == [False, True, True]
    assert [event.text for event in told if isinstance(event, Said) and "not a number at 64 images" in event.text]


def test_a_run_whose_scores_are_no_numbers_has_its_last_weights_only(tmp_path):
    with pytest.raises(BadRun, match=r"no best weights: no score on held-out data was a number; --weights last"):
        train(tmp_path, Line(blind_until=10**6), images=128)
    assert lt.load(tmp_path / "run", weights="last").net.mean.isfinite().all()


def test_interrupting_at_a_checkpoint_does_not_write_it_again(tmp_path):
    folder = tmp_path / "run" / "checkpoints"

    def interrupt(event):
        if isinstance(event, Validated):
            signal.raise_signal(signal.SIGINT)

    written, save = [], checkpoint.save
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "save", lambda *given: (written.append(given[1]), save(*given))[1])
        with pytest.raises(KeyboardInterrupt):
            train(tmp_path, images=256, tell=interrupt)
    assert written == [64]
    assert len(checkpoint.found(folder)) == 1


def test_out_of_memory_names_the_batch_that_fits(tmp_path):
    with pytest.raises(OutOfMemory, match=r"a batch of 64 does not fit.*16 rows at a time do: --micro 4"):
        train(tmp_path, Line(rows_that_fit=20), images=256, batch=64)
    train(tmp_path, Line(rows_that_fit=20), images=256, batch=64, micro=4)


def test_the_parts_that_are_named_divide_the_batch(tmp_path):
    """Of a batch of 58, 7 rows fit: 9 parts would do, and 58 divides by 29 first."""
    with pytest.raises(OutOfMemory, match=r"a batch of 58 does not fit.*7 rows at a time do: --micro 29.*--batch 7 "):
        train(tmp_path, Line(rows_that_fit=7), images=58, batch=58)
    train(tmp_path, Line(rows_that_fit=7), images=58, batch=58, micro=29)


class Narrow(Line):
    """Twice as many rows fit under autocast."""

    def updates(self, net, batch, now):
        if len(batch.x) > (32 if torch.is_autocast_enabled("cpu") else 16):
            raise torch.OutOfMemoryError("CUDA out of memory")
        yield from super().updates(net, batch, now)


def test_the_batch_that_fits_is_sought_in_the_precision_of_the_training(tmp_path):
    with pytest.raises(OutOfMemory, match="32 rows at a time do"):
        train(tmp_path, Narrow(), images=256, batch=64, precision="bf16", device="cpu")


def test_not_even_one_row_fits(tmp_path):
    with pytest.raises(OutOfMemory, match="not even a batch of 1"):
        train(tmp_path, Line(rows_that_fit=0), images=256)


def test_interrupting_saves_and_going_on_gives_the_same(tmp_path):
    train(tmp_path / "whole", images=256)

    def interrupt(event):
        if isinstance(event, Logged) and event.seen == 88:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, images=256, every=80, tell=interrupt)
    assert checkpoint.found(tmp_path / "run" / "checkpoints")[-1].name.endswith("88")
    train(tmp_path, images=256, every=80)
    newest = [sorted((each / "run").glob("checkpoints/*"))[-1] for each in (tmp_path, tmp_path / "whole")]
    assert newest[0].name == newest[1].name
    parts = [checkpoint.read(each)[0]["net"] for each in newest]
    assert all(torch.equal(parts[0][name], parts[1][name]) for name in parts[0])


def test_a_schedule_longer_than_the_budget_is_refused(tmp_path):
    with pytest.raises(BadField, match=r"--rate 0:1e-2@2M takes 2,000,000 images, longer than the budget of 256"):
        train(tmp_path, Line(rate="0:1e-2@2M"), images=256)


def test_a_batch_that_does_not_divide_is_refused(tmp_path):
    with pytest.raises(BadField, match=r"a batch of 8 does not divide by 1 processes x 3 parts"):
        train(tmp_path, images=64, micro=3)


def test_budgets():
    assert budget_of(Line(), Training(steps=10)) == 10 * Line.batch
    assert budget_of(Line(), Training(steps=10, batch=3)) == 30
    assert budget_of(Line(), Training()) == Line.images
    assert budget_of(Line(), Training(minutes=1)) is None
    with pytest.raises(BadField, match="one budget, not --images and --minutes"):
        budget_of(Line(), Training(images=1, minutes=1))


@pytest.mark.parametrize("batch", [None, 16, 64, 96, 256, 1024])
def test_a_lazy_penalty_is_in_every_nth_step_whatever_the_batch(batch):
    recipe, training = lt.GAN(lazy=4), Training(batch=batch)
    size = batch or recipe.batch
    stages = [stage_at(recipe, training, step * size) for step in range(12)]
    assert [stage.penalty for stage in stages] == [step % 4 == 0 for step in range(12)]
    assert {stage.batch for stage in stages} == {size}


def test_minutes_become_images_that_the_run_keeps(tmp_path):
    model = train(tmp_path, minutes=0.003, every=None)
    budget = model.facts["budget"]
    assert budget > 25 * 8
    assert max(row["seen"] for row in rows(tmp_path)) >= budget
    told = []
    train(tmp_path, minutes=0.003, every=None, tell=told.append)
    assert next(event for event in told if isinstance(event, Started)).budget == budget
    before, told = Run.open(tmp_path / "run").facts, []
    train(tmp_path, minutes=0.0001, every=None, tell=told.append)  # it has had them already
    started = next(event for event in told if isinstance(event, Started))
    assert started.budget == started.seen == max(row["seen"] for row in rows(tmp_path))
    assert Run.open(tmp_path / "run").facts["budget"] >= before["budget"]


def test_a_larger_budget_is_validated_as_seldom_as_if_it_had_been_asked_for_at_once(tmp_path):
    train(tmp_path, images=160, every=None)
    train(tmp_path, images=1600, every=None)
    seen = [row["seen"] for row in rows(tmp_path) if row["split"] == "validation"]
    assert seen == [*range(8, 161, 8), *range(240, 1601, 80)]
    train(tmp_path, images=1680, every=None)
    assert Run.open(tmp_path / "run").facts["every"] == 84


def test_minutes_are_those_of_the_whole_run(monkeypatch):
    clock = iter(range(1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(clock)))  # a second from one look to the next
    budgets = []
    for spent in (0.0, 60.0, 600.0):
        watch = Stopwatch(minutes=2, seen=0, spent=spent)
        budgets.append(next(images for step in range(1, 100) if (images := watch.step(step * 20))))
    rate = 20 * MEASURED  # the clock is looked at once while they are measured
    seen = 20 * (SETTLING + MEASURED)
    assert budgets == [seen + rate * (120 - 3), seen + rate * (60 - 3), seen]


def test_a_device_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(BadField, match=r"'cuda:9' is not there; this machine has cpu"):
        train(tmp_path, images=64, device="cuda:9")


def test_a_folder_that_may_not_be_written_is_refused(tmp_path):
    (tmp_path / "run").write_text("a file where the folder should be")
    with pytest.raises(BadRun, match="cannot be written"):
        train(tmp_path, images=64)


def test_a_run_of_a_later_format_is_refused(tmp_path):
    train(tmp_path, images=64)
    facts = Run.open(tmp_path / "run").facts | {"format": 99}
    checkpoint.write_json(tmp_path / "run" / "recipe.json", facts)
    with pytest.raises(BadRun, match="format 99; this version of latentia reads format 1"):
        lt.load(tmp_path / "run")


def test_a_run_without_weights_is_refused(tmp_path):
    with pytest.raises(BadRun, match=r"is no run: it has no recipe.json"):
        lt.load(tmp_path)


def test_tensorboard_events_mirror_the_log(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(tmp_path, images=128, tensorboard=True)
    events = accumulator.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    events.Reload()
    written = events.Scalars("validation/error")
    logged = [row["logs"]["error"] for row in rows(tmp_path) if row["split"] == "validation"]
    assert [event.step for event in written] == [64, 128]
    assert [event.value for event in written] == pytest.approx(logged, rel=1e-6)


def test_a_refused_training_does_not_block_the_corrected_one(tmp_path):
    with pytest.raises(BadField, match="longer than the budget"):
        train(tmp_path, Line(rate="0:1e-2@2M"), images=64)
    train(tmp_path, Line(rate="0:1e-2@64"), images=64)


def test_a_large_held_out_split_is_validated_on_evenly_spread_items(tmp_path):
    class Counting:
        spec, places = None, []

        def __len__(self):
            return 25_001

        def read(self, indices):
            self.places += list(indices)
            return Batch(torch.as_tensor(indices, dtype=torch.float32).reshape(-1, 1))

    net = torch.nn.Module()
    net.mean, net.filling = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    source = Counting()
    validation(Line(), net, source, Stage(64), 64, 0, Machine(torch.device("cpu"), "float32"))
    assert source.places == list(range(0, 25_001, 3))


def test_a_refused_training_leaves_no_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(BadField, match="longer than the budget"):
        lt.train(Line(rate="0:1e-2@2M"), "digits", images=64, **SETTINGS)
    assert not list(tmp_path.iterdir())
    lt.train(Line(), "digits", images=64, **SETTINGS)
    assert len(list(tmp_path.iterdir())) == 1


def test_several_processes_need_a_folder_with_a_name(monkeypatch):
    monkeypatch.setattr(api, "world", lambda: 2)
    with pytest.raises(BadField, match="several processes cannot share a temporary folder"):
        lt.train(Line(), "digits", images=64, **SETTINGS)
