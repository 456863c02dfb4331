"""What made rows of a table are like, as one HTML file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from latentia.tasks import page
from latentia.tasks.synthetic import PRIVACY, Synthetic

__all__ = ["synthetic_page"]


def synthetic_page(found: Synthetic, title: str, path: str | Path) -> Path:
    """Write the page; its first line says what it is no proof of."""
    head = f'<p class="alarm">{page.words(PRIVACY)}</p>'
    told = (
        f"Made rows beside training rows; what {found.figures[0].split} rows, which were not learnt from, have is said."
    )
    body = page.section("Made rows", told, page.figures(found.figures))
    return page.write(page.page(title, head, body + _columns(found)), path)


def _columns(found: Synthetic) -> str:
    """A line for each column: its own error, and the pair with it that is told worst."""
    lines = []
    for place, name in enumerate(found.names):
        own = found.trend[place]
        worst = int(np.nanargmax(own)) if np.isfinite(own).any() else None
        pair = ("", "") if worst is None else (found.names[worst], f"{own[worst]:.3f}")
        cells = (name, f"{found.shape[place]:.3f}", f"{found.shape_floor[place]:.3f}", *pair)
        lines.append("<tr>" + "".join(f"<td>{page.words(cell)}</td>" for cell in cells) + "</tr>")
    heads = ("column", "shape error", "of held-out rows", "worst with", "pair trend error")
    named = "".join(f"<th>{page.words(each)}</th>" for each in heads)
    told = "The error of each column's distribution, and the column that it goes together with least as it should."
    return page.section(
        "Column by column", told, f'<div class="scroll"><table><tr>{named}</tr>{"".join(lines)}</table></div>'
    )
