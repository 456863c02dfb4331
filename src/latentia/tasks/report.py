"""Report: one page about a training that a person enjoys, made from the net, its data and its log."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from latentia.core import Batch, Encodes, HasDensity, Reconstructs, Samples, Source, Spec, Translates, TwoSided, key
from latentia.data.tables.making import table_texts
from latentia.errors import BadData
from latentia.tasks import course, curves, page, shown
from latentia.tasks.encode import codes_of
from latentia.tasks.evaluate import Figure, evaluate
from latentia.tasks.features import extractor_for, usual
from latentia.tasks.interpolate import interpolate
from latentia.tasks.likelihood import log_likelihood
from latentia.tasks.measure import measure
from latentia.tasks.nearest import nearest
from latentia.tasks.reconstruct import reconstruct
from latentia.tasks.sample import draw, sample
from latentia.tasks.traverse import importance, latent_divergence, name_of, traverse
from latentia.tasks.working import Net, label_of

__all__ = ["Splits", "report"]

NOTHING: tuple[object, ...] = (None, "", [], ())  # fields that were left to the model
MANY = 300  # items whose likelihood is estimated for the histogram


class Splits(Protocol):
    """A data set with its three splits."""

    @property
    def name(self) -> str: ...
    @property
    def train(self) -> Source: ...
    @property
    def test(self) -> Source: ...


def report(
    net: Net,
    spec: Spec,
    dataset: Splits,
    rows: Sequence[Mapping[str, Any]],
    facts: Mapping[str, object],
    path: str | os.PathLike[str],
    limit: int = 500,
    draws: int = 50,
    pictures: Path | None = None,
) -> Path:
    """Write the page: ONE file with everything in it, which asks nothing of the network.

    What a net cannot do is left out: without a density there are no likelihoods, without a prior no samples.

    Args:
        net: trained.
        spec: of its data.
        dataset: the splits: samples are held against ``train``, everything else shows ``test``.
        rows: those of ``log.jsonl``.
        facts: texts that stand under the title, by name, beside what the page finds out itself (data, images seen,
            time, size of the net); ``title`` is the title, ``recipe`` may be a mapping, anything else is left out.
        path: where the page goes; it appears there when it is whole.
        limit: at most this many held-out items are evaluated, or samples where a net only samples.
        draws: of each likelihood. With ``limit`` it decides how long the page takes: ``evaluate`` tells finer figures.
        pictures: the folder with those of the same seeds at each validation.
    """
    title = str(facts.get("title") or f"{facts.get('model', type(net).__name__)} on {dataset.name}")
    figures = _measured(net, dataset.test, limit, draws)
    body = "".join(_sections(net, spec, dataset, rows, figures, draws, pictures))
    return page.write(
        page.page(title, _head(net, spec, dataset, rows, facts), body + _foot(figures, facts, limit)), path
    )


def _measured(net: Net, source: Source, limit: int, draws: int) -> list[Figure]:
    """Figures of held-out items, or of samples held against them; none where there are too few."""
    if isinstance(net, Reconstructs):
        return evaluate(net, source, draws, limit=limit)
    if isinstance(net, Translates):
        return shown.figures(net, cast(TwoSided, source), limit)
    if not isinstance(net, Samples):
        return []
    try:
        extractor = extractor_for(usual(source.spec), source.spec)
        return measure(net, source, extractor, count=min(limit, len(source) // 2))
    except BadData:
        return []


def _head(net: Net, spec: Spec, dataset: Splits, rows: Sequence[Mapping[str, Any]], facts: Mapping[str, object]) -> str:
    told = {name: fact for name, fact in facts.items() if isinstance(fact, str) and name not in ("title", "model")}
    if "created" in told:
        told["created"] = told["created"][:16].replace("T", " ")
    shape = " x ".join(str(side) for side in spec.shape)
    last = rows[-1] if rows else {}
    found = {
        "data": f"{dataset.name}, {len(dataset.train):,} items of {shape}",
        "net": f"{sum(weight.numel() for weight in net.parameters()):,} weights"
        + (f", {net.latent} latents" if hasattr(net, "latent") else ""),
        "images seen": f"{int(last.get('seen', 0)):,}",
        "time": _duration(float(last.get("seconds", 0))),
    }
    listed = [
        f"<div><dt>{page.words(name)}</dt><dd>{page.words(fact)}</dd></div>" for name, fact in (found | told).items()
    ]
    return f"<dl>{''.join(listed)}</dl>"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _foot(figures: Sequence[Figure], facts: Mapping[str, object], limit: int) -> str:
    told = []
    if isinstance(recipe := facts.get("recipe"), Mapping):
        fields = [f"{name} {_plain(value)}" for name, value in recipe.items() if value not in NOTHING]
        told.append(f"Recipe: {', '.join(fields)}.")
    if figures:
        drawn = max((figure.samples or 0 for figure in figures), default=0)
        of = f"{drawn:,} samples" if drawn else f"at most the first {limit:,} held-out items"
        told.append(f"Figures are of {of}; intervals are of 95 %; evaluate takes more.")
    told.append("This page holds examples of the data that the model was trained on.")
    return f"<footer>{page.words(' '.join(told))}</footer>"


def _plain(value: object) -> str:
    """A field's value as people write it: 1, not 1.0; 200, 200 without brackets."""
    if isinstance(value, list | tuple):
        return " x ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _sections(
    net: Net,
    spec: Spec,
    dataset: Splits,
    rows: Sequence[Mapping[str, Any]],
    figures: Sequence[Figure],
    draws: int,
    pictures: Path | None,
) -> Iterator[str]:
    order = None
    if isinstance(net, HasDensity):
        some = dataset.test.read(slice(0, MANY))
        order = latent_divergence(net, some.x, label=label_of(net, some))
    if spec.kind == "image":
        yield from _pictures(net, spec, dataset, order)
    elif isinstance(net, Samples):
        yield _table(_drawn(net, spec, 8)[0], spec)
    if pictures is not None and spec.kind == "image":
        yield from _course(net, spec, pictures)
    if isinstance(net, HasDensity):
        yield _likely(net, spec, dataset, draws)
    yield f'<div class="two">{"".join(_charts(net, dataset, rows, order))}</div>'
    yield from _game(rows)
    if figures:
        told = "What items that the model has never seen say about it, and what that means."
        yield page.section("Held-out figures", told, page.figures(figures))


