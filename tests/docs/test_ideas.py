"""The page of ideas: its commands run at quick size and draw every figure; the committed page is that of the source."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.ideas import DOCS, IDEAS, build, page
from docs.snippets import snippets
from PIL import Image

HEAVIEST = 150_000  # bytes of a figure


def test_every_idea_runs_and_draws_its_figure(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "work").mkdir()
    build(tmp_path / "work", tmp_path / "pictures", quickly=True)
    for idea in IDEAS:
        with Image.open(tmp_path / "pictures" / f"{idea.name}.png") as picture:
            assert min(picture.size) >= 200
            assert len(picture.getcolors(256) or []) > 8  # something was drawn


def test_the_page_is_that_of_the_source() -> None:
    assert (DOCS / "ideas.md").read_text(encoding="utf-8") == page(), "stale: run make ideas"


def test_the_page_shows_the_code_that_is_run() -> None:
    shown = [(each.language, each.code.strip()) for each in snippets(page())]
    assert shown == [(language, code.strip()) for idea in IDEAS for language, code in idea.code]


@pytest.mark.parametrize("idea", IDEAS, ids=lambda idea: idea.name)
def test_figures_are_there_and_light(idea: object) -> None:
    path = DOCS / idea.picture  # type: ignore[attr-defined]
    assert 2_000 < path.stat().st_size < HEAVIEST


def test_no_figure_is_left_over() -> None:
    drawn = {path.stem for path in (DOCS / "pictures" / "ideas").glob("*.png")}
    assert drawn == {idea.name for idea in IDEAS}
