"""What every test shares: no network, no cache of the person who runs them, few threads."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import torch

hypothesis.settings.register_profile("latentia", deadline=None, derandomize=True)
hypothesis.settings.load_profile("latentia")  # the same examples each time, however busy the machine
torch.set_num_threads(1)  # more threads slow tiny nets down when the machine is busy


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches outside this machine fails."""
    connect = socket.socket.connect

    def local(self: socket.socket, address: Any) -> Any:
        inside = self.family == socket.AF_UNIX or str(address[0]) in ("127.0.0.1", "::1", "localhost", "0.0.0.0")
        if not inside:
            raise AssertionError(f"a test reached for the network: {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Decoded pictures go to a folder of this test run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTIA_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def root() -> Path:
    """The root of the repository."""
    return Path(__file__).resolve().parent.parent
