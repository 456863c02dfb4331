"""The models, one file each: its nets and its recipe. A file placed here, or given by its path, is a model.

Nothing is imported before :func:`load` asks for it.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
from pathlib import Path

from latentia.core import Recipe
from latentia.errors import BadField, near


def names() -> list[str]:
    """The models of the package, without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))


def load(name: str) -> type[Recipe]:
    """The recipe class of a model of the package (``"vae"``) or of a Python file (``"./mymodel.py"``).

    Raises:
        BadField: no such model or file, or the file has not exactly one recipe.
    """
    if name.endswith(".py"):
        return _recipe_of(Path(name))
    if name not in names():
        raise BadField(f"there is no model {name!r}; {near(name, names())}")
    return _only(importlib.import_module(f"{__name__}.{name}"), name)


def name_of(recipe: Recipe | type[Recipe]) -> str:
    """The name that :func:`load` finds a recipe under: its module, or the path of its file."""
    cls = recipe if isinstance(recipe, type) else type(recipe)
    module = cls.__module__
    return module.rpartition(".")[2] if module.startswith(__name__) else inspect.getfile(cls)


def having(capability: type) -> list[str]:
    """The models of the package that have a capability."""
    return [name for name in names() if capability in load(name).capabilities]


def _recipe_of(path: Path) -> type[Recipe]:
    if not path.is_file():
        raise BadField(f"there is no file {path}")
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None:
        raise BadField(f"{path} is no Python file")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return _only(module, str(path))


def _only(module: object, name: str) -> type[Recipe]:
    here = getattr(module, "__name__", "")
    found = [
        each
        for each in vars(module).values()
        if inspect.isclass(each)
        and issubclass(each, Recipe)
        and each.__module__ == here
        and not inspect.isabstract(each)
    ]
    if len(found) != 1:
        raise BadField(f"{name} has {len(found)} recipes; a model's file has exactly one class derived from Recipe")
    return found[0]
