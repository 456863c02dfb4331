"""The tables of fields in the pages are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest
from docs.fields import MARKED, pages, table, written

from latentia.core import Training
from latentia.fields import fields_of


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == written(text), "stale: run python docs/fields.py"


def test_every_model_and_configuration_has_its_table() -> None:
    marked = {match[2] for page in pages() for match in MARKED.finditer(page.read_text(encoding="utf-8"))}
    assert marked >= {
        "latentia.models.vae.VAE",
        "latentia.models.autoencoder.Autoencoder",
        "latentia.core.Training",
        "latentia.data.options.DataOptions",
    }


def test_a_table_has_a_row_for_every_field() -> None:
    made = table("latentia.core.Training")
    assert [f"`{field.flag}`" in made for field in fields_of(Training)] == [True] * len(fields_of(Training))


def test_a_stale_table_is_written_anew() -> None:
    stale = "before\n<!-- fields: latentia.core.Training -->\nold\n<!-- end of fields -->\nafter\n"
    assert "old" not in written(stale)
    assert written(written(stale)) == written(stale)
