"""The likelihood of typed columns: each term against SciPy and torch.distributions, in the data's units."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from latentia.core import Column, Noise, Spec
from latentia.distributions.columns import FLOOR, LOGISTIC, ColumnsLikelihood
from latentia.distributions.likelihoods import default_likelihood, likelihood
from latentia.errors import BadField
from latentia.layout import Layout
from tests.distributions.host import NoHostRead

COLUMNS = (
    Column("colour", "categorical", categories=("red", "green", "blue"), missing=True),
    Column("height", "numeric", center=1.7, scale=0.2, missing=True),
    Column("age", "integer", center=40.0, scale=12.5, step=1.0),
    Column("gain", "numeric", center=50.0, scale=400.0, atoms=(0.0, 99.0)),
    Column("hours", "integer", center=38.0, scale=7.0, atoms=(40.0,), missing=True),
    Column("member", "binary", categories=("no", "yes")),
    Column("born", "datetime", center=1e9, scale=1e7),
)
SPEC = Spec("table", (10,), columns=COLUMNS)
PLACE = {column.name: place for place, column in enumerate(COLUMNS)}
FLAG = {COLUMNS[place].name: flag for place, flag in SPEC.flags.items()}


def module(floor=FLOOR):
    made = ColumnsLikelihood(SPEC, floor).double()
    with torch.no_grad():
        made.log_sigma.copy_(torch.tensor([-0.3, 0.2, 0.4, -4.0, -1.0]))
    return made


def sigma(p, name):
    """The standard deviation of a column in its own units, in the first row."""
    at = p.places.layout.values.tolist().index(PLACE[name])
    return p.log_sigma.exp()[0, at].item() * COLUMNS[PLACE[name]].scale


def numbers(seed=0, count=1):
    """Parameters whose last entries, the own share of each log sigma, are small."""
    size = Layout(SPEC).size
    drawn = torch.randn(count, size + 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.cat([drawn[:, :size], 0.3 * drawn[:, size:]], 1)


def rows(count, **values):
    """Rows with all columns known at 0, and some columns set, given in the data's units or as codes."""
    x = torch.zeros(count, SPEC.size, dtype=torch.float64)
    x[:, list(FLAG.values())] = 1
    for name, value in values.items():
        column, value = COLUMNS[PLACE[name]], torch.as_tensor(value, dtype=torch.float64)
        x[:, PLACE[name]] = value if column.coded else (value - column.center) / column.scale
    return x


def term(p, name, x):
    return p.terms(x)[..., PLACE[name]].detach().numpy()


def expected_mean(p, name):
    """The location of a value column in its own units."""
    column = COLUMNS[PLACE[name]]
    at = p.places.layout.values.tolist().index(PLACE[name])
    return float(p.numbers[0, at]) * column.scale + column.center


@pytest.mark.parametrize("name", ["height", "born"])
def test_a_number_is_normal_in_its_own_units(name):
    made = module()
    p = made(numbers())
    values = COLUMNS[PLACE[name]].center + COLUMNS[PLACE[name]].scale * np.linspace(-3, 3, 9)
    known = torch.nn.functional.logsigmoid(p.numbers[0, -3 + list(FLAG).index(name)]).item() if name in FLAG else 0.0
    reference = stats.norm.logpdf(values, expected_mean(p, name), sigma(p, name)) + known
    np.testing.assert_allclose(term(p, name, rows(9, **{name: values})), reference, rtol=1e-9)


def test_a_floored_scale_stays_above_its_floor():
    parameters = numbers()
    parameters[:, Layout(SPEC).size :] = 1.0
    p = module(floor=0.25)(parameters)
    assert sigma(p, "age") == pytest.approx(12.5 * 0.25 * math.exp(math.log1p(math.exp(-3 - math.log(0.25)))))
    assert sigma(p, "age") > 0.25 * 12.5


def test_an_integer_has_the_mass_of_its_bin():
    made = module()
    p = made(numbers())
    values = np.arange(-100, 200)
    cdf = stats.logistic(expected_mean(p, "age"), sigma(p, "age") * LOGISTIC).cdf
    found = np.exp(term(p, "age", rows(300, age=values)))
    np.testing.assert_allclose(found, cdf(values + 0.5) - cdf(values - 0.5), atol=1e-12)
    assert found.sum() == pytest.approx(1, abs=1e-9)


