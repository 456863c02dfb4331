"""The form of a training: made from the fields, and held against them before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from latentia import models
from latentia.core import Training
from latentia.data.options import DataOptions
from latentia.errors import Refused
from latentia.fields import fields_of
from latentia.studio.forms import form, offered, wanted


@pytest.mark.parametrize("model", models.names())
def test_every_field_of_every_model_is_in_its_form(model: str) -> None:
    groups = {group["name"]: group["fields"] for group in form(model)["groups"]}
    for name, config in (("Model", models.load(model)), ("Data", DataOptions), ("Training", Training)):
        assert [each["name"] for each in groups[name]] == [field.name for field in fields_of(config)]
        assert all(each["help"] for each in groups[name])
    kinds = {each["name"]: each["kind"] for fields in groups.values() for each in fields}
    assert (kinds["mirror"], kinds["fit"], kinds["images"], kinds["held_out"]) == (
        "switch",
        "choice",
        "number",
        "number",
    )
    training = {each["name"]: each for each in groups["Training"]}
    assert training["batch"]["default"] == str(models.load(model).batch)


def test_a_form_becomes_the_words_of_the_command(data: Path) -> None:
    fields = {
        "latent": "8",
        "beta": "0:1@2M",
        "mirror": "yes",
        "images": "20k",
        "hidden": "",
        "labels_from": "labels.csv:kind",
    }
    (data / "labels.csv").write_text("name,kind\n")
    asked = wanted({"model": "vae", "data": "pictures", "fields": fields}, [data])
    assert asked.words == [
        *("vae", str(data / "pictures"), "--latent=8", "--beta=0:1@2M", "--mirror", "--images=20k"),
        f"--labels-from={data / 'labels.csv'}:kind",
    ]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"model": "vea"}, "there is no model 'vea'; did you mean 'vae'"),
        ({"model": "./mine.py"}, "there is no model './mine.py'"),
        ({"data": "/etc"}, "'/etc' is neither a data set with a name nor in a folder that the studio was given"),
        ({"data": "../.."}, "is neither a data set with a name nor in a folder"),
        ({"data": "hf:someone/something"}, "is neither a data set with a name"),
        ({"fields": {"latent": "0"}}, "latent is 0; it must be at least 1"),
        ({"fields": {"latent": "many"}}, "'many' is no number"),
        ({"fields": {"latnt": "3"}}, "vae has no field 'latnt'; did you mean 'latent'"),
        ({"fields": {"images": "-5"}}, "images is -5; it must be at least 1"),
        ({"fields": {"mirror": "perhaps"}}, "--mirror is 'perhaps'; it is yes or no"),
        ({"fields": {"labels_from": "/etc/passwd:x"}}, "'/etc/passwd' is neither"),
        ({"fields": [1]}, "fields are names with their values"),
        ({"other": "digits"}, "vae learns from one data set"),
    ],
)
def test_what_cannot_be_trained_is_refused_at_once(data: Path, given: dict[str, Any], reason: str) -> None:
    with pytest.raises(Refused) as refused:
        wanted({"model": "vae", "data": "digits", **given}, [data])
    assert reason in str(refused.value)


def test_what_is_offered_needs_no_network(data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("LATENTIA_DATA", raising=False)
    monkeypatch.setenv("LATENTIA_CACHE", str(tmp_path))
    told = offered([data])
    names = [each["name"] for each in told["data"]]
    assert {"digits", "shapes"} <= set(names)
    assert "mnist" not in names
    assert str(data / "pictures") in told["places"]
    with pytest.raises(Refused, match="mnist is not on this machine yet; `latentia info mnist` fetches it once"):
        wanted({"model": "vae", "data": "mnist"}, [data])
