import dataclasses

import numpy as np
import pytest
import torch

from latentia.core import Batch, Column, Spec
from latentia.errors import CannotDo
from latentia.models.vae import VAE
from latentia.tasks.score import averaged, folded, kind_of, log_units, scores, stacked, term_names

from .nets import Autoencoder, LinearGaussian, Pictures, normal

TABLE = Spec("table", (6,))


def test_a_density_scores_by_minus_log_p_and_its_parts_add_up():
    net, x = LinearGaussian(stretch=1.1), normal(9, 6)
    found = scores(net, Batch(x), TABLE, 512)
    np.testing.assert_allclose(found.value, -net.log_prob(x), atol=0.05)
    np.testing.assert_allclose(found.terms.sum(1) + found.latent, found.value, rtol=1e-12)
    assert list(found.columns()) == ["log_prob", "error", "ess", "k"]
    assert found.kind.unit == "nats"


def test_the_mean_of_two_densities_has_the_member_as_one_more_latent():
    x = Batch(normal(9, 6))
    one, other = (scores(LinearGaussian(sigma=sigma), x, TABLE, 512) for sigma in (0.4, 0.8))
    found = averaged([one, other])
    np.testing.assert_allclose(found.value, np.log(2) - np.logaddexp(-one.value, -other.value))
    share = np.exp(found.value - one.value) / 2
    np.testing.assert_allclose(found.terms, share[:, None] * one.terms + (1 - share[:, None]) * other.terms)
    apart = share * np.log(2 * share) + (1 - share) * np.log(2 - 2 * share)
    np.testing.assert_allclose(found.latent, share * one.latent + (1 - share) * other.latent + apart, atol=1e-9)
    assert found.log_prob.error == pytest.approx(share * one.log_prob.error + (1 - share) * other.log_prob.error)


def test_an_autoencoder_scores_by_its_squared_error_which_is_no_density():
    net, x = Autoencoder(), normal(5, 6, dtype=torch.float32)
    found = scores(net, Batch(x), TABLE)
    np.testing.assert_allclose(found.value, x[:, 3:].square().sum(1), rtol=1e-6)
    assert "no density" in found.kind.meaning
    assert list(found.columns()) == ["squared_error"]
    mask = torch.ones(5, 6, dtype=torch.bool)
    mask[2, 4] = False
    part = scores(net, Batch(x, mask=mask), TABLE)
    assert part.value[2] == pytest.approx(float(x[2, [3, 5]].square().sum()))
    assert part.known is not None


class Judged(Pictures):
    """A generator with a critic that believes in dark pictures."""

    def answer(self, x, label=None):
        return -x.flatten(1).mean(1) * 10

    def detailed(self, x):
        return x


def test_a_generator_scores_by_what_it_cannot_show_and_by_its_critic():
    net, spec = Judged().eval(), Spec("image", (1, 8, 8))
    shown = net.decode(normal(2, 5, dtype=torch.float32)).detach()
    x = torch.cat([shown, torch.ones(1, 1, 8, 8)])
    found = scores(net, Batch(x), spec, seed=3)
    assert found.value.argmax() == 2
    residual = found.columns()["residual"]
    assert residual[:2].max() < 0.01  # what it makes it finds again
    assert residual[2] > 0.05
    critic = 0.1 * np.log1p(np.exp(10 * x.flatten(1).mean(1).double().numpy()))
    np.testing.assert_allclose(found.columns()["critic"], critic, rtol=1e-5)
    assert kind_of(net).name == "residual and critic"


def test_what_neither_reconstructs_nor_samples_is_refused():
    with pytest.raises(CannotDo, match="score needs a model that draws latents"):
        kind_of(torch.nn.Linear(2, 2))


def test_terms_of_entries_belong_to_columns_and_pixels():
    columns = (Column("a", "numeric", missing=True), Column("b", "numeric"), Column("c", "binary", missing=True))
    spec = Spec("table", (5,), columns=columns)
    np.testing.assert_array_equal(folded(np.array([[1.0, 2, 3, 10, 20]]), spec), [[11, 2, 23]])
    assert term_names(spec, 3) == ["a", "b", "c"]
    picture = Spec("image", (3, 2, 2))
    np.testing.assert_array_equal(folded(np.arange(12.0)[None], picture), [[12, 15, 18, 21]])
    assert folded(np.zeros((1, 4)), picture).shape == (1, 4)  # a mixture over colours tells one term per pixel
    assert term_names(picture, 4)[3] == "row 1, column 1"
    assert term_names(TABLE, 6)[5] == "x5"


def test_blocks_become_one():
    net, x = Autoencoder(), normal(5, 6, dtype=torch.float32)
    mask = torch.ones(2, 6, dtype=torch.bool)
    whole = stacked([scores(net, Batch(x[:3]), TABLE), scores(net, Batch(x[3:], mask=mask), TABLE)])
    np.testing.assert_allclose(whole.value, scores(net, Batch(x), TABLE).value)
    assert whole.known.all()
    assert whole[1:3].known.shape == (2, 6)


DAYS = Spec(
    "table",
    (7,),
    columns=(
        Column("last", "datetime", scale=40.0, missing=True),
        Column("height", "numeric", scale=0.1),
        Column("visits", "integer", scale=0.5),
        Column("cents", "integer", scale=300.0),
        Column("region", "categorical", categories=("a", "b", "c"), missing=True),
    ),
)


def test_units_count_where_a_value_is_known():
    x, mask = torch.ones(3, 7), torch.ones(3, 5, dtype=torch.bool)
    x[1, 5] = 0  # a gap in last
    mask[2, 1] = False
    found = np.exp(log_units(Batch(x, mask=mask), DAYS))
    np.testing.assert_allclose(found, [[40, 0.1, 1, 300, 1], [1, 0.1, 1, 300, 1], [40, 1, 1, 300, 1]])
    assert log_units(Batch(normal(3, 6)), TABLE).tolist() == [[0.0]] * 3


def test_scores_know_no_units_and_a_gap_is_no_cheaper_beside_seconds_than_beside_days():
    seconds = Column("last", "datetime", scale=40 * 86_400.0, missing=True)
    x = torch.rand(6, 7, generator=torch.Generator().manual_seed(0)).double()
    x[:, 4] = torch.arange(6) % 3
    x[:, 5:] = 1
    x[4:, 5] = x[4:, 0] = 0
    told = []
    for columns in (DAYS.columns, (seconds, *DAYS.columns[1:])):
        spec = dataclasses.replace(DAYS, columns=columns)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            net = VAE(latent=2, hidden=(8,)).build(spec).double().eval()
        told.append(scores(net, Batch(x), spec, 64))
    days, seconds = told
    np.testing.assert_allclose(seconds.value, days.value, rtol=1e-12)
    np.testing.assert_allclose(seconds.terms, days.terms, rtol=1e-9)
    np.testing.assert_allclose(days.terms.sum(1) + days.latent, days.value)
    apart = days.columns()["log_prob"] - seconds.columns()["log_prob"]
    np.testing.assert_allclose(np.exp(apart), [86_400] * 4 + [1] * 2)
    whole = (days.value + days.log_prob.value)[:4]
    np.testing.assert_allclose(whole, whole[0])  # of complete rows by a constant: they rank as before
    both = averaged([days, seconds])
    np.testing.assert_allclose(both.value, days.value)
    np.testing.assert_allclose(both.terms.sum(1) + both.latent, both.value)
