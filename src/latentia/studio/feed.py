"""What changes, told to every open page: files are looked at once for all, and a message is made once for all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from latentia.studio.runs import Shelf, Track

__all__ = ["Feed"]

PAUSE = 1.0  # seconds between two looks
ALIVE = 15.0  # seconds after which a line is sent even if nothing changes, so that who has gone is noticed
AGAIN = b'data: {"again": true}\n\n'  # the first message: what changed between a page's questions and now was not told
WAITING = 200  # messages that a slow reader may be behind; it is let go, and its page asks anew


class Feed:
    """One stream of events for all readers; nothing is looked at while there are none.

    Args:
        shelf: the runs.
        more: what else each look tells, as messages.
    """

    def __init__(self, shelf: Shelf, more: Callable[[], None] = lambda: None) -> None:
        self.shelf, self.more = shelf, more
        self.readers: set[asyncio.Queue[bytes]] = set()
        self.told: dict[str, tuple[Any, ...]] = {}
        self.task: asyncio.Task[None] | None = None

    async def read(self) -> AsyncIterator[bytes]:
        """The stream of one reader, as server-sent events."""
        queue: asyncio.Queue[bytes] = asyncio.Queue(WAITING)
        self.readers.add(queue)
        if self.task is None or self.task.done():
            self.told = {name: mark(track) for name, track in (await asyncio.to_thread(self._look)).items()}
            self.task = asyncio.create_task(self._watch())
        try:
            yield AGAIN
            while queue in self.readers:
                try:
                    yield await asyncio.wait_for(queue.get(), ALIVE)
                except TimeoutError:
                    yield b": still here\n\n"
        finally:
            self.readers.discard(queue)

    def _look(self) -> Mapping[str, Track]:
        self.more()
        return self.shelf.look()

    async def _watch(self) -> None:
        while self.readers:
            await asyncio.sleep(PAUSE)
            self.send(self.changes(await asyncio.to_thread(self._look)))

    def changes(self, tracks: Mapping[str, Track]) -> list[dict[str, Any]]:
        """What is new since it was told last: of each run that changed its summary and its new rows."""
        messages = []
        for name, track in tracks.items():
            before, now = self.told.get(name), mark(track)
            if before == now:
                continue
            start = before[1] if before is not None and before[0] == track.epoch else 0
            messages.append({**track.summary(), "from": start, "new": track.rows[start:][:WAITING]})
            self.told[name] = now
        for name in set(self.told) - set(tracks):
            del self.told[name]
            messages.append({"run": name, "gone": True})
        return messages

    def send(self, messages: list[dict[str, Any]]) -> None:
        """Hand messages to all readers."""
        if not messages:
            return
        data = b"".join(b"data: " + json.dumps(message).encode() + b"\n\n" for message in messages)
        for queue in list(self.readers):
            try:
                queue.put_nowait(data)
            except asyncio.QueueFull:
                self.readers.discard(queue)


def mark(track: Track) -> tuple[Any, ...]:
    """What differs when a run has something new."""
    return track.epoch, len(track.rows), track.stamp