# --- pictures --------------------------------------------------------------------------------------------------------


def _pictures(net: Net, spec: Spec, dataset: Splits, order: np.ndarray | None) -> Iterator[str]:
    if isinstance(net, Reconstructs):
        yield _reconstructions(net, dataset.test)
    if isinstance(net, Samples):
        yield _samples(net, spec, dataset.train)
        yield _traversal(net, dataset.test, order)
        yield _walks(net, dataset.test)
    if isinstance(net, Translates):
        yield from shown.sections(net, cast(TwoSided, dataset.test))


def _reconstructions(net: Net, source: Source, count: int = 24) -> str:
    x = (batch := source.read(slice(0, count))).x
    made = reconstruct(net, x, label=label_of(net, batch))
    error = (made - x).square().flatten(1).sum(1)
    pairs = [((a, b), f"row:{i} · {off:.3g}") for i, (a, b, off) in enumerate(zip(x, made, error, strict=True))]
    told = "Held-out pictures (left) and what is left of them after the code (right), with the squared error."
    return page.section("Reconstructions", told, page.cells(pairs, 8))


def _samples(net: Net, spec: Spec, source: Source, count: int = 24) -> str:
    x, names = _drawn(net, spec, count)
    found = nearest(x, source)
    pairs = [((x[i], found.items[i]), f"{names[i]} · {found.distance[i]:.3g}") for i in range(count)]
    told = (
        "Pictures that the model made up (left), each beside the training picture nearest to it (right), with their "
        "squared distance: a model that only remembers would show the same picture twice."
        + (" Each was asked for by the label beside its seed." if getattr(net, "classes", 0) else "")
    )
    return page.section("Samples", told, page.cells(pairs, 8))


def _drawn(net: Net, spec: Spec, count: int) -> tuple[Tensor, list[str]]:
    """Samples of seeds 0 and on, and their names; where the net takes labels each is of another class, in turn."""
    classes = int(getattr(net, "classes", 0))
    if not classes:
        return sample(net, spec, count), [f"seed:{i}" for i in range(count)]
    made = torch.cat([sample(net, spec, 1, i, i % classes) for i in range(count)])
    return made, [f"seed:{i} · {spec.classes[i % classes]}" for i in range(count)]


