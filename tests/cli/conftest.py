"""A tiny trained VAE, made by the command line itself, once for all tests of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from latentia.cli.main import main

TINY = ["--latent", "3", "--hidden", "16", "--images", "1k", "--every", "500", "--device", "cpu"]
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "vae-digits"
    assert main(["train", "vae", "digits", "--run", str(folder), "--quiet", *TINY]) == 0
    return folder


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Run a command in an empty folder: its exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def called(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return called
