"""Films through ``latentia translate``: the flags that only they have, and the work."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Group, Parameter

from latentia.cli import output
from latentia.cli.common import Common, load, switch
from latentia.cli.progress import Countdown
from latentia.errors import BadData, BadField

__all__ = ["FILMING", "Filming", "filmed", "is_film"]

FILMS = Group("Films", sort_key=50)
WRITTEN = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".gif")
VIDEOS = (  # as latentia.data.collection has them
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm"),
    *(".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp", ".ogv", ".y4m", ".mxf"),
)


@Parameter(name="*")
@dataclass(frozen=True)
class Filming:
    """The flags of films."""

    start: Annotated[int | None, Parameter(help="the first frame, counted from 0", group=FILMS)] = None
    frames: Annotated[int | None, Parameter(help="how many frames; sound is cut with them", group=FILMS)] = None
    crf: Annotated[int | None, Parameter(help="quality of a video: 0 is best; 18 for h264", group=FILMS)] = None
    codec: Annotated[
        str | None, Parameter(help="h264, hevc, vp9, av1 or ffv1 (that of the film, if OUT holds it)", group=FILMS)
    ] = None
    fps: Annotated[float | None, Parameter(help="frames a second of a folder of frames (30)", group=FILMS)] = None
    side_by_side: Annotated[bool, switch("the film at the left, what is made of it at the right", FILMS)] = False
    sheet: Annotated[
        str | None, Parameter(help="a contact sheet too, .png: the film over what is made of it", group=FILMS)
    ] = None
    hdr: Annotated[
        Literal["tone-map", "keep"] | None,
        Parameter(help="high dynamic range: brought to BT.709 (tone-map), or as it is", group=FILMS),
    ] = None
    steady: Annotated[
        Literal["smooth", "frozen", "off"] | None,
        Parameter(
            help="against flicker: norms averaged along time (smooth), as in a scene's first frame, or not",
            group=FILMS,
        ),
    ] = None

    @property
    def given(self) -> list[str]:
        """The flags that were given."""
        told = [field.name for field in fields(self) if getattr(self, field.name) not in (None, False)]
        return ["--" + name.replace("_", "-") for name in told]

    def refuse(self) -> None:
        """Refuse flags of films where there is none.

        Raises:
            BadField: a flag was given.
        """
        if given := self.given:
            raise BadField(f"{', '.join(given)}: for films, which end in {', '.join(WRITTEN)}; these are pictures")


FILMING = Filming()


def is_film(source: str, out: str, filming: Filming = FILMING) -> bool:
    """Whether a film is asked for: by an ending, or by a flag of films where a folder is read.

    A .gif that becomes a picture of another ending is a picture.
    """
    into = "" if Path(out).is_dir() else Path(out).suffix.lower()
    if Path(source).is_dir():
        return into in WRITTEN or bool(filming.given)
    return into in WRITTEN or Path(source).suffix.lower() in (VIDEOS if into else (*VIDEOS, ".gif"))


def filmed(
    run: str,
    source: str,
    out: str,
    to: str | None,
    filming: Filming,
    common: Common,
    weights: str = "best",
    tile: int | None = None,
    overwrite: bool = False,
    variants: int | None = None,
) -> None:
    """Translate a film and say what was made of it.

    Raises:
        BadField: variants, of which a film has none.
    """
    if variants is not None:
        raise BadField("-n is for pictures: a film has one answer, all its frames alike. Leave it out")
    from latentia.tasks.film import translate_video
    from latentia.tasks.sheet import Sheet
    from latentia.tasks.steady import steadily

    if filming.sheet is not None:
        _check_sheet(filming.sheet, out, overwrite)
    model = load(run, common, weights)
    function = Sheet(steadily(model.net, to, filming.steady or "smooth", tile=tile), filming.start or 0)
    told = Countdown("frames", common.quiet)
    try:
        made = translate_video(
            function,
            source,
            out,
            start=filming.start or 0,
            frames=filming.frames,
            crf=filming.crf,
            codec=filming.codec,
            side_by_side=filming.side_by_side,
            overwrite=overwrite,
            batch=common.batch,
            rate=filming.fps,
            hdr=filming.hdr or "tone-map",
            say=common.remark,
            progress=told,
        )
    finally:
        told.close()
    if filming.sheet is not None:
        with output.replacing(Path(filming.sheet)) as temporary:
            function.picture().save(temporary)
    height, width = made.size
    facts = {"out": str(made.path), "frames": made.frames, "width": width, "height": height}
    if common.json:
        output.facts(facts | {"seconds": float(made.seconds)}, as_json=True)
    else:
        common.remark(f"{made.path}: {made.frames} frames, {width} x {height}, {float(made.seconds):.2f} s")


def _check_sheet(sheet: str, out: str, overwrite: bool) -> None:
    """Refuse a contact sheet that cannot be written, before any work.

    Raises:
        BadData: another ending, no such folder, something that is there already, or the film's own place.
    """
    path = Path(sheet)
    if path.suffix.lower() != ".png" or path.absolute() == Path(out).absolute():
        raise BadData(f"--sheet is {sheet}; a contact sheet is a picture of its own, NAME.png")
    if not path.absolute().parent.is_dir():
        raise BadData(f"{sheet}: there is no folder {path.parent}; make it first")
    if path.exists() and not overwrite:
        raise BadData(f"{sheet} is there already; --overwrite replaces it")
