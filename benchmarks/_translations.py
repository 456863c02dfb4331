"""What the benchmarks of translation share: data, baselines that need no training, and scores.

Scores are made on pictures rounded to 8 bits. L1, PSNR and SSIM hold a picture against its truth; KID (features of
seeded random convolutions) and the patch distance hold a crowd against another. Where the true pictures are the truths
of the made ones, two halves are compared crosswise, as a picture and its own truth are too alike for chance.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean, median

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d

import latentia as lt
from benchmarks._frame import RUNS, data_or_stop, table
from benchmarks._judges import REPORTING
from latentia import data
from latentia.core import Spec, key
from latentia.data import DataSet
from latentia.metrics.features import RandomConvolutions, extract, quantise
from latentia.metrics.kernel import kernel_distance
from latentia.metrics.similarity import structural_similarity

PATCH, FILTERS, SCALES = 7, 64, 3  # side of a patch; directions; the picture and its halvings
GAMMA, TURN = 0.6, 90.0  # the known map
AT_ONCE = 50
BETTER = {"L1": "lower", "PSNR": "higher", "SSIM": "higher", "KID": "lower", "patches": "lower"}
Figures = dict[str, float]


# --- data ------------------------------------------------------------------------------------------------------------

OUTLINE, COLOUR, NOTO = "emojitwo_outline_64.zip", "emojitwo_colour_64.zip", "noto_72.zip"
TRUE_PAIRS = "noto_emojitwo_common.csv"
PEOPLE = frozenset({0x1F466, 0x1F467, 0x1F468, 0x1F469, 0x1F9D1, 0x1F474, 0x1F475, 0x1F9D3})
CHANGES = frozenset({0xFE0F, 0x200D, 0x2640, 0x2642, *range(0x1F3FB, 0x1F400), *range(0x1F9B0, 0x1F9B4)})
LETTERS, CLOCKS, KEY = range(0x1F1E6, 0x1F200), range(0x1F550, 0x1F568), 0x20E3


def place(folder: str, file: str) -> Path:
    """A file of the data folder."""
    return Path(os.environ.get("LATENTIA_DATA", "")) / data_or_stop(folder) / file


def group_of(name: str) -> str:
    """The group of near-duplicates that an emoji's file belongs to: its code points without skin, hair and gender.

    Keys, clocks, and people with nothing beside them are a group each; a flag of two letters is one of its own.

    >>> group_of("1f469-1f3fd-200d-1f52c.png"), group_of("emoji_u1f468_200d_1f52c.png"), group_of("0031-20e3")
    ('1f52c', '1f52c', 'keys')
    """
    stem = name.rpartition("/")[2].partition(".")[0].removeprefix("emoji_u")
    codes = [int(each, 16) for each in stem.replace("_", "-").split("-")]
    if KEY in codes:
        return "keys"
    if all(code in LETTERS for code in codes):
        return "-".join(f"{code:x}" for code in codes)
    told = [code for code in codes if code not in CHANGES and code not in PEOPLE]
    if not told:
        return "people"
    return "clocks" if told[0] in CLOCKS else f"{told[0]:x}"


def emoji(first: str, second: str, pairing: str, held_out: float) -> DataSet:
    """Two sets of emoji at 64 px, on white, cut so that no group of near-duplicates is in two splits."""
    places = [place("emoji", each) for each in (first, second)]
    names = sorted({name for each in places for name in names_in(each)})
    groups = RUNS / "emoji-groups.csv"
    groups.parent.mkdir(parents=True, exist_ok=True)
    with groups.open("w", newline="") as file:
        csv.writer(file).writerows([("file", "group"), *((name, group_of(name)) for name in names)])
    given = f"{groups}:group"
    return data.open(*places, pairing=pairing, size=64, color="rgb", skip_bad=True, held_out=held_out, group_from=given)


def names_in(archive: Path) -> list[str]:
    """The pictures of a .zip."""
    from zipfile import ZipFile

    with ZipFile(archive) as opened:
        return [name for name in opened.namelist() if name.endswith(".png")]


def mapped(x: Tensor) -> Tensor:
    """The known map of colour pictures in [0, 1]: hue (of HSV) on by 90 degrees, then a gamma of 0.6."""
    return turned(x, TURN).pow(GAMMA)


def turned(x: Tensor, degrees: float) -> Tensor:
    """Pictures ``(N, 3, H, W)`` in [0, 1] with the hue of HSV turned; value and saturation stay."""
    red, green, blue = x.unbind(1)
    value = x.amax(1)
    chroma = value - x.amin(1)
    safe = chroma.clamp(min=1e-12)
    sixth = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    places = [(sixth + degrees / 60 + start) % 6 for start in (5, 3, 1)]
    return torch.stack([value - chroma * torch.minimum(at, 4 - at).clamp(0, 1) for at in places], 1)


# --- baselines -------------------------------------------------------------------------------------------------------


def copied(x: Tensor, channels: int) -> Tensor:
    """The input, left as it is; its mean where it has other channels than are wanted."""
    return x if x.shape[1] == channels else x.mean(1, keepdim=True).expand(-1, channels, -1, -1)


def mean_colour(count: int, target: Tensor) -> Tensor:
    """The mean colour of the training pictures of the target, all over the picture."""
    return target.mean((0, 2, 3), keepdim=True).expand(count, -1, *target.shape[2:])


def histogram_matched(x: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """Each channel by the increasing map that gives the source domain's values the distribution of the target's.

    Args:
        x: pictures to map, ``(N, C, H, W)`` in [0, 1].
        source: training pictures of the first domain; the map follows from these and the next.
        target: training pictures of the second domain.
    """
    levels = (x.clamp(0, 1) * 255).round().long()
    made = torch.empty_like(x)
    for channel in range(x.shape[1]):
        shares, wanted = (counted(each[:, channel]).cumsum(0) for each in (source, target))
        middle = shares - counted(source[:, channel]) / 2  # of the values that fall into a level
        found = torch.searchsorted(wanted, middle.contiguous()).clamp(max=255)
        made[:, channel] = (found.to(x.dtype) / 255)[levels[:, channel]]
    return made


def counted(x: Tensor) -> Tensor:
    """The share of each of 256 values."""
    found = torch.bincount((x.clamp(0, 1) * 255).round().long().flatten(), minlength=256).double()
    return found / found.sum()


def covariance_matched(x: Tensor, source: Tensor, target: Tensor) -> Tensor:
    """The linear map of colours that gives the source domain mean and covariance of the target and moves them least.

    Pitie & Kokaram 2007, "The linear Monge-Kantorovitch linear colour mapping for example-based colour transfer".
    """
    (mean, spread), (wanted, other) = (moments(each) for each in (source, target))
    half, back = power(spread, 0.5), power(spread, -0.5)
    turn = back @ power(half @ other @ half, 0.5) @ back
    flat = x.permute(0, 2, 3, 1).double()
    return ((flat - mean) @ turn.T + wanted).clamp(0, 1).permute(0, 3, 1, 2).to(x.dtype)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the colours of pictures."""
    colours = x.permute(0, 2, 3, 1).reshape(-1, x.shape[1]).double()
    return colours.mean(0), torch.cov(colours.T)


