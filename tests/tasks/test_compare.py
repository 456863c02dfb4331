import math

import pytest

from latentia.errors import BadData
from latentia.tasks.compare import compare, table
from latentia.tasks.evaluate import Figure


def figure(name, value, half, better="higher", unit="nats"):
    return Figure(name, value, value - half, value + half, unit, "What it means.", better)


def test_the_best_is_clear_where_intervals_do_not_meet():
    lines = compare({"a": [figure("ELBO", -90, 0.5)], "b": [figure("ELBO", -87, 0.5)], "c": [figure("ELBO", -95, 1)]})
    assert [(line.best, line.clear, line.verdict) for line in lines] == [(1, True, "clear")]


def test_overlap_is_said_and_lower_may_be_better():
    (line,) = compare({"a": [figure("nll", 80, 2, "lower")], "b": [figure("nll", 81, 2, "lower")]})
    assert (line.best, line.clear, line.verdict) == (0, False, "intervals overlap")
    (line,) = compare({"a": [figure("kl", 20, 0, "")], "b": [figure("kl", 25, 0, "")]})
    assert (line.best, line.verdict) == (None, "")
    (line,) = compare({"a": [figure("nll", 80, 2)], "b": [figure("nll", 80, 1)]})
    assert line.best is None  # the same value twice


def test_figures_that_a_run_has_not_and_other_units_are_lines_of_their_own():
    lines = compare({"a": [figure("ELBO", -90, 1), figure("x", 1, 0)], "b": [figure("ELBO", 3.1, 1, unit="bits")]})
    assert [(line.name, line.unit, line.best) for line in lines] == [
        ("ELBO", "nats", None),
        ("x", "nats", None),
        ("ELBO", "bits", None),
    ]
    assert lines[1].figures[1] is None


def test_an_unknown_value_never_wins_and_infinite_intervals_are_never_clear():
    (line,) = compare({"a": [figure("ELBO", math.nan, 0)], "b": [figure("ELBO", -3, 1)]})
    assert line.best is None
    (line,) = compare({"a": [figure("ELBO", -9, math.inf)], "b": [figure("ELBO", -3, 1)]})
    assert (line.best, line.clear) == (1, False)


def test_table():
    text = table({"first": [figure("ELBO", -90, 0.5)], "second": [figure("ELBO", -87, 0.5), figure("kl", 20, 0, "")]})
    assert text.splitlines() == [
        "            first     second",
        "ELBO, nats  -90 ±0.5  -87 ±0.5 *  clear",
        "kl, nats    -         20",
    ]


def test_one_run_is_refused():
    with pytest.raises(BadData, match="1 run to compare"):
        compare({"a": [figure("ELBO", 1, 0)]})
