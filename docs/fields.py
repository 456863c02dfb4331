"""Tables of fields in the pages, generated from the annotations of ``latentia.fields``: ``python docs/fields.py``.

A page marks the place: ``<!-- fields: latentia.models.vae.VAE -->`` ... ``<!-- end of fields -->``.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from latentia.fields import Field, fields_of, shown

DOCS = Path(__file__).resolve().parent
MARKED = re.compile(r"(<!-- fields: ([\w.]+) -->\n).*?(<!-- end of fields -->)", re.DOTALL)


def table(name: str) -> str:
    """The fields of the dataclass with this dotted name as a Markdown table."""
    module, _, cls = name.rpartition(".")
    rows = [row(field) for field in fields_of(getattr(importlib.import_module(module), cls))]
    return "\n".join(["| field | flag | default | allowed | what it is |", "|---|---|---|---|---|", *rows]) + "\n"


def row(field: Field) -> str:
    """One line of the table."""
    default = "" if field.default in (None, "", ()) else f"`{shown(field.default)}`"
    rules = [str(rule) for rule in field.rules] + ["or a schedule"] * field.scheduled
    return f"| `{field.name}` | `{field.flag}` | {default} | {'; '.join(rules)} | {field.help} |"


def written(text: str) -> str:
    """A page with every table of fields written anew."""
    return MARKED.sub(lambda match: f"{match[1]}{table(match[2])}{match[3]}", text)


def pages() -> list[Path]:
    """The pages of the documentation."""
    return sorted(DOCS.rglob("*.md"))


if __name__ == "__main__":
    for page in pages():
        if (now := page.read_text(encoding="utf-8")) != (new := written(now)):
            page.write_text(new, encoding="utf-8")
            print(f"wrote {page.relative_to(DOCS)}")
