"""The rules of the design that a reader cannot see in one file, read from the syntax tree; each is shown to fail."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "latentia"
FILES = sorted(PACKAGE.rglob("*.py"))

# each layer may import itself and what is named here; what is not named is above it
BASE = {"errors", "fields", "spec", "layout", "core"}
MATHS = {"nn", "distributions", "losses", "metrics"}
USED = {"training", "tasks", "data", "models", "presets"}
MAY: dict[str, set[str]] = {
    "errors": set(),
    "fields": {"errors"},
    "spec": set(),
    "layout": {"spec"},
    "core": {"errors", "fields", "spec"},
    **{name: set(BASE) for name in MATHS},
    "data": BASE,
    "models": BASE | {"nn", "distributions", "losses", "metrics"},
    "training": BASE | {"data", "losses"},
    "tasks": BASE | {"data", "metrics", "distributions", "losses"},
    "presets": {"errors"},
    "judging": BASE | USED | {"metrics"},
    "translating": BASE | USED | {"metrics"},
    "facts": BASE | USED,
    "editing": BASE | USED,
    "scoring": BASE | USED | {"facts", "metrics"},
    "judges": BASE | USED | {"metrics", "scoring"},
    "model": BASE | USED | {"editing", "facts", "judges", "judging", "metrics", "scoring", "translating"},
    "api": BASE | USED | {"facts", "model"},
    "estimators": BASE | USED | {"api", "model", "scoring"},
    "cli": BASE | USED | {"studio", "api", "model", "translating"},
    "studio": BASE | USED | {"api", "facts", "model"},
    "__init__": {"api", "model", "core", "models", "tasks", "errors", "data", "metrics"},
    "__main__": {"cli"},
}
HEAVY = {"sklearn", "scipy", "matplotlib", "PIL", "cyclopts", "torchmetrics", "zuko", "pandas", "tensorboard"}
OWN = {"cli": "cyclopts", "estimators": "sklearn"}  # what a layer is made of
FORBIDDEN = {"torch.load", "pickle.load", "pickle.loads", "eval", "exec", "torch.save", "torch.manual_seed"}
LONGEST_FILE, LONGEST_BODY = 500, 60

Rule = Callable[[ast.Module, str, str], Iterator[str]]


def layer_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def at_module_level(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements that run at import; those under TYPE_CHECKING do not."""
    waiting = list(tree.body)
    while waiting:
        statement = waiting.pop(0)
        yield statement
        if isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            waiting += statement.orelse
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            waiting += [child for child in ast.iter_child_nodes(statement) if isinstance(child, ast.stmt)]


def imported(node: ast.AST) -> Iterator[str]:
    """The modules that an import names; ``from latentia import data`` names ``latentia.data``."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        module = node.module or ""
        yield from (f"latentia.{alias.name}" for alias in node.names) if module == "latentia" else [module]


def points_down(tree: ast.Module, layer: str, name: str) -> Iterator[str]:
    """Nothing imports what lies above it, not even inside a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield f"{name}:{node.lineno} imports relatively"
        for module in imported(node):
            package, _, rest = module.partition(".")
            target = rest.partition(".")[0]
            if package != "latentia" or target == layer:
                continue
            if target == "__version__":
                continue
            target = target if (PACKAGE / target).is_dir() or (PACKAGE / f"{target}.py").is_file() else "__init__"
            if target not in MAY[layer]:
                yield f"{name}:{node.lineno} imports latentia.{rest}, which lies above or beside {layer}"


def starts_light(tree: ast.Module, layer: str, name: str) -> Iterator[str]:
    """Heavy packages are imported where they are used; two layers may name their own at the top."""
    for node in at_module_level(tree):
        for module in imported(node):
            top = module.partition(".")[0]
            if top in HEAVY and OWN.get(layer) != top:
                yield f"{name}:{node.lineno} imports {top} at module level"


def yields_outside_with(tree: ast.Module, layer: str, name: str) -> Iterator[str]:
    """A recipe's step never yields inside a ``with``: the loop works between two yields, and would inherit it."""
    if layer not in ("models", "training", "losses", "nn", "distributions", "core"):
        return
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and not is_context_manager(function):
            for block in own_nodes(function):
                if isinstance(block, ast.With | ast.AsyncWith):
                    for node in own_nodes(block):
                        if isinstance(node, ast.Yield | ast.YieldFrom):
                            yield f"{name}:{node.lineno} yields inside a with"


def is_context_manager(function: ast.FunctionDef) -> bool:
    return any("contextmanager" in ast.unparse(decorator) for decorator in function.decorator_list)