def power(matrix: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric matrix with eigenvalues at or above 0."""
    values, vectors = torch.linalg.eigh(matrix)
    found: Tensor = vectors @ torch.diag(values.clamp(min=1e-10) ** exponent) @ vectors.T
    return found


def baselines(x: Tensor, source: Tensor, target: Tensor) -> dict[str, Tensor]:
    """What can be had of pictures ``x`` without training, from training pictures of both domains."""
    found = {"copy-input": copied(x, target.shape[1]), "mean colour": mean_colour(len(x), target)}
    if source.shape[1] == target.shape[1]:
        found["histogram matching"] = histogram_matched(x, source, target)
        found["covariance transfer"] = covariance_matched(x, source, target)
    return found


# --- scores ----------------------------------------------------------------------------------------------------------


def paired(made: Tensor, truth: Tensor) -> Figures:
    """L1, PSNR (dB) and SSIM of made pictures against their truths: the mean over pictures."""
    made, truth = quantise(made).double(), quantise(truth).double()
    squares = (made - truth).square().flatten(1).mean(1).clamp_min(1 / (12 * 255**2))  # that of rounding to 8 bits
    return {
        "L1": float((made - truth).abs().mean()),
        "PSNR": float((-10 * squares.log10()).mean()),
        "SSIM": float(structural_similarity(made, truth).mean()),
    }


def crowds(made: Tensor, real: Tensor, halves: tuple[Tensor, Tensor] | None = None) -> Figures:
    """KID and the patch distance of made pictures to real ones.

    Args:
        made: ``(N, C, H, W)``.
        real: ``(M, C, H, W)``.
        halves: which half, 0 or 1, each made and each real picture belongs to: a half is compared with the other one,
            so that no picture meets its own truth. By default every second picture.
    """
    first, second = halves or (torch.arange(len(made)) % 2, torch.arange(len(real)) % 2)
    couples = [(made[first == half], real[second != half]) for half in (0, 1)]
    return {
        "KID": fmean(kernel(*each) for each in couples),
        "patches": fmean(patch_distance(*each) for each in couples),
    }


def kernel(made: Tensor, real: Tensor) -> float:
    """KID in the features of random convolutions: the mean over the seeds that report."""
    spec = Spec("image", tuple(real.shape[1:]), 256)
    nets = [RandomConvolutions(spec, seed) for seed in REPORTING]
    return fmean(kernel_distance(extract(net, made), extract(net, real)).value for net in nets)


def patch_distance(a: Tensor, b: Tensor, seeds: Sequence[int] = REPORTING) -> float:
    """Sliced Wasserstein distance of 7 x 7 patches, times 1000: the mean over three sizes of a picture, if it has them.

    The directions are seeded random convolutions of unit length; what they answer over all places and pictures of a set
    is its distribution along a direction. Unlike :func:`latentia.metrics.wasserstein.sliced_wasserstein`, which brings
    each set's patches to one brightness and contrast, it sees colours.
    """
    found = []
    for seed in seeds:
        one, two = quantise(a.float()), quantise(b.float())
        for scale in range(SCALES):
            if min(one.shape[2:]) < PATCH:
                break
            generator = torch.Generator().manual_seed(key(seed, "patches", scale, one.shape[1]))
            filters = torch.randn(FILTERS, one.shape[1], PATCH, PATCH, generator=generator)
            filters /= filters.flatten(1).norm(dim=1)[:, None, None, None]
            found.append(float((answers(one, filters) - answers(two, filters)).abs().mean()))
            one, two = avg_pool2d(one, 2), avg_pool2d(two, 2)
    return 1e3 * fmean(found)


def answers(x: Tensor, filters: Tensor) -> Tensor:
    """1,024 quantiles ``(filters, 1024)`` of what each filter answers over all places and pictures."""
    stride = max(1, (x.shape[2] - PATCH) // 14)
    values = conv2d(x, filters, stride=stride).transpose(0, 1).flatten(1).sort(1).values
    at = (torch.arange(1024) + 0.5) / 1024 * (values.shape[1] - 1)
    low, part = at.floor().long(), at - at.floor()
    return torch.lerp(values[:, low], values[:, (low + 1).clamp(max=values.shape[1] - 1)], part)


def scores(made: Tensor, truth: Tensor) -> Figures:
    """All figures of made pictures against their truths."""
    return {**paired(made, truth), **crowds(made, truth)}


# --- models ----------------------------------------------------------------------------------------------------------


def translated(model: lt.Model, x: Tensor, to: str | None = None) -> Tensor:
    """What a model makes of pictures, a part at a time."""
    return torch.cat([model.translate(part, to) for part in torch.split(x, AT_ONCE)])


def better(one: Mapping[str, float], two: Mapping[str, float], names: Iterable[str] = tuple(BETTER)) -> list[str]:
    """The figures by which ``one`` is better than ``two``."""
    return [name for name in names if (one[name] < two[name]) == (BETTER[name] == "lower") and one[name] != two[name]]


def middle(found: Sequence[Mapping[str, float]]) -> Figures:
    """The median of each figure over seeds."""
    return {name: median(each[name] for each in found) for name in found[0]}


def rows_of(found: Mapping[str, Mapping[str, float]], about: Sequence[object] = ()) -> list[list[object]]:
    """The rows of a table: what it is about, the name, every figure ("-" where there is none)."""
    return [[*about, name, *(each.get(figure, "-") for figure in BETTER)] for name, each in found.items()]


def show(rows: Sequence[Sequence[object]], about: Sequence[str] = ()) -> None:
    """Print rows of figures."""
    table([*about, "what", *(f"{name} ({word})" for name, word in BETTER.items())], rows)


def keep_grid(path: Path, *columns: Tensor, rows: int = 12) -> None:
    """Pictures side by side, a row each, as a PNG: for eyes."""
    channels = max(each.shape[1] for each in columns)
    shown = torch.stack([quantise(each[:rows].expand(-1, channels, -1, -1)) for each in columns], 1).flatten(0, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    lt.grid(shown, columns=len(columns)).save(path)
