"""Scikit-learn's own checks of both estimators: how many pass, fail, and are skipped.

Protocol: ``sklearn.utils.estimator_checks.check_estimator`` with default settings, in a process where SciPy's array API
is switched on, so that the check which asks for it is made. PyOD's AutoEncoder and VAE failed 28 of 47 (scikit-learn
1.9.1, PyOD 3.6.7, measured before this project). ``--quick`` fits nets for 500 rows.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections import Counter

from benchmarks._frame import finish, table

SWITCH = "SCIPY_ARRAY_API"


def run(quick: bool, seed: int) -> None:
    """Check both; print the counts, and what did not pass."""
    if SWITCH not in os.environ:
        os.environ[SWITCH] = "1"  # read when scipy is imported
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks", *sys.argv[1:]])
    from sklearn.utils.estimator_checks import check_estimator

    from latentia.estimators import VAE, Autoencoder

    figures, rows, wrong = {}, [], []
    for kind in (VAE, Autoencoder):
        estimator = kind(images=500 if quick else None, random_state=seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = check_estimator(estimator, on_fail=None)
        counts = Counter(each["status"] for each in found)
        figures[kind.__name__] = dict(counts)
        rows.append([kind.__name__, counts["passed"], counts["failed"], counts["skipped"]])
        wrong += [[kind.__name__, each["check_name"], each["status"]] for each in found if each["status"] != "passed"]
    table(["estimator", "passed", "failed", "skipped"], rows)
    if wrong:
        table(["estimator", "check", "status"], wrong)
    finish("sklearn-checks", {**figures, "met": not wrong}, " ".join((__doc__ or "").split()), seed)
