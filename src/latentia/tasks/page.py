"""One HTML file that needs nothing beside itself: its style, its pictures as data URIs, its charts as SVG."""

from __future__ import annotations

import base64
import html
import io
import os
import re
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from latentia.tasks.curves import Theme
from latentia.tasks.pictures import picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Chart

    from latentia.tasks.evaluate import Figure

__all__ = ["Cell", "cells", "chart", "figures", "page", "row", "section", "theme", "tile", "words", "write"]

# Colours that no chart uses for anything else; in the page they become names of the style sheet.
INKS = {"#010203": "var(--ink)", "#040506": "var(--soft)", "#070809": "var(--alarm)"}
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #ffffff; --ink: #1c2330; --soft: #5f6b7d; --line: #dfe3ea;
  --mark: #3b6fd4; --alarm: #c0392b; --frame: #0001; }
@media (prefers-color-scheme: dark) { :root { --paper: #12151b; --card: #1b2029; --ink: #e8ecf3; --soft: #9aa5b6;
  --line: #2e3542; --mark: #7aa5ff; --alarm: #ff7b6b; --frame: #fff2; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 40px 20px 64px; }
h1 { font-size: clamp(1.6rem, 5vw, 2.4rem); line-height: 1.15; margin: 0 0 4px; letter-spacing: -0.02em; }
h2 { font-size: 1.2rem; margin: 0 0 2px; letter-spacing: -0.01em; }
p { margin: 0 0 14px; color: var(--soft); max-width: 68ch; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 22px; margin-top: 20px;
  min-width: 0; }
dl { display: flex; flex-wrap: wrap; gap: 10px 30px; margin: 18px 0 0; }
dt { font-size: 0.78rem; color: var(--soft); }
dd { margin: 0; font-weight: 600; }
.two { display: grid; gap: 0 20px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
.cells { display: grid; gap: 12px; grid-template-columns: repeat(var(--columns), minmax(0, 1fr)); margin-bottom: 14px; }
.cell { display: flex; gap: 2px; flex-wrap: wrap; align-content: start; align-items: start; margin: 0; min-width: 0; }
.cell img { flex: 1 1 0; }
.cell figcaption { flex: 0 0 100%; font-size: 0.76rem; color: var(--soft); line-height: 1.3; padding-top: 3px;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.row { display: grid; grid-template-columns: 84px 1fr; gap: 10px; align-items: center; margin: 0 0 6px; }
.row > span { font-size: 0.8rem; color: var(--soft); line-height: 1.25; }
.row > div { display: flex; gap: 2px; min-width: 0; }
.row img { flex: 1 1 0; max-width: 96px; }
img { display: block; min-width: 0; width: 100%; height: auto; image-rendering: pixelated; border-radius: 3px;
  outline: 1px solid var(--frame); outline-offset: -1px; }
svg { display: block; width: 100%; height: auto; max-width: 640px; margin: 0 auto; }
.two > section:last-child:nth-child(odd) { grid-column: 1 / -1; }
.foreign { display: flex; gap: 18px; align-items: center; margin-bottom: 14px; }
.foreign img { flex: 0 0 84px; width: 84px; }
.foreign p { margin: 0; color: var(--ink); }
.alarm { color: var(--alarm); font-weight: 600; }
.figures { display: grid; gap: 14px 26px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }
.figures b { font-size: 1.5rem; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; margin-right: 5px; }
.figures h3 { font-size: 0.86rem; margin: 0; }
.figures p { font-size: 0.86rem; margin: 0; }
.figures small { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.84rem; font-variant-numeric: tabular-nums; }
td, th { padding: 4px 10px; text-align: right; border-bottom: 1px solid var(--line); }
footer { color: var(--soft); font-size: 0.8rem; margin-top: 26px; }
@media (max-width: 860px) { .cells.many { --columns: 6 !important; } }
@media (max-width: 560px) { .cells { gap: 10px 8px; } .cells.many { --columns: 3 !important; }
  main { padding: 24px 12px 40px; } section { padding: 16px 14px; border-radius: 12px; }
  .row { grid-template-columns: 1fr; gap: 2px; margin-bottom: 10px; } }
"""

Cell = tuple[Sequence[Tensor], str]  # pictures side by side, and what is written below them


def words(text: object) -> str:
    """Text as it may stand in a page: nothing in it is read as HTML."""
    return html.escape(str(text), quote=True)


def theme() -> Theme:
    """The theme of charts for :func:`chart`."""
    ink, soft, alarm = INKS
    return Theme(ink=ink, soft=soft, alarm=alarm, paper="none")


def tile(x: Tensor, alt: str) -> str:
    """One picture ``(C, H, W)`` in its own size; the style sheet enlarges it."""
    kept = io.BytesIO()
    picture(x).save(kept, format="PNG", optimize=True)
    coded = base64.b64encode(kept.getvalue()).decode("ascii")
    return f'<img alt="{words(alt)}" src="data:image/png;base64,{coded}">'


def cells(groups: Iterable[Cell], columns: int) -> str:
    """Groups of pictures, ``columns`` side by side; when they are more than 6, fewer on a small screen."""
    made = []
    for pictures, caption in groups:
        tiles = "".join(tile(each, caption) for each in pictures)
        made.append(f'<figure class="cell">{tiles}<figcaption>{words(caption)}</figcaption></figure>')
    kind = "cells many" if columns > 6 else "cells"
    return f'<div class="{kind}" style="--columns: {columns}">{"".join(made)}</div>'


def row(label: str, items: Tensor, alts: Sequence[str]) -> str:
    """Pictures in one row behind a label, which is HTML already."""
    tiles = "".join(tile(item, alt) for item, alt in zip(items, alts, strict=True))
    return f'<div class="row"><span>{label}</span><div>{tiles}</div></div>'


def chart(figure: Chart, name: str) -> str:
    """A chart as SVG inside the page, its text and lines in the page's colours and type."""
    import matplotlib

    kept = io.StringIO()
    # the salt makes names inside the SVG differ between charts and be the same from run to run
    salted = matplotlib.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"})
    with salted, warnings.catch_warnings():
        warnings.filterwarnings("ignore", "constrained_layout not applied")  # the chart is drawn all the same
        figure.savefig(kept, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    drawn = kept.getvalue()
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r"<metadata>.*?</metadata>", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"'DejaVu Sans'[^;\"]*", "system-ui, sans-serif", drawn)
    drawn = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", drawn, count=1)
    drawn = re.sub(r'(<svg[^>]*?) height="[^"]*"', rf'\1 role="img" aria-label="{words(name)}"', drawn, count=1)
    for colour, variable in INKS.items():
        drawn = drawn.replace(colour, variable)
    return drawn


def section(title: str, told: str, body: str) -> str:
    """A card of the page: a title, a sentence on what is seen, and the body, which is HTML already."""
    return f"<section><h2>{words(title)}</h2><p>{words(told)}</p>{body}</section>"


def figures(told: Sequence[Figure]) -> str:
    """Figures with what they mean, side by side."""
    made = []
    for figure in told:
        spread = f"<small>{figure.low:.5g} to {figure.high:.5g}</small>" if figure.low < figure.high else ""
        made.append(
            f"<div><h3>{words(figure.name)}</h3><b>{figure.value:.5g}</b><small>{words(figure.unit)}</small> "
            f"{spread}<p>{words(figure.meaning)}</p></div>"
        )
    return f'<div class="figures">{"".join(made)}</div>'


def page(title: str, head: str, body: str) -> str:
    """The whole file. ``head`` and ``body`` are HTML already."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{words(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><style>{STYLE}</style></head>'
        f"<body><main><header><h1>{words(title)}</h1>{head}</header>{body}</main></body></html>\n"
    )


def write(text: str, path: str | os.PathLike[str]) -> Path:
    """The text under ``path``: written beside it first, then renamed, so that half a page is never seen."""
    target = Path(path)
    part = target.with_name(f".{target.name}.part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, target)
    return target
