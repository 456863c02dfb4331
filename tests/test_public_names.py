"""What ``latentia`` promises: every public name is there, whatever was imported before it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import latentia
from latentia.core import Recipe


def submodules() -> list[str]:
    found = pkgutil.walk_packages(latentia.__path__, "latentia.")
    return [module.name for module in found if module.name != "latentia.__main__"]


def test_no_submodule_takes_the_place_of_a_public_name() -> None:
    """A folder ``train/`` would replace ``latentia.train`` once it is imported."""
    for name in submodules():
        importlib.import_module(name)
    for name in latentia.PUBLIC:
        value = getattr(latentia, name)
        assert callable(value), f"latentia.{name} is {value!r}"
        assert not inspect.ismodule(value)


def test_public_names_can_be_called() -> None:
    for name in submodules():
        importlib.import_module(name)
    for name in latentia.PUBLIC:
        value = getattr(latentia, name)
        if inspect.isclass(value) and issubclass(value, Recipe):
            assert value().build  # every field has a default
        else:
            assert inspect.signature(value).parameters, f"latentia.{name} takes nothing"
    picture = latentia.grid(importlib.import_module("torch").zeros(2, 1, 8, 8))
    assert picture.size[0] > 0


def test_what_is_listed_is_what_is_there() -> None:
    assert set(latentia.PUBLIC) <= set(latentia.__all__) <= set(dir(latentia))
    assert all(hasattr(latentia, name) for name in latentia.__all__)
    assert len(set(latentia.__all__)) == len(latentia.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(latentia, "nothing_of_this_name")


def test_import_is_light() -> None:
    """``import latentia`` brings neither torch nor numpy."""
    code = "import sys, latentia; print([m for m in ('torch', 'numpy', 'cyclopts') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
