"""Every snippet of every page is run, a page at a time, at quick size; and a broken snippet is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.snippets import Broken, Session, Snippet, commands, quick, snippets

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = sorted(
    page
    for page in DOCS.rglob("*.md")
    if snippets(page.read_text(encoding="utf-8")) and page.name != "ideas.md"  # test_ideas.py runs it, with its figures
)
NEEDED = ("guides/vae.md", "guides/autoencoder.md", "guides/gan.md", "guides/progan.md", "data.md", "runs.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_snippets_of(page: Path, tmp_path: Path) -> None:
    session = Session(tmp_path, quickly=True)
    for snippet in snippets(page.read_text(encoding="utf-8")):
        session.run(snippet)


def test_every_page_for_users_has_snippets() -> None:
    assert {page.relative_to(DOCS).as_posix() for page in PAGES} >= set(NEEDED)


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "import latentia as lt\nlt.VAE(latnt=3)\n"),
        ("python", "assert 1 + 1 == 3\n"),
        ("bash", "latentia train vae digits --latnt 3\n"),
        ("bash", "latentia sample runs/nothing\n"),
        ("bash", "latentia models  # exit code 2\n"),
        ("bash", "rm -r elsewhere\n"),
    ],
)
def test_a_broken_snippet_is_found(language: str, code: str, tmp_path: Path) -> None:
    with pytest.raises(Broken):
        Session(tmp_path).run(Snippet(language, code, 7))


def test_a_broken_snippet_is_named_by_its_line(tmp_path: Path) -> None:
    (snippet,) = snippets("# Page\n\n```python\n1 / 0\n```\n")
    with pytest.raises(Broken, match="line 4: ZeroDivisionError"):
        Session(tmp_path).run(snippet)


def test_a_page_is_one_session(tmp_path: Path) -> None:
    session = Session(tmp_path)
    session.run(Snippet("python", "from pathlib import Path\nkept = Path('a.txt')\nkept.write_text('z')\n", 1))
    assert session.run(Snippet("python", "print(kept.read_text())\n", 5)) == "z\n"
    assert (tmp_path / "a.txt").is_file()


def test_only_python_and_bash_are_run() -> None:
    text = "```text\nnot run\n```\n\n```bash\nlatentia models\n```\n"
    assert snippets(text) == [Snippet("bash", "latentia models\n", 6)]


def test_commands_are_joined_and_comments_passed_over() -> None:
    assert commands("# first\nlatentia train \\\n  vae digits\n\nlatentia models\n") == [
        "latentia train    vae digits",
        "latentia models",
    ]


@pytest.mark.parametrize(
    ("code", "smaller"),
    [
        ("--images 100k --beta 0:1@50k", "--images 200 --beta 0:1@100"),
        ("lt.train(recipe, images=200_000, every=50_000)", "lt.train(recipe, images=400, every=100)"),
        ("--draws 1000", "--draws 2"),
        ("--images 100k --stabilise 15k --fade 10k", "--images 200 --stabilise 30 --fade 20"),
        ("--draws 5 --latent 8", "--draws 5 --latent 8"),
    ],
)
def test_quick_keeps_proportions(code: str, smaller: str) -> None:
    assert quick(code) == smaller
