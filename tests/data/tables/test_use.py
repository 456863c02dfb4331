"""Tables for a trained model: matched by name, coded as in training, and refused with the row and column named."""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from latentia import data
from latentia.core import Column, Spec
from latentia.errors import BadData
from latentia.spec import Aside

SPEC = Spec(
    "table",
    (5,),
    columns=(
        Column("age", "integer", center=50, scale=10, low=18, high=90, step=1, dtype="int64"),
        Column("region", "categorical", ("east", "north", "(other)"), missing=True, dtype="str", merged=("moon",)),
        Column("level", "binary", ("0", "1", "(other)"), dtype="int64"),
        Column("gain", "numeric", center=1, scale=2, low=0, high=9, atoms=(0.0,)),
    ),
    asides=(Aside("id", 0, "identifier", "7"),),
    form="frame",
)
ROWS = {"age": [20, 60], "region": ["north", None], "level": [1, 0], "gain": [0.0, 5.0]}


def coded(what, **more):
    return data.labelled(what, SPEC, **more)[0]


def test_columns_are_matched_by_name_and_others_passed_over(tmp_path):
    wanted = [[-3, 1, 1, -0.5, 1], [1, 0, 0, 2, 0]]
    frame = pd.DataFrame(ROWS)
    assert coded(frame).x.tolist() == wanted
    assert coded(frame[["gain", "level", "region", "age"]].assign(more="x")).x.tolist() == wanted
    frame[["region", "gain", "age", "level"]].to_csv(tmp_path / "a.csv", index=False)
    assert coded(tmp_path / "a.csv").x.tolist() == wanted
    frame.astype({"level": float, "age": "Int64"}).to_parquet(tmp_path / "a.parquet")
    assert coded(tmp_path / "a.parquet").x.tolist() == wanted
    assert coded(frame).mask is None
    assert coded(frame.iloc[:1]).x.shape == (1, 5)


def test_arrays_are_matched_by_place():
    like = Spec("table", (2,), columns=(Column("a", "numeric", scale=2), Column("b", "numeric")), asides=SPEC.asides)
    assert coded_as(np.array([[9.0, 4.0, 5.0]]), like) == [[2, 5]]  # with the column that is left out
    assert coded_as(np.array([[4.0, 5.0]]), like) == [[2, 5]]
    assert coded_as(np.array([4.0, 5.0]), like) == [[2, 5]]
    with pytest.raises(BadData, match="array has 4 columns; the model was trained on 3"):
        coded_as(np.ones((2, 4)), like)


def coded_as(what, like):
    return data.items(what, like)[0].tolist()


def test_entries_that_are_missing_for_the_first_time_are_masked(caplog):
    frame = pd.DataFrame({**ROWS, "gain": [np.nan, 5.0], "level": [1, None]})
    with caplog.at_level(logging.INFO, "latentia"):
        found = coded(frame)
    assert found.mask.tolist() == [[True, True, True, False], [True, True, False, True]]
    assert found.x[0, 3] == found.x[1, 2] == 0
    assert "missing in some rows, and in no training row: 'level' (1), 'gain' (1)" in caplog.text


def test_new_categories_are_others_and_said(caplog):
    frame = pd.DataFrame({**ROWS, "region": ["mars", "moon"], "level": [7, 1]})
    with caplog.at_level(logging.INFO, "latentia"):
        assert coded(frame).x[:, 1:3].tolist() == [[2, 2], [2, 1]]
    assert "column 'region' has values that training rows do not have ('mars'): taken as (other)" in caplog.text
    assert "'moon'" not in caplog.text  # rare in training, not new


BAD = [
    ({"regoin": ROWS["region"]}, ["region"], r"has no column 'region' \(there is 'regoin'\); the model was trained on"),
    ({}, ["age", "gain"], "has no column 'age', 'gain'; the model was trained on age, region, level, gain"),
    ({"age": ["20", "x"]}, [], "has 'x' in row 1, column 'age', which holds numbers"),
    ({"age": [20, 20.5]}, [], "has 20.5 in row 1, column 'age', which holds whole numbers"),
    ({"gain": [0, -np.inf]}, [], "has -inf in row 1, column 'gain'; numbers are finite, or missing"),
    (
        {"gain": pd.to_datetime(["2020-01-01"] * 2)},
        [],
        "column 'gain' holds times, and the model was trained on numbers",
    ),
    ({"region": pd.Series([1.5, 2.5])}, [], None),
]


@pytest.mark.parametrize(("more", "less", "message"), BAD, ids=[str(message)[:40] for *_, message in BAD])
def test_tables_that_do_not_fit(more, less, message):
    frame = pd.DataFrame({**ROWS, **more}).drop(columns=less)
    if message is None:  # numbers where names were: names that were never seen
        assert coded(frame).x[:, 1].tolist() == [2, 2]
        return
    with pytest.raises(BadData, match=message) as error:
        coded(frame)
    assert len(str(error.value).splitlines()) <= 2


def test_a_broken_file_is_refused_as_in_training(tmp_path):
    header = "age,region,level,gain\n"
    for text, message in (
        (header + "20,north,1,0\n20,north,1\n", "has 3 columns in line 3 and 4 in the first"),
        (header + "20,north,1,abc\n", "has 'abc' in row 1, column 'gain', which holds numbers"),
        (header, "has a header and no rows"),
        ("age,age,level,gain\n1,2,3,4\n", "has two columns called 'age'"),
    ):
        (tmp_path / "a.csv").write_text(text)
        with pytest.raises(BadData, match=message):
            coded(tmp_path / "a.csv")


