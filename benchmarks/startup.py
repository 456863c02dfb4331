"""Seconds until ``latentia --help`` is printed and ``import latentia`` is done; neither may import torch.

Protocol: each in a process of its own, alternating, after one start that fills the disk's cache; medians. The bare
interpreter stands beside them. The import is timed inside its process, the help from start to end of its process.
"""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from statistics import median

from benchmarks._frame import alternate, finish, spread, table

BARS = {"latentia --help": 0.5, "import latentia": 0.1}
IMPORT = "import time; start = time.perf_counter(); import latentia; print(time.perf_counter() - start)"
HELP = "import sys; from latentia.cli.main import main; code = main(['--help'])"
WITHOUT_TORCH = "; assert 'torch' not in sys.modules, 'torch was imported'; sys.exit(code)"


def run(quick: bool, seed: int) -> None:
    """Start, again and again."""
    sides = {
        "latentia --help": partial(seconds, "-m", "latentia", "--help"),
        "import latentia": lambda: float(python("-c", IMPORT)),
        "bare interpreter": partial(seconds, "-c", "pass"),
    }
    alternate(sides, 1)
    measured = alternate(sides, 5 if quick else 21)
    lazy = is_lazy()
    rows = [[name, *spread(values).values(), BARS.get(name, "-")] for name, values in measured.items()]
    table(["what", "least s", "median s", "most s", "bar"], rows)
    print("torch is not imported" if lazy else "torch IS imported")
    figures = {name: spread(values) for name, values in measured.items()}
    met = lazy and all(median(measured[name]) <= bar for name, bar in BARS.items())
    finish("startup", {"seconds": figures, "without_torch": lazy, "met": met}, " ".join((__doc__ or "").split()), seed)


def is_lazy() -> bool:
    """Whether the help is printed, and ``latentia`` imported, without torch."""
    return (
        subprocess.run([sys.executable, "-c", HELP + WITHOUT_TORCH], capture_output=True, check=False).returncode == 0
    )


def seconds(*words: str) -> float:
    """The seconds of one process."""
    start = time.perf_counter()
    python(*words)
    return time.perf_counter() - start


def python(*words: str) -> str:
    """What a process of this interpreter prints."""
    return subprocess.run([sys.executable, *words], capture_output=True, check=True, text=True).stdout
