"""One training per run folder."""

import multiprocessing
import os
import signal
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
import torch

import latentia as lt
from latentia.errors import BadRun
from latentia.training.lock import NAME, alone
from latentia.training.run import Logged

X = torch.rand(64, 4, generator=torch.Generator().manual_seed(0))


def hold(folder: Path, held: Event) -> None:
    """Hold a folder until killed."""
    with alone(folder):
        held.set()
        signal.pause()


def test_a_second_training_of_a_folder_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    said = []

    def second(event: object) -> None:
        if isinstance(event, Logged) and not said:
            with pytest.raises(BadRun, match=rf"is being trained by another process \({os.getpid()}\)") as refused:
                lt.train(lt.Autoencoder(latent=2), X, run=tmp_path / "run", steps=4)
            said.append(refused.value)

    model = lt.train(lt.Autoencoder(latent=2), X, run=tmp_path / "run", steps=4, progress=second)
    assert said, "the second training was never tried"
    assert model.facts["budget"] == 4 * 128
    assert not (tmp_path / "run" / NAME).exists()


def test_a_killed_holder_holds_nobody_up(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    held = spawn.Event()
    holder = spawn.Process(target=hold, args=(tmp_path, held))
    holder.start()
    assert held.wait(60)
    with pytest.raises(BadRun, match=rf"another process \({holder.pid}\)"), alone(tmp_path):
        pass
    holder.kill()
    holder.join()
    assert (tmp_path / NAME).exists()
    with alone(tmp_path):
        assert (tmp_path / NAME).read_text() == str(os.getpid())


def test_it_can_be_held_again_and_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), alone(tmp_path / "new"):
        raise ZeroDivisionError
    with alone(tmp_path / "new"):
        assert (tmp_path / "new" / NAME).exists()
    assert not (tmp_path / "new" / NAME).exists()