def own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """What is inside ``node``, without the functions defined there."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield child
            yield from own_nodes(child)


def stays_short(tree: ast.Module, layer: str, name: str) -> Iterator[str]:
    """A file has at most 500 lines, a function's body at most 60 (without its docstring)."""
    last = max((node.end_lineno or 0 for node in ast.walk(tree) if isinstance(node, ast.stmt)), default=0)
    if last > LONGEST_FILE:
        yield f"{name} has {last} lines"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            if lines > LONGEST_BODY:
                yield f"{name}:{node.lineno} {node.name} has a body of {lines} lines"


def calls_nothing_forbidden(tree: ast.Module, layer: str, name: str) -> Iterator[str]:
    """No pickle, no code from files, no seed for the generator that everybody shares."""
    for node in ast.walk(tree):
        if any(module.partition(".")[0] in ("pickle", "cloudpickle", "joblib") for module in imported(node)):
            yield f"{name}:{node.lineno} imports a pickle"
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in FORBIDDEN and not inside_fork(tree, node):
            yield f"{name}:{node.lineno} calls {called}"
        if any(word.arg == "allow_pickle" and ast.unparse(word.value) != "False" for word in node.keywords):
            yield f"{name}:{node.lineno} allows pickles"


def inside_fork(tree: ast.Module, node: ast.AST) -> bool:
    """Whether the call is a seed set inside ``torch.random.fork_rng``, which leaves the shared generator as it was."""
    forks = (each for each in ast.walk(tree) if isinstance(each, ast.With) and "fork_rng" in ast.unparse(each.items[0]))
    return ast.unparse(node).startswith("torch.manual_seed") and any(node in ast.walk(fork) for fork in forks)


RULES: list[Rule] = [points_down, starts_light, yields_outside_with, stays_short, calls_nothing_forbidden]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_package_keeps_the_rule(rule: Rule) -> None:
    broken = []
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        broken += rule(tree, layer_of(path), str(path.relative_to(PACKAGE)))
    assert not broken, "\n".join(broken)


LONG = "def f():\n" + "    x = 1\n" * (LONGEST_BODY + 1)
BAD = [
    (points_down, "nn", "from latentia.losses import divergence"),
    (points_down, "training", "from latentia.models import load"),
    (points_down, "core", "def f():\n    from latentia import api"),
    (points_down, "tasks", "import latentia.cli.main"),
    (points_down, "data", "from latentia import VAE"),
    (points_down, "data", "from .source import Split"),
    (starts_light, "data", "from PIL import Image"),
    (starts_light, "metrics", "class A:\n    import scipy.stats"),
    (starts_light, "tasks", "try:\n    import cyclopts\nexcept ImportError:\n    pass"),
    (yields_outside_with, "models", "def updates(self):\n    with a:\n        if b:\n            yield 1"),
    (stays_short, "core", LONG),
    (stays_short, "core", "x = 1\n" * (LONGEST_FILE + 1)),
    (calls_nothing_forbidden, "models", "import torch\ntorch.load('a')"),
    (calls_nothing_forbidden, "models", "import torch\ntorch.manual_seed(0)"),
    (calls_nothing_forbidden, "data", "import numpy as np\nnp.load('a', allow_pickle=True)"),
    (calls_nothing_forbidden, "data", "def f():\n    import pickle"),
    (calls_nothing_forbidden, "cli", "eval('1')"),
    (calls_nothing_forbidden, "cli", "exec('1')"),
]


@pytest.mark.parametrize(("rule", "layer", "code"), BAD)
def test_the_rule_sees_what_breaks_it(rule: Rule, layer: str, code: str) -> None:
    assert list(rule(ast.parse(code), layer, "bad.py"))


GOOD = [
    (points_down, "models", "from latentia.losses import divergence\nfrom latentia.core import Recipe"),
    (starts_light, "data", "def f():\n    from PIL import Image"),
    (starts_light, "data", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import scipy"),
    (starts_light, "cli", "from cyclopts import App"),
    (yields_outside_with, "models", "def f(self):\n    with a:\n        b = 1\n    yield b"),
    (yields_outside_with, "training", "@contextmanager\ndef f():\n    with a:\n        yield"),
    (calls_nothing_forbidden, "api", "with torch.random.fork_rng(devices=[]):\n    torch.manual_seed(0)"),
    (calls_nothing_forbidden, "data", "np.load('a', allow_pickle=False)"),
]


@pytest.mark.parametrize(("rule", "layer", "code"), GOOD)
def test_the_rule_lets_pass_what_keeps_it(rule: Rule, layer: str, code: str) -> None:
    assert not list(rule(ast.parse(code), layer, "good.py"))


def test_every_layer_is_known() -> None:
    """A new folder has to be given its place."""
    assert {layer_of(path) for path in FILES} <= set(MAY)