def test_an_integer_of_a_wide_range_has_density_times_one_in_float32():
    spec = Spec("table", (1,), columns=(Column("weight", "integer", center=2e5, scale=1e5),))
    made = ColumnsLikelihood(spec)
    x = torch.tensor([[0.7], [0.70001]])
    parameters = torch.tensor([[0.2, 0.1]])
    density = stats.logistic.logpdf(x[:, 0].double(), 0.2, LOGISTIC * made(parameters).log_sigma[0].exp().item())
    np.testing.assert_allclose(made(parameters).log_prob(x).detach(), density - math.log(1e5), rtol=1e-5)


def test_categories_are_categorical():
    p = module()(numbers())
    for name, count in (("colour", 3), ("member", 2)):
        at = p.places.layout.coded
        row = at.columns.tolist().index(PLACE[name])
        logits = p.numbers[0, at.places[row, :count]]
        known = torch.nn.functional.logsigmoid(p.numbers[0, -3]) if name == "colour" else 0.0
        expected = torch.distributions.Categorical(logits=logits).log_prob(torch.arange(count)) + known
        np.testing.assert_allclose(term(p, name, rows(count, **{name: torch.arange(count)})), expected)


def test_all_probabilities_and_densities_of_a_column_add_up_to_one():
    """With its atoms, its missing entries and its density: by quadrature, and by sums over integers and categories."""
    made = module()
    p = made(numbers(3))
    density = lambda v, name: math.exp(term(p, name, rows(1, **{name: v}))[0])  # noqa: E731
    missing = {name: torch.sigmoid(-p.numbers[0, -3 + place]).item() for place, name in enumerate(FLAG)}
    center, wide = expected_mean(p, "height"), 12 * sigma(p, "height")
    found = integrate.quad(density, center - wide, center + wide, "height", epsabs=1e-10)[0]
    assert found + missing["height"] == pytest.approx(1, abs=1e-7)
    center, wide = expected_mean(p, "gain"), 12 * sigma(p, "gain")
    everywhere = integrate.quad(density, center - wide, center + wide, "gain", points=[0.0, 99.0], limit=200)[0]
    assert everywhere == pytest.approx(1, abs=1e-6)
    assert sum(density(v, "hours") for v in range(-300, 400)) + missing["hours"] == pytest.approx(1, abs=1e-9)
    assert sum(density(v, "colour") for v in range(3)) + missing["colour"] == pytest.approx(1, abs=1e-12)


def test_an_atom_of_real_numbers_is_as_narrow_as_the_floor():
    """So the density at an atom changes with the column's units as that of any other value does."""
    p = module(floor=0.25)(numbers())
    first = Layout(SPEC).atoms.start
    shares = torch.cat([p.numbers[0, first : first + 2], torch.zeros(1).double()]).softmax(0).numpy()
    values = np.array([0.0, 10.0, 99.0, 2000.0])
    expected = shares[2] * stats.norm.pdf(values, expected_mean(p, "gain"), sigma(p, "gain"))
    for atom, share in zip((0.0, 99.0), shares, strict=False):
        expected = expected + share * stats.norm.pdf(values, atom, 0.25 * 400)
    np.testing.assert_allclose(term(p, "gain", rows(4, gain=values)), np.log(expected))


def test_a_missing_entry_adds_the_probability_of_its_flag_alone():
    p = module()(numbers())
    x = rows(2, height=[1.0, 2.0])
    x[:, FLAG["height"]] = 0
    expected = torch.nn.functional.logsigmoid(-p.numbers[0, -2]).item()
    np.testing.assert_allclose(term(p, "height", x), [expected, expected])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 50))
def test_terms_add_up_and_are_finite_in_float32_at_extremes(seed, size):
    made = ColumnsLikelihood(SPEC)
    parameters = (size * numbers(seed, 4)).float().requires_grad_()
    x = made(size * numbers(seed + 1, 4).float()).sample(Noise(seed, 0, slice(None), 4))
    with NoHostRead():
        p = made(parameters)
        terms = p.terms(x)
        gradients = torch.autograd.grad(terms.sum(), [parameters, made.log_sigma])
    assert terms.shape == (4, len(COLUMNS))
    torch.testing.assert_close(terms.sum(-1), p.log_prob(x))
    assert all(bool(each.isfinite().all()) for each in (terms, *gradients))


