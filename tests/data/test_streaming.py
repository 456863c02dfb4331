from dataclasses import replace

import numpy as np
import pandas
import pytest
import torch

from latentia import data
from latentia.data.items import labelled
from latentia.data.streaming import stream
from latentia.errors import BadData, BadField


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table in three files, and the spec that its training rows give."""
    generator, folder = np.random.default_rng(0), tmp_path_factory.mktemp("tables")
    frame = pandas.DataFrame({"age": generator.integers(18, 90, 500), "height": generator.normal(170, 9, 500).round(1)})
    frame["region"] = generator.choice(["north", "south"], 500)
    frame["name"] = [f"person {row}" for row in range(500)]
    frame.to_csv(folder / "people.csv", index=False)
    frame.to_parquet(folder / "people.parquet")
    return folder, frame, data.open(folder / "people.csv").spec


@pytest.mark.parametrize("file", ["people.csv", "people.parquet"])
def test_blocks_together_are_the_whole(table, file):
    folder, _, spec = table
    whole, names = labelled(folder / file, spec)
    blocks = list(stream(folder / file, spec, rows=128))
    assert [len(found) for _, found in blocks] == [128, 128, 128, 116]
    torch.testing.assert_close(torch.cat([batch.x for batch, _ in blocks]), whole.x)
    assert [name for _, found in blocks for name in found] == names
    keyed = [name for _, found in stream(folder / file, spec, rows=200, key="name") for name in found]
    assert keyed == [f"person {row}" for row in range(500)]


@pytest.mark.parametrize("group", [20_000, 1_000_000])
def test_a_parquet_file_is_not_kept_as_it_is_read_however_its_rows_are_grouped(group, tmp_path):
    import pyarrow
    from pyarrow import parquet

    x = np.random.default_rng(0).normal(size=(1_600_000, 2))
    parquet.write_table(pyarrow.table({"a": x[:, 0], "b": x[:, 1]}), tmp_path / "x.parquet", row_group_size=group)
    like, before = data.open(x[:100]).spec, pyarrow.total_allocated_bytes()
    columns = tuple(replace(column, name=name) for column, name in zip(like.columns, "ab", strict=True))
    most = 0
    for _ in stream(tmp_path / "x.parquet", replace(like, columns=columns), rows=10_000):
        most = max(most, pyarrow.total_allocated_bytes() - before)
    assert most < 0.5 * x.nbytes


def test_a_data_frame_and_a_mapped_array(table, tmp_path):
    _, frame, spec = table
    batch, names = next(iter(stream(frame, spec, rows=3, key="region")))
    assert names == frame.region[:3].tolist()
    assert batch.x.shape == (3, 3)
    x = np.random.default_rng(0).normal(size=(70, 4))
    np.save(tmp_path / "x.npy", x)
    like = data.open(x).spec
    blocks = list(stream(tmp_path / "x.npy", like, rows=32))
    torch.testing.assert_close(torch.cat([each.x for each, _ in blocks]), labelled(x, like)[0].x)
    assert blocks[2][1][0] == "64"


def test_keys_are_told_as_they_stand_in_the_table(table, tmp_path):
    _, frame, spec = table
    days = pandas.Series(pandas.date_range("2021-01-30", periods=500, freq="D"))
    known = frame.assign(day=days.where(days.index != 1), id=10**15 + np.arange(500))
    known.index = np.arange(500) * 3
    known.to_parquet(tmp_path / "a.parquet")
    wanted = {"day": ["2021-01-30", "", "2021-02-01"], "id": ["1000000000000000", "1000000000000001"]}
    for key, first in {**wanted, "__index_level_0__": ["0", "3"]}.items():
        assert next(iter(stream(tmp_path / "a.parquet", spec, key=key)))[1][: len(first)] == first


def test_what_is_missing_in_a_block_is_masked_there(table, tmp_path):
    _, frame, spec = table
    holes = frame.copy()
    holes.loc[300, "height"] = None
    holes.to_csv(tmp_path / "holes.csv", index=False)
    first, second = (batch for batch, _ in stream(tmp_path / "holes.csv", spec, rows=250))
    assert first.mask is None
    assert (~second.mask).nonzero().tolist() == [[50, 1]]


def test_refusals(table, tmp_path):
    folder, frame, spec = table
    with pytest.raises(BadData, match="has no column 'nmae' to name rows by; did you mean 'name'"):
        list(stream(folder / "people.csv", spec, key="nmae"))
    with pytest.raises(BadField, match="a key names rows by a column of a table"):
        list(stream(np.zeros((3, 3)), spec, key="name"))
    (tmp_path / "none.csv").write_text("age,height,region\n")
    with pytest.raises(BadData, match="no rows"):
        list(stream(tmp_path / "none.csv", spec))
    np.save(tmp_path / "flat.npy", np.zeros(3))
    with pytest.raises(BadData, match=r"a table is \(rows, columns\)"):
        list(stream(tmp_path / "flat.npy", spec))
    strange = frame.assign(age="old")
    strange.to_csv(tmp_path / "strange.csv", index=False)
    with pytest.raises(BadData, match="'old'"):
        list(stream(tmp_path / "strange.csv", spec))
