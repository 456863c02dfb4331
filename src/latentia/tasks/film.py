"""Films: a function from pictures to pictures over every frame of a video, a GIF or a folder of frames.

The film that is made has as many frames as the film it is made from, at the same times, as large, the same way up, with
the same colour tags; sound and subtitles are copied packet by packet. It appears when it is whole.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from latentia.data import flipbook as reading
from latentia.data.clip import Clip, Frame
from latentia.errors import BadData, BadField, near
from latentia.tasks import flipbook
from latentia.tasks.encoders import CODECS, CONTAINERS
from latentia.tasks.writing import Moment, writing

__all__ = ["ENDINGS", "HDR", "Filmed", "translate_video"]

Function = Callable[[Tensor], Tensor]
Say = Callable[[str], None]
Told = Callable[[int, int], None]
ENDINGS = (*CONTAINERS, ".gif")
HDR = ("tone-map", "keep")
TOGETHER = 8  # frames handed over at once, fewer of large ones
PIXELS = 1 << 21  # that all of them have, about


@dataclass(frozen=True)
class Filmed:
    """What was made."""

    path: Path
    frames: int
    size: tuple[int, int]  # (height, width) as shown
    seconds: Fraction


class Takes(Protocol):
    """Takes frames ``(N, 3, H, W)`` and when they appear."""

    def write(self, frames: Tensor, moments: list[Moment]) -> None: ...


def translate_video(
    function: Function,
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    start: int = 0,
    frames: int | None = None,
    crf: int | None = None,
    codec: str | None = None,
    side_by_side: bool = False,
    overwrite: bool = False,
    batch: int | None = None,
    rate: float | None = None,
    hdr: str = "tone-map",
    say: Say = lambda _: None,
    progress: Told = lambda _, __: None,
) -> Filmed:
    """Make a film of what ``function`` makes of the frames of another.

    Args:
        function: from frames ``(N, 3, H, W)``, float32 in [0, 1], as they are shown, to ``(N, C, H, W)`` with C of 1 or
            3, in the order of time; every call gets at most ``batch`` frames.
        source: a video, a .gif, or a folder of frames (in the order of the numbers in their names).
        target: .mp4, .m4v, .mov, .mkv, .webm, .gif, or a folder.
        start: the first frame, counted from 0.
        frames: how many; sound is cut with them.
        crf: the quality of a video, 0 is best; by default the codec's in :data:`.encoders.CODECS`.
        codec: of a video; by default that of ``source``, if ``target`` can hold it.
        side_by_side: the frames of ``source`` at the left, what was made of them at the right.
        overwrite: replace ``target`` if it is there.
        batch: frames handed over at once; by default as many as have about two million pixels, at most 8.
        rate: frames a second of a folder (30); videos and GIFs have their own times.
        hdr: ``"tone-map"`` shows films of high dynamic range (PQ, HLG) to the function as BT.709 and writes that;
            ``"keep"`` hands over the signal as it is and writes it as it was.
        say: is told in a sentence each what differs from ``source``.
        progress: is told frames done and frames to do.

    Raises:
        BadData: no film, a damaged one, a target that is there or that cannot hold it, or a function that does not give
            pictures of the size it was given.
        BadField: a number out of range, an unknown codec, or a video without PyAV.
    """
    _check(start, frames, batch, rate, hdr)
    path = _target(Path(source), target, overwrite)
    clip = reading.look(source, rate)
    for note in clip.notes:
        say(note)
    count = _wanted(clip, start, frames)
    height, width = clip.shown
    shown = (height, 2 * width) if side_by_side else (height, width)
    window = start > 0 or count < clip.frames
    together = batch or max(1, min(TOGETHER, PIXELS // (height * width)))
    done, first, last = 0, Fraction(0), None
    with _opened(path, clip, shown, start, codec, crf, hdr, window, say) as film:
        for group in _groups(reading.read(clip, start, count, hdr, say), together):
            x = torch.stack([frame.x for frame in group])
            made = _made(function, x)
            moments = [Moment(frame.time, frame.lasts) for frame in group]
            film.write(torch.cat([x, made], -1) if side_by_side else made, moments)
            first = moments[0].time if last is None else first
            done, last = done + len(group), moments[-1]
            progress(done, count)
        if last is None:
            raise BadData(f"{clip.path} has no frame from number {start} on that can be decoded")
    if done < count:
        say(f"{done} of {count} frames could be decoded")
    return Filmed(path, done, shown, last.time - first + (last.lasts or 1 / clip.rate))


def _check(start: int, frames: int | None, batch: int | None, rate: float | None, hdr: str) -> None:
    for flag, value, low in (("--start", start, 0), ("--frames", frames, 1), ("--batch", batch, 1)):
        if value is not None and value < low:
            raise BadField(f"{flag} is {value}; it must be at least {low}")
    if rate is not None and not 0 < rate < float("inf"):
        raise BadField(f"--fps is {rate:g}; it must be above 0")
    if hdr not in HDR:
        raise BadField(f"--hdr is {hdr!r}; {near(hdr, HDR)}")


def _target(source: Path, target: str | os.PathLike[str], overwrite: bool) -> Path:
    """Where the film goes: refused before any work if it cannot."""
    path, text = Path(target), os.fspath(target)
    folder = text.endswith(("/", os.sep)) or path.is_dir() or not path.suffix
    if not folder and path.suffix.lower() not in ENDINGS:
        raise BadData(f"{text} ends in {path.suffix!r}; a film can be written as {', '.join(ENDINGS)} or a folder/")
    if not path.absolute().parent.is_dir():
        raise BadData(f"{text}: there is no folder {path.parent}; make it first")
    if path.exists() and source.exists() and path.samefile(source):
        raise BadData(f"{text} is the film that is read; name another for what is made of it")
    there = path.exists() and (not folder or not path.is_dir() or any(path.iterdir()))
    if there and not overwrite:
        raise BadData(f"{text} is there already; --overwrite replaces {'its pictures' if folder else 'it'}")
    return path


def _wanted(clip: Clip, start: int, frames: int | None) -> int:
    """How many frames are to be made."""
    if start >= clip.frames:
        raise BadData(f"{clip.path} has {clip.frames} frames; --start {start} is past the last, {clip.frames - 1}")
    count = clip.frames - start if frames is None else min(frames, clip.frames - start)
    if start + count > clip.whole:
        rest = f"; --frames {clip.whole - start} takes those" if clip.whole > start else ""
        raise BadData(f"{clip.path} is cut short: {clip.whole} of its {clip.frames} frames are there{rest}")
    return count


def _opened(
    path: Path,
    clip: Clip,
    shown: tuple[int, int],
    start: int,
    codec: str | None,
    crf: int | None,
    hdr: str,
    window: bool,
    say: Say,
) -> AbstractContextManager[Takes]:
    ending = path.suffix.lower()
    if ending in CONTAINERS and not path.is_dir():
        return writing(path, clip, shown=shown, codec=codec, crf=crf, hdr=hdr, window=window, say=say)
    if codec is not None or crf is not None:
        raise BadField(f"--codec and --crf are of videos ({', '.join(CONTAINERS)}): codecs are {', '.join(CODECS)}")
    if clip.others:
        say(f"not copied: {', '.join(clip.others)}; {path.name} holds pictures alone")
    if ending == ".gif" and not path.is_dir():
        if clip.kind != "gif":
            say("a .gif has 256 colours a frame, counts hundredths of a second and shows at most 50 frames in one")
        return flipbook.gif(path, clip)
    return flipbook.pages(path, clip, start)


def _groups(frames: Iterator[Frame], together: int) -> Iterator[list[Frame]]:
    while group := list(itertools.islice(frames, together)):
        yield group


def _made(function: Function, x: Tensor) -> Tensor:
    """What the function makes of frames, as colours."""
    made = function(x)
    if made.dim() != 4 or made.shape[1] not in (1, 3) or (len(made), *made.shape[2:]) != (len(x), *x.shape[2:]):
        raise BadData(f"the function made {tuple(made.shape)} of frames {tuple(x.shape)}; a film keeps their size")
    if not bool(torch.isfinite(made).all()):
        raise BadData(f"{int((~torch.isfinite(made)).sum())} numbers of these frames are not finite")
    return made.detach().to("cpu", torch.float32).clamp(0, 1).expand(-1, 3, -1, -1)
