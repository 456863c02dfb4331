"""Who is answered: the token, this machine's Host, no foreign Origin, no way out of the named folders."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from latentia.errors import BadData, BadField
from latentia.studio.safety import Guard, inside, plain_name
from latentia.studio.serve import listen

from .conftest import Served


def test_the_token_opens_and_nothing_else_does(served: Served) -> None:
    assert served.ask("GET", "")[0] == 200
    for prefix in ("/", "/wrong/", f"{served.place[2][:-2]}/", f"{served.place[2][:-1]}x/"):
        status, _, body = served.ask("GET", "api/runs", prefix=prefix)
        assert (status, b"has not the right token" in body) == (403, True), prefix
    assert served.ask("POST", "api/stop", b"{}", prefix="/wrong/")[0] == 403


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Host": "evil.example"}, b"studio of another machine than 'evil.example'"),
        ({"Host": "127.0.0.1.evil.example:80"}, b"another machine"),
        ({"Host": ""}, b"another machine"),
        ({"Origin": "http://evil.example"}, b"A page of 'http://evil.example' asked for this"),
        ({"Origin": "null"}, b"its own page alone"),
        ({"Origin": "http://127.0.0.1:1"}, b"its own page alone"),
    ],
)
def test_a_foreign_page_or_name_is_refused(served: Served, headers: dict[str, str], reason: bytes) -> None:
    status, _, body = served.ask("POST", "api/decode", b"{}", headers)
    assert status == 403
    assert reason in body


def test_its_own_page_may_come_through_a_forwarded_port(served: Served) -> None:
    headers = {"Host": "localhost:9999", "Origin": "http://localhost:9999"}
    assert served.ask("GET", "api/runs", headers=headers)[0] == 200


def test_every_answer_keeps_the_page_to_itself(served: Served) -> None:
    for path in ("", "static/studio.js", "api/runs", "nothing"):
        headers = {name.lower(): value for name, value in served.ask("GET", path)[1].items()}
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer", "the address holds the token"
        assert headers["x-content-type-options"] == "nosniff"
    policy = served.ask("GET", "api/report?run=vae")[1]["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert policy.endswith("sandbox")


def test_the_page_names_no_other_place_and_is_small(served: Served) -> None:
    from latentia.studio.app import STATIC

    files = list(STATIC.iterdir())
    assert sum(path.stat().st_size for path in files) < 1_000_000
    for path in files:
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, path.name


@pytest.mark.parametrize(
    "run", ["../offered/data", "..", "/etc", "vae/../../offered", "deep/../../..", "vae\0", "a" * 5000]
)
def test_a_path_that_leads_out_is_refused(served: Served, run: str) -> None:
    for name in ("run", "about", "report"):
        status, told = served.get(name, run=run)
        assert status in (400, 404), (name, told)
        assert "error" in told


def test_files_are_only_those_of_the_page(served: Served) -> None:
    for path in (
        "static/../app.py",
        "static/%2e%2e%2fapp.py",
        "static/..%2f..%2f..%2fpyproject.toml",
        "../../etc/passwd",
    ):
        status, _, body = served.ask("GET", path)
        assert status in (400, 404), path
        assert b"import" not in body


def test_links_do_not_lead_out_either(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(BadData, match="'link' leads out of"):
        inside(tmp_path / "runs", "link")
    assert inside(tmp_path / "runs", "a/b") == (tmp_path / "runs" / "a" / "b").resolve()


@pytest.mark.parametrize("name", ["", ".", "..", ".hidden", "a/b", "a\\b", "a\0", "a\n", "a.", "x" * 201, "-flag/.."])
def test_a_name_is_no_path(name: str) -> None:
    with pytest.raises(BadData, match="cannot be a name here"):
        plain_name(name)
    for fine in ("a.png", "Foto (1) é.jpg", "it's [2].png"):
        assert plain_name(fine) == fine


@pytest.mark.parametrize(
    ("host", "name", "own"),
    [
        ("127.0.0.1", "localhost:80", True),
        ("127.0.0.1", "[::1]:80", True),
        ("127.0.0.1", "192.168.0.7:80", False),
        ("0.0.0.0", "192.168.0.7:80", True),
        ("0.0.0.0", "evil.example:80", False),  # a name can be made to point here, a number cannot
        ("box.local", "BOX.local:80", True),
        ("127.0.0.1", "localhost:80@evil", False),
    ],
)
def test_whose_host_is_ours(host: str, name: str, own: bool) -> None:
    async def nothing(*_: object) -> None:
        return None

    assert Guard(nothing, "token", host).own(name) is own


def test_a_port_in_use_is_passed_over_and_said() -> None:
    first = listen(port=0)
    try:
        taken = first.socket.getsockname()[1]
        second = listen(port=taken)
        with second.socket:
            assert second.socket.getsockname()[1] > taken
            assert second.notes == (f"port {taken} is in use; the studio is on {second.socket.getsockname()[1]}",)
            assert second.token != first.token
    finally:
        first.socket.close()


def test_what_cannot_be_listened_on_is_said() -> None:
    with pytest.raises(BadField, match="--port is 70000; it must be between 0 and 65535"):
        listen(port=70000)
    with pytest.raises(BadField, match=r"cannot listen on 203\.0\.113\.9"):
        listen("203.0.113.9", 0)
    assert listen.__defaults__ is not None
    assert socket.gethostbyname(listen.__defaults__[0]) == "127.0.0.1"
