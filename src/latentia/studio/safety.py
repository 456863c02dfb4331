"""Who may ask the studio, and for what: its own page, with the token that was printed, for what lies in named folders.

A web page of a stranger can send requests to this machine, too. So every address begins with a random token; the Host
has to be this machine's (a stranger's name may be made to point here), and an Origin has to be the studio's own.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

from latentia.errors import BadData

__all__ = ["ELSEWHERE", "LOOPBACK", "POLICY", "Guard", "inside", "new_token", "plain_name"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
LONGEST = 1_000  # letters of a path
NAME = r"""[^\x00-\x1f\x7f/\\:*?"<>|. -][^\x00-\x1f\x7f/\\:*?"<>|]*"""
ELSEWHERE = (
    "anyone who can reach {host} and knows this address can see these runs, start trainings and hand in files; nothing "
    "is encrypted, so use it in a network you trust, or leave out --host and forward the port with ssh -L"
)


def new_token() -> str:
    """A token nobody guesses."""
    return secrets.token_urlsafe(24)


class Guard:
    """Hands on requests that carry the token, this machine's Host, and no foreign Origin; refuses others in a sentence.

    Args:
        app: what they are handed to; it sees the path behind the token.
        token: the first part of every path.
        host: the address that is listened on.
    """

    def __init__(self, app: App, token: str, host: str) -> None:
        self.app, self.token, self.host = app, token, host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"the studio answers http, not {scope['type']}")
        refusal = self.refusal(scope)
        if refusal is None:
            path = scope["path"][len(self.token) + 1 :]
            await self.app({**scope, "path": path, "raw_path": path.encode()}, receive, _with_headers(send))
        else:
            await _say(refusal, _with_headers(send))

    def refusal(self, scope: Scope) -> str | None:
        """Why a request is not answered; ``None`` if it is."""
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self.own(host):
            return f"This is the studio of another machine than {host[:80]!r}: open the address that it printed."
        if origin is not None and origin != f"http://{host}":
            return f"A page of {origin[:80]!r} asked for this; the studio answers its own page alone."
        token = scope["path"].split("/")[1] if "/" in scope["path"] else ""
        if not hmac.compare_digest(token.encode(), self.token.encode()):
            return "This address has not the right token: open the address that `latentia studio` printed."
        return None

    def own(self, host: str) -> bool:
        """Whether a Host header names this machine; ports do not matter, as they may be forwarded."""
        match = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::\d+)?|([^\[\]:]+)(?::\d+)?", host)
        name = (match[1] or match[2]).lower() if match else ""
        if name in LOOPBACK or name == self.host.lower():
            return True
        return self.host not in LOOPBACK and _is_address(name)


def _is_address(name: str) -> bool:
    """Numbers, not a name: no one can make them point elsewhere."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _with_headers(send: Send) -> Send:
    async def sent(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            given = {name.decode("latin-1").lower() for name, _ in message.get("headers", [])}
            more = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name not in given]
            message = {**message, "headers": [*message.get("headers", []), *more]}
        await send(message)

    return sent


async def _say(text: str, send: Send) -> None:
    body = text.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def inside(root: Path, name: str) -> Path:
    """The place ``name`` below ``root``, links followed.

    Raises:
        BadData: it leads out of ``root``, or is none that a file can have.
    """
    top = root.resolve()
    if "\0" in name or len(name) > LONGEST or any(len(part.encode()) > 255 for part in name.split("/")):
        raise BadData(f"{name[:80]!r} is no name of a file")
    path = (top / name).resolve()
    if not path.is_relative_to(top):
        raise BadData(f"{name[:80]!r} leads out of {root}")
    return path


def plain_name(name: str) -> str:
    """A name of one file or folder, without a way to it.

    Raises:
        BadData: it is a path, hidden, too long, or has characters that some systems do not take in names.
    """
    if not re.fullmatch(NAME, name) or len(name.encode()) > 200 or name.endswith((".", " ")):
        raise BadData(f"{name[:80]!r} cannot be a name here: letters, digits, spaces and . _ - ( ) always can")
    return name
