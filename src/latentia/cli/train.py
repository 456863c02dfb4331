"""``latentia train``: its flags are the fields of the model, of the data's options and of the training."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from latentia.cli import output
from latentia.cli.common import first, switch
from latentia.cli.flags import (
    DATA,
    MACHINE,
    MODEL,
    WORDS,
    fields_in,
    given,
    group_of_training,
    only,
    options,
    read_toml,
)
from latentia.cli.log import told
from latentia.cli.progress import Progress
from latentia.core import Recipe, Training
from latentia.data import DataOptions
from latentia.errors import BadField
from latentia.presets import PRESETS

if TYPE_CHECKING:
    from latentia.model import Model

ABOUT = """Learn from data. MODEL is a name of "latentia models" or a file ./mymodel.py, DATA a name of
"latentia datasets" or a path; DATA_B is the other side of pairs, or the other domain.
The same command resumes; --run DIR alone goes on with a run.
"latentia train MODEL --help" shows the model's own fields."""
OF_PRESETS = f"a named set of fields, under the flags: {', '.join(PRESETS)}"
NOT_KNOWN = Annotated[Any, Parameter(parse=False)]  # no model, no fields of it
Words = Annotated[str, Parameter(allow_leading_hyphen=True)]


def train(*words: Words) -> None:
    """Learn from data.

    The model comes first (``train vae digits ...``), so that its fields can be flags; ``train --run DIR`` finds it in
    the run.
    """
    recipe = recipe_of(words)
    app = App(
        name="latentia train",
        help=ABOUT,
        version_flags=[],
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    app["--help"].show = False
    app.default(command(recipe))
    app(list(words))


def recipe_of(words: Sequence[str]) -> type[Recipe] | None:
    """The recipe class whose flags ``words`` may hold: the model's named first, else that of ``--run`` or ``--config``.

    Raises:
        BadField: a model that is not known.
    """
    from latentia import models

    if words and not words[0].startswith("-"):
        return models.load(words[0])
    if named := [word for word in words if word in models.names() or word.endswith(".py")]:
        return models.load(named[0])
    after = {word: value for word, value in itertools.pairwise(words) if word in ("--run", "--config")}
    after |= dict(word.split("=", 1) for word in words if word.startswith(("--run=", "--config=")))
    if "--run" in after and (name := _model_of_run(Path(after["--run"]))):
        return models.load(name)
    if "--config" in after and (name := read_toml(Path(after["--config"])).get("model")):
        return models.load(name)
    return None


def _model_of_run(run: Path) -> str | None:
    try:
        return str(json.loads((run / "recipe.json").read_text(encoding="utf-8"))["model"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # api.resume says what is wrong with it


def command(recipe: type[Recipe] | None) -> Any:
    """The function that cyclopts reads the flags from: made for one recipe."""

    def learn(
        model: Annotated[str | None, Parameter(help="the model: a name, or a file that holds a recipe")] = None,
        data: Annotated[str | None, Parameter(help="the data set: a name or a path")] = None,
        data_b: Annotated[str | None, Parameter(help="the other side of pairs, or the other domain")] = None,
        /,
        *,
        of_model: Any = None,
        preset: Annotated[str | None, Parameter(help=OF_PRESETS, group=MODEL)] = None,
        config: Annotated[Path | None, Parameter(help="a TOML file of fields, under the flags", group=MODEL)] = None,
        of_data: Any = None,
        of_training: Any = None,
        run: Annotated[Path | None, Parameter(help="the folder [default: runs/MODEL-DATA]", group=MACHINE)] = None,
        fresh: Annotated[bool, switch("take the next free folder", MACHINE)] = False,
        json: Annotated[bool, switch("print JSON instead of text", MACHINE)] = False,
        quiet: Annotated[bool, switch("no progress, no remarks", MACHINE)] = False,
        debug: Annotated[bool, switch("show the traceback of an error", MACHINE)] = False,
    ) -> None:
        explicit = given(of_data, DataOptions) | given(of_training, Training)
        explicit |= {} if recipe is None else given(of_model, recipe)
        wanted = Wanted(model, data, data_b, run, fresh, preset, explicit).with_file(config, recipe)
        finish(start(wanted, recipe, quiet), json)

    made = {
        "of_model": NOT_KNOWN if recipe is None else options("OfModel", recipe, lambda _: MODEL, {}),
        "of_data": options("OfData", DataOptions, lambda _: DATA, {}),
        "of_training": options("OfTraining", Training, group_of_training, _defaults(recipe)),
    }
    learn.__annotations__ |= made
    return learn


def _defaults(recipe: type[Recipe] | None) -> dict[str, Any]:
    return {} if recipe is None else {"images": recipe.images, "batch": recipe.batch}


@dataclass(frozen=True)
class Wanted:
    """What was asked for: by a file first, by flags over it."""

    model: str | None
    data: str | None
    data_b: str | None
    run: Path | None
    fresh: bool
    preset: str | None
    values: dict[str, Any]

    def with_file(self, path: Path | None, recipe: type[Recipe] | None) -> Wanted:
        """What a TOML file says, under what the flags say."""
        if path is None:
            return self
        known = (DataOptions, Training) + (() if recipe is None else (recipe,))
        found = fields_in(path, known)
        words = {name: getattr(self, name) or found.pop(name, None) for name in WORDS}
        words["run"] = None if words["run"] is None else Path(words["run"])
        return replace(self, **words, values=found | self.values)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        places = [_stem(each) for each in (self.data, self.data_b) if each is not None]
        return self.run or Path("runs") / "-".join([_stem(self.model), *places])


def start(wanted: Wanted, recipe: type[Recipe] | None, quiet: bool) -> Model:
    """Train, or go on where a run stopped.

    Raises:
        BadField: no model or no data, and no run that names them.
    """
    from latentia import api

    progress = Progress(quiet, told=told())
    try:
        if wanted.model is None or recipe is None:
            return api.resume(_existing(wanted), **_budget(wanted), progress=progress)
        if wanted.data is None:
            raise BadField(f"train {wanted.model} needs a data set; `latentia datasets` lists those with a name")
        values = preset(wanted.preset, recipe) | wanted.values
        return api.train(
            recipe(**only(recipe, values)),
            wanted.data,
            wanted.data_b,
            training=Training(**only(Training, values)),
            run=_free(wanted.folder) if wanted.fresh else wanted.folder,
            progress=progress,
            **only(DataOptions, values),
        )
    finally:
        progress.close()


def _existing(wanted: Wanted) -> Path:
    if wanted.run is None:
        raise BadField("train needs a model and a data set (train vae digits), or --run DIR of a run to go on with")
    return wanted.run


def _budget(wanted: Wanted) -> dict[str, Any]:
    """What may change when a run goes on, the budget first; everything else was said when it began."""
    allowed = ("images", "steps", "minutes", "device", "micro", "every", "members", "tensorboard")
    if other := [name for name in wanted.values if name not in allowed]:
        flag = "--" + other[0].replace("_", "-")
        raise BadField(
            f"{flag} was decided when {wanted.run} began; give MODEL and DATA and another --run to change it"
        )
    return wanted.values


def _free(folder: Path) -> Path:
    """``folder``, or the first of folder-2, folder-3 and on that is not there."""
    from latentia import api

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise BadField("--fresh cannot choose one folder for several processes; name it with --run DIR")
    return api.new_run(folder)


def _stem(word: str | None) -> str:
    """A word for a folder's name: the last part of a path without its ending."""
    name = Path(word or "").resolve().name if word in (".", "..") else Path(word or "").name
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name.split(".")[0] or "data")


def preset(name: str | None, recipe: type[Recipe]) -> dict[str, Any]:
    """The fields of a preset.

    Raises:
        BadField: no preset has the name, or it sets what the model has not.
    """
    if name is None:
        return {}
    from latentia import presets

    values = presets.load(name)
    known = only(recipe, values) | only(DataOptions, values) | only(Training, values)
    if strange := [field for field in values if field not in known]:
        raise BadField(f"--preset {name} is for another model: it sets {strange[0]}, which {recipe.__name__} has not")
    return values


def finish(model: Model, as_json: bool) -> None:
    """The report, and where the run is; from the first of several processes."""
    if not first():
        return
    report, weights = model.run / "report.html", model.run / "weights.safetensors"
    if not report.is_file() or report.stat().st_mtime < weights.stat().st_mtime:
        model.report()
    output.facts({"run": str(model.run), "model": model.facts["model"], "report": str(report)}, as_json)
