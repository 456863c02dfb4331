"""The data sets that go by a name."""

from __future__ import annotations

import dataclasses
import os
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from latentia.core import Spec
from latentia.data.cache import cache_folder, whole
from latentia.data.collection import archive
from latentia.data.dataset import Content, Part
from latentia.data.download import fetch, verify
from latentia.data.files import read_idx, read_npy
from latentia.data.folders import pictures_content
from latentia.data.options import DataOptions
from latentia.data.shapes import NAMES, SIDE, SIZES, Shapes
from latentia.data.source import ArrayValues
from latentia.data.tables.fitting import table_content
from latentia.data.tables.overrides import Said
from latentia.data.tables.reading import frame_of_file
from latentia.errors import BadData

__all__ = ["KNOWN", "Known", "Listed", "known"]

Reader = Callable[["Known", DataOptions, Path], Content]


@dataclass(frozen=True)
class File:
    """A published file: its name, SHA-256 and size in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Known:
    """A data set that goes by a name."""

    name: str
    line: str
    items: int
    shape: tuple[int, ...]
    terms: str
    read: Reader
    address: str = ""
    files: tuple[File, ...] = ()
    classes: tuple[str, ...] = ()
    folder: str = ""  # under LATENTIA_DATA, if not the name
    lossy: str = ""  # an archive of JPEG re-encodes that is accepted there

    def mirror(self) -> Path | None:
        """The folder under ``LATENTIA_DATA`` that may hold the files.

        Raises:
            BadData: ``LATENTIA_DATA`` names no folder.
        """
        root = os.environ.get("LATENTIA_DATA")
        if not root:
            return None
        if not Path(root).expanduser().is_dir():
            raise BadData(f"LATENTIA_DATA names {root!r}, which is no folder; correct it, or unset it")
        return Path(root).expanduser() / (self.folder or self.name)

    def path(self, file: File, cache: Path) -> Path:
        """The file from the mirror, the cache or its address, verified."""
        mirror = self.mirror()
        if mirror is not None and (mirror / file.name).exists():
            return verify(mirror / file.name, file.sha256)
        return fetch(f"{self.address}{file.name}", cache / self.name / file.name, file.sha256, file.size)

    def mirrored(self) -> list[list[str]]:
        """The sets of files, each of which is enough in the mirror."""
        return [[file.name for file in self.files], *([[self.lossy]] if self.lossy else [])]

    def where(self, cache: Path) -> str:
        """Where it is found now."""
        if not self.files:
            return "built in"
        mirror = self.mirror()
        if mirror is not None and any(all((mirror / name).exists() for name in names) for names in self.mirrored()):
            return "LATENTIA_DATA"
        return "cache" if all((cache / self.name / file.name).exists() for file in self.files) else "download"


@dataclass(frozen=True)
class Listed:
    """One line of ``latentia datasets``."""

    name: str
    line: str
    items: int
    shape: tuple[int, ...]
    terms: str
    where: str


def known(cache: str | Path | None = None) -> list[Listed]:
    """The data sets that go by a name, and where each is found now.

    ``where`` is ``"built in"``, ``"LATENTIA_DATA"``, ``"cache"`` or ``"download"``.
    """
    folder = cache_folder(cache)
    return [
        Listed(each.name, each.line, each.items, each.shape, each.terms, each.where(folder)) for each in KNOWN.values()
    ]


def _digits(known: Known, options: DataOptions, cache: Path) -> Content:
    from sklearn.datasets import load_digits

    found = load_digits()
    pictures = found.images.astype(np.uint8)[..., None]
    return Content(
        known.name,
        Spec("image", known.shape, 17),
        Part(ArrayValues(pictures, 16), torch.from_numpy(found.target.astype(np.int64))),
        known.name,
        classes=known.classes,
        description=known.line,
        terms=known.terms,
    )


def _shapes(known: Known, options: DataOptions, cache: Path) -> Content:
    labels = torch.arange(known.items) // (known.items // SIZES[1])
    items = Part(Shapes(), labels)
    spec = Spec("image", known.shape, 2)
    return Content(
        known.name, spec, items, "shapes 1", classes=known.classes, description=known.line, terms=known.terms
    )


def _idx(known: Known, options: DataOptions, cache: Path) -> Content:
    paths = [known.path(file, cache) for file in known.files]

    def part(pictures: Path, labels: Path) -> Part:
        codes = torch.from_numpy(read_idx(labels).astype(np.int64))
        return Part(ArrayValues(read_idx(pictures)[..., None], 255), codes)

    return Content(
        known.name,
        Spec("image", known.shape, 256),
        part(*paths[:2]),
        " ".join(file.sha256 for file in known.files),
        classes=known.classes,
        test=part(*paths[2:]),
        description=known.line,
        terms=known.terms,
    )


def _cifar(known: Known, options: DataOptions, cache: Path) -> Content:
    mirror = known.mirror()
    lossy = mirror and mirror / known.lossy
    if lossy and lossy.exists() and not (lossy.parent / known.files[0].name).exists():
        return _cifar_jpeg(known, lossy, cache)
    folder = cache / known.name
    if not (folder / "labels.npy").exists():
        convert(known.path(known.files[0], cache), folder)
    pictures, labels = read_npy(folder / "pictures.npy"), torch.from_numpy(read_npy(folder / "labels.npy").astype(int))
    values, count = ArrayValues(pictures, 255), len(pictures) * 5 // 6
    return Content(
        known.name,
        Spec("image", known.shape, 256),
        Part(values, labels, rows=torch.arange(count)),
        known.files[0].sha256,
        classes=known.classes,
        test=Part(values, labels, rows=torch.arange(count, len(pictures))),
        description=known.line,
        terms=known.terms,
    )


def _cifar_jpeg(known: Known, path: Path, cache: Path) -> Content:
    content = pictures_content(archive(path), DataOptions(), cache)
    note = f"{path} holds JPEG re-encodes of the training pictures: they are lossy, and there is no official test set"
    return dataclasses.replace(
        content, name=known.name, notes=(note, *content.notes), description=known.line, terms=known.terms
    )


def convert(path: Path, folder: Path) -> None:
    """Write the records of CIFAR-10's binary version as ``pictures.npy`` (N, 32, 32, 3) and ``labels.npy`` (N,).

    A record is a label and the red, green and blue plane, a byte each; the test records come last.
    """
    with tarfile.open(path) as archive:
        names = sorted(each.name for each in archive.getmembers() if each.name.endswith(".bin"))
        data = b"".join(archive.extractfile(name).read() for name in names)  # type: ignore[union-attr]
    records = np.frombuffer(data, np.uint8).reshape(-1, 1 + 3 * 32 * 32)
    pictures = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    for name, array in (("pictures.npy", pictures), ("labels.npy", records[:, 0])):
        with whole(folder / name, array.nbytes) as file:
            np.save(file, array)


def _adult(known: Known, options: DataOptions, cache: Path) -> Content:
    paths = [known.path(file, cache) for file in known.files]
    tables = [cache / known.name / f"{path.stem}-{path.suffix[1:]}.csv" for path in paths]
    for path, table in zip(paths, tables, strict=True):
        if not table.exists():
            plain_csv(path, table)
    train, test = (table_content(frame_of_file(table, Said()), known.name) for table in tables)
    signature = " ".join(file.sha256 for file in known.files)
    return dataclasses.replace(train, test=test.items, hash=signature, description=known.line, terms=known.terms)


def plain_csv(path: Path, table: Path) -> None:
    """Write the census rows under a header; the published test file has a comment first, and a dot after each label."""
    rows = [line.strip().removesuffix(".") for line in path.read_text(encoding="utf-8").splitlines()]
    text = "\n".join([",".join(CENSUS), *(row for row in rows if row and not row.startswith("|")), ""])
    with whole(table, len(text)) as file:
        file.write(text.encode())


DIGITS = tuple(str(digit) for digit in range(10))
CLOTHES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
MNIST = (
    File("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422),
    File("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881),
    File("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877),
    File("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542),
)
FASHION = (
    File("train-images-idx3-ubyte.gz", "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", 26421880),
    File("train-labels-idx1-ubyte.gz", "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", 29515),
    File("t10k-images-idx3-ubyte.gz", "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", 4422102),
    File("t10k-labels-idx1-ubyte.gz", "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", 5148),
)
CIFAR = (File("cifar-10-binary.tar.gz", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", 170052171),)

CENSUS = (
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship"),
    *("race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income"),
)
ADULT = (
    File("adult.data", "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d", 3974305),
    File("adult.test", "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05", 2003153),
)

KNOWN = {
    each.name: each
    for each in (
        Known(
            "digits",
            "handwritten digits of the UCI optical recognition set, 8 x 8, grey values 0 to 16",
            1797,
            (1, 8, 8),
            "CC BY 4.0 (UCI); comes with scikit-learn",
            _digits,
            classes=DIGITS,
        ),
        Known(
            "shapes",
            "white squares, ellipses and hearts on black, 64 x 64, with known factors, rendered here",
            737_280,
            (1, SIDE, SIDE),
            "none: rendered by latentia; the factors are those of dSprites",
            _shapes,
            classes=NAMES,
        ),
        Known(
            "mnist",
            "handwritten digits, 28 x 28 grey, 60,000 to train and 10,000 to test",
            70_000,
            (1, 28, 28),
            "no licence stated by its authors (LeCun, Cortes, Burges)",
            _idx,
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            MNIST,
            DIGITS,
        ),
        Known(
            "fashion-mnist",
            "pictures of clothes, 28 x 28 grey, 60,000 to train and 10,000 to test",
            70_000,
            (1, 28, 28),
            "MIT (Zalando)",
            _idx,
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            FASHION,
            CLOTHES,
        ),
        Known(
            "cifar-10",
            "photographs of ten kinds of things, 32 x 32 RGB, 50,000 to train and 10,000 to test",
            60_000,
            (3, 32, 32),
            "no licence stated by its authors (Krizhevsky, Nair, Hinton)",
            _cifar,
            "https://www.cs.toronto.edu/~kriz/",
            CIFAR,
            THINGS,
            folder="cifar10",
            lossy="cifar10_train_jpg.zip",
        ),
        Known(
            "adult",
            "a table of the 1994 census: 6 columns of numbers, 9 of categories, some missing; 32,561 to train",
            48_842,
            (len(CENSUS),),
            "CC BY 4.0 (Becker, Kohavi; UCI)",
            _adult,
            "https://archive.ics.uci.edu/ml/machine-learning-databases/adult/",
            ADULT,
        ),
    )
}
