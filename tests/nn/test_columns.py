"""The front end of tables: from entries to features and back."""

import pytest
import torch

from latentia.core import Column, Noise, Spec
from latentia.distributions.columns import ColumnsLikelihood
from latentia.nn.columns import ColumnEncoder, ColumnFeatures
from tests.distributions.host import NoHostRead
from tests.distributions.test_columns import SPEC, numbers, rows


def drawn(count=40, seed=0):
    p = ColumnsLikelihood(SPEC).double()(numbers(seed, count))
    return p.sample(Noise(0, 0, slice(None), count, dtype=torch.float64))


def test_features_come_in_the_order_of_the_likelihood_s_parameters():
    x = rows(1, colour=2, height=1.9, age=65.0, gain=99.0, hours=40.0, member=1)
    raw, has = ColumnFeatures(SPEC).double().raw(x)
    # height, gain, born, age, hours | red green blue, no yes | 0, 99; 40 | flags of colour, height, hours
    expected = [1.0, 49 / 400, -1e9 / 1e7, 2.0, 2 / 7, 0, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1]
    expected[2] = 0.0
    torch.testing.assert_close(raw[0], torch.tensor(expected).double())
    assert has[0].tolist() == [1] * 16


def test_what_is_missing_counts_as_the_mean():
    front = ColumnFeatures(SPEC).double()
    front.start(torch.full((front.size,), 0.3).double(), torch.full((front.size,), 2.0).double())
    x = rows(2, colour=[1, -1])
    x[0, -3:] = 0  # the flags of colour, height and hours
    features = front(x)
    assert features[0, [0, 4, 5, 6, 7, 12]].tolist() == [0.0] * 6
    assert features[0, -1].item() == pytest.approx(-0.15)
    assert features[1, 5:8].tolist() == [0.0] * 3, "a code below 0 is no category"
    assert features[1, 0].item() == pytest.approx(-0.15)


def test_entries_are_the_inverse_of_features():
    front = ColumnFeatures(SPEC).double()
    generator = torch.Generator().manual_seed(0)
    front.start(torch.rand(front.size, generator=generator), 0.5 + torch.rand(front.size, generator=generator))
    x = drawn()
    raw, _ = front.raw(x)
    back = front.entries((raw - front.center) / front.scale)
    known = torch.ones_like(x, dtype=torch.bool)
    for place, flag in SPEC.flags.items():
        known[:, place] = x[:, flag] == 1
    torch.testing.assert_close(back[known], x[known])


def test_the_encoder_goes_on_in_a_straight_line_and_reads_nothing_from_the_device():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = ColumnEncoder(SPEC, (8,))
    x = rows(1).float().repeat(3, 1)
    x[:, 1] = torch.tensor([10.0, 20.0, 30.0])
    with NoHostRead():
        features = encoder(x)
    assert features.shape == (3, encoder.features)
    torch.testing.assert_close(features[:, encoder.linear :], features[:1, encoder.linear :].expand(3, -1))
    assert features[:, 0].tolist() == [10.0, 20.0, 30.0]


def test_a_table_of_one_kind_has_features_too():
    spec = Spec("table", (1,), columns=(Column("a", "categorical", categories=("x", "y", "z")),))
    front = ColumnFeatures(spec)
    torch.testing.assert_close(front(torch.tensor([[0.0], [2.0]])), torch.tensor([[1.0, 0, 0], [0, 0, 1.0]]))
    numeric = Spec("table", (2,), columns=(Column("a", "numeric"), Column("b", "datetime")))
    x = torch.tensor([[1.5, -2.0]])
    torch.testing.assert_close(ColumnFeatures(numeric)(x), x)