def _shares(net: Net, batch: Batch) -> Tensor | None:
    """The labels of a batch as shares of the classes, for a net that takes labels."""
    label = label_of(net, batch)
    return None if label is None else functional.one_hot(label, int(net.classes)).float()


def _traversal(net: Net, source: Source, order: np.ndarray | None, count: int = 8) -> str:
    encodes = isinstance(net, Encodes)
    first, some = source.read([0]), source.read(slice(0, MANY))
    at = codes_of(net, first.x, label=label_of(net, first)) if encodes else None
    ranks = importance(net, some.x, label_of(net, some)) if encodes and order is None else order
    latents, values, items = traverse(net, at, 11, ranks, label=_shares(net, first))
    rows = []
    for latent, value, row in list(zip(latents, values, items, strict=True))[:count]:
        carried = "" if order is None else f"<br>{order[latent]:.2f} nats"
        name = name_of(latent)
        rows.append(page.row(f"{name}{carried}", row, [f"{name} at {each:.2f}" for each in value]))
    ordered = "" if ranks is None else ", those that carry most first"
    others = "at its median" if at is None else "as in row:0"
    others += ", given the label of row:0" if getattr(net, "classes", 0) else ""
    over = "the prior" if isinstance(net, HasDensity) else "what samples are drawn from"
    told = f"One latent in each row{ordered}, moved over the middle 90 % of {over}; the others stay {others}."
    return page.section("What the latents stand for", told, "".join(rows))


