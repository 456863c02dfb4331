"""README.md: its snippets work, its tree names what is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pandas
import pytest

import latentia
from latentia.cli.main import main

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    fenced = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    return [text for word, text in fenced if word == language]


def customers(count: int, seed: int) -> pandas.DataFrame:
    generator = np.random.default_rng(seed)
    region = generator.choice(["north", "south"], count)
    return pandas.DataFrame({"region": region, "spent": generator.normal(size=count).round(2)})


def test_every_command_works_at_quick_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    customers(1100, 0).to_csv("customers.csv", index=False)
    customers(20, 1).to_csv("new.csv", index=False)
    commands = [block for block in blocks("bash") if block.startswith("latentia")]
    for line in "".join(commands).splitlines():
        words = shlex.split(line, comments=True)
        assert words[0] == "latentia"
        words = [{"100k": "300", "150k": "500", "300k": "700"}.get(word, word) for word in words[1:]]
        words += ["--images", "500"] if words[:2] == ["train", "vae"] and "--images" not in words else []
        quick = ["--hidden", "16"] if words[0] == "train" and words[1] in ("vae", "gan") else []
        quick += ["--draws", "10"] if words[0] == "evaluate" else []
        assert main([*words, *quick, "--quiet"]) == 0, line
    left = {"runs", "samples.png", "walk.gif", "moved.png", "codes.csv", "edited.png", "data.png"}
    left |= {"all.png", "from-3-to-8.gif", "customers.csv", "new.csv", "made.csv", "judged.csv"}
    assert {path.name for path in tmp_path.iterdir()} == left


def test_the_python_snippet_works_at_quick_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(compile(code.replace("150_000", "500"), "README.md", "exec"), names)
    model = names["model"]
    assert isinstance(model, latentia.Model)
    assert tuple(model.sample(64, seed=0).shape) == (64, 1, 8, 8)
    assert latentia.load("runs/digits").spec == model.spec


def test_its_pictures_are_there_and_small() -> None:
    pictures = [ROOT / name for name in re.findall(r"!\[[^]]+\]\(([^)]+)\)", PAGE)]
    assert len(pictures) >= 2
    assert {path.name: path.stat().st_size for path in pictures if path.stat().st_size > 300_000} == {}


def test_the_tree_names_what_is_there() -> None:
    tree = next(block for block in blocks("") if "src/latentia/" in block)
    inside = {line.split()[0].rstrip("/") for line in tree.splitlines() if line.startswith("  ")}
    there = {path.name for path in (ROOT / "src" / "latentia").iterdir() if not path.name.startswith(("_", "."))}
    assert inside == there - {"py.typed"}
    outside = {line.split()[0] for line in tree.splitlines() if not line.startswith(" ")}
    assert all((ROOT / name).is_dir() for name in outside)
