"""How good made rows are: against tables whose answer is known, and through the command line."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas
import pytest
import torch

import latentia as lt
from latentia import data
from latentia.cli.main import main
from latentia.core import Column, Spec
from latentia.errors import BadData, BadField
from latentia.tasks.synthetic import PRIVACY, columns_of, features_of_rows, synthetic, target_of
from latentia.tasks.synthetic_page import synthetic_page


def test_rows_of_the_census_as_columns_and_as_points():
    spec = Spec(
        "table", (3,), columns=(Column("a", "integer", missing=True), Column("b", "binary", categories=("n", "y")))
    )
    x = torch.tensor([[1.5, 1.0, 1.0], [0.0, 0.0, 0.0]])
    found = columns_of(x, spec)
    assert found[0][0] == 1.5
    assert np.isnan(found[0][1])
    assert features_of_rows(x, spec).tolist() == [[1.5, 0.0, 0.5], [0.0, 0.5, 0.0]]


def frame(count: int, seed: int) -> pandas.DataFrame:
    """The group follows from the height, the other number from nothing."""
    generator = np.random.default_rng(seed)
    height = generator.normal(size=count)
    group = np.where(height + 0.2 * generator.normal(size=count) > 0, "tall", "short")
    return pandas.DataFrame({"height": height, "group": group, "noise": generator.normal(size=count)})


@pytest.fixture(scope="module")
def table():
    return data.open(frame(800, 0))


def figures(made, table, **told):
    return {each.name: each for each in synthetic(made, table.train, table.test, **told).figures}


def test_rows_from_where_the_real_ones_came_are_as_good_as_held_out_ones(table):
    made = data.items(frame(640, 1), table.spec)[0]
    found = figures(made, table)
    assert found["column shape error"].value < 0.07
    assert found["pair trend error"].value < 0.08
    assert found["detection"].value == pytest.approx(0.5, abs=0.07)
    assert found["utility for group"].value == pytest.approx(found["utility for group"].floor, abs=0.08)
    assert found["utility for group"].value > 0.85
    assert found["nearer to training rows"].value == pytest.approx(0.5, abs=0.09)
    near = found["distance to the closest record"]
    assert near.value == pytest.approx(near.floor, rel=0.4)
    assert found["copies"].value == 0
    assert PRIVACY in found["nearer to training rows"].meaning


def test_copies_are_known_and_columns_that_were_mixed_up(table):
    x = table.train.read(slice(None)).x
    copied = figures(x, table)
    assert copied["copies"].value == 1
    assert copied["nearer to training rows"].value > 0.95
    assert copied["distance to the closest record"].value == 0
    mixed = data.items(frame(640, 3), table.spec)[0]
    mixed[:, 1] = mixed[torch.randperm(640, generator=torch.Generator().manual_seed(0)), 1]
    found = synthetic(mixed, table.train, table.test, "height")
    told = {each.name: each for each in found.figures}
    assert told["column shape error"].value < 0.07, "each column alone is as it was"
    assert told["detection"].value > 0.7
    assert found.trend[0, 1] > 0.3 > found.trend[0, 2]
    assert told["utility for height"].unit == "R2"
    assert told["utility for height"].value < 0.2 < 0.4 < told["utility for height"].floor


def test_a_column_that_made_rows_never_vary_in_is_no_reason_to_stop(table):
    x = table.train.read(slice(0, 100)).x.clone()
    x[:, 1] = 0
    assert figures(x, table)["utility for group"].value == pytest.approx(0.5)


def test_refusals(table):
    with pytest.raises(BadField, match="no column 'heigth' to predict; did you mean 'height'"):
        target_of(table.spec, "heigth")
    with pytest.raises(BadField, match="the metric table is of tables with columns, and the data is a image"):
        target_of(Spec("image", (1, 8, 8)), None)
    few = data.open(frame(60, 0))
    with pytest.raises(BadData, match="judged by 20 held-out rows and two columns or more; there are 6 and 3"):
        synthetic(few.train.read(slice(None)).x, few.train, few.test)


def test_the_page_says_first_that_it_is_no_proof_of_privacy(table, tmp_path):
    found = synthetic(table.train.read(slice(0, 100)).x, table.train, table.test)
    text = synthetic_page(replace(found, names=["<b>", "group", "noise"]), "Rows", tmp_path / "a.html").read_text()
    assert text.index("No differential privacy") < text.index("column shape error") < text.index("&lt;b&gt;")
    assert "<b>" not in text.replace("<b>0", "").replace("<b>1", "")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A model of labels: half of the rows are tall."""
    folder = tmp_path_factory.mktemp("people")
    frame(600, 0).rename(columns={"group": "label"}).to_csv(folder / "people.csv", index=False)
    told = {"labels": True, "images": 12_000, "batch": 100, "device": "cpu"}
    lt.train(lt.VAE(hidden=(8,)), folder / "people.csv", run=folder / "run", **told)
    return folder / "run"


def test_the_command_line_writes_figures_and_a_page(run, tmp_path, capsys):
    command = ["evaluate", str(run), "--metrics", "table", "--count", "200"]
    assert main([*command, "--json"]) == 0
    out, err = capsys.readouterr()
    told = json.loads(out)
    rows = {row["name"]: row for row in told["figures"]}
    assert err.startswith("No differential privacy")
    assert next(iter(told)) == "privacy"
    assert told["privacy"].startswith("No differential privacy")
    assert rows["copies"]["samples"] == 200
    shape = rows["column shape error"]
    assert list(shape["parts"]) == ["height", "noise"]
    assert sum(shape["parts"].values()) / 2 == pytest.approx(shape["value"])
    assert rows["pair trend error"]["parts"] == {"height": {"noise": pytest.approx(rows["pair trend error"]["value"])}}
    assert rows["copies"]["parts"] == {}
    assert main([*command, "-o", str(tmp_path / "report.json"), "--quiet"]) == 0
    assert json.loads((tmp_path / "report.json").read_text()) == told
    capsys.readouterr()
    assert main([*command, "--target", "noise", "-o", str(tmp_path / "report.html"), "--quiet"]) == 0
    assert "utility for noise" in (tmp_path / "report.html").read_text()
    capsys.readouterr()
    assert main(["evaluate", str(run), "--target", "noise"]) == 2
    assert "--target is a column for --metrics table" in capsys.readouterr().err
    assert main(["evaluate", str(run), "-o", str(tmp_path / "b.html")]) == 2
    assert "ends in '.html'; this can be written as .csv, .json" in capsys.readouterr().err


def test_a_model_of_labels_makes_rows_with_those_of_the_training(run):
    found = lt.load(run).synthetic(count=250)
    assert found.names == ["height", "noise"]
    assert found.figures[0].samples == 250
    assert found.shape[0] < 0.15, "half of the rows of either label, not of one in between"
