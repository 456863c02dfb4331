"""A studio that answers on a port of its own, in this process, over models that are trained for it; and a browser."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest
import torch
from PIL import Image

import latentia as lt
from latentia.studio import feed
from latentia.studio.app import Studio
from latentia.studio.serve import listen, server

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
INSTALL = "browser tests need Chromium and its driver: apt-get install chromium && pip install 'playwright>=1.49'"
ROWS = [
    "age,income,city",
    *(f"{20 + place % 50},{1000 + 37 * place},{'north' if place % 3 else 'south'}" for place in range(90)),
]


@dataclass
class Served:
    """A studio that answers, and what a program may ask it."""

    studio: Studio
    address: str
    folder: Path

    @property
    def place(self) -> tuple[str, int, str]:
        parts = urlsplit(self.address)
        return str(parts.hostname), int(parts.port or 0), parts.path

    def ask(self, way: str, path: str, body: Any = None, headers: Any = None, prefix: str | None = None) -> Any:
        """Status, headers and body of one request; the path goes out as it is, dots and all."""
        host, port, token = self.place
        connection = http.client.HTTPConnection(host, port, timeout=60)
        try:
            connection.putrequest(way, (token if prefix is None else prefix) + path, skip_host=True)
            sent = {"Host": f"{host}:{port}", **(headers or {})}
            if body is not None and "Transfer-Encoding" not in sent:
                sent.setdefault("Content-Length", str(len(body)))
            for name, value in sent.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def get(self, name: str, **given: Any) -> tuple[int, Any]:
        status, _, body = self.ask("GET", f"api/{name}?{urlencode(given)}")
        return status, json.loads(body)

    def post(self, name: str, **given: Any) -> tuple[int, Any]:
        status, headers, body = self.ask("POST", f"api/{name}", json.dumps(given).encode())
        return status, json.loads(body) if headers["content-type"].startswith("application/json") else body

    def hand_in(self, tray: str, name: str, body: bytes, **headers: str) -> tuple[int, Any]:
        status, _, answer = self.ask("PUT", f"api/upload?{urlencode({'tray': tray, 'name': name})}", body, headers)
        return status, json.loads(answer)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of a VAE, a VAE of labels, a VAE of a table and a CycleGAN, each trained for a moment."""
    folder = tmp_path_factory.mktemp("studio") / "runs"
    told: dict[str, Any] = {"device": "cpu", "images": 1200, "every": 400}
    lt.train(lt.VAE(latent=12, hidden=(32,)), "digits", run=folder / "vae", **told).report()
    labelled = lt.VAE(latent=3, hidden=(32,), prior="normal")
    lt.train(labelled, "digits", run=folder / "deep" / "labelled", labels=True, **told)
    table = tmp_path_factory.mktemp("table") / "people.csv"
    table.write_text("\n".join(ROWS) + "\n")
    lt.train(lt.VAE(latent=2, hidden=(16,)), table, run=folder / "people", **{**told, "images": 400})
    lt.train(lt.GAN(latent=6, body="mlp", hidden=(16,)), "digits", run=folder / "gan", **{**told, "images": 128})
    sides = [torch.rand(40, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) for seed in (0, 1)]
    cyclegan = lt.CycleGAN(width=4, blocks=1, halvings=1)
    lt.train(cyclegan, *sides, run=folder / "sides", device="cpu", images=8, every=4, batch=4)
    broken = folder / "broken"
    broken.mkdir()
    (broken / "recipe.json").write_text("{ no json")
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pictures that may be trained on."""
    folder = tmp_path_factory.mktemp("offered") / "data"
    (folder / "pictures").mkdir(parents=True)
    for place in range(12):
        pixels = np.random.default_rng(place).integers(0, 255, (8, 8), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "pictures" / f"{place}.png")
    return folder


def started(runs: Path, data: Path) -> tuple[Served, Any]:
    """A studio in a thread of this process, and what ends it."""
    door, studio = listen(port=0), Studio(runs, [data])
    answering = server(studio, door)
    thread = threading.Thread(target=answering.run, kwargs={"sockets": [door.socket]})
    thread.start()

    def end() -> None:
        answering.should_exit = True
        thread.join(20)
        door.socket.close()

    return Served(studio, door.address, runs), end


@pytest.fixture(scope="session")
def served(runs: Path, data: Path) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "PAUSE", 0.1)
        made, end = started(runs, data)
        yield made
        end()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless Chromium; its driver keeps an event loop running, which tests of other modules could not bear."""
    if not CHROMIUM:
        pytest.skip(INSTALL)
    driver = pytest.importorskip("playwright.sync_api", reason=INSTALL)
    with driver.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()
