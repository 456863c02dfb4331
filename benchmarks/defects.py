"""Local defects: scratches, blobs, missing and moved parts on held-out facades and emoji, by patches and patch-PCA.

Protocol: facades (photos, 500 to learn from, the 106 of the official test split to judge) and Noto emoji (a tenth of
the groups of near-duplicates to judge), 64 px. Of what a run learns from, a fifth is its test split, which calibrates.
Each picture that is judged is shown good and with each of four seeded defects (benchmarks/_defects.py); no run saw any
of them. `latentia outliers --features patches` gives the scores, p-values and maps (as --maps draws them). Beside it
patch-PCA, learnt from the same training pictures and calibrated by the same test split: patches of 8 x 8 pixels at
every place, what is left of them beside the plane that holds 0.99 or 0.999 of their variance spread on their pixels,
the largest value as the score; for each figure the better of both planes. Also the default score of pictures of a small
VAE (short training, 16 draws). Picture AUROC, pixel AUPRO up to 0.3 (a defect is one region), the share of defects that
is flagged at a rate of 0.01, and of good pictures. Bar: mean AUROC and AUPRO not below patch-PCA's on either set. Heat
maps are kept beside the runs. The features were chosen on other pictures and defects (validation splits, seeds 100 and
101).
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

import numpy as np
import torch
from torch import Tensor

import latentia as lt
from benchmarks._defects import DEFECTS, PatchPCA, damaged, overlap_area
from benchmarks._frame import RUNS, finish, table
from benchmarks._translations import NOTO, group_of, names_in, place
from latentia import data
from latentia.core import Batch, key
from latentia.data import DataSet
from latentia.metrics.conformal import p_values
from latentia.metrics.fractions import WIDTH
from latentia.metrics.ranking import area_error, area_under_roc
from latentia.tasks.maps import overlaid
from latentia.tasks.pictures import grid

SIZE, HELD_OUT, RATE = 64, 0.2, 0.01
IMAGES, QUICK_IMAGES, DRAWS = 10_000, 500, 16  # of the VAE, whose score is only shown
JUDGED, QUICK_JUDGED = 200, 24  # pictures, at most
PLANES = (0.99, 0.999)
SHEET = 8  # pictures of each defect on the sheet of maps
LOWER = ("within", "false alarms")
OURS, PEER, USUAL = "patches", "patch-PCA", "default"
Answer = Callable[[Tensor], tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], Tensor]]  # scores, p-values, maps


class Set(NamedTuple):
    """What a run learns from, and good pictures that it never sees."""

    opened: DataSet
    fresh: Tensor


def run(quick: bool, seed: int) -> None:
    """Each set: train, draw defects, judge, print."""
    torch.set_num_threads(1)
    figures = {
        name: one(name, opener(seed), quick, seed) for name, opener in {"facades": facades, "emoji": emoji}.items()
    }
    met = {name: better(told) for name, told in figures.items()}
    for name, each in met.items():
        print(f"{name}: AUROC not below patch-PCA's: {each['auroc']}, AUPRO: {each['aupro']}")
    protocol = " ".join((__doc__ or "").split()) + (" QUICK: few pictures, little training." if quick else "")
    finish("defects", {**figures, "met": all(all(each.values()) for each in met.values())}, protocol, seed)


def better(told: dict[str, Any]) -> dict[str, bool]:
    """Whether ours is at least as good as the peer, by the mean over defects."""
    return {figure: told[OURS]["mean"][figure] >= told[PEER]["mean"][figure] for figure in ("auroc", "aupro")}


# --- pictures --------------------------------------------------------------------------------------------------------


def facades(seed: int) -> Set:
    """Photos: training and validation pictures to learn from, the official test pictures to judge."""
    opened = data.open(place("facades", "facades.zip"), pairing="pairs", size=SIZE, direction="BtoA")
    known = torch.cat([split.read(slice(None)).x for split in (opened.train, opened.validation)])
    bytes_ = (255 * known).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    return Set(data.open(bytes_, held_out=HELD_OUT), opened.test.read(slice(None)).x)


def emoji(seed: int) -> Set:
    """Noto's, cut by groups of near-duplicates: one archive to learn from, one to judge."""
    source, folder = place("emoji", NOTO), RUNS / f"defects-emoji-{seed}-cut"
    folder.mkdir(parents=True, exist_ok=True)
    names = names_in(source)
    judged = {name for name in names if key(seed, group_of(name)) % 10 == 0}
    with (folder / "groups.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("file", "group"), *((name, group_of(name)) for name in names if name not in judged)]
        )
    for archive, own in (("known.zip", set(names) - judged), ("fresh.zip", judged)):
        with ZipFile(source) as whole, ZipFile(folder / archive, "w") as part:
            for name in sorted(own):
                part.writestr(name, whole.read(name))
    read = {"size": SIZE, "color": "rgb", "skip_bad": True}
    opened = data.open(folder / "known.zip", held_out=HELD_OUT, group_from=f"{folder / 'groups.csv'}:group", **read)
    fresh = data.open(folder / "fresh.zip", **read)
    return Set(
        opened, torch.cat([getattr(fresh, each).read(slice(None)).x for each in ("train", "validation", "test")])
    )


