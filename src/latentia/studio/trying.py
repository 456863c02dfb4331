"""Try it: what a model makes of files that were handed in, shown on the page and kept to be downloaded."""

from __future__ import annotations

import csv
import math
import zipfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from latentia.core import Batch
from latentia.data.pictures import Plan, facts_of, opened, render
from latentia.data.tables.shown import Cells
from latentia.errors import BadData, BadField, Latentia, near
from latentia.studio.answers import address, png, said
from latentia.studio.errands import Errand, Errands
from latentia.studio.explorer import values
from latentia.studio.live import Live, Loaded, reading
from latentia.studio.trays import Tray, Trays
from latentia.tasks.film import translate_video
from latentia.tasks.maps import heat, overlaid
from latentia.tasks.outliers import value_of
from latentia.tasks.pictures import picture
from latentia.tasks.reconstruct import reconstruct
from latentia.tasks.score import LATENT
from latentia.tasks.steady import steadily

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["VERBS", "begin", "verbs_of"]

Given = Mapping[str, Any]
SHOWN = 48  # items that the page shows; the file that is downloaded has all
THUMBNAIL = 512  # pixels a side of what is shown, at most
REASONS = 3
RATE = 0.01  # of false alarms
DRAWS = 128


def verbs_of(loaded: Loaded) -> list[str]:
    """What this model can do with files."""
    net = loaded.model.net
    found = ["reconstruct"] if loaded.can("reconstruct") else []
    if loaded.can("reconstruct") or loaded.can("sample"):
        found += ["score", "outliers"]
    return found + [f"translate to {name}" for name in getattr(net, "domains", ())]


def begin(live: Live, trays: Trays, errands: Errands, given: Given) -> Errand:
    """Set about a verb on a tray.

    Raises:
        BadField: a verb that the model has not, or that the files are not for.
    """
    loaded, tray = live.model(said(given, "run")), trays.find(said(given, "tray"))
    asked, label = said(given, "verb"), given.get("label") or None
    if asked not in (known := verbs_of(loaded)):
        raise BadField(f"this model cannot {asked[:40]!r}; {near(asked, known)}")
    if not tray.files:
        raise BadData("nothing was handed in yet")
    verb, _, to = asked.partition(" to ")
    if tray.kind == "film" and verb != "translate":
        raise BadField(f"a film can be translated; {verb} is for pictures and tables")
    if verb == "translate":
        work = partial(_film if tray.kind == "film" else _translated, loaded, tray, to)
    else:
        work = partial(VERBS[verb], loaded, tray, label)

    def done(errand: Errand) -> Any:
        try:
            return {"verb": asked, **work(errand)}
        except Latentia as error:  # the folder's name says nothing to who dropped files
            raise type(error)(str(error).replace(str(tray.given), "what was handed in")) from None

    return errands.begin(done)


def _read(loaded: Loaded, tray: Tray, label: str | None) -> tuple[Batch, list[str]]:
    """The items of a tray, as the model takes them.

    Raises:
        BadData: other columns than the model's, or what else data says.
    """
    what = tray.given if tray.kind == "picture" else tray.given / tray.files[0]
    with reading:
        return loaded.model.given(what, label)


def _before(loaded: Loaded, batch: Batch, row: int) -> dict[str, Any]:
    """An item as it is shown."""
    if loaded.model.spec.kind == "image":
        return {"before": address(batch.x[row])}
    return {"values": values(loaded, batch.x[row])}


def _reconstruct(loaded: Loaded, tray: Tray, label: str | None, errand: Errand) -> dict[str, Any]:
    batch, names = _read(loaded, tray, label)
    made = reconstruct(loaded.model.net, batch.x, label=batch.label)
    off = (made - batch.x).square().flatten(1).sum(1).tolist()
    if loaded.model.spec.kind == "image":
        _zip(tray, "reconstructed.zip", [(f"{Path(name).stem}.png", png(x)) for name, x in _pairs(names, made)])
    else:
        rows = [dict(values(loaded, x)) for x in made]
        _csv(tray, "reconstructed.csv", [{"item": name, **row} for name, row in _pairs(names, rows)])
    items = []
    for row, name in enumerate(names[:SHOWN]):
        after = (
            {"after": address(made[row])} if loaded.model.spec.kind == "image" else {"after": values(loaded, made[row])}
        )
        items.append({"name": name, **_before(loaded, batch, row), **after, "told": f"squared error {off[row]:.4g}"})
    return {"items": items, "count": len(names), "files": list(tray.made)}


def _score(loaded: Loaded, tray: Tray, label: str | None, errand: Errand) -> dict[str, Any]:
    batch, names = _read(loaded, tray, label)
    found = loaded.model.score(batch, draws=DRAWS)
    told = {name: column.tolist() for name, column in found.columns().items()}
    rows = [{"item": name, **{each: told[each][row] for each in told}} for row, name in enumerate(names)]
    _csv(tray, "scores.csv", rows)
    order = np.argsort(-found.value, kind="stable")[:SHOWN].tolist()
    shown = [{"name": names[row], **_before(loaded, batch, row), "told": ", ".join(_each(rows[row]))} for row in order]
    about = f"{found.kind.name} in {found.kind.unit}: {found.kind.meaning}. The most outlying come first."
    return {"items": shown, "count": len(names), "files": list(tray.made), "about": about}


def _each(row: Mapping[str, Any]) -> list[str]:
    return [f"{name.replace('_', ' ')} {value:.4g}" for name, value in row.items() if isinstance(value, float)]


