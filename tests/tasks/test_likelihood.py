import numpy as np
import pytest
import torch
from .nets import Autoencoder, LinearGaussian, Rows, normal

from latentia.core import Noise
from latentia.errors import BadField, CannotDo
from latentia.metrics.likelihood import effective_sample_size, iwae, standard_error
from latentia.tasks.likelihood import AHEAD, DrawNoise, log_likelihood, weigh


def test_true_posterior_gives_the_exact_likelihood_with_any_number_of_draws():
    net = LinearGaussian()
    x = normal(7, 6)
    for draws in (1, 3, 200):
        found = log_likelihood(net, x, draws)
        np.testing.assert_allclose(found.value, net.log_prob(x), rtol=1e-10)
        np.testing.assert_allclose(found.ess, draws, rtol=1e-9)
    assert found.error.max() < 1e-6
    assert found.value.dtype == np.float64