# --- judging ---------------------------------------------------------------------------------------------------------


def one(name: str, given: Set, quick: bool, seed: int) -> dict[str, Any]:
    """The figures of all three on one set, for each defect and on average."""
    folder, images = RUNS / f"defects-{name}-{seed}{'-quick' if quick else ''}", QUICK_IMAGES if quick else IMAGES
    model = lt.train(lt.VAE(latent=32, body="mlp"), given.opened, images=images, every=images, seed=seed, run=folder)
    count = QUICK_JUDGED if quick else JUDGED
    good = given.fresh[torch.linspace(0, len(given.fresh) - 1, min(count, len(given.fresh))).long()]
    bad = {kind: damaged(good, kind, seed) for kind in DEFECTS}
    train = given.opened.train.read(slice(None)).x
    held = given.opened.test.read(slice(None)).x
    found = {OURS: judged(by_model(model, given.opened, features="patches"), good, bad)}
    planes = [judged(by_plane(train, held, share, seed), good, bad) for share in PLANES]
    found[PEER] = {kind: best([each[kind] for each in planes]) for kind in planes[0]}
    found[USUAL] = judged(by_model(model, given.opened, draws=DRAWS), good, bad)
    print(f"\n{name}: {len(train)} training pictures, {len(held)} calibrate, {len(good)} judged")
    for figure in ("auroc", "aupro", "found"):
        rows = [[who, *(f"{told[kind][figure]:.3f}" for kind in told)] for who, told in found.items()]
        table([figure, *found[OURS]], rows)
    print(
        "good pictures flagged: "
        + ", ".join(f"{who} {told['mean']['false alarms']:.3f}" for who, told in found.items())
    )
    sheet(folder / "maps.png", by_model(model, given.opened, features="patches"), bad)
    return found


def best(planes: list[dict[str, float]]) -> dict[str, float]:
    """The better of each figure."""
    return {name: (min if name in LOWER else max)(each[name] for each in planes) for name in planes[0]}


def by_model(model: lt.Model, opened: DataSet, **asked: Any) -> Answer:
    """What `latentia outliers` tells, with maps as it draws them."""

    def told(x: Tensor) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], Tensor]:
        found = model.outliers(Batch(x), contamination=0.5, data=opened, **asked)
        return found.scores, found.p_values, found.heat(list(range(len(x))), x.shape[1:])

    return told


def by_plane(train: Tensor, held: Tensor, share: float, seed: int) -> Answer:
    """What patch-PCA tells."""
    maps = PatchPCA(share=share).fit(train, seed)
    known = maps(held).flatten(1).amax(1).double().numpy()

    def told(x: Tensor) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], Tensor]:
        own = maps(x).double()
        value = own.flatten(1).amax(1).numpy()
        return value, p_values(known, value), own

    return told


def judged(answer: Answer, good: Tensor, bad: dict[str, tuple[Tensor, Tensor]]) -> dict[str, dict[str, float]]:
    """AUROC, AUPRO, and the share that is flagged of each defect, and the mean; what is flagged of good pictures."""
    ordinary, sure, plain = answer(good)
    told = {}
    for kind, (x, masks) in bad.items():
        score, p, maps = answer(x)
        told[kind] = {
            "auroc": area_under_roc(ordinary, score),
            "within": WIDTH * area_error(ordinary, score),
            "aupro": overlap_area(maps, masks, plain),
            "found": float((p <= RATE).mean()),
        }
    told["mean"] = {figure: float(np.mean([each[figure] for each in told.values()])) for figure in told["scratch"]}
    told["mean"]["false alarms"] = float((sure <= RATE).mean())
    return told


def sheet(path: Path, answer: Answer, bad: dict[str, tuple[Tensor, Tensor]]) -> None:
    """Some pictures of each defect beside their maps, the truth outlined in no way: for eyes."""
    shown = [overlaid(x[:SHEET], answer(x[:SHEET])[2]) for x, _ in bad.values()]
    grid(torch.cat(shown), columns=4, cell=128).save(path)
