"""CONTRIBUTING.md ends in "add a model in one file": its file is taken out and its commands are run, literally."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
SCRIPTS = sysconfig.get_path("scripts")
DOORS = {
    "console script": ["latentia"],
    "python -m": [sys.executable, "-m", "latentia"],
    "torchrun": ["torchrun", "--standalone", "--nproc-per-node", "2", "-m", "latentia"],
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)


def follow(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def test_it_is_short() -> None:
    assert len(PAGE.splitlines()) <= 80
    assert PAGE.rindex("## ") == PAGE.index("## Add a model in one file")


@pytest.mark.parametrize("door", DOORS)
def test_its_last_section_works_as_written(door: str, tmp_path: Path) -> None:
    (code,) = blocks("python")
    (commands,) = blocks("bash")
    (tmp_path / "mymodel.py").write_text(code, encoding="utf-8")
    train, use = (shlex.split(line) for line in commands.strip().splitlines())
    assert train[0] == use[0] == "latentia"
    follow([*DOORS[door], *train[1:]], tmp_path)
    if door == "console script":
        follow(use, tmp_path)
        assert (tmp_path / "pairs.png").stat().st_size > 0
    facts = json.loads((tmp_path / "runs" / "mymodel-digits" / "recipe.json").read_text())
    assert facts["recipe"] == {"latent": 4, "rate": 1e-3}
    log = [json.loads(line) for line in (tmp_path / "runs" / "mymodel-digits" / "log.jsonl").read_text().splitlines()]
    assert log[-1]["seen"] >= 4_000
