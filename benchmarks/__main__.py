"""The door to the benchmarks: ``python -m benchmarks list``, ``python -m benchmarks NAME [--quick] [--seed N]``.

A benchmark may have options of its own: its function ``options`` adds them, and ``run`` takes them by name.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from typing import Any

import benchmarks


def names() -> list[str]:
    """The benchmarks, as they are called on the command line."""
    modules = (module.name for module in pkgutil.iter_modules(benchmarks.__path__))
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def load(name: str) -> object:
    """The module of a benchmark."""
    return importlib.import_module(f"benchmarks.{name.replace('-', '_')}")


def main() -> None:
    """List the benchmarks, or run one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=["list", *names()])
    parser.add_argument("--quick", action="store_true", help="a tenth: to see that it works, not to quote")
    parser.add_argument("--seed", type=int, default=0)
    named = sys.argv[1:2]
    module: Any = load(named[0]) if named and named[0] in names() else None
    getattr(module, "options", lambda _: None)(parser)
    given = vars(parser.parse_args())
    if given.pop("name") == "list":
        for name in names():
            print(f"{name:24} {(load(name).__doc__ or '').splitlines()[0]}")
        return
    module.run(**given)


if __name__ == "__main__":
    main()
