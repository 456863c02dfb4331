"""What score says beside its columns."""

import math

from latentia.cli.common import Common
from latentia.cli.score import Told


def test_rows_of_density_0_are_said_and_leave_the_mean_as_it_is(capsys):
    told = Told()
    told.add({"log_prob": [-2.0, -math.inf], "k": [0.1, math.inf]})
    told.add({"log_prob": [-4.0], "k": [0.9]})
    told.say(Common())
    err = capsys.readouterr().err
    assert "3 items, mean log_prob -3 nats" in err
    assert "1 of 3 rows have density 0 in float64, which the mean leaves out" in err
    assert "1 of them have a Pareto-k above 0.7" in err
