"""The one stream of events: every file is looked at once for all readers, and what is new is told once."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from latentia.errors import BadRun
from latentia.studio import feed as feeding
from latentia.studio.feed import AGAIN, Feed
from latentia.studio.runs import Shelf


def row(seen: int, value: float = 1.0) -> str:
    return json.dumps({"seen": seen, "seconds": 1.0, "split": "validation", "logs": {"bound": value}}) + "\n"


def copied(runs: Path, folder: Path) -> Path:
    """A run that a test may write to."""
    shutil.copytree(runs / "vae", folder / "live", ignore=shutil.ignore_patterns("checkpoints"))
    return folder / "live"


def told(feed: Feed) -> list[dict[str, Any]]:
    return feed.changes(feed.shelf.look())


def test_only_what_is_new_is_told(runs: Path, tmp_path: Path) -> None:
    run = copied(runs, tmp_path)
    feed = Feed(Shelf(tmp_path))
    (first,) = told(feed)
    assert (first["run"], first["from"], len(first["new"])) == ("live", 0, first["rows"])
    assert told(feed) == []
    with (run / "log.jsonl").open("a") as log:
        log.write(row(5000, -1.0) + '{"seen": 6000, "sec')  # a row that is being written
    (more,) = told(feed)
    assert (more["from"], [each["seen"] for each in more["new"]]) == (first["rows"], [5000])
    assert more["best"]["value"] == -1.0
    with (run / "log.jsonl").open("a") as log:
        log.write('onds": 1.0, "split": "train", "logs": {"nll": NaN}}\n')
    (more,) = told(feed)
    assert more["new"] == [{"seen": 6000, "seconds": 1.0, "split": "train", "logs": {"nll": None}}]


def test_a_log_that_begins_anew_is_sent_whole(runs: Path, tmp_path: Path) -> None:
    """A resumed training drops rows from after its checkpoint, by another file in the log's place."""
    run = copied(runs, tmp_path)
    feed = Feed(Shelf(tmp_path))
    (first,) = told(feed)
    part = run / ".log.part"
    part.write_text(row(100) + row(200))
    part.replace(run / "log.jsonl")
    (more,) = told(feed)
    assert more["epoch"] == first["epoch"] + 1
    assert (more["from"], [each["seen"] for each in more["new"]]) == (0, [100, 200])
    (run / "pictures" / "0000009000.png").write_bytes(b"")
    (more,) = told(feed)
    assert (more["pictures"][-1], more["new"]) == (9000, [])
    shutil.rmtree(run)
    assert told(feed) == [{"run": "live", "gone": True}]


def test_the_folder_of_one_run_shows_that_run_alone(runs: Path) -> None:
    shelf = Shelf(runs / "vae")
    assert list(shelf.look()) == ["vae"]
    assert shelf.track("vae").summary()["model"] == "vae"
    with pytest.raises(BadRun, match="people is no run of this folder"):
        shelf.track("people")


def test_many_readers_cost_one_look_and_a_slow_one_is_let_go(runs: Path, tmp_path: Path, monkeypatch: Any) -> None:
    run = copied(runs, tmp_path)
    feed, looks = Feed(Shelf(tmp_path)), []
    monkeypatch.setattr(feeding, "PAUSE", 0.02)
    monkeypatch.setattr(feeding, "WAITING", 3)
    look = feed.shelf.look
    monkeypatch.setattr(feed.shelf, "look", lambda: looks.append(1) or look())

    async def readers() -> list[bytes]:
        streams = [feed.read() for _ in range(50)]
        for stream in streams:
            assert await anext(stream) == AGAIN
        before = len(looks)
        with (run / "log.jsonl").open("a") as log:
            log.write(row(7000))
        heard = [await asyncio.wait_for(anext(stream), 5) for stream in streams]
        assert len(looks) - before < 25, "a look for each reader"
        for stream in streams[1:]:
            await stream.aclose()
        assert len(feed.readers) == 1
        for number in range(10):
            feed.send([{"number": number}])
        assert not feed.readers, "it is far behind"
        await streams[0].aclose()
        assert feed.task is not None
        await asyncio.wait_for(feed.task, 5)
        return heard

    heard = asyncio.run(readers())
    assert len({id(each) for each in heard}) == 1, "the message is made once"
    assert json.loads(heard[0].removeprefix(b"data: "))["new"][0]["seen"] == 7000