def test_draws_of_z_come_before_the_examples():
    made = module()
    draws = numbers(1, 6).reshape(3, 2, -1)
    x = made(draws[0]).sample(Noise(0, 0, slice(None), 2, dtype=torch.float64))
    each = torch.stack([made(draw).terms(x) for draw in draws])
    torch.testing.assert_close(made(draws).terms(x), each)
    assert made(draws).mean.shape == (3, 2, SPEC.size)


def test_draws_have_the_probabilities_that_terms_say():
    made, count = module(), 20_000
    p = made(numbers(2).expand(count, -1))
    x = p.sample(Noise(0, 0, slice(None), count, dtype=torch.float64))
    known = {name: x[:, flag] == 1 for name, flag in FLAG.items()}
    assert all(bool((x[~rows, PLACE[name]] == 0).all()) for name, rows in known.items())
    one = made(numbers(2))
    for code in range(3):
        share = (known["colour"] & (x[:, 0] == code)).double().mean().item()
        assert share == pytest.approx(math.exp(term(one, "colour", rows(1, colour=code))[0]), abs=0.015)
    age = x[:, PLACE["age"]] * 12.5 + 40
    torch.testing.assert_close(age, age.round(), atol=1e-9, rtol=0)
    assert age.mean().item() == pytest.approx(expected_mean(one, "age"), abs=0.3)
    assert age.std().item() == pytest.approx(sigma(p, "age"), rel=0.05)
    hours = x[known["hours"], PLACE["hours"]] * 7 + 38
    assert (hours == 40).double().mean().item() * known["hours"].double().mean().item() == pytest.approx(
        math.exp(term(one, "hours", rows(1, hours=40.0))[0]), abs=0.015
    )
    gain = x[:, PLACE["gain"]] * 400 + 50
    first = Layout(SPEC).atoms.start
    shares = torch.cat([one.numbers[0, first : first + 2], torch.zeros(1)]).softmax(0)
    assert (gain.abs() < 1e-9).double().mean().item() == pytest.approx(shares[0].item(), abs=0.015)
    assert gain.mean().item() == pytest.approx(float(one.mean[0, PLACE["gain"]]) * 400 + 50, abs=15)


@pytest.mark.parametrize(("center", "scale"), [(1e12 + 2500.3, 1443.0), (-5e9 - 0.75, 90.0), (1e8 + 0.5, 600.0)])
def test_integers_far_from_zero_are_all_drawn_in_float32(center, scale):
    """In float32 neighbours of 1e12 are 65,536 apart: draws are made on the lattice, without the center."""
    made, count = (
        ColumnsLikelihood(Spec("table", (1,), columns=(Column("n", "integer", center=center, scale=scale),))),
        400,
    )
    x = made.float()(torch.zeros(count, 2)).sample(Noise(0, 0, slice(None), count))
    assert x.dtype == torch.float32
    values = x[:, 0].double() * scale + center
    torch.testing.assert_close(values, values.round(), atol=2e-3, rtol=0)
    assert len(values.round().unique()) > 0.3 * count
    assert (values - center).std().item() == pytest.approx(
        made(torch.zeros(1, 2)).log_sigma.exp().item() * scale, rel=0.15
    )


def test_the_mean_names_the_most_probable_category_and_whether_it_is_known():
    p = module()(numbers(5, 40))
    mean = p.mean
    codes = torch.arange(3).double()
    each = torch.stack([p.terms(rows(40, colour=code))[:, 0] for code in codes])
    assert torch.equal(mean[:, 0], each.argmax(0).double())
    assert set(mean[:, list(FLAG.values())].unique().tolist()) == {0.0, 1.0}


def test_it_is_the_likelihood_of_typed_columns_and_of_nothing_else():
    assert default_likelihood(SPEC) == "columns"
    start = likelihood("columns", SPEC).start(torch.full((10,), 0.25))
    torch.testing.assert_close(start[:5], torch.full((5,), 0.25))
    with pytest.raises(BadField, match="gaussian knows no columns"):
        likelihood("gaussian", SPEC)
    with pytest.raises(BadField, match="use gaussian"):
        likelihood("columns", Spec("table", (3,)))
