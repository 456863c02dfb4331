"""The estimators keep scikit-learn's contract, take and give tables of any type, and say p-values and reasons."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import latentia as lt
from latentia.errors import BadField, BadRun, Diverged
from latentia.estimators import VAE, Autoencoder

SHORT = {"images": 500}  # what the checks look at does not depend on how well a net learnt


@parametrize_with_checks([VAE(draws=16, **SHORT), Autoencoder(**SHORT)])
def test_scikit_learn_s_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def rows():
    generator = np.random.default_rng(0)
    return generator.normal(size=(190, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]]) * [2.0, 30.0] + [5.0, -100.0]


@pytest.fixture(scope="module")
def fitted(rows):
    return VAE().fit(rows)


@pytest.fixture(scope="module")
def customers():
    """Numbers, whole numbers, categories, dates, yes or no, and gaps; spending follows the region."""
    generator = np.random.default_rng(1)
    region = generator.choice(["north", "south", "west"], 160)
    spent = np.where(region == "north", 100.0, 20.0) + generator.normal(size=160).round(2)
    spent[::20] = np.nan
    return pandas.DataFrame(
        {
            "region": pandas.Categorical(region),
            "spent": spent,
            "visits": generator.poisson(6, 160),
            "member": generator.random(160) < 0.5,
            "since": pandas.Timestamp("2020-01-01") + pandas.to_timedelta(generator.integers(0, 900, 160), "D"),
        }
    )


def test_small_data_have_their_density_in_closed_form_in_the_data_s_units(fitted, rows):
    held = np.random.default_rng(7).multivariate_normal(rows.mean(0), np.cov(rows.T), 500)
    truth = multivariate_normal(rows.mean(0), np.cov(rows.T)).logpdf(held)
    assert np.abs(fitted.score_samples(held) - truth).mean() < 0.15
    assert fitted.score(held) == pytest.approx(truth.mean(), abs=0.1)


def test_p_values_of_good_rows_are_conformal_and_those_of_odd_rows_small(fitted, rows):
    good = np.random.default_rng(8).multivariate_normal(rows.mean(0), np.cov(rows.T), 300)
    p = fitted.pvalues(good)
    held = fitted._held
    expected = (1 + (held[None] <= fitted.score_samples(good)[:, None]).sum(1)) / (len(held) + 1)
    np.testing.assert_allclose(p, expected)
    odd = rows.mean(0) + np.array([20.0, -300.0])
    assert fitted.pvalues(odd[None]) == pytest.approx([1 / (len(held) + 1)])
    assert fitted.rate_ == pytest.approx(1 / (len(held) + 1))
    assert (fitted.predict(good) == np.where(p <= fitted.rate_ + 1e-12, -1, 1)).all()
    assert np.isnan(fitted.pvalues(rows, refit=False)).sum() >= 0.7 * len(rows), "rows of the training have none"


def test_reasons_add_up_to_the_score(fitted, rows):
    odd = np.array([[rows[0, 0], -1000.0], rows[1]])
    told = fitted.explain(odd)
    assert fitted.explained_ == ["x0", "x1", "(latent)"]
    total = -fitted.score_samples(odd) - told.sum(1)
    assert total[0] == pytest.approx(total[1], abs=1e-6)
    assert np.argmax(told[0, :2]) == 1
    score = fitted.model_.outliers(odd, 0.5, draws=64, data=fitted._opened, refit=False).scores
    np.testing.assert_allclose(told.sum(1) + fitted.explained_mean_, score)


def test_a_rate_out_of_reach_is_said_and_every_threshold_has_its_rate(rows):
    with pytest.warns(UserWarning, match="rate 0.001 is out of reach of 19 rows held out: 0.05 is used"):
        assert VAE(rate=0.001).fit(rows).rate_ == pytest.approx(0.05)
    usual = VAE().fit(rows)
    assert "rate 0.01 is out of reach of 19 rows held out: 0.05 is used" in usual.diagnosis_
    assert not any("out of reach" in each for each in VAE(rate=0.1).fit(rows).diagnosis_)
    found = VAE(contamination=0.3).fit(rows)
    assert found.rate_ == (1 + (found.decision_function(rows[found._opened.test.rows.numpy()]) < 0).sum()) / 20
    with pytest.raises(Diverged, match="Try a lower --rate"):
        VAE(learning_rate=50.0, images=1024).fit(rows)


def test_data_in_memory_are_given_again_by_name(rows):
    model = lt.train(lt.VAE(), rows)
    with pytest.raises(BadRun, match=r"array in memory, which is not kept; give the same again: .* data=ARRAY"):
        model.outliers(rows[:3], refit=False)
    p = model.outliers(rows[:9] + 0.1, 0.1, refit=False, data=rows).p_values
    np.testing.assert_array_equal(model.outliers(rows[:9] + 0.1, 0.1).p_values, p)  # what was scored is kept
    with pytest.raises(BadRun, match="data is not what"):
        lt.train(lt.VAE(), rows).outliers(rows, data=rows + 1)


def test_a_table_of_all_types_goes_in_and_comes_out(customers):
    found = VAE().fit(customers)
    made = found.sample(40, random_state=3)
    assert list(made.columns) == list(customers.columns)
    assert (made.dtypes == customers.dtypes).all()
    assert set(made["region"]) <= {"north", "south", "west"}
    pandas.testing.assert_frame_equal(made, found.sample(40, random_state=3))
    swapped = customers.assign(region=np.where(customers["region"] == "north", "south", "north"))
    assert found.score(swapped) < found.score(customers) - 3
    told = found.explain(customers.iloc[5:8])
    assert list(told.columns) == [*customers.columns, "(latent)"]
    assert list(told.index) == [5, 6, 7]
    codes = found.set_output(transform="pandas").transform(customers)
    assert list(codes.columns)[:2] == ["vae0", "vae1"]
    assert list(found.inverse_transform(codes).columns) == list(customers.columns)


def test_more_rows_are_learnt_from_and_kept_and_the_model_before_is_left_alone(rows, tmp_path):
    found = VAE(learning_rate=1e-2).fit(rows)
    before, moved = found.model_, rows + np.array([8.0, 0.0])
    kept = found.score(moved)
    for _ in range(6):
        found.partial_fit(moved)
    assert found.score(moved) > kept + 1
    assert VAE(learning_rate=1e-2).fit(rows).score(moved) == pytest.approx(kept)
    assert found.model_ is not before
    del before
    found.save(tmp_path / "kept")
    assert VAE.load(tmp_path / "kept").score(moved) == found.score(moved)


def test_rows_learnt_since_the_first_fit_are_known_and_every_tenth_new_one_judges(rows, tmp_path):
    found, more = VAE(learning_rate=1e-2).fit(rows), np.random.default_rng(3).normal(size=(60, 2)) * 3
    run, before = found.model_, found.pvalues(more, refit=False)
    assert not np.isnan(before).any()
    found.partial_fit(more)
    p = found.pvalues(more, refit=False)
    held = np.arange(60) % 10 == 9
    np.testing.assert_array_equal(np.isnan(p), ~held)
    fresh = np.random.default_rng(4).normal(size=(20, 2)) * 3
    judges = found.score_samples(np.concatenate([more[held], rows[found._opened.test.rows.numpy()]]))
    assert sorted(found._held) == pytest.approx(sorted(judges))
    expected = (1 + (judges[None] <= found.score_samples(fresh)[:, None]).sum(1)) / (len(judges) + 1)
    np.testing.assert_allclose(found.pvalues(fresh), expected)
    assert (found.predict(fresh) == np.where(expected <= found.rate_ + 1e-12, -1, 1)).all()
    found.save(tmp_path / "kept")
    again = VAE.load(tmp_path / "kept")
    np.testing.assert_array_equal(again.pvalues(more, refit=False), p)
    weights = (tmp_path / "kept" / "weights.safetensors").read_bytes()
    again.partial_fit(fresh)
    assert np.isnan(again.pvalues(more, refit=False))[~held].all()
    assert (tmp_path / "kept" / "weights.safetensors").read_bytes() == weights, "a run that was loaded is left alone"
    assert run.beside.good is None


@pytest.fixture(scope="module")
def many():
    return np.random.default_rng(5).normal(size=(260, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])


def test_members_are_averaged_as_densities_wherever_a_row_is_judged(many, tmp_path):
    found = VAE(members=3, images=3000, draws=16).fit(many)
    alone = VAE(images=3000, draws=16).fit(many)
    asked = np.concatenate([many[:5] + 0.3, [[9.0, -9.0]]])
    nets = (found.model_.net, *found.model_.beside.others)
    each = np.stack([found.model_.__class__(net, *_of(found.model_)).log_prob(asked, draws=16).value for net in nets])
    np.testing.assert_allclose(each[0], alone.score_samples(asked))
    assert np.abs(each[0] - each[1]).max() > 1e-3
    np.testing.assert_allclose(found.score_samples(asked), np.logaddexp.reduce(each) - np.log(3))
    total = -found.score_samples(asked) - found.explain(asked).sum(1)
    assert np.ptp(total) < 1e-6, "reasons add up to the score of all members together"
    p = (1 + (found._held[None] <= found.score_samples(asked)[:, None]).sum(1)) / (len(found._held) + 1)
    np.testing.assert_allclose(found.pvalues(asked, refit=False), p)
    found.save(tmp_path / "kept")
    np.testing.assert_array_equal(VAE.load(tmp_path / "kept").score_samples(asked), found.score_samples(asked))
    before = found.score(many + 4)
    found.partial_fit(many + 4)
    assert found.score(many + 4) > before
    assert len(found.model_.beside.others) == 2


def _of(model):
    return model.recipe, model.spec, model.folder


def test_a_fit_says_what_is_wrong_with_the_table_and_with_what_was_learnt(many):
    twice = np.concatenate([many, many[:40]])  # some of the 40 are held out while their twins are learnt from
    found = VAE(images=6000).fit(np.column_stack([twice, np.full(len(twice), 7.0)]))
    told = " ".join(found.diagnosis_)
    assert "left out, the same in every training row: 'x2'" in told
    splits = [split.read(slice(None)).x for split in (found._opened.train, found._opened.test)]
    count = int((splits[1][:, None] == splits[0]).all(2).any(1).sum())
    assert count > 0
    assert f"{count} of 30 test rows are equal to a training row" in told
    with pytest.warns(UserWarning, match=r"the posterior has collapsed: .* try --beta"):
        VAE(images=8000, beta=300.0, learning_rate=2e-2, prior="normal").fit(many)


def test_a_grid_search_in_a_pipeline_chooses_by_likelihood(rows):
    steps = make_pipeline(StandardScaler(), VAE())
    search = GridSearchCV(steps, {"vae__prior": ["normal", "mixture:4"]}, cv=2).fit(rows)
    assert np.isfinite(search.best_score_)
    assert steps.fit(rows).predict(rows).shape == (len(rows),)


def test_threads_are_restored(rows):
    before = torch.get_num_threads()
    VAE(n_jobs=2).fit(rows).score(rows)
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("estimator", [VAE(contamination=0.1), Autoencoder(images=500)])
def test_what_is_saved_comes_back(estimator, rows, tmp_path):
    found = estimator.fit(rows)
    found.save(tmp_path / "kept")
    again = type(found).load(tmp_path / "kept")
    assert again.get_params() == found.get_params()
    np.testing.assert_array_equal(again.decision_function(rows), found.decision_function(rows))
    odd = rows[:3] * 3
    np.testing.assert_array_equal(again.pvalues(odd), found.pvalues(odd))
    np.testing.assert_allclose(again.explain(odd), found.explain(odd))
    other = Autoencoder if isinstance(found, VAE) else VAE
    with pytest.raises(BadRun, match=f"is a run of {type(found).__name__.lower()}, and this is {other.__name__}"):
        other.load(tmp_path / "kept")


def test_a_run_of_the_command_line_becomes_an_estimator(rows, tmp_path):
    table = tmp_path / "rows.csv"
    pandas.DataFrame(rows, columns=["a", "b"]).to_csv(table, index=False)
    model = lt.train(lt.VAE(rate=0.0), table, images=1, run=tmp_path / "run", device="cpu")
    found = VAE.load(tmp_path / "run")
    frame = pandas.DataFrame(rows, columns=["a", "b"])
    np.testing.assert_allclose(found.score_samples(frame), model.log_prob(frame, draws=128).value)
    assert (found.predict(frame) == 1).mean() > 0.9


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"contamination": 0.7}, "contamination is 0.7; it is 'auto'"),
        ({"rate": 0.0}, "rate is 0.0; it lies"),
    ],
)
def test_shares_that_are_none_are_refused(settings, told, rows):
    with pytest.raises(BadField, match=told):
        VAE(**settings).fit(rows)
