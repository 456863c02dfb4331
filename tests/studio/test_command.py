"""``latentia studio`` itself: what it prints, and what it refuses."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from latentia.cli.main import main
from latentia.studio.serve import listen


def told(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    code = main(["studio", *map(str, words)])
    return code, *capsys.readouterr()


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The sockets on which a server would have answered."""
    sockets: list[Any] = []

    def run(_: uvicorn.Server, **given: Any) -> None:
        sockets.extend(given["sockets"])
        for each in given["sockets"]:
            each.close()

    monkeypatch.setattr(uvicorn.Server, "run", run)
    return sockets


def test_it_prints_its_address_and_takes_the_next_port(capsys: Any, tmp_path: Path, answered: list[Any]) -> None:
    taken = listen(port=0)
    with taken.socket:
        port = taken.socket.getsockname()[1]
        code, out, err = told(capsys, tmp_path, "--port", port)
    assert code == 0
    assert out.split()[1].startswith("http://127.0.0.1:")
    assert not out.split()[1].startswith(f"http://127.0.0.1:{port}/")
    assert f"port {port} is in use; the studio is on" in err
    assert len(answered) == 1
    assert "nothing is encrypted" not in err


def test_another_address_is_told_of(capsys: Any, tmp_path: Path, answered: list[Any]) -> None:
    code, _, err = told(capsys, tmp_path, "--port", 0, "--host", "0.0.0.0")
    assert code == 0
    assert "anyone who can reach 0.0.0.0 and knows this address can see these runs" in err
    assert "nothing is encrypted" in err


def test_ctrl_c_says_what_goes_on(capsys: Any, tmp_path: Path, answered: list[Any], monkeypatch: Any) -> None:
    close = uvicorn.Server.run

    def stopped(server: uvicorn.Server, **given: Any) -> None:
        close(server, **given)
        raise KeyboardInterrupt

    monkeypatch.setattr(uvicorn.Server, "run", stopped)
    code, _, err = told(capsys, tmp_path, "--port", 0, "--quiet")
    assert (code, err) == (130, "latentia: the studio has ended; trainings that it started go on\n")


def test_without_the_extra_it_names_the_line_that_installs_it(capsys: Any, monkeypatch: Any, tmp_path: Path) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None if name == "uvicorn" else find(name))
    code, _, err = told(capsys, tmp_path)
    assert (code, "pip install 'latentia[studio]'" in err) == (2, True)


def test_what_is_no_folder_is_refused(capsys: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for words in ((tmp_path / "file",), (tmp_path, "--data", tmp_path / "nothing")):
        code, _, err = told(capsys, *words)
        assert (code, "is no folder" in err) == (2, True), words
