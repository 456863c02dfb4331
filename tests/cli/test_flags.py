"""Flags from fields: what is shown can be typed, what is typed is what the field gets, silence overrides nothing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from cyclopts import App
from hypothesis import given as sampled
from hypothesis import strategies as some

from latentia import models
from latentia.cli.flags import DATA, MODEL, fields_in, given, group_of_training, only, options, shown
from latentia.core import Training
from latentia.data import DataOptions
from latentia.errors import BadField
from latentia.fields import AtLeast, Help, Scheduled, fields_of, parse


@dataclass(frozen=True)
class Small:
    count: Annotated[int, Help("how many"), AtLeast(1)] = 3
    share: Annotated[float | str, Help("how much"), Scheduled()] = 0.5
    widths: Annotated[tuple[int, ...], Help("widths")] = (4, 5)
    fast: Annotated[bool, Help("hurry")] = True
    long_name: Annotated[str | None, Help("a name")] = None


def read(*words: str) -> dict[str, Any]:
    """What a command line of these words gives the fields of Small."""
    found: dict[str, Any] = {}

    def command(*, flags=None) -> None:
        found.update(given(flags, Small))

    command.__annotations__["flags"] = options("Flags", Small, lambda _: MODEL, {})
    app = App(result_action="return_value", exit_on_error=False, print_error=False)
    app.default(command)
    app(list(words))
    return found


def test_what_is_not_given_overrides_nothing() -> None:
    assert read() == {}


def test_values_are_read_as_their_kinds() -> None:
    words = ["--count", "2k", "--share", "0:1@5M", "--widths", "7,8,9", "--no-fast", "--long-name", "-x"]
    assert read(*words) == {
        "count": 2000,
        "share": "0:1@5M",
        "widths": (7, 8, 9),
        "fast": False,
        "long_name": "-x",
    }
    assert read("--fast", "--share=-2e-3") == {"fast": True, "share": -0.002}


def test_what_cannot_be_read_names_the_flag() -> None:
    with pytest.raises(BadField, match="--count: 'x' is no number"):
        read("--count", "x")


@sampled(some.one_of(some.integers(0, 10**12), some.floats(allow_nan=False, allow_infinity=False)))
def test_a_default_can_be_typed_as_it_is_shown(value: float) -> None:
    field = next(field for field in fields_of(Small) if field.name == "share")
    assert parse(field, shown(value)) == value


@pytest.mark.parametrize("name", models.names())
def test_every_default_of_every_model_can_be_typed(name: str) -> None:
    for field in (*fields_of(models.load(name)), *fields_of(DataOptions), *fields_of(Training)):
        if field.default not in (None, ()):
            assert parse(field, shown(field.default)) == field.default, field.flag


@pytest.mark.parametrize("name", models.names())
def test_no_flag_means_two_things(name: str) -> None:
    flags = [field.flag for config in (models.load(name), DataOptions, Training) for field in fields_of(config)]
    flags += ["--run", "--fresh", "--preset", "--config", "--json", "--quiet", "--debug", "--help"]
    assert len(flags) == len(set(flags))


def test_every_field_of_the_training_has_a_group_and_a_help() -> None:
    for field in fields_of(Training):
        assert group_of_training(field).name in ("Budget", "Machine")
    for config in (Training, DataOptions):
        assert all(field.help for field in fields_of(config))


def test_a_file_says_the_same_as_flags(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('count = "2k"\nshare = "0:1@5M"\nwidths = [7, 8]\nfast = false\nlong-name = "b"\n')
    found = fields_in(tmp_path / "a.toml", [Small])
    assert found == {"count": 2000, "share": "0:1@5M", "widths": (7, 8), "fast": False, "long_name": "b"}
    assert dataclasses.asdict(Small(**only(Small, found | {"other": 1})))["widths"] == (7, 8)


@pytest.mark.parametrize(
    ("text", "said"),
    [("count = ", "is no TOML file"), ("cuont = 1", "did you mean 'count'"), ("count = 'x'", "'x' is no number")],
)
def test_a_broken_file_is_named(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(BadField, match=said):
        fields_in(tmp_path / "a.toml", [Small])


def test_the_groups_are_four() -> None:
    assert [group.name for group in (MODEL, DATA)] == ["Model", "Data"]
