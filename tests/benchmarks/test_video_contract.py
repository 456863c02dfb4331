"""The benchmark of the video contract: it says NOT where a column differs, and runs whole on the real clips."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction

import pytest

av = pytest.importorskip("av", reason="films need PyAV: pip install 'latentia[video]'")

from benchmarks.video_contract import COLUMNS, QUARTER, compared, described, make  # noqa: E402


def test_every_column_tells_two_films_apart(tmp_path):
    plain = described(av, make(av, tmp_path / "plain.mp4"))
    other = {
        "frames": {"times": (0, 512)},
        "times": {"times": (*tuple(range(0, 24 * 512 - 5, 512))[:-1], 23 * 512 + 7)},
        "size": {"size": (122, 160)},
        "rotation": {"matrix": QUARTER},
        "aspect": {"aspect": Fraction(4, 3)},
        "colours": {"tags": (1, 1, 1, 1)},
    }
    for column, how in other.items():
        found = described(av, make(av, tmp_path / f"{column}.mp4", **how))
        assert found[column] != plain[column]
        assert all(found[each] == plain[each] for each in other if each not in (column, "times"))


def test_the_identity_is_equal_in_every_column(tmp_path):
    source = make(av, tmp_path / "in.mp4", times=(640, 1000, 1512, 5000), matrix=QUARTER)
    equal, error, speed, told = compared(av, source, tmp_path / "out.mp4")
    assert equal == dict.fromkeys(COLUMNS, True)
    assert 0 < error < 2
    assert speed > 0
    assert told["frames"] == 4


@pytest.mark.skipif("LATENTIA_DATA" not in os.environ, reason="the clips are in the folder that LATENTIA_DATA names")
def test_the_whole_at_quick_size(root, tmp_path):
    words = [sys.executable, "-m", "benchmarks", "video-contract", "--quick"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "every column equal" in done.stdout
    assert json.loads(done.stdout.splitlines()[-1])["figures"]["all equal"] is True
