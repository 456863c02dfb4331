"""Priors against torch.distributions."""

import pytest
import torch
from torch import distributions as reference

from latentia.core import Noise, SeededNoise, Spec
from latentia.distributions.flow import Flow
from latentia.distributions.normal import Normal
from latentia.distributions.priors import MixtureOf, MixtureOfNormals, StandardNormal, VampPrior

NOISE = Noise(3, 0, slice(None), 4, dtype=torch.float64)
MIXTURE = MixtureOf(Normal(NOISE.normal(2), 0.3 * NOISE.normal(2)), NOISE.normal())
THEIRS = reference.MixtureSameFamily(
    reference.Categorical(logits=MIXTURE.logits),
    reference.Independent(reference.Normal(MIXTURE.components.mean, MIXTURE.components.standard_deviation), 1),
)


def test_a_mixture_equals_the_reference():
    z = NOISE.normal(5, 2)
    torch.testing.assert_close(MIXTURE.log_prob(z), THEIRS.log_prob(z))
    torch.testing.assert_close(MIXTURE.mean[0], THEIRS.mean)
    torch.testing.assert_close(MIXTURE.standard_deviation[0], THEIRS.stddev)


def test_narrow_and_far_components_keep_their_digits_as_products():
    mean = torch.tensor([[900.0, -3.0], [-40.0, 7.0], [0.0, 0.0]], dtype=torch.float64)
    mixture = MixtureOf(
        Normal(mean, torch.tensor([[-6.0], [0.0], [4.0]]).double().expand(3, 2)), torch.zeros(3).double()
    )
    z = torch.cat([mean + 1e-3, mean + 5.0, 1e4 * mean]).requires_grad_()
    apart = torch.stack([Normal(m, s).log_prob(z) for m, s in zip(mean, mixture.components.log_scale, strict=True)])
    torch.testing.assert_close(
        mixture.log_prob(z), apart.logsumexp(0) - torch.tensor(3.0).double().log(), rtol=1e-9, atol=5e-5
    )
    assert torch.isfinite(torch.autograd.grad(mixture.log_prob(z).sum(), z)[0]).all()


def test_draws_and_quantiles_of_a_mixture_agree_with_its_moments():
    draws = MIXTURE.sample(Noise(0, 0, slice(None), 40_000, dtype=torch.float64))
    torch.testing.assert_close(draws.mean(0), THEIRS.mean, atol=0.03, rtol=0)
    torch.testing.assert_close(draws.std(0), THEIRS.stddev, atol=0.03, rtol=0)
    for probability in (0.05, 0.5, 0.9):
        below = (draws < MIXTURE.quantile(probability)).double().mean(0)
        torch.testing.assert_close(below, torch.full_like(below, probability), atol=0.01, rtol=0)


@pytest.mark.parametrize("prior", [StandardNormal(3)(), MixtureOfNormals(3, 5)()])
def test_draw_i_depends_on_its_seed_alone(prior):
    torch.testing.assert_close(prior.sample(SeededNoise([3, 8, 1]))[1], prior.sample(SeededNoise([8]))[0])
    assert prior.sample(SeededNoise([])).shape == (0, 3)


def test_the_standard_normal_stands_for_every_example():
    prior, z = StandardNormal(3).double()(), NOISE.normal(7, 3)
    standard = reference.Normal(torch.tensor(0.0).double(), 1)
    torch.testing.assert_close(prior.log_prob(z), standard.log_prob(z).sum(-1))
    assert prior.sample(NOISE).shape == (4, 3)
    assert prior.quantile(0.5).abs().max() == 0
    assert not StandardNormal(3).state_dict()


def test_a_vamp_prior_is_the_mixture_of_the_posteriors_of_its_pseudo_inputs():
    vamp = VampPrior(Spec("image", (1, 2, 2), 256), 6)
    examples = torch.linspace(0, 1, 24).reshape(6, 1, 2, 2)
    vamp.start(examples)
    torch.testing.assert_close(vamp.inputs(), examples)
    encode = torch.nn.Linear(4, 2)
    prior = vamp(Normal(encode(vamp.inputs().flatten(1)), torch.zeros(6, 2)))
    z = torch.ones(3, 2)
    centres = encode(examples.flatten(1))
    expected = torch.stack([Normal(centre, torch.zeros(2)).log_prob(z).exp() for centre in centres]).mean(0).log()
    torch.testing.assert_close(prior.log_prob(z), expected)
    prior.log_prob(z).sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in (vamp.pseudo, vamp.logits, encode.weight))


def test_pseudo_inputs_of_pictures_stay_in_the_range_of_the_data():
    vamp = VampPrior(Spec("image", (1, 2, 2), 256), 2)
    vamp.start(torch.full((2, 1, 2, 2), 3.0))
    assert vamp.inputs().max() == 1
    table = VampPrior(Spec("table", (4,)), 2)
    table.start(torch.full((2, 4), 3.0))
    assert table.inputs().max() == 3


def test_a_learnt_component_cannot_collapse_onto_a_code():
    prior = MixtureOfNormals(2, 3)
    with torch.no_grad():
        prior.log_scale.fill_(-1e6)
    assert prior().log_prob(prior.location.detach()).isfinite().all()
    assert prior().standard_deviation.min() > 5e-4


def test_a_flow_is_a_density_and_draws_from_it():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        flow = Flow(2, 3).double()
        for weight in flow.parameters():
            weight.data.mul_(2)  # far from the identity
    p = flow()
    ticks = torch.linspace(-7, 7, 561, dtype=torch.float64)
    plane = torch.cartesian_prod(ticks, ticks)
    with torch.no_grad():
        density = p.log_prob(plane).exp()
        draws = p.sample(Noise(0, 0, slice(None), 20_000, dtype=torch.float64))
    share = density / density.sum()
    assert density.sum() * (ticks[1] - ticks[0]) ** 2 == pytest.approx(1, abs=2e-3)
    mean = share @ plane
    torch.testing.assert_close(draws.mean(0), mean, atol=0.04, rtol=0)
    torch.testing.assert_close(draws.std(0), (share @ (plane - mean).square()).sqrt(), atol=0.04, rtol=0)
    assert abs(mean).max() > 0.1  # not the normal distribution that it is made of
