"""The door to the benchmarks: ``python -m benchmarks list``, ``python -m benchmarks NAME [--quick] [--seed N]``."""

from __future__ import annotations

import argparse
import importlib
import pkgutil

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
    arguments = parser.parse_args()
    if arguments.name == "list":
        for name in names():
            print(f"{name:24} {(load(name).__doc__ or '').splitlines()[0]}")
        return
    load(arguments.name).run(quick=arguments.quick, seed=arguments.seed)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