def _outliers(loaded: Loaded, tray: Tray, label: str | None, errand: Errand) -> dict[str, Any]:
    """What does not belong, with heat maps of pictures and reasons of rows; nothing is trained for it."""
    batch, names = _read(loaded, tray, label)
    with reading:
        data = loaded.model.data()
        cells = loaded.model.cells(tray.given / tray.files[0])
    rate = max(RATE, 1 / (1 + len(data.test)))  # the smallest p-value that so many held-out rows can give
    found = loaded.model.outliers(batch, rate, draws=DRAWS, refit=False, data=data, tell=errand.tell)
    spec = loaded.model.spec
    pictures = spec.kind == "image" and found.contributions.shape[1] - 1 == spec.shape[1] * spec.shape[2]
    warm = _warm(batch.x, found.contributions, found.spread) if pictures else None
    rows: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    for row in np.argsort(-found.scores, kind="stable").tolist():
        why = (
            []
            if pictures
            else [
                _why(loaded, batch, row, cells, found.kind.latent if name == LATENT else name, amount)
                for name, amount in found.reasons(row, REASONS)
            ]
        )
        flagged, p = bool(found.outlier[row]), float(found.p_values[row])
        likely = "no p-value: the model was trained on it" if math.isnan(p) else f"p-value {p:.3g}"
        rows.append({"item": names[row], "score": float(found.scores[row]), "p_value": p, "outlier": flagged})
        rows[-1] |= {"reasons": "; ".join(why)}
        if len(items) < SHOWN:
            map_of = {} if warm is None else {"after": address(warm[row])}
            told = f"{'outlier, ' if flagged else ''}{likely}, score {found.scores[row]:.4g}"
            items.append({"name": names[row], **_before(loaded, batch, row), **map_of, "told": told, "why": why})
            items[-1]["outlier"] = flagged
    _csv(tray, "outliers.csv", rows)
    count = int(found.outlier.sum())
    about = f"{count:,} of {len(names):,} are outliers: {found.rule}." + (
        " Beside each picture: where its score comes from." if pictures else ""
    )
    return {"items": items, "count": len(names), "files": list(tray.made), "about": about}


def _why(loaded: Loaded, batch: Batch, row: int, cells: Cells | None, name: str, amount: float) -> str:
    """What a column adds to a row's score, with its value there."""
    spec = loaded.model.spec
    places = [place for place, column in enumerate(spec.columns) if column.name == name]
    value = f" = {value_of(batch, row, places[0], spec, cells)}" if places else ""
    return f"{name}{value} ({amount:+.3g})"


def _warm(x: Tensor, contributions: Any, spread: Any) -> Tensor:
    """Pictures with what is odd in them in warm colours."""
    maps = heat(contributions[:, :-1], spread[: contributions.shape[1] - 1], tuple(x.shape))
    return overlaid(x, maps)[..., x.shape[3] :]


def _translated(loaded: Loaded, tray: Tray, to: str, errand: Errand) -> dict[str, Any]:
    """Pictures as large as they were, one after another."""
    if tray.kind != "picture":
        raise BadData(f"{tray.files[0]} is a {tray.kind}; pictures and films are translated")
    kept: list[tuple[str, bytes]] = []
    items: list[dict[str, Any]] = []
    with reading:
        found = loaded.model.translations(tray.given, to)
    each = iter(found)
    while True:
        with reading:  # one picture at a time, so that others can read between
            name, made = next(each, ("", None))
        if made is None:
            break
        kept.append((f"{Path(name).stem}.png", png(made[0])))
        errand.progress(len(kept), len(tray.files))
        if len(items) < SHOWN:
            items.append({"name": name, "before": _seen(tray.given / name), "after": _small(picture(made[0]))})
    for note in found.pictures.notes:
        errand.tell(note)
    _zip(tray, f"{to}.zip", kept)
    return {"items": items, "count": len(kept), "files": list(tray.made)}


def _seen(path: Path) -> str:
    """A picture as it was handed in, turned as it is meant to be, in 8 bits."""
    from PIL import Image

    with reading, path.open("rb") as file, opened(file) as given:
        facts = facts_of(given)
        return _small(Image.fromarray(render(given, Plan(facts.height, facts.width, "RGB", "crop", "white"))))


def _small(image: Image) -> str:
    """A picture that is not larger than it has to be on a page."""
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    return address(image)


def _film(loaded: Loaded, tray: Tray, to: str, errand: Errand) -> dict[str, Any]:
    """A film, frame by frame; before and after are shown by the page."""
    name = tray.files[0]
    target = tray.out / f"{Path(name).stem}-{Path(plain(to)).stem}.mp4"
    function = steadily(loaded.model.net, to, "smooth")
    made = translate_video(
        function, tray.given / name, target, codec="h264", overwrite=True, say=errand.tell, progress=errand.progress
    )
    tray.made[target.name] = target
    height, width = made.size
    about = f"{made.frames} frames, {width} x {height}, {float(made.seconds):.2f} s"
    return {"film": {"before": name, "after": target.name}, "items": [], "files": [target.name], "about": about}


def plain(text: str) -> str:
    """A word that can be part of a file's name."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in text) or "made"


def _pairs(names: Sequence[str], rows: Any) -> list[tuple[str, Any]]:
    return list(zip(names, rows, strict=True))


def _zip(tray: Tray, name: str, files: Sequence[tuple[str, bytes]]) -> None:
    name = f"{plain(Path(name).stem)}.zip"
    tray.made = {name: tray.out / name}
    with zipfile.ZipFile(tray.made[name], "w") as archive:
        for place, (each, body) in enumerate(files):
            taken = any(each == other for other, _ in files[:place])  # a.png of a.jpg beside a.png
            archive.writestr(f"{place}-{each}" if taken else each, body)


def _csv(tray: Tray, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    tray.made = {name: tray.out / name}
    with tray.made[name].open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


VERBS = {"reconstruct": _reconstruct, "score": _score, "outliers": _outliers}
