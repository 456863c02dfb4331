"""The benchmark of walks, whole at quick size."""

import json
import os
import subprocess
import sys


def test_walk(root, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "walk", "--quick"],
        cwd=tmp_path,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])["figures"]
    assert figures["even at most half of slerp"] is True
    for model in ("gan", "vae", "autoencoder"):
        evenness = figures[model]["evenness"]
        assert 0 < evenness["--even"]["blurred pixels"]["mean"] < 0.02 < evenness["lerp"]["blurred pixels"]["mean"]
        unseen = {way: each["random convolutions"]["mean"] for way, each in evenness.items()}
        assert unseen["--even"] < unseen["slerp"], "even in a feature that the walk was not spaced by"
        kid = figures[model]["kid"]["samples"]
        assert kid["low"] < kid["value"] < kid["high"]
