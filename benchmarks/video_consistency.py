"""Flicker of a film that a model makes: frame by frame, with smoothed and with frozen statistics of norms, and taught.

Protocol: carphone (144 x 176, halved). The domain map is known: colours turned by a third (red, green, blue to green,
blue, red) and a gamma of 0.6. pix2pix (defaults, instance norm) learns it from the first 60 frames as pairs and
translates the last 60 with --steady off (frame by frame), smooth and frozen; the same trained with --equivariance 10
translates them frame by frame and smooth. Beside them the film that went in and its
true translation. E is the warping error with the flow of the film that went in; excess is (E - E of the truth), as a
share of frame by frame's; tOF is against the truth; PSNR is against the truth over all frames. A blurred film has a
smaller E than the truth: where frame by frame has one there is no excess to take a share of, and the bar is not judged.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

import latentia as lt
from benchmarks._frame import RUNS, data_or_stop, finish, table
from latentia.data.flipbook import look, read
from latentia.metrics.flow import flow_difference, warping_error
from latentia.tasks.steady import STEADY, steadily

SEEN, GAMMA = 60, 0.6
TAUGHT = 10.0  # the weight of equivariance
SHARE, LOST = 0.7, 0.1  # the bars: of frame by frame's excess, and dB


def run(quick: bool, seed: int) -> None:
    """Train or open the model, translate, measure, print."""
    frames = film()
    truth = mapped(frames)
    images = 2_000 if quick else 40_000
    data = tuple((each[:SEEN] * 255).round().byte().permute(0, 2, 3, 1).numpy() for each in (frames, truth))
    models = {}
    for word, recipe in (("", lt.Pix2Pix()), ("taught", lt.Pix2Pix(equivariance=TAUGHT))):
        folder = RUNS / f"video-consistency-{images}-{seed}{'-' * bool(word)}{word}"
        models[word] = lt.train(recipe, *data, images=images, every=images // 4, seed=seed, run=folder, device="cpu")
    shown, wanted = frames[SEEN:], truth[SEEN:]
    made = {"input film": shown, "true translation": wanted}
    ways = [("", how) for how in reversed(STEADY)] + [("taught", "off"), ("taught", "smooth")]
    for word, how in ways:
        made[f"{word} --steady {how}".strip()] = steadily(models[word].net, how=how, seed=None)(shown)
    found = {name: measured(each, shown, wanted) for name, each in made.items()}
    least, plain = found["true translation"]["E"], found["--steady off"]
    rows = []
    for name, each in found.items():
        each["excess"] = (each["E"] - least) / (plain["E"] - least) if plain["E"] > least else None
        rows.append([name, *("-" if each[key] is None else each[key] for key in ("E", "excess", "tOF", "PSNR"))])
    table(["film", "E", "excess", "tOF", "PSNR"], rows)
    verdicts = {name: verdict(found[name], plain) for name in ("--steady smooth", "taught --steady off")}
    for name, met in verdicts.items():
        print(f"{name}: excess at most {SHARE} and PSNR not lower by more than {LOST} dB: {SAID[met]}")
    finish("video-consistency", found | {"met": verdicts}, " ".join((__doc__ or "").split()), seed)


SAID = {
    None: "not judged: frame by frame is steadier than the truth, as it is blurred",
    True: "met",
    False: "NOT met",
}


def verdict(found: dict[str, Any], plain: dict[str, Any]) -> bool | None:
    """Whether a way is steadier than frame by frame, and no worse; nothing where that has no excess."""
    return None if found["excess"] is None else found["excess"] <= SHARE and found["PSNR"] >= plain["PSNR"] - LOST


def film() -> Tensor:
    """The frames ``(T, 3, 72, 88)``."""
    try:
        clip = look(Path(os.environ.get("LATENTIA_DATA", "")) / data_or_stop("video") / "carphone_pristine.mp4")
    except lt.errors.BadField as error:
        sys.exit(str(error))
    return avg_pool2d(torch.stack([frame.x for frame in read(clip)]), 2)


def mapped(x: Tensor) -> Tensor:
    """The known map."""
    return x[:, [1, 2, 0]].pow(GAMMA)


def measured(made: Tensor, shown: Tensor, truth: Tensor) -> dict[str, Any]:
    """The figures of one film."""
    error = float((made.clamp(0, 1) - truth).square().mean())
    return {
        "E": float(warping_error(made, shown).mean()),
        "tOF": float(flow_difference(made, truth).mean()),
        "PSNR": None if error == 0 else -10 * float(torch.tensor(error).log10()),
    }
