"""The latent explorer: what a model can be asked for, one picture at a time, and the words that give it again."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from latentia.errors import BadField, Refused
from latentia.studio.answers import Bytes, address, png, said, whole
from latentia.studio.live import Live, Loaded, reading
from latentia.tasks.directions import between, principal
from latentia.tasks.interpolate import path
from latentia.tasks.map import plane
from latentia.tasks.outliers import value_of
from latentia.tasks.traverse import name_of

__all__ = ["about", "decode", "directions", "item", "map_of", "walk"]

Given = Mapping[str, Any]
DECIMALS = 4  # of latents: what is shown, decoded and copied is the same number
FRAMES = 64  # of a walk, at most
FEW = 5  # items of a class that its direction takes
AXES = 6  # directions of a generator


def about(live: Live, given: Given) -> dict[str, Any]:
    """What the explorer of a run shows: its latents, those that carry most first, and what else it has."""
    loaded = live.model(said(given, "run"))
    net, spec = loaded.model.net, loaded.model.spec
    can = [verb for verb in ("sample", "encode", "reconstruct", "density", "translate") if loaded.can(verb)]
    told: dict[str, Any] = {
        "run": str(loaded.model.run),
        "model": type(loaded.model.recipe).__name__,
        "can": can,
        "kind": spec.kind,
        "shape": list(spec.shape),
        "classes": list(loaded.classes),
        "domains": list(getattr(net, "domains", ())),
        "latents": _latents(loaded) if loaded.can("sample") else [],
        "unit": "nats" if loaded.can("density") else "variance",
        "rows": 0,
    }
    try:
        told["rows"] = len(loaded.data.test) if loaded.can("encode") else 0
    except Refused as error:
        told["note"] = f"items of the data are not shown: {error}"
    return told


def _latents(loaded: Loaded) -> list[dict[str, Any]]:
    low, middle, high = loaded.edges.tolist()
    carries = loaded.carries
    order = range(len(low)) if carries is None else np.argsort(-carries, kind="stable").tolist()
    return [
        {
            "index": place,
            "name": name_of(place),
            "carries": None if carries is None else round(float(carries[place]), 4),
            "low": round(low[place], 2),
            "middle": round(middle[place], DECIMALS),
            "high": round(high[place], 2),
        }
        for place in order
    ]


def decode(live: Live, given: Given) -> Bytes | dict[str, Any]:
    """What latents stand for: a picture, or the values of a row."""
    loaded = live.model(said(given, "run"))
    made = loaded.decoded(loaded.latents_in(given.get("z"))[None], given.get("label") or None)[0]
    return _shown(loaded, made)


def _shown(loaded: Loaded, made: Tensor) -> Bytes | dict[str, Any]:
    spec = loaded.model.spec
    if spec.kind == "image":
        return Bytes(png(made), "image/png")
    return {"values": values(loaded, made)}


def values(loaded: Loaded, made: Tensor) -> list[list[str]]:
    """A row as names and values, in the units of the data."""
    from latentia.core import Batch

    spec = loaded.model.spec
    if not spec.columns:
        return [[f"x{place}", f"{value:.4g}"] for place, value in enumerate(made.flatten().tolist())]
    row = Batch(made[None])
    return [[each.name, value_of(row, 0, place, spec)] for place, each in enumerate(spec.columns)]


def item(live: Live, given: Given) -> dict[str, Any]:
    """The latents of an item and what they stand for; of a row of the test split also the item itself."""
    loaded, word = live.model(said(given, "run")), said(given, "item")
    own = word.startswith("row:") and loaded.classes
    label = _label(loaded, word) if own else given.get("label") or None
    z = loaded.codes(word, label, _truncation(given))
    rounded = [round(value, DECIMALS) for value in z.tolist()]
    told: dict[str, Any] = {"item": word, "z": rounded, "label": label}
    if loaded.model.spec.kind == "image":
        made = loaded.decoded(torch.tensor([rounded]), label)[0]
        told["picture"] = address(made)
    return told


def _label(loaded: Loaded, word: str) -> str:
    batch = loaded.data.test.read([int(word.partition(":")[2])])
    return str(loaded.model.spec.classes[int(batch.label[0])]) if batch.label is not None else ""


def _truncation(given: Given) -> float | None:
    value = given.get("truncation")
    if value in (None, ""):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise BadField(f"truncation is {value!r}; it must be a number above 0") from None


def walk(live: Live, given: Given) -> dict[str, Any]:
    """The frames between two items, both among them, with their latents."""
    loaded, label = live.model(said(given, "run")), given.get("label") or None
    words = [said(given, "from"), said(given, "to")]
    steps = whole(given, "steps", 9, 2, FRAMES)
    how = str(given.get("how") or "slerp")
    if loaded.classes:
        with reading:
            made = loaded.model.walk(words, steps, how, label=label)
        z, x = made.z, made.x
    else:
        ends = torch.stack([loaded.codes(word, label) for word in words])
        z = path(ends, steps, how)
        x = loaded.decoded(z, label)
    told: dict[str, Any] = {"z": [[round(value, DECIMALS) for value in row] for row in z.tolist()]}
    if loaded.model.spec.kind == "image":
        told["pictures"] = [address(each) for each in x]
    else:
        told["rows"] = [values(loaded, each) for each in x]
    return told


def map_of(live: Live, given: Given) -> dict[str, Any]:
    """Codes of held-out items in the plane in which they vary most, and how a place of it becomes latents.

    A place ``(a, b)`` stands for ``mean + a * axes[0] + b * axes[1]``.
    """
    loaded = live.model(said(given, "run"))
    codes, labels, names = loaded.cloud
    mean, axes, share = plane(codes.double().numpy())
    points = (codes.double().numpy() - mean) @ axes
    return {
        "points": points.round(3).tolist(),
        "labels": labels,
        "names": names,
        "mean": mean.tolist(),
        "axes": axes.T.tolist(),
        "items": "row" if loaded.can("encode") else "seed",
        "share": share,
    }


def directions(live: Live, given: Given) -> dict[str, Any]:
    """Ways through latent space: to each class of the data from the others; without classes a generator's own."""
    loaded = live.model(said(given, "run"))
    codes, labels, names = loaded.cloud
    found = []
    for place, name in enumerate(names):
        own = torch.tensor([label == place for label in labels])
        if FEW <= int(own.sum()) <= len(own) - FEW:
            way = between(codes[own], codes[~own])
            found.append({"name": name, "about": str(way), "z": way.vector.tolist()})
    if not names and not loaded.can("encode"):
        copied = copy.deepcopy(loaded.model.net)  # it is listened to from inside, which no other thread may hear
        few = principal(copied, min(AXES, loaded.latent))
        found = [{"name": f"axis {i}", "about": str(way), "z": way.vector.tolist()} for i, way in enumerate(few, 1)]
    return {"directions": found}
