"""The models, one file each: its nets and its recipe. A file placed here, or given by its path, is a model.

Nothing is imported before :func:`load` asks for it.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from dataclasses import dataclass
from pathlib import Path

from latentia.core import Recipe, Source
from latentia.errors import BadData, BadField, near

FORMS = {"": "one data set, an item at a time", "pairs": "pairs of input and output", "domains": "two domains"}
KID = 4  # held-out items that a kernel distance takes at least
STEADY = 200  # held-out items from which on the best weights are hardly chosen by chance
UNLISTED = ("_classifier",)  # judges of samples: no one asks for them by name, but their runs can be loaded


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
    if name not in (*names(), *UNLISTED):
        raise BadField(f"there is no model {name!r}; {near(name, names())}")
    return _only(importlib.import_module(f"{__name__}.{name}"), name)


def name_of(recipe: Recipe | type[Recipe]) -> str:
    """The name that :func:`load` finds a recipe under: its module, or the path of its file."""
    cls = recipe if isinstance(recipe, type) else type(recipe)
    module = cls.__module__
    return module.rpartition(".")[2] if module.startswith(__name__) else inspect.getfile(cls)


@dataclass(frozen=True)
class About:
    """One line of ``latentia models``."""

    name: str
    family: str
    about: str
    can: str


VERBS: dict[str, tuple[str, ...]] = {
    # without an encoder, encode searches
    "Samples": ("sample", "decode", "encode", "interpolate", "traverse", "edit", "evaluate"),
    "Encodes": ("encode", "weights"),
    "Reconstructs": ("reconstruct", "map", "evaluate"),
    "Translates": ("translate", "evaluate"),
}


def about() -> list[About]:
    """What each model of the package is, and the verbs that it can."""
    rows = []
    for name in names():
        recipe = load(name)
        has = {capability.__name__ for capability in recipe.capabilities}
        verbs = dict.fromkeys(verb for capability, each in VERBS.items() if capability in has for verb in each)
        line = (inspect.getdoc(inspect.getmodule(recipe)) or "").splitlines()[0]
        rows.append(About(name, recipe.family, line, ", ".join(verbs)))
    return rows


def having(capability: type) -> list[str]:
    """The models of the package that have a capability."""
    return [name for name in names() if capability in load(name).capabilities]


def with_field(name: str) -> list[str]:
    """The models of the package that have a field of this name."""
    return [each for each in names() if any(field.name == name for field in dataclasses.fields(load(each)))]


def check_pairing(recipe: Recipe, pairing: str) -> None:
    """Refuse data of another pairing (:attr:`latentia.core.Spec.pairing`) than the recipe's.

    Raises:
        BadField: naming the models that learn from it.
    """
    if pairing != recipe.pairing:
        others = [name for name in names() if load(name).pairing == pairing]
        raise BadField(
            f"{name_of(recipe)} learns from {FORMS[recipe.pairing]}, not from {FORMS[pairing]}; "
            f"models that do: {', '.join(others) or 'none yet'}"
        )


def check_held_out(recipe: Recipe, source: Source) -> None:
    """Refuse fewer held-out items than the score needs that chooses the best weights, before a training begins.

    Raises:
        BadData: says how many are needed.
    """
    few = _held_out(recipe, source)
    if recipe.score[0] == "kid" and few < KID:
        raise BadData(
            f"{name_of(recipe)} chooses its best weights by KID on held-out items, which takes {KID} or more; here "
            f"{'is' if few == 1 else 'are'} {few}: give more data, or hold out a larger share: --held-out 0.3"
        )


def remarks(recipe: Recipe, source: Source) -> list[str]:
    """What a person should know of the held-out items before a training begins, a sentence each."""
    few = _held_out(recipe, source)
    if recipe.score[0] != "kid" or few >= STEADY:
        return []
    return [
        f"the best weights are chosen by KID on {few} held-out items, which is noisy: "
        f"compare those of --weights last, or hold out a larger share: --held-out 0.3"
    ]


def _held_out(recipe: Recipe, source: Source) -> int:
    """How many items there are of the side that has fewer."""
    sides = [getattr(source, side) for side in ("of_x", "of_y")] if recipe.pairing else [source]
    return min(len(side) for side in sides)


def _recipe_of(path: Path) -> type[Recipe]:
    if not path.is_file():
        raise BadField(f"there is no file {path}")
    # the whole path as the module's name: two files of one name do not meet, and none hides a module of Python
    specification = importlib.util.spec_from_file_location(f"latentia file {path.resolve()}", path)
    if specification is None or specification.loader is None:
        raise BadField(f"{path} is no Python file")
    module = importlib.util.module_from_spec(specification)
    sys.modules[module.__name__] = module  # dataclasses look their module up there
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module.__name__]
        raise BadField(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
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
