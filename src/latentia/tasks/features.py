"""Features: the extractors that results are measured with, by name, and what a classifier says of pictures."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from latentia.core import Source, Spec, key
from latentia.errors import BadData, BadField, CannotDo, near
from latentia.metrics.features import Extractor, RandomConvolutions, extract, fingerprint, pixels, quantise
from latentia.tasks.working import Net, parts, place, still

__all__ = [
    "SEED",
    "ClassifierFeatures",
    "Classifies",
    "Inception",
    "checked",
    "extractor_for",
    "features_of",
    "known",
    "predict",
    "some",
    "usual",
]

NAMES = ("random-conv", "pixels", "classifier", "inception")
SEED = 1  # of random convolutions: the best weights are chosen with seed 0, so they are reported with another
CHUNK = 1024  # items read from a source at a time


@runtime_checkable
class Classifies(Protocol):
    """A net that tells the class of pictures and lends its features."""

    def features(self, x: Tensor) -> Tensor:
        """``(N, D)``."""
        ...

    def __call__(self, x: Tensor) -> Tensor:
        """The answers ``(N, classes)``, the largest for the class it takes a picture for."""
        ...


class ClassifierFeatures:
    """The features of a trained classifier as an extractor; its weights' hash is part of its name.

    Raises:
        CannotDo: the net has no features.
    """

    def __init__(self, net: Net) -> None:
        if not (isinstance(net, nn.Module) and isinstance(net, Classifies)):
            raise CannotDo(
                f"a net that lends its features needs features(x) and answers; {type(net).__name__} does not"
            )
        self.net: Net = net
        self.fingerprint = fingerprint(net)
        self.name = f"classifier {self.fingerprint[:6]}"

    def __call__(self, images: Tensor) -> Tensor:
        with still(self.net):
            features: Tensor = self.net.features(images.to(place(self.net)))
        return features


def predict(net: Net, images: Tensor, batch: int = 256) -> Tensor:
    """The class that a classifier takes each picture ``(N, C, H, W)`` for, int64 ``(N,)``; pictures are 8-bit first."""
    with still(net):
        return torch.cat([net(quantise(part).to(place(net))).argmax(1).cpu() for part in torch.split(images, batch)])


class Inception:
    """The 2048 features of Inception that FID is defined by, through torch-fidelity and a local weights file.

    Args:
        weights: the file that torch-fidelity publishes; nothing is downloaded.

    Raises:
        CannotDo: torch-fidelity is not installed.
        BadData: the file is missing, or is not the one its name says.
    """

    name = "inception"

    def __init__(self, weights: str | Path | None) -> None:
        if weights is None:
            raise BadField(
                "inception needs the file of its weights (weights-inception-2015-12-05-6726825d.pth, published with "
                "torch-fidelity): --extractor-weights FILE. Without it, random-conv and classifier need no download"
            )
        path, self.fingerprint = checked(weights)
        try:
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        except ImportError as error:
            raise CannotDo(
                "inception needs torch-fidelity, which is not installed: pip install --no-deps torch-fidelity "
                "(with its dependencies it may replace torch)"
            ) from error
        self.net: Any = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"], str(path))

    def __call__(self, images: Tensor) -> Tensor:
        whole = images.mul(255).round().to(torch.uint8)
        if whole.shape[1] == 2:
            raise BadData("inception takes pictures of 1, 3 or 4 channels (the fourth is left out); these have 2")
        coloured = whole[:, :3] if whole.shape[1] > 2 else whole.expand(-1, 3, -1, -1)
        features: Tensor = self.net(coloured.to(next(self.net.parameters()).device))[0]
        return features


def checked(path: str | Path, digits: str | None = None) -> tuple[Path, str]:
    """A weights file and the first 12 digits of its SHA-256, which must begin with ``digits``.

    Args:
        path: the file. A name that ends in ``-1a2b3c4d.pth`` says the digits itself, as torch's hub has it.
        digits: the first digits of the hash that is expected.

    Raises:
        BadData: there is no such file, or it has another hash.
    """
    path = Path(path)
    if not path.is_file():
        raise BadData(f"there is no weights file {path}")
    said = re.search(r"-([0-9a-f]{8,64})\.[a-z]+$", path.name)
    wanted = digits if digits is not None else said.group(1) if said else ""
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(wanted.lower()):
        raise BadData(f"{path} has the SHA-256 {found[:12]}..., expected {wanted}...: it is damaged or another file")
    return path, found[:12]


def usual(spec: Spec) -> str:
    """The extractor that is taken where none is named: it needs neither labels nor a file."""
    return "pixels" if spec.kind == "table" else "random-conv"


def known(word: str, spec: Spec) -> None:
    """Refuse a name that no extractor has, or one that takes pictures for data that are none.

    Raises:
        BadField: says which there are.
    """
    if word not in NAMES:
        extra = "; torch-fidelity reads no local file for it, so give your own callable" if "dino" in word else ""
        raise BadField(f"there is no extractor {word!r}; {near(word, NAMES)}{extra}")
    if word != "pixels" and spec.kind != "image":
        raise BadField(f"{word} takes pictures, and the data is a {spec.kind}; use pixels, the numbers as they are")


def extractor_for(
    word: str, spec: Spec, seed: int = SEED, net: Net | None = None, weights: str | Path | None = None
) -> Extractor:
    """An extractor by its name.

    Args:
        word: ``random-conv`` (of ``seed``), ``pixels`` (the numbers as they are; for tables the only one),
            ``classifier`` (the features of ``net``) or ``inception`` (with its ``weights`` file).
        spec: of the items.
        seed: of random convolutions. Hyper-parameters chosen with one seed are reported with another.
        net: a trained classifier.
        weights: a local file.

    Raises:
        BadField: an unknown name, or what it needs is not given.
        BadData, CannotDo: weights that are missing or damaged, a package that is not installed.
    """
    known(word, spec)
    if word == "classifier":
        if net is None:
            raise BadField("the extractor classifier needs labels to train it on: --labels, or use random-conv")
        return ClassifierFeatures(net)
    if word == "inception":
        return Inception(weights)
    return pixels if word == "pixels" else RandomConvolutions(spec, seed)


def some(source: Source, count: int, seed: int = 0) -> Tensor:
    """``count`` items of a source, drawn without repeats; all of them in their order if it has no more."""
    if count >= len(source):
        return source.read(slice(0, len(source))).x
    order = torch.randperm(len(source), generator=torch.Generator().manual_seed(key(seed, "some")))
    return source.read(order[:count].sort().values).x


def features_of(extractor: Extractor, items: Tensor | Source, batch: int = 256) -> Tensor:
    """Features of items or of a whole source, float64 ``(N, D)``; a source is read in parts.

    Raises:
        BadData: there are no items, or the extractor does not make one row of each.
    """
    if isinstance(items, Tensor):
        return extract(extractor, items, batch)
    return extract(extractor, (items.read(rows).x for rows in parts(len(items), CHUNK)), batch)
