"""From a folder to an address: a free port, a token, and a server that ends with Ctrl-C."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from latentia.errors import BadField
from latentia.studio.safety import LOOPBACK, Guard, new_token

if TYPE_CHECKING:
    from uvicorn import Server

    from latentia.studio.app import Studio

__all__ = ["NEXT", "PORT", "Door", "check", "listen", "server"]

PORT = 8765
NEXT = 50  # ports that are tried after one that is taken
PATIENCE = 1  # seconds that open pages have when the studio ends


@dataclass(frozen=True)
class Door:
    """An open socket, its address with the token, and what the person should know of it."""

    socket: socket.socket
    host: str
    token: str
    notes: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        port = self.socket.getsockname()[1]
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{shown}:{port}/{self.token}/"


def check() -> None:
    """Refuse where the extra is not installed.

    Raises:
        BadField: with the line that installs it.
    """
    from importlib.util import find_spec

    if missing := [name for name in ("starlette", "uvicorn") if find_spec(name) is None]:
        raise BadField(f"the studio needs {missing[0]}, which is an extra: pip install 'latentia[studio]'")


def listen(host: str = LOOPBACK[0], port: int = PORT) -> Door:
    """Listen on a port, or on the next free one after it; 0 takes any.

    Raises:
        BadField: no such address on this machine, or no port that is free.
    """
    if not 0 <= port <= 65535:
        raise BadField(f"--port is {port}; it must be between 0 and 65535")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for tried in range(port, min(port + NEXT, 65536)):
        bound = socket.socket(family, socket.SOCK_STREAM)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, tried))
            bound.listen(128)
        except OSError as error:
            bound.close()
            if error.errno in (errno.EADDRINUSE, errno.EACCES) and port:
                continue
            raise BadField(f"the studio cannot listen on {host}: {error.strerror or error}") from None
        notes = () if tried == port else (f"port {port} is in use; the studio is on {tried}",)
        return Door(bound, host, new_token(), notes)
    raise BadField(f"ports {port} to {port + NEXT - 1} are all in use; --port 0 takes any that is free")


def server(studio: Studio, door: Door) -> Server:
    """What answers behind a door; ``run(sockets=[door.socket])`` does until Ctrl-C."""
    import uvicorn

    from latentia.studio.app import application

    config = uvicorn.Config(
        Guard(application(studio), door.token, door.host),
        access_log=False,  # addresses hold the token
        log_level="error",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=PATIENCE,
    )
    return uvicorn.Server(config)