def _walks(net: Net, source: Source, count: int = 3) -> str:
    rows = []
    encodes = isinstance(net, Encodes)
    for i in range(min(count, len(source) // 2) if encodes else count):
        two = source.read([2 * i, 2 * i + 1])
        if encodes:
            ends, names = codes_of(net, two.x, label=label_of(net, two)), f"row:{2 * i} to row:{2 * i + 1}"
        else:
            ends, names = draw(net, [2 * i, 2 * i + 1]), f"seed:{2 * i} to seed:{2 * i + 1}"
        rows.append(page.row(names, interpolate(net, ends, steps=11, labels=_shares(net, two)), [names] * 11))
    told = "From one item to another through latent space. In a good space what lies between looks like data, too."
    told += " The labels are those of rows 0 to 5 of the test split." if getattr(net, "classes", 0) else ""
    return page.section("Interpolations", told, "".join(rows))


def _course(net: Net, spec: Spec, folder: Path) -> Iterator[str]:
    rows = []
    for seen, items in course.moments(folder, spec, getattr(net, "classes", 0)):
        rows.append(page.row(f"{seen:,} images", items, [f"at {seen:,} images"] * len(items)))
    if rows:
        same, what = ("held-out inputs", "translations") if isinstance(net, Translates) else ("noise", "samples")
        told = f"The same {same} through the training: each row is a moment, from the first validation to the last."
        yield page.section(f"How {what} came about", told, "".join(rows))


def _table(items: Tensor, spec: Spec) -> str:
    header, rows = table_texts(items, spec)
    named = [f"<th>{page.words(name)}</th>" for name in header[:12]]
    lines = "".join(f"<tr>{''.join(f'<td>{page.words(cell)}</td>' for cell in row[:12])}</tr>" for row in rows)
    lines = f"<tr>{''.join(named)}</tr>{lines}" if named else lines
    told = f"Rows that the model made up; the first {min(12, len(rows[0]))} of {len(rows[0])} columns."
    return page.section("Samples", told, f'<div class="scroll"><table>{lines}</table></div>')


# --- likelihoods -----------------------------------------------------------------------------------------------------


def _likely(net: Net, spec: Spec, dataset: Splits, draws: int) -> str:
    both = [split.read(slice(0, MANY)) for split in (dataset.test, dataset.train)]
    alien, kind = _foreign(spec, both[0])
    scores, remembered, (score,) = (
        log_likelihood(net, each.x, draws, label=label_of(net, each), mask=each.mask).value for each in (*both, alien)
    )
    held, foreign, score = both[0].x, alien.x[0], float(score)
    chart = page.chart(curves.likelihoods(scores, remembered, score, page.theme()), "likelihoods")
    shown = _extremes(held, scores) if spec.kind == "image" else ""
    told = "Items that the model has learnt from and items that it has not: the nearer they lie, the less it memorised."
    body = f'<div class="two"><div>{chart}</div><div>{_flagged(spec, foreign, kind, score, scores)}{shown}</div></div>'
    return page.section("How likely items are", told, body)


def _foreign(spec: Spec, held: Batch) -> tuple[Batch, str]:
    """An item that belongs to no data, a batch of one: a picture turned inside out, a row put together of many."""
    one = held._replace(**{name: slot[:1] for name, slot in held.slots()})
    if spec.kind == "image":
        return one._replace(x=spec.high + spec.low - one.x), "a held-out picture with light and dark exchanged"
    count, entries = len(spec.columns) or spec.size, torch.arange(spec.size)
    order = torch.randperm(len(held.x), generator=torch.Generator().manual_seed(key("foreign")))
    rows = order[torch.arange(count) % len(order)]
    owner = entries.clone()
    for column, flag in spec.flags.items():
        owner[flag] = column
    mixed = one._replace(x=held.x.reshape(len(held.x), -1)[rows[owner], entries].reshape(one.x.shape))
    if held.mask is not None:
        mixed = mixed._replace(mask=held.mask[rows, torch.arange(count)][None])
    return mixed, "a row with each column's value from another held-out row"


def _flagged(spec: Spec, foreign: Tensor, kind: str, score: float, scores: np.ndarray) -> str:
    below = int((scores < score).sum())
    place = f"Its log p(x) is {score:,.1f} nats: " + (
        f"{below} of {len(scores)} held-out items are less likely."
        if below
        else f"every one of {len(scores)} held-out items is more likely."
    )
    strange = below < 0.01 * len(scores)
    verdict = '<span class="alarm">Flagged as foreign.</span>' if strange else "The model does not find it strange."
    shown = page.tile(foreign, "the foreign item") if spec.kind == "image" else ""
    return f'<div class="foreign">{shown}<p>A foreign item, {page.words(kind)}. {page.words(place)} {verdict}</p></div>'


def _extremes(items: Tensor, scores: np.ndarray, count: int = 6) -> str:
    ranked = np.argsort(scores)
    chosen = [*ranked[:count], *ranked[-count:]]
    shown: list[page.Cell] = [((items[int(i)],), f"{scores[i]:,.0f}") for i in chosen]
    return f"<p>The {count} least and the {count} most likely held-out items, in nats:</p>{page.cells(shown, 6)}"


# --- charts and figures ----------------------------------------------------------------------------------------------


def _charts(net: Net, dataset: Splits, rows: Sequence[Mapping[str, Any]], order: np.ndarray | None) -> Iterator[str]:
    if any(row.get("logs") for row in rows):
        told = "The course of the training. What the decoder misses and what the code costs, stacked, are the -ELBO."
        if order is None:
            told = "The course of the training."
        yield page.section("Loss", told, page.chart(curves.losses(rows, page.theme()), "loss"))
    if order is not None:
        told = "How much each latent tells about an item, on average; those near 0 are not used."
        drawn = page.chart(curves.divergences(order, page.theme()), "divergences")
        yield page.section("KL of each latent", told, drawn)
        yield from _cloud(net, dataset.test, order)


def _cloud(net: Net, source: Source, order: np.ndarray) -> Iterator[str]:
    """Codes by class, where the data has classes and the code two numbers to show."""
    batch, names = source.read(slice(0, 1000)), source.spec.classes
    if batch.label is None or not names or len(order) < 2:
        return
    first, second = np.argsort(-order)[:2]
    points = codes_of(net, batch.x, label=label_of(net, batch))[:, [int(first), int(second)]].numpy()
    titles = name_of(int(first)), name_of(int(second))
    drawn = page.chart(curves.codes(points, batch.label.numpy(), names, titles, page.theme()), "codes")
    told = "Held-out items by the two latents that carry most, coloured by class."
    yield page.section("Where items lie", told, drawn)


def _game(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What the detectors of a game measured, and said."""
    found = course.figures(rows)
    if found:
        told = "Measured at each validation, these the last. Where something fails, a sentence says what to try."
        lines = [f"<p>At {seen:,} images: {page.words(sentence)}</p>" for seen, sentence in course.said(rows)]
        drawn = page.chart(curves.game(rows, page.theme()), "game")
        body = f'<div class="two"><div>{drawn}</div><div>{page.figures(found)}</div></div>{"".join(lines)}'
        yield page.section("How the game went", told, body)