def test_a_table_made_of_entries_is_the_table_that_gave_them():
    x = coded(pd.DataFrame(ROWS)).x
    back = data.table(x, SPEC, seeds=[4, 5])
    assert list(back.columns) == ["id", *ROWS]
    assert back["id"].tolist() == [11, 12]
    assert back["region"].tolist()[0] == "north"
    assert back["region"].isna().tolist() == [False, True]
    assert (back["age"].tolist(), back["level"].tolist(), back["gain"].tolist()) == ([20, 60], [1, 0], [0.0, 5.0])
    assert str(back["age"].dtype) == "int64"


def test_cells_are_shown_as_they_stand_in_the_table(tmp_path):
    """Entries are float32 and categories merged: a person is shown the table itself."""
    days, times = ["2022-05-05", "2123-01-18"], ["2123-01-18T00:00:00", "2023-03-01T07:08:09.5"]
    columns = (
        *SPEC.columns,
        Column("since", "datetime", center=1.6e9, scale=1e6, step=86_400.0),
        Column("last", "datetime", center=1.6e9, scale=1e6, step=1.0),
    )
    like = replace(SPEC, shape=(7,), columns=columns)
    frame = pd.DataFrame({**ROWS, "region": ["mars", None], "age": [1_000_000_000_001, 20], "gain": [1.72, 1234.25]})
    frame = frame.assign(since=days, last=times)
    frame[list(reversed(frame.columns))].to_csv(tmp_path / "a.csv", index=False)
    wanted = [["1000000000001", "mars", "1", "1.72", days[0], times[0]]]
    wanted += [["20", "missing", "0", "1234.25", days[1], times[1]]]
    small = frame.astype({"gain": "float32", "since": "datetime64[s]", "last": "datetime64[ms]"})
    for what in (tmp_path / "a.csv", frame, small):
        found = data.cells(what, like)
        assert [[found(row, place) for place in range(6)] for row in (0, 1)] == wanted
    many = pd.DataFrame({name: values * 20 for name, values in ROWS.items()}).assign(age=range(20, 60))
    many.to_csv(tmp_path / "b.csv", index=False)
    held, x = (read(f"{tmp_path / 'b.csv'}:test", SPEC) for read in (data.cells, data.items))
    assert [int(held(row, 0)) for row in range(len(x[0]))] == [round(10 * float(entry) + 50) for entry in x[0][:, 0]]


def test_given_values_are_entries():
    found = data.given_entries(SPEC, {"age": 30, "region": "north", "level": "1.0", "gain": "0"})
    assert found == {0: -2.0, 1: 1.0, 2: 1.0, 3: -0.5}
    assert data.given_entries(SPEC, {"region": "moon"}) == {1: 2.0}
    assert data.given_entries(SPEC, {"region": None}) == data.given_entries(SPEC, {"region": "NA"}) == {1: None}
    times = Spec("table", (1,), columns=(Column("at", "datetime", center=86_400.0, scale=86_400.0),))
    assert data.given_entries(times, {"at": "1970-01-03"}) == {0: 1.0}
    for given, message in (
        ({"agee": 1}, "there is no column 'agee' to be given; did you mean 'age'?"),
        ({"id": 1}, "column 'id' is left out of this model"),
        ({"region": "nort"}, "column 'region' never is 'nort' in training rows; did you mean 'north'?"),
        ({"age": "old"}, "column 'age' holds numbers, and 'old' is none"),
        ({"age": 1.5}, "column 'age' holds whole numbers, and 1.5 is none"),
        ({"age": None}, "column 'age' is never missing in training rows"),
    ):
        with pytest.raises(BadData, match=message.replace("?", r"\?")):
            data.given_entries(SPEC, given)


def test_given_values_come_out_as_they_were_said():
    """Whatever the decimals and the range of the training rows, and not as an entry of float32 has them."""
    columns = (
        Column("income", "numeric", center=3e4, scale=1e4, low=1e4, high=9e4, step=0.01, missing=True),
        Column(
            "region", "categorical", ("east", "(other)"), dtype="str", merged=("moon", "mars"), merged_rows=(1, 900)
        ),
        Column("age", "integer", center=50, scale=10, low=18, high=90, step=1, dtype="int8"),
        Column("seen", "datetime", scale=1e6, high=1e7, step=86_400, dtype="datetime64[us]"),
    )
    like = Spec("table", (5,), columns=columns, form="frame")
    said = {"income": 1e9 + 0.123456, "region": "moon", "age": 300, "seen": "2031-01-02T03:04:05"}
    x = torch.tensor([[1.0, 1, 1, 1, 1]] * 4)
    back = data.table(x, like, seeds=range(4), given=data.given_values(like, said))
    assert back["income"].tolist() == [1e9 + 0.123456] * 4
    assert back["region"].tolist() == ["moon"] * 4
    assert back["age"].tolist() == [300] * 4  # int8 would wrap
    assert back["seen"].tolist() == [pd.Timestamp("2031-01-02T03:04:05")] * 4
    assert data.table(x * 0, like, given={0: None})["income"].isna().all()
    others = data.table(x, like, seeds=range(4), given=data.given_values(like, {"region": "(other)"}))
    assert "mars" in set(others["region"])
    assert others["age"].tolist() == [60] * 4
    assert str(others["age"].dtype) == "int8"


def test_held_out_rows_with_new_gaps_have_a_mask():
    draw = np.random.default_rng(0)
    array = draw.normal(size=(60, 2))
    held = data.open(array).test.rows.numpy()
    array[held[0], 1] = np.nan
    found = data.open(array)
    assert found.train.read(slice(None)).mask is None
    mask = found.test.read(slice(None)).mask
    assert (~mask).nonzero().tolist() == [[0, 1]]
    assert torch.isfinite(found.test.read([0]).x).all()
