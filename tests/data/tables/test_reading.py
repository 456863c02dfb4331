"""Tables as data: what is read, how columns are typed, and that a table comes back as it went in."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from latentia import data
from latentia.core import Spec
from latentia.errors import BadData, BadField

KINDS = {
    **{"age": "integer", "income": "numeric", "region": "categorical", "smoker": "binary", "level": "binary"},
    **{"since": "datetime", "gap": "numeric", "gain": "numeric"},
}
ASIDE = {"customer": "identifier", "note": "text", "unit": "constant"}


def everything(found):
    """All items in the order of the file."""
    splits = (found.train, found.validation, found.test)
    order = torch.cat([split.rows for split in splits])
    return torch.cat([split.read(slice(None)).x for split in splits])[order.argsort()]


def forms(frame, folder):
    """The same table in every form that holds it."""
    frame.to_csv(folder / "a.csv", index=False)
    frame.to_csv(folder / "a.tsv", index=False, sep="\t")
    frame.to_parquet(folder / "a.parquet")
    table = pa.Table.from_pandas(frame)
    return {"pandas": frame, "arrow": table, **{each: folder / f"a.{each}" for each in ("csv", "tsv", "parquet")}}


def test_a_table_is_the_same_in_every_form_and_comes_back_as_it_went_in(frame, here):
    polars = pytest.importorskip("polars")
    found = {
        name: data.open(what) for name, what in {**forms(frame, here), "polars": polars.from_pandas(frame)}.items()
    }
    first = found["pandas"]
    for name, each in found.items():
        assert {column.name: column.kind for column in each.spec.columns} == KINDS, name
        assert {aside.name: aside.kind for aside in each.spec.asides} == ASIDE, name
        assert torch.equal(everything(each), everything(first)), name
        back = data.table(everything(each), each.spec, seeds=range(len(frame)), extrapolate=True)
        assert list(back.columns) == list(frame.columns)
        assert back.dtypes[list(KINDS)].astype(str).tolist() == frame.dtypes[list(KINDS)].astype(str).tolist(), name
        for column in (*KINDS, "unit"):
            if column == "gap":
                np.testing.assert_allclose(back[column], frame[column], rtol=1e-6, atol=1e-6)
            elif column == "income":  # two decimals of five digits or more: as near as float32 comes
                np.testing.assert_allclose(back[column], frame[column], rtol=1e-6)
            else:
                assert back[column].equals(frame[column]), (name, column)
    ids = data.table(everything(first), first.spec, seeds=[0, 1, 2] * 100)["customer"]
    assert ids[:3].tolist() == [1300, 1301, 1302]  # fresh: after the highest of all rows


def test_types_of_data_frames_come_back():
    count = 60
    gaps = np.arange(count) % 5 == 0
    frame = pd.DataFrame(
        {
            "zoned": pd.date_range("2020-01-01", periods=count, tz="Europe/Berlin", freq="7h"),
            "gaps": pd.Series(np.arange(count) % 11, dtype="Int64").mask(gaps),
            "truths": pd.Series(np.arange(count) % 2 == 0, dtype="boolean").mask(gaps),
            "single": np.linspace(0, 1, count, dtype=np.float32) ** 2,
            "words": pd.Series(["a", "b"] * (count // 2), dtype="string"),
            "objects": pd.Series([None if gap else "xyz"[row % 3] for row, gap in enumerate(gaps)], dtype=object),
            "category": pd.Categorical.from_codes(np.where(gaps, -1, np.arange(count) % 2), ["u", "v"]),
            "once": np.where(gaps, np.nan, 3.0),
            "mixed": pd.Series([pd.NA if gap else row % 7 for row, gap in enumerate(gaps)], dtype=object),
            "spans": pd.to_timedelta(np.arange(count), unit="D"),
        }
    )
    found = data.open(frame)
    assert {aside.name: aside.kind for aside in found.spec.asides} == {"spans": "ignored"}
    back = data.table(everything(found), found.spec, extrapolate=True)
    for name in frame.columns.drop(["mixed", "spans"]):
        assert back[name].dtype == frame[name].dtype, name
        pd.testing.assert_series_equal(back[name], frame[name], rtol=1e-5, atol=1e-6)
    assert back["mixed"].dropna().tolist() == frame["mixed"].dropna().tolist()


def test_categories_times_and_the_index_come_back_as_they_went_in(here):
    count = 90
    at = np.arange(count)
    times = pd.Series(pd.to_datetime("2020-01-01") + pd.to_timedelta(at**2 * 1001, unit="ms"))
    frame = pd.DataFrame(
        {
            "size": pd.Categorical.from_codes(at % 2, ["mid", "lo", "hi"], ordered=True),
            "code": pd.Categorical(at % 3, [2, 0, 1, 7]),
            "milli": times.astype("datetime64[ms]"),
            "second": times.dt.floor("s").astype("datetime64[s]"),
            "nano": times.astype("datetime64[ns]"),
        }
    )
    frame.index = at * 2
    frame.to_parquet(here / "a.parquet")
    for what in (frame, here / "a.parquet"):
        spec, x = (found := data.open(what)).spec, everything(found)
        assert spec == Spec.from_json(json.loads(json.dumps(spec.to_json())))
        back = data.table(x, spec, extrapolate=True)
        assert list(back.columns) == list(frame.columns)  # without the row numbers of the data frame
        wanted = (frame if what is frame else pd.read_parquet(what)).reset_index(drop=True)
        pd.testing.assert_series_equal(back["size"], wanted["size"])
        pd.testing.assert_series_equal(back["code"], wanted["code"])
        assert back.dtypes.equals(wanted.dtypes)
        assert (back["milli"] - wanted["milli"]).abs().max() < pd.Timedelta("300ms")  # float32, of three months
        assert spec.columns[2].step == 0.001
    draws = data.table(x[:5] * 0, spec)
    assert draws["milli"].astype("datetime64[us]").dt.microsecond.mod(1000).eq(0).all()
    old = {**spec.to_json(), "columns": [dict(vars(each)) for each in spec.columns]}
    for each in old["columns"]:
        del each["levels"], each["ordered"]
    assert sorted(data.table(x, Spec.from_json(old))["size"].cat.categories) == ["lo", "mid"]  # of a run before them
    learnt = replace(spec, columns=(*spec.columns[:1], replace(spec.columns[1], name="__index_level_0__")))
    assert data.items(here / "a.parquet", replace(learnt, shape=(2,)))[0].shape == (count, 2)


def test_every_entry_lies_where_the_spec_says(frame):
    found = data.open(frame)
    spec, x = found.spec, found.train.read(slice(None)).x
    assert spec.shape == (len(KINDS) + 1,)
    assert spec == Spec.from_json(json.loads(json.dumps(spec.to_json())))
    rows = frame.iloc[found.train.rows.numpy()]
    place = {column.name: at for at, column in enumerate(spec.columns)}
    flag = x[:, spec.flags[place["gap"]]]
    assert flag.bool().tolist() == rows["gap"].notna().tolist()
    assert (x[~flag.bool()][:, place["gap"]] == 0).all()
    age = spec.columns[place["age"]]
    assert (age.center, age.scale) == (pytest.approx(rows["age"].mean()), pytest.approx(rows["age"].std(ddof=0)))
    assert (age.low, age.high, age.step) == (rows["age"].min(), rows["age"].max(), 1)
    assert (spec.columns[place["income"]].step, spec.columns[place["since"]].step) == (pytest.approx(0.01), 86400)
    region = spec.columns[place["region"]]
    assert region.categories == ("east", "north", "south", "(other)")
    assert [region.categories[int(code)] for code in x[:, place["region"]]] == rows["region"].tolist()
    gain = spec.columns[place["gain"]]
    rest = rows["gain"][rows["gain"] != 0]
    assert (gain.atoms, gain.center, gain.scale) == (
        (0.0,),
        pytest.approx(rest.mean()),
        pytest.approx(rest.std(ddof=0)),
    )


def test_columns_are_fitted_on_training_rows_alone(frame):
    held = data.open(frame).test.rows.numpy()
    other = frame.copy()
    other.loc[held, "age"] = 999
    other.loc[held, "region"] = "moon"
    one, two = data.open(frame).spec, data.open(other).spec
    assert one.columns == two.columns
    assert any("moon" in note and "taken as (other)" in note for note in data.open(other).notes)


def test_samples_keep_decimals_and_range_unless_told(frame):
    spec = data.open(frame).spec
    x = torch.full((1, *spec.shape), 9.0)
    kept, free = data.table(x, spec), data.table(x, spec, extrapolate=True)
    assert kept["age"][0] == spec.columns[0].high < free["age"][0]
    assert kept["region"][0] in ("north", "south", "east")
    assert free["income"][0] == round(free["income"][0], 2)


def test_rare_values_are_merged_and_stand_for_other_by_their_frequency():
    values = ["a"] * 200 + ["b"] * 100 + ["x"] * 3 + ["y"]
    frame = pd.DataFrame({"kind": np.random.default_rng(0).permutation(values), "n": np.arange(304.0) ** 2})
    found = data.open(frame, columns={"n": {"kind": "numeric"}})
    column = found.spec.columns[0]
    assert column.categories == ("a", "b", "(other)")
    assert set(column.merged) <= {"x", "y"}
    assert sum(column.merged_rows) <= 4
    assert any("fewer than 5 training rows" in note and "'kind'" in note for note in found.notes)
    x = torch.tensor([[2.0, 0.0]]).repeat(400, 1)
    drawn = data.table(x, found.spec, seeds=range(400))["kind"].value_counts(normalize=True)
    for value, rows in zip(column.merged, column.merged_rows, strict=True):
        assert drawn[value] == pytest.approx(rows / sum(column.merged_rows), abs=0.1)
    alone = data.table(x[:1], found.spec, seeds=[17])["kind"][0]
    assert alone == data.table(x, found.spec, seeds=range(400))["kind"][17]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.integers(-(10**6), 10**6), st.none()), min_size=12, max_size=40).filter(
        lambda values: len({each for each in values[:12] if each is not None}) > 4
    ),
    st.integers(0, 3),
)
def test_decimals_come_back_to_the_last_digit(values, decimals):
    """Numbers of up to six digits, whatever their decimals, and gaps."""
    column = np.array([np.nan if each is None else each / 10**decimals for each in values])
    found = data.open(pd.DataFrame({"v": column, "w": np.arange(len(column)) ** 2.0}), columns=FORCED)
    back = data.table(everything(found), found.spec, extrapolate=True)["v"]
    place = found.spec.columns[0]
    kept = np.isnan(column) if place.missing else np.zeros(len(column), bool)
    if place.missing or not np.isnan(column).any():
        np.testing.assert_allclose(back[~kept], column[~kept], atol=0.01 * 10.0**-decimals, rtol=1e-6)
        assert back[kept].isna().all()


FORCED = {"v": {"kind": "numeric"}, "w": {"kind": "numeric"}}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        (["2", "1,5", "2,25"], "'1,5' in row 2"),
        (["1.234,50", "0,3", "-7,0"], "'1.234,50' in row 1"),
        (["12", "1,234,567", "1,234.5"], "'1,234,567' in row 2"),
        (["1,2", "3", "1,2,3"], None),  # answers to a question of many
        (["1,5", "b", "c"], None),
    ],
)
def test_numbers_with_commas_are_told_and_not_taken_for_names(here, values, found):
    rows = [f"{values[row % 3]};{row % 7}" for row in range(60)]
    (here / "a.csv").write_text("v;w\n" + "\n".join(rows))
    if found is None:
        assert data.open("a.csv").spec.columns[0].kind == "categorical"
        return
    with pytest.raises(BadData, match=rf"{found}, column 'v': numbers with commas; write 1234\.5"):
        data.open("a.csv")
    taken = data.open("a.csv", columns={"v": {"kind": "categorical"}}).spec.columns[0]
    assert set(taken.categories) == {*values, "(other)"}
    assert data.open("a.csv", columns={"v": {"kind": "ignore"}}).spec.asides[0].name == "v"


@pytest.mark.parametrize("token", ["", "?", " ?", "NA", "NaN", "null", "None", "n/a"])
def test_every_word_for_missing(here, token):
    rows = [f"{row},{row * 7 % 5},{'ab'[row % 2]}" for row in range(40)]
    rows[3::4] = [f"{row},{token},{token}" for row in range(3, 40, 4)]
    (here / "a.csv").write_text("n,v,t\n" + "\n".join(rows))
    found = data.open("a.csv")
    kinds = {column.name: (column.kind, column.missing) for column in found.spec.columns}
    assert kinds == {"v": ("integer", True), "t": ("binary", True)}  # n numbers the rows
    back = data.table(everything(found), found.spec, extrapolate=True)
    assert back["v"].isna().tolist() == back["t"].isna().tolist() == [row % 4 == 3 for row in range(40)]
    assert str(back["v"].dtype) == "Int64"


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([f"{i % 90:03}" for i in range(40)], None),  # 007 is a name
        ([f"2021-02-{i % 28 + 1:02}T10:00:00Z" for i in range(40)], "datetime"),
        (["true", "FALSE"] * 20, "binary"),
        (["yes", "no"] * 20, "binary"),
        ([str(i % 3 + 0.5) for i in range(40)], "numeric"),
        ([str(i % 3) for i in range(40)], "integer"),
        (["abc"[i % 3] for i in range(40)], "categorical"),
    ],
)
def test_kinds_of_text(here, values, kind):
    (here / "a.csv").write_text("v,w\n" + "".join(f"{value},{row * row}\n" for row, value in enumerate(values)))
    spec = data.open("a.csv").spec
    assert {column.name: column.kind for column in spec.columns}.get("v") == kind


def test_arrays_are_columns_and_come_back_as_arrays():
    draw = np.random.default_rng(0)
    array = np.stack([draw.normal(5, 2, 200), draw.integers(0, 9, 200), draw.integers(0, 2, 200), np.full(200, 3.0)], 1)
    array[::7, 0] = np.nan
    found = data.open(array)
    assert [(column.name, column.kind) for column in found.spec.columns] == [
        ("x0", "numeric"),
        ("x1", "numeric"),
        ("x2", "binary"),
    ]
    back = data.table(everything(found), found.spec, extrapolate=True)
    assert (back.dtype, back.shape) == (np.float64, array.shape)
    np.testing.assert_allclose(back, array, atol=1e-5)
    whole = data.open(draw.integers(0, 9, (50, 2)))
    assert [column.kind for column in whole.spec.columns] == ["integer", "integer"]


def test_what_a_person_says_of_columns_is_kept_in_the_run(frame, here):
    frame.to_csv("a.csv", index=False)
    (here / "columns.toml").write_text(
        '[level]\nkind = "integer"\n[note]\nkind = "ignore"\n[age]\nkind = "categorical"\n'
    )
    found = data.open("a.csv", columns="columns.toml")
    (here / "columns.toml").unlink()
    kinds = {column.name: column.kind for column in found.spec.columns}
    assert (kinds["level"], kinds["age"]) == ("integer", "categorical")
    assert {each.name: each.kind for each in found.spec.asides}["note"] == "ignored"
    again = data.open(**found.options)
    assert (again.spec, again.signature) == (found.spec, found.signature)
    assert data.open("a.csv").signature != found.signature
    back = data.table(everything(found), found.spec)["age"]  # categories of numbers are numbers again
    merged = set(found.spec.columns[0].merged)
    assert back.dtype == np.int64
    assert (back.astype(str).isin(merged) | (back == frame["age"])).all()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"agee": {"kind": "integer"}}, "--columns speaks of 'agee', which .* has not; did you mean 'age'?"),
        ({"age": {"kind": "numbr"}}, "the kind of 'age' is 'numbr'; did you mean 'numeric'?"),
        ({"age": {"sort": "x"}}, "'age' says no kind"),
        ({"region": {"kind": "numeric"}}, "has 'east' in row 0, column 'region', which holds numbers"),
        ({"income": {"kind": "integer"}}, "column 'income' has fractions, and --columns calls it integer"),
        ({"region": {"kind": "binary"}}, "column 'region' has 3 different values, and a binary one has 2"),
        ("none.toml", "--columns none.toml: No such file"),
    ],
)
def test_what_cannot_be_said_of_columns(frame, columns, message):
    with pytest.raises((BadData, BadField), match=message):
        data.open(frame, columns=columns)


def test_a_file_without_header_takes_names(here):
    (here / "a.csv").write_text("".join(f"{row % 7}, {'ab'[row % 2]}\n" for row in range(40)))
    found = data.open("a.csv", columns={"names": ["n", "kind"]})
    assert [column.name for column in found.spec.columns] == ["n", "kind"]
    assert len(data.items("a.csv", found.spec, columns=found.options["columns"])[0]) == 40
    with pytest.raises(BadData, match="has 2 columns, and --columns gives names to 1"):
        data.open("a.csv", columns={"names": ["n"]})


def test_the_census_by_its_name(real, cache):
    found = data.open("adult")
    assert (len(found.train) + len(found.validation), len(found.test)) == (32_561, 16_281)
    columns = {column.name: column for column in found.spec.columns}
    assert {name for name in columns if columns[name].missing} == {"workclass", "occupation", "native-country"}
    assert columns["income"].categories == ("<=50K", ">50K", "(other)")
    assert columns["capital-gain"].atoms == (0.0, 99999.0)
    first = data.table(found.test.read([0]).x, found.spec, extrapolate=True).iloc[0]
    assert (first["age"], first["education"], first["income"]) == (25, "11th", "<=50K")


def test_a_missing_extra_is_named_with_its_line(here, monkeypatch):
    (here / "a.csv").write_text("a,b\n1,2\n")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadData, match=r"tables need pyarrow, which is an extra: pip install 'latentia\[tables\]'"):
        data.open("a.csv")


LINES = "".join(f"{row},{row * 3 % 11},{'ab'[row % 2]}\n" for row in range(30))
BAD = [
    (b"", "a.csv is empty"),
    (b"n,v,t\n", "a.csv has a header and no rows"),
    (b"n,v,v\n1,2,3\n", "a.csv has two columns called 'v'; each needs a name of its own"),
    (f"n,v,t\n{LINES}1,2\n".encode(), "a.csv has 2 columns in line 32 and 3 in the first"),
    (f"n,v,t\n1,,a\n{LINES}1,x,a\n".encode(), "a.csv has 'x' in row 32, column 'v', among numbers; correct it, or"),
    (f"n,v,t\n{LINES}1,inf,a\n".encode(), "a.csv has inf in row 31, column 'v'; numbers are finite, or missing"),
    (f"n,v,t\n{LINES}1,2,\xe9\n".encode("latin1"), r"a.csv is not text in UTF-8 \(line 32\); save it as UTF-8"),
    (b"n,v,t\n1,2,a\n", "a has 1 item; at least 3 are needed"),
    (b"n,v\n1,2\n1,2\n1,2\n1,2\n", "has no column to learn from .*'n': the same in every training row"),
]


@pytest.mark.parametrize(("content", "message"), BAD, ids=[message[:30] for _, message in BAD])
def test_files_that_are_refused(here, content, message):
    (here / "a.csv").write_bytes(content)
    with pytest.raises(BadData, match=message) as error:
        data.open("a.csv")
    assert len(str(error.value).splitlines()) <= 2


def test_frames_that_are_refused(frame):
    twice = pd.DataFrame(np.zeros((5, 2)), columns=["a", "a"])
    with pytest.raises(BadData, match="the table has two columns called 'a'"):
        data.open(twice)
    with pytest.raises(BadData, match="the table has no rows"):
        data.open(frame.iloc[:0])
    mixed = pd.DataFrame({"age": [1, 2, 3, "x", *range(40)], "w": np.arange(44) % 5})
    with pytest.raises(BadData, match="the table has 'x' in row 3, column 'age', among numbers"):
        data.open(mixed)
