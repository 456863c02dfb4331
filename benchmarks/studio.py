"""The studio in a browser: slider to picture, first paint, and the price of 50 open pages.

Protocol: a VAE of 64 x 64 pictures with the default net, and ``latentia studio`` as a process of its own. In headless
Chromium each move of the first slider is timed from the event to the decoded picture on the page (after 5 that are not
counted); first paint is the browser's own figure for a page opened anew. Then 50 readers hold the stream of events
while a row is added to a log every 2 s, and the processor time of the studio's process is read from the system.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks._frame import finish, spread, table

BARS = {"slider to picture, ms": 100, "first paint, ms": 1000, "50 readers, CPU s a second": 0.1}
READERS, EVERY = 50, 2.0
MOVES = """async (count) => {
  const slider = document.querySelector(".slider input"), shown = document.querySelector(".shown"), times = [];
  for (let move = 0; move < count; move++) {
    const before = shown.dataset.trip, start = performance.now();
    slider.value = Number(slider.min) + (slider.max - slider.min) * ((move * 0.37) % 1);
    slider.dispatchEvent(new Event("input"));
    while (shown.dataset.trip === before) await new Promise((resolve) => setTimeout(resolve, 0));
    times.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return times.slice(5);
}"""


def run(quick: bool, seed: int) -> None:
    """Train for a moment, open the studio, and measure."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        sys.exit("the browser's driver is not installed: pip install 'playwright>=1.49'")
    browser = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)
    if browser is None:
        sys.exit("there is no Chromium: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder)
        train(runs / "vae", seed)
        process, address = opened(runs)
        try:
            with sync_playwright() as play:
                chromium = play.chromium.launch(executable_path=browser, args=["--no-sandbox"])
                moves, paints = seen(chromium, address, 15 if quick else 105, 3 if quick else 9)
                chromium.close()
            share = asyncio.run(read(process.pid, address, runs / "vae" / "log.jsonl", 10.0 if quick else 60.0))
        finally:
            process.terminate()
            process.wait(20)
    figures = {"slider to picture, ms": spread(moves), "first paint, ms": spread(paints)}
    medians = {name: values["median"] for name, values in figures.items()} | {"50 readers, CPU s a second": share}
    table(["what", "median", "bar"], [[name, value, BARS[name]] for name, value in medians.items()])
    met = {name: value <= BARS[name] for name, value in medians.items()}
    told = {**figures, "50 readers, CPU s a second": share, "met": met}
    finish("studio", told, " ".join((__doc__ or "").split()), seed)


def train(run: Path, seed: int) -> None:
    """A VAE of 64 x 64 pictures: as fast when it is hardly trained."""
    import numpy as np

    import latentia as lt
    from latentia import data

    pictures = run.parent / "pictures.npy"
    x = data.open("shapes").train.take(seed, 0, 500).x
    np.save(pictures, x.mul(255).byte().permute(0, 2, 3, 1).numpy())
    lt.train(lt.VAE(latent=16), pictures, run=run, images=64, batch=16, seed=seed, device="cpu")


def opened(runs: Path) -> tuple[subprocess.Popen[str], str]:
    """The studio's process, and its address."""
    words = [sys.executable, "-m", "latentia", "studio", str(runs), "--port", "0", "--json", "--quiet"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    told = ""
    while process.stdout is not None and not told.rstrip().endswith("}"):
        told += process.stdout.readline()
    return process, json.loads(told)["studio"]


def seen(browser: Any, address: str, moves: int, paints: int) -> tuple[list[float], list[float]]:
    """Milliseconds of moves of a slider, and of first paints."""
    found = []
    for _ in range(paints):
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("main[data-page=runs]")
        found.append(page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
        page.close()
    page = browser.new_page()
    page.goto(f"{address}#/explore/vae")
    page.wait_for_selector("main[data-page=explore]", timeout=120_000)
    page.wait_for_selector("section[data-ready]", timeout=120_000)
    page.wait_for_timeout(3000)
    times = page.evaluate(MOVES, moves)
    page.close()
    return times, found


async def read(process: int, address: str, log: Path, seconds: float) -> float:
    """Processor seconds a second of a process whose events are read by many, one every 2 s."""
    parts = urlsplit(address)
    counts = [0] * READERS

    async def reader(place: int) -> None:
        stream, out = await asyncio.open_connection(parts.hostname, parts.port)
        out.write(f"GET {parts.path}events HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode())
        await out.drain()
        while line := await stream.readline():
            counts[place] += line.startswith(b"data:") and b'"again"' not in line

    readers = [asyncio.create_task(reader(place)) for place in range(READERS)]
    await asyncio.sleep(2)
    begun, spent = time.monotonic(), used(process)
    sent = 0
    while time.monotonic() - begun < seconds:
        row = {"seen": 1_000 + sent, "seconds": 1.0, "split": "train", "logs": {"bound": -float(sent)}}
        with log.open("a") as file:
            file.write(json.dumps(row) + "\n")
        sent += 1
        await asyncio.sleep(EVERY)
    share = (used(process) - spent) / (time.monotonic() - begun)
    for each in readers:
        each.cancel()
    if min(counts) < sent - 1:
        raise RuntimeError(f"a reader heard {min(counts)} of {sent} events")
    return share


def used(process: int) -> float:
    """Seconds that a process has spent on processors."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
