"""``latentia translate``: pictures and films to their counterparts in another domain."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from latentia.cli import output
from latentia.cli.common import DEFAULTS, Common, Run, SkipBad, Weights, at_least, load
from latentia.cli.film import FILMING, Filming, filmed, is_film
from latentia.cli.progress import Countdown
from latentia.errors import BadData, BadField

if TYPE_CHECKING:
    from torch import Tensor

    from latentia.translating import Translations

SAVED: dict[str, dict[str, Any]] = {  # what Pillow is told, by ending
    ".png": {},
    ".jpg": {"quality": 95, "subsampling": 0},
    ".jpeg": {"quality": 95, "subsampling": 0},
    ".webp": {"lossless": True},
    ".bmp": {},
    ".tif": {},
    ".tiff": {},
}
DEEP, CLEAR = (".png", ".tif", ".tiff"), (".png", ".webp", ".tif", ".tiff")  # those with 16 bits, and with transparency


def translate(
    run: Run,
    what: Annotated[str, Parameter(name="IN", help="a picture, a folder or archive of them, a data set, or a film")],
    out: Annotated[str, Parameter(name="OUT", help="a picture's name, that of a folder, or of a film")],
    /,
    *,
    to: Annotated[str | None, Parameter(help="the domain to translate to, where the model has two")] = None,
    count: Annotated[
        int | None, Parameter(name=["--count", "-n"], help="variants of each picture, where the model has noise")
    ] = None,
    tile: Annotated[
        int | None, Parameter(help="for pictures larger than memory: work on parts of this many pixels a side")
    ] = None,
    halves: Annotated[
        bool | None,
        Parameter(
            help="IN shows input and output side by side: take the input half (where it is like the training's)",
            negative="--no-halves",
        ),
    ] = None,
    overwrite: Annotated[bool, Parameter(help="replace what is there under OUT", negative="")] = False,
    skip_bad: SkipBad = False,
    weights: Weights = "best",
    filming: Filming = FILMING,
    common: Common = DEFAULTS,
) -> None:
    """Pictures to their counterparts, each exactly as large as it was.

    A folder becomes a folder of PNG files of the same names. OUT appears when all of it is there. A film (.mp4 .mov
    .mkv .webm .gif) keeps its frames, times, size, colours and sound.
    """
    at_least("--count", count, 1)
    at_least("--tile", tile, 1)
    if is_film(what, out, filming):
        if halves is not None:
            raise BadField("--halves is for pictures; a film has one picture a frame. Leave it out")
        filmed(run, what, out, to, filming, common, weights, tile, overwrite, count)
        return
    filming.refuse()
    ending = _form(what, out, overwrite)
    model = load(run, common, weights)
    found = model.translations(what, to, count, common.seed, tile, skip_bad=skip_bad, halves=halves)
    _check(found, out, ending)
    if ending:
        (made,) = (made for _, made in found)
        with output.replacing(Path(out)) as temporary:
            _save(made[0], found, temporary)
        written = [out]
    else:
        try:
            written = _folder(found, Path(out), common)
        except OSError as error:  # it names the folder that is filled first
            raise OSError(error.errno, error.strerror, out) from error
    for note in found.pictures.notes:
        common.remark(note)
    common.remark(f"{len(written):,} picture{'s' * (len(written) != 1)} of {found.to} in {out}")
    if common.json:
        output.rows([{"out": each} for each in written], as_json=True)


def _form(what: str, out: str, overwrite: bool) -> str:
    """The ending of one picture, or the empty string for a folder.

    Raises:
        BadData: another ending, something that is there already, or a place that is read from.
    """
    path, source = Path(out), Path(what).expanduser()
    ending = "" if out.endswith(("/", os.sep)) or path.is_dir() else path.suffix.lower()
    if ending and ending not in SAVED:
        raise BadData(f"{out} ends in {ending!r}; a picture can be written as {', '.join(SAVED)}, and OUT/ is a folder")
    if not path.absolute().parent.is_dir():
        raise BadData(f"{out}: there is no folder {path.parent}; make it first")
    if source.is_dir() and source.resolve() in (path.resolve(), *path.resolve().parents):
        raise BadData(f"{out} lies in {what}, which is read: what is written there would be translated the next time")
    if path.exists() and not ending and not path.is_dir():
        raise BadData(f"{out} is a file, and a folder is to be written")
    if path.exists() and not overwrite and (ending or any(path.iterdir())):
        raise BadData(f"{out} is there already; --overwrite replaces it" + (", file by file" if not ending else ""))
    return ending


def _check(found: Translations, out: str, ending: str) -> None:
    """Refuse what one picture cannot hold."""
    if not ending:
        return
    if not found.pictures.alone or found.draws is not None:
        count = f"{len(found.pictures):,} pictures" if found.draws is None else f"{found.draws} variants"
        raise BadData(f"{out} is one picture, and {count} are to be written; give a folder: {Path(out).stem}/")
    if _deep(found) and ending not in DEEP:
        raise BadData(f"pictures of {found.to} have 16 bits, which {ending} does not hold; write {' or '.join(DEEP)}")
    if found.spec.shape[0] == 4 and ending not in CLEAR:
        raise BadData(
            f"pictures of {found.to} are transparent, which {ending} does not hold; write {' or '.join(CLEAR)}"
        )


def _deep(found: Translations) -> bool:
    return (found.spec.levels or 0) > 256


def _save(x: Tensor, found: Translations, path: Path) -> None:
    from latentia.tasks import pictures

    pictures.picture(x, deep=_deep(found)).save(path, **SAVED[path.suffix.lower()])


def _folder(found: Translations, path: Path, common: Common) -> list[str]:
    """All of them under their names; the folder appears when the last is written, or its files join those there."""
    names = dict(zip(found.pictures.names, _stems(found.pictures.names), strict=True))
    progress, files = Countdown("translating", common.quiet), []
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.absolute().parent) as made:
        inside = Path(made) / path.name
        inside.mkdir()
        for place, (name, several) in enumerate(found, 1):
            for number, x in enumerate(several, common.seed):
                file = Path(names[name] + (".png" if found.draws is None else f"-{number}.png"))
                (inside / file).parent.mkdir(parents=True, exist_ok=True)
                _save(x, found, inside / file)
                files.append(file)
            progress(place, len(names))
        progress.close()
        if not files:
            raise BadData("none of the pictures can be read; nothing was written")
        if not path.exists():
            os.rename(inside, path)
        else:
            for file in files:
                (path / file).parent.mkdir(parents=True, exist_ok=True)
                os.replace(inside / file, path / file)
    return [str(path / file) for file in files]


def _stems(names: Sequence[str]) -> list[str]:
    """The names without their endings; with them where two would be the same."""
    stems = [str(PurePosixPath(name).with_suffix("")) for name in names]
    count = Counter(stems)
    return [name if count[stem] > 1 else stem for name, stem in zip(names, stems, strict=True)]
