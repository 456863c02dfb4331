"""Codes files: ``item``, then ``z1`` to ``zn``, one row per item, so that a person can edit one number.

Codes of a model of labels have a column ``label``, too.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentia.cli import output
from latentia.errors import BadData

if TYPE_CHECKING:
    from numpy.typing import NDArray


def write(
    z: NDArray[Any],
    items: Sequence[str],
    out: str | None,
    as_json: bool,
    std: NDArray[Any] | None = None,
    residual: NDArray[Any] | None = None,
    labels: Sequence[str] | None = None,
) -> None:
    """Latents ``(N, latent)`` to a codes file or to stdout; with ``std`` also ``std1`` to ``stdn``.

    ``residual`` ``(N,)`` is what a search for them left of the error, ``labels`` the items' classes: a column each.
    """
    named = {"z": z} | ({} if std is None else {"std": std})
    left = {} if residual is None else {"residual": residual}
    if output.form(out, output.CODES) in (".npz", ".npy"):
        import numpy as np

        words = {"item": items} | ({} if labels is None else {"label": labels})
        told = {name: np.array(list(each)) for name, each in words.items()}
        output_arrays(Path(out or ""), {**named, **left, **told}, "z")
        output.written(out, as_json)
        return
    columns = [(f"{name}{i + 1}", part[:, i].tolist()) for name, part in named.items() for i in range(part.shape[1])]
    columns += [(name, part.tolist()) for name, part in left.items()]
    columns = [("item", list(items)), *([] if labels is None else [("label", list(labels))]), *columns]
    rows = [{name: values[row] for name, values in columns} for row in range(len(items))]
    output.rows(rows, out, as_json)
    output.written(out, as_json)


def output_arrays(path: Path, values: Mapping[str, Any], main: str) -> None:
    """Arrays to .npz by name, or the main one to .npy."""
    import numpy as np

    with output.replacing(path) as temporary, temporary.open("wb") as file:
        if path.suffix.lower() == ".npz":
            np.savez_compressed(file, **values)
        else:
            np.save(file, values[main])


def read(path: Path) -> tuple[NDArray[Any], list[str], list[str] | None]:
    """The latents of a codes file, ``(N, latent)`` in float64, the item of each, and its label if the file has them.

    Raises:
        BadData: no such file, an ending that no codes file has, or a cell that is no finite number.
    """
    import numpy as np

    if not path.is_file():
        raise BadData(f"there is no codes file {path}; latentia encode RUN DATA -o codes.csv writes one")
    if (found := path.suffix.lower()) not in output.CODES:
        raise BadData(f"{path} ends in {found!r}; a codes file is one of {', '.join(output.CODES)}")
    try:
        z, items, labels = _arrays(path) if found in (".npz", ".npy") else _rows(path)
    except BadData:
        raise
    except (ValueError, KeyError, TypeError, EOFError) as error:
        raise BadData(f"{path} is no codes file: {error}") from None
    if z.ndim != 2 or z.dtype.kind not in "fiu" or not np.isfinite(z).all():
        raise BadData(f"{path} holds {z.dtype} numbers of shape {z.shape}; latents are finite, one row per item")
    return z.astype(np.float64), items or [f"row:{i}" for i in range(len(z))], labels


def _arrays(path: Path) -> tuple[NDArray[Any], list[str], list[str] | None]:
    import numpy as np

    found = np.load(path, allow_pickle=False)
    if path.suffix.lower() == ".npy":
        return found, [], None
    with found:
        items, labels = ([str(each) for each in found[name]] if name in found else [] for name in ("item", "label"))
        return found["z"], items, labels or None


def _rows(path: Path) -> tuple[NDArray[Any], list[str], list[str] | None]:
    import numpy as np

    text = path.read_text(encoding="utf-8-sig")
    lines = json.loads(text) if path.suffix.lower() == ".json" else list(csv.DictReader(text.splitlines()))
    z = [_latents(path, number, line) for number, line in enumerate(lines, 1)]
    lengths = {len(row) for row in z}
    if len(lengths) != 1:
        raise BadData(f"{path} has rows of {sorted(lengths)} latents; every row needs the same columns z1, z2 and on")
    given = [str(line.get("label") or "") for line in lines]
    if any(given) and "" in given:
        raise BadData(f"{path} has a column label, and item {given.index('') + 1} has none; every item needs one")
    labels = given if any(given) else None
    return np.array(z), [str(line.get("item", f"row:{i}")) for i, line in enumerate(lines)], labels


def _latents(path: Path, number: int, line: Mapping[str, Any]) -> list[float]:
    found: list[float] = []
    while (name := f"z{len(found) + 1}") in line:
        try:
            found.append(float(line[name]))
        except (TypeError, ValueError):
            raise BadData(f"{path}, item {number}: {name} is {line[name]!r}; it must be a number") from None
    if not found:
        raise BadData(f"{path}, item {number} has no column z1; a codes file has the columns item, z1, z2 and on")
    return found
