"""Likelihood modules: one convention for all decoders, which data they take, what they refuse."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from latentia.core import Noise, Spec
from latentia.distributions.flow import Flow, FlowOf
from latentia.distributions.likelihoods import LIKELIHOODS, check_likelihood, default_likelihood, likelihood
from latentia.distributions.normal import Normal
from latentia.distributions.priors import MixtureOfNormals, StandardNormal, VampPrior
from latentia.errors import BadField
from tests.distributions.host import NoHostRead

SHAPES = [(1, 4, 3), (3, 2, 4), (4, 3, 3), (5,)]
NAMES = [*(name for name in LIKELIHOODS if name != "columns"), "logistic-mixture:1", "logistic-mixture:3"]


def data(name, shape, count=6):
    """Data that this likelihood takes, and its spec."""
    levels = 2 if name == "bernoulli" else 256 if name.startswith("logistic") else None
    x = Noise(0, 0, slice(None), count).uniform(*shape)
    spec = Spec("image" if len(shape) == 3 else "table", shape, levels)
    return spec, x if levels is None else (x * (levels - 1)).round() / (levels - 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_shapes_of_every_likelihood(name, shape):
    spec, x = data(name, shape)
    module = likelihood(name, spec).eval()
    assert module.shape[1:] == (shape[1:] or shape)
    assert module.channels == module.shape[0]
    numbers = Noise(1, 0, slice(None), 6).normal(*module.shape)
    p = module(numbers)
    assert p.mean.shape == p.sample(Noise(2, 0, slice(None), 6)).shape == x.shape
    assert p.log_prob(x).shape == (6,)
    entries = p.terms(x).flatten(1)
    torch.testing.assert_close(entries.sum(1), p.log_prob(x))
    draws = module(torch.stack([numbers, numbers + 1]))
    torch.testing.assert_close(draws.log_prob(x)[0], p.log_prob(x), msg="several draws per example")
    one = module(numbers[2:3]).log_prob(x[2:3])
    torch.testing.assert_close(one, p.log_prob(x)[2:3], msg="a score depends on what is scored beside it")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_the_first_bias_gives_the_data_s_mean(name, shape):
    spec, x = data(name, shape)
    module = likelihood(name, spec)
    numbers = module.start(x.mean(0))
    assert numbers.shape == module.shape
    torch.testing.assert_close(module(numbers[None]).mean[0], x.mean(0), atol=0.04, rtol=0)


@pytest.mark.parametrize("name", NAMES)
def test_numbers_in_bf16_are_read_as_float32(name):
    spec, x = data(name, (3, 2, 4))
    module = likelihood(name, spec)
    numbers = Noise(1, 0, slice(None), 6).normal(*module.shape).bfloat16()
    p = module(numbers)
    assert p.log_prob(x).dtype == p.mean.dtype == torch.float32
    torch.testing.assert_close(p.log_prob(x), module(numbers.float()).log_prob(x), atol=0, rtol=0)
    assert module.double()(numbers.double()).log_prob(x.double()).dtype == torch.float64


@pytest.mark.parametrize("name", NAMES)
def test_scoring_and_drawing_never_read_the_device_from_the_host(name):
    spec, x = data(name, (3, 2, 4))
    module, noise = likelihood(name, spec), Noise(1, 0, slice(None), 6)
    numbers = noise.normal(*module.shape).requires_grad_()
    with NoHostRead():
        p = module(numbers)
        p.log_prob(x).sum().backward()
        p.sample(noise)
    assert numbers.grad.isfinite().all()


def test_priors_never_read_the_device_from_the_host():
    noise = Noise(1, 0, slice(None), 6)
    vamp, flow = VampPrior(Spec("table", (3,)), 4), Flow(3, 2)
    with NoHostRead():
        for prior in (
            StandardNormal(3)(),
            MixtureOfNormals(3, 4)(),
            vamp(Normal(vamp.inputs(), vamp.inputs())),
            flow(),
        ):
            z = prior.sample(noise)
            prior.log_prob(z.detach().requires_grad_()).sum().backward()
            if not isinstance(prior, FlowOf):
                prior.quantile(0.25)


@pytest.mark.parametrize("name", NAMES)
def test_extreme_numbers_give_finite_scores_and_gradients(name):
    spec, x = data(name, (1, 4, 3))
    module = likelihood(name, spec)
    for size in (0.0, 1e-6, 30.0, 1e4):
        numbers = (size * Noise(1, 0, slice(None), 6).normal(*module.shape)).requires_grad_()
        score = module(numbers).log_prob(x).sum()
        score.backward()
        assert score.isfinite()
        assert numbers.grad.isfinite().all()


def test_the_default_follows_from_the_data():
    assert [default_likelihood(Spec("image", (1, 8, 8), levels)) for levels in (2, 17, 256, None)] == [
        "bernoulli",
        "logistic",
        "logistic",
        "gaussian",
    ]


@given(st.sampled_from([2, 3, 256, 65_536, None]), st.sampled_from([(0.0, 1.0), (-1.0, 1.0)]))
def test_the_default_always_fits_but_for_binary_data_off_the_unit_interval(levels, bounds):
    spec = Spec("image", (1, 8, 8), levels, *bounds)
    if levels == 2 and bounds != (0.0, 1.0):
        with pytest.raises(BadField, match="values from 0 to 1"):
            check_likelihood(default_likelihood(spec), spec)
    else:
        check_likelihood(default_likelihood(spec), spec)


REFUSALS = [
    ("bernoulli", Spec("image", (1, 8, 8), 256), r"no likelihood for grey values.*--binarize dynamic.*or logistic$"),
    ("bernoulli", Spec("table", (8,)), r"no likelihood for grey values.*or gaussian$"),
    ("logistic", Spec("image", (1, 8, 8)), r"logistic gives probabilities to levels.*use gaussian or continuous-b"),
    ("logistic-mixture:3", Spec("image", (1, 8, 8)), "logistic-mixture gives probabilities to levels"),
    ("continuous-bernoulli", Spec("image", (1, 8, 8), None, -1.0), "lies between -1 and 1: use gaussian"),
    ("benoulli", Spec("image", (1, 8, 8), 2), "did you mean 'bernoulli'"),
    ("logistic:3", Spec("image", (1, 8, 8), 256), "only logistic-mixture has components"),
    ("logistic-mixture:", Spec("image", (1, 8, 8), 256), "1 to 100 components"),
    ("logistic-mixture:0", Spec("image", (1, 8, 8), 256), "1 to 100 components"),
    ("logistic-mixture:x", Spec("image", (1, 8, 8), 256), "1 to 100 components"),
]


@pytest.mark.parametrize(("name", "spec", "text"), REFUSALS)
def test_what_is_no_likelihood_for_the_data_is_refused_with_the_reason(name, spec, text):
    with pytest.raises(BadField, match=text) as refusal:
        likelihood(name, spec)
    assert str(refusal.value).count("\n") == 0
