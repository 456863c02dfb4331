from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import latentia.data as data
from latentia.data.groups import splits_of_groups
from latentia.errors import BadData

GROUPS = [f"g{number // 3}" for number in range(60)]  # three of each


def listed(path, names, groups):
    path.write_text("file,group\n" + "".join(f"{name},{group}\n" for name, group in zip(names, groups, strict=True)))
    return str(path)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 30).map(str), min_size=40, max_size=200), st.floats(0.05, 0.3))
def test_groups_are_held_out_whole_and_about_as_much_as_is_asked(groups, share):
    split = splits_of_groups(groups, share)
    counts = Counter(split[group] for group in groups)
    largest = max(Counter(groups).values())
    for name in ("validation", "test"):
        assert share * len(groups) <= counts[name] + 1e-9 < share * len(groups) + largest or not counts["train"]
    assert splits_of_groups(list(reversed(groups)), share) == split


def test_no_group_lies_in_two_splits(folder, tmp_path):
    names = [f"{number:02}.png" for number in range(60)]
    found = data.open(folder(names=names), group_from=listed(tmp_path / "g.csv", names, GROUPS))
    held = [{int(name[:2]) // 3 for name in split.names()} for split in (found.train, found.validation, found.test)]
    assert [len(each) for each in held] == [16, 2, 2]
    assert len(set.union(*held)) == 20
    assert found.signature != data.open(folder(names=names)).signature


def test_pairs_and_both_domains_follow_one_cut(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    array[:, 0, 0] = np.arange(60)
    (tmp_path / "g.csv").write_text("group\n" + "\n".join(GROUPS))
    for pairing in ("pairs", "domains"):
        found = data.open(array, array[:, ::-1, ::-1].copy(), pairing=pairing, group_from=str(tmp_path / "g.csv"))
        held = []
        for split in (found.train, found.validation, found.test):
            x, y = split.of_x.read(slice(None)).x, split.of_y.read(slice(None)).x
            corners = [x[:, 0, 0, 0], y[:, 0, -1, -1]] if pairing == "domains" else [x[:, 0, -1, -1], y[:, 0, 0, 0]]
            one, two = ({int(number) // 3 for number in (corner * 255).round()} for corner in corners)
            assert one == two
            held.append(one)
        assert sum(len(each) for each in held) == len(set.union(*held)) == 20


def test_a_group_of_both_domains_has_one_split(folder, tmp_path):
    names = [f"{number:02}.png" for number in range(60)]
    folder(names=names).rename(tmp_path / "other")
    root = folder(names=[name.replace(".png", ".bmp") for name in names[15:45]])
    listed(tmp_path / "g.csv", [name.removesuffix(".png") for name in names], GROUPS)
    found = data.open(tmp_path / "other", root, group_from=f"{tmp_path / 'g.csv'}:group", held_out=0.25)
    held = [
        {int(name[:2]) // 3 for side in (split.of_x, split.of_y) for name in side.names()}
        for split in (found.train, found.validation, found.test)
    ]
    assert sum(len(each) for each in held) == len(set.union(*held)) == 20


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["all"] * 60, "pictures has 1 group, and none is left for test and train; more and smaller groups"),
        (GROUPS[:59], r"g.csv has 59 groups, and none for 59.png; one group per item is needed"),
    ],
)
def test_groups_that_cannot_be_cut_are_refused(folder, tmp_path, groups, message):
    names = [f"{number:02}.png" for number in range(60)]
    with pytest.raises(BadData, match=message):
        data.open(folder(names=names), group_from=listed(tmp_path / "g.csv", names[: len(groups)], groups))


def test_a_file_that_is_not_there_and_data_with_its_own_splits_are_refused(folder):
    root = folder(names=[f"{split}/{number}.png" for split in ("train", "test") for number in range(4)])
    with pytest.raises(BadData, match=r"group_from is 'none.csv', and there is no such file"):
        data.open("digits", group_from="none.csv")
    with pytest.raises(BadData, match="pictures has splits of its own; group_from is for data that is cut here"):
        data.open(root, group_from=str(next(root.rglob("*.png"))))
