"""How a VAE of a table begins, what it leaves out, and what it says of its training."""

import dataclasses

import numpy as np
import pytest
import torch

import latentia as lt
from latentia import data
from latentia.api import ending, of_table
from latentia.core import Batch, Noise, Now, Spec, Stage, Training
from latentia.errors import BadField, BadRun, Diverged
from latentia.estimators import VAE
from latentia.models._tables import KEPT, core_of, factors, inflation, linear_start, mixture_of, spread_over
from latentia.models.vae import most_probable
from latentia.nn.columns import ColumnFeatures
from latentia.tasks.likelihood import exact, log_likelihood
from latentia.training.run import Said

WEIGHT = np.random.default_rng(1).normal(size=(6, 2))


def linear(count, seed=0, outliers=0):
    """Rows that are linear in two numbers, the last ones far from them."""
    draw = np.random.default_rng(seed)
    rows = draw.normal(size=(count, 2)) @ WEIGHT.T + 0.5 * draw.normal(size=(count, 6)) + 3
    rows[count - outliers :] += 40 * draw.normal(size=(outliers, 6))
    return rows


def begun(rows, **fields):
    """A VAE of rows as it is before the first step, and its data."""
    opened, recipe = data.open(rows), lt.VAE(hidden=(8,), **fields)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = recipe.build(opened.spec)
    recipe.prepare(net, opened.train)
    return net, opened


def test_factor_analysis_is_that_of_scikit_learn():
    peer = pytest.importorskip("sklearn.decomposition").FactorAnalysis(2, tol=1e-8, max_iter=5000)
    rows = linear(500)
    rows = (rows - rows.mean(0)) / rows.std(0)
    peer.fit(rows)
    weight, noise = factors(torch.from_numpy(np.cov(rows.T, bias=True)), 2, torch.full((6,), 1e-6).double())
    np.testing.assert_allclose(weight @ weight.T + noise.diag(), peer.get_covariance(), atol=2e-3)
    apart = weight.T @ (weight / noise[:, None])
    torch.testing.assert_close(apart, apart.diagonal().diag(), atol=1e-6, rtol=0)


def test_before_the_first_step_the_density_is_that_of_the_linear_model():
    """In the data's units, with a posterior so exact that every draw has the same weight."""
    scipy = pytest.importorskip("scipy.stats")
    net, opened = begun(linear(3000), latent=2, prior="normal")
    x = opened.test.read(slice(None)).x
    told = log_likelihood(exact(net), x.double(), draws=32)
    rows = opened.train.read(slice(None)).x.double().numpy()
    truth = scipy.multivariate_normal(np.full(6, 3.0), WEIGHT @ WEIGHT.T + 0.25 * np.eye(6))
    values = np.stack([x[:, at].double().numpy() * c.scale + c.center for at, c in enumerate(opened.spec.columns)], 1)
    assert np.abs(told.value - truth.logpdf(values)).mean() < 0.08
    assert told.ess.min() > 31.9
    assert len(rows) == 2400


def test_before_the_first_step_shares_of_categories_move_with_the_code_as_the_table_s_do():
    frame = pytest.importorskip("pandas").DataFrame
    draw = np.random.default_rng(0)
    size = draw.normal(size=2000)
    rich = np.where(size + 0.7 * draw.normal(size=2000) > 1.2, "yes", "no")
    net, opened = begun(frame({"size": size, "other": size + 0.3 * draw.normal(size=2000), "rich": rich}), latent=1)
    front = net.encoder.front
    x = opened.train.read(slice(None)).x
    code = net.encode(x)[:, 0].detach()
    asked = front.layout.coded.start + opened.spec.columns[2].categories.index("yes")
    shares = front.raw(x)[0][:, asked]
    slope = np.polyfit(code.numpy(), shares.numpy(), 1)[0]
    step = torch.tensor([[-0.05], [0.05]])
    p = net.likelihood(step).numbers[:, front.layout.coded.start : front.layout.coded.stop].softmax(-1)
    made = (p[1] - p[0])[asked - front.layout.coded.start].item() / 0.1
    assert made == pytest.approx(slope, rel=0.25)


def test_the_core_holds_no_outliers_and_normal_tables_are_not_inflated():
    opened = data.open(linear(2000, outliers=200), held_out=0.001)
    front, x = ColumnFeatures(opened.spec), opened.train.read(slice(None)).x.double()
    core = core_of(front, x)
    far = (x - x[core].mean(0)).abs().amax(1) > 2
    assert core.double().mean().item() == pytest.approx(KEPT, abs=0.01)
    assert not (core & far).any()
    assert inflation(front, x, core) > 20
    plain = data.open(np.random.default_rng(0).normal(size=(20_000, 3)), held_out=0.001)
    front, x = ColumnFeatures(plain.spec), plain.train.read(slice(None)).x.double()
    assert inflation(front, x, core_of(front, x)) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("outliers", "kept"), [(0, 1.0), (60, KEPT)])
def test_auto_leaves_rows_out_where_some_lie_far(outliers, kept):
    net, _ = begun(linear(600, outliers=outliers), robust="auto")
    assert net.kept.item() == pytest.approx(kept)
    assert begun(linear(200), robust="yes")[0].kept.item() == pytest.approx(KEPT)
    assert begun(linear(200), robust="no")[0].kept is None


def test_rows_that_are_left_out_teach_nothing():
    net, opened = begun(linear(300, outliers=30), robust="yes")
    x = opened.train.read(slice(-160, None)).x
    far = (x.abs() > 1).any(1, keepdim=True)
    loss, moved = (told(net, rows, "yes") for rows in (x, torch.where(far, 2 * x, x)))
    assert loss["loss"] == moved["loss"]
    assert loss["elbo"] > moved["elbo"]
    weights = most_probable(torch.tensor([3.0, 1.0, 2.0, 4.0]), torch.tensor(0.75))
    torch.testing.assert_close(weights, torch.tensor([1.0, 0.0, 1.0, 1.0]) * 4 / 3)


def told(net, x, robust):
    now = Now(torch.tensor(0), Stage(len(x)), Noise(0, 0, slice(None), len(x)))
    update = next(lt.VAE(hidden=(8,), robust=robust).updates(net, Batch(x), now))
    return {"loss": update.loss.item(), "elbo": update.logs["elbo"].item()}


def test_robust_needs_the_plain_objective():
    with pytest.raises(BadField, match="robust goes with the plain objective"):
        lt.VAE(robust="yes", objective="iwae", draws=3).build(data.open(linear(50)).spec)


def test_batch_and_budget_follow_from_the_rows_where_none_is_asked_for():
    spec = data.open(linear(50)).spec
    plan = lambda rows, **asked: lt.VAE().planned(Training(**asked), spec, rows)[1]  # noqa: E731
    assert (plan(100).batch, plan(30_000).batch, plan(10**6).batch) == (128, 256, 512)
    assert (plan(3000).images, plan(100_000).images) == (120_000, 6_200_000)
    assert plan(3000, batch=10).batch == 10
    assert plan(3000, images=5).images == 5
    assert (plan(3000, steps=5).images, plan(3000, minutes=1.0).images) == (None, None)
    assert lt.VAE().planned(Training(), dataclasses.replace(spec, columns=()), 3000) == (lt.VAE(), Training())


def listened(recipe, rows, **told):
    said = []
    listen = lambda event: said.append(event.text) if isinstance(event, Said) else None  # noqa: E731
    return lt.train(recipe, rows, progress=listen, device="cpu", **told), " ".join(said)


def test_few_rows_have_their_closed_form_through_both_doors_unless_a_net_is_asked_for(tmp_path):
    rows = linear(150)
    model, said = listened(lt.VAE(), rows, run=tmp_path / "run", members=3)
    assert "no net is trained (rate 0): the model is its closed form, a factor analysis" in said
    assert "net: mlp" not in said
    assert not model.beside.others
    expected = model.log_prob(rows[:9], 64).value
    fitted = VAE(random_state=0).fit(rows)
    np.testing.assert_allclose(fitted.score_samples(rows[:9]), expected, rtol=1e-9)
    assert any("no net is trained" in each for each in fitted.diagnosis_)
    again, _ = listened(lt.VAE(), rows, run=tmp_path / "run", members=3)  # the same call goes on
    np.testing.assert_array_equal(again.log_prob(rows[:9], 64).value, expected)
    for recipe, told in [(lt.VAE(hidden=(8,)), {"images": 128}), (lt.VAE(hidden=(8,), rate=1e-3), {})]:
        model, said = listened(recipe, rows, **told)
        assert "net: mlp of 8" in said
        assert not np.allclose(model.log_prob(rows[:9], 64).value, expected)
    wide = np.random.default_rng(0).normal(size=(300, 250))
    spec = data.open(wide).spec
    assert lt.Autoencoder().planned(Training(), spec, 240)[0].rate == 0
    assert lt.Autoencoder().planned(Training(), spec, 250)[0].rate > 0


def test_auto_is_the_default_of_tables_alone_and_changes_no_bit_where_no_row_is_left_out(tmp_path):
    rows, told = tmp_path / "rows.csv", {"images": 512, "batch": 128, "every": 256}
    np.savetxt(rows, linear(300), delimiter=",", header="a,b,c,d,e,f", comments="")
    auto, said = listened(lt.VAE(hidden=(8,)), rows, run=tmp_path / "auto", **told)
    assert "no row left out" in said
    without, said = listened(lt.VAE(hidden=(8,), robust="no"), rows, run=tmp_path / "no", **told)
    assert "robust" not in said
    ours = auto.net.state_dict()
    for name, weight in without.net.state_dict().items():
        assert torch.equal(ours[name], weight), name
    assert lt.resume(tmp_path / "no", images=640).recipe.robust == "no"
    _, said = listened(lt.VAE(hidden=(8,), free_bits=0.1), rows, images=128, batch=128)
    assert "robust no: only the plain objective" in said
    assert lt.VAE().fitted(Spec("image", (1, 8, 8))).robust == "no"  # as in runs of pictures from before


def test_a_training_says_that_it_collapsed_what_it_left_out_and_that_it_was_too_short(tmp_path):
    said = []
    listen = lambda event: said.append(event.text) if isinstance(event, Said) else None  # noqa: E731
    rows = linear(200, outliers=20)
    lt.train(lt.VAE(hidden=(8,), latent=2, robust="auto"), rows, images=32, batch=32, progress=listen)
    assert any("learnt from the most probable 70% of the rows" in each for each in said)
    assert not any("collapsed" in each for each in said)
    net, opened = begun(linear(100), latent=2)
    with torch.no_grad():
        net.head.layer.weight.zero_()
    decided, sentence = lt.VAE(latent=2).found(net, opened.train)
    assert decided.startswith("robust auto: the table's variance is 1.0 times that of a normal one")
    assert "none of the 2 latents tells items apart" in sentence
    assert "--beta 0:1@N" in sentence


def log_of(scores):
    """The log of a run of these scores."""
    return [{"split": "validation", "seen": 10 * at, "logs": {"bound": score}} for at, score in enumerate(scores)]


def test_a_finite_training_that_diverged_is_refused_and_too_short_or_harmful_ones_are_said(tmp_path):
    rows, wild = linear(300), lt.VAE(hidden=(8,), latent=2, rate=50.0)
    for _ in range(2):  # the same call again trains nothing, and is refused as well
        with pytest.raises(
            Diverged, match=r"(?s)never anywhere near the -7\.14 from before the first step.*Try a lower --rate"
        ) as error:
            lt.train(wild, rows, run=tmp_path / "run", images=2048, device="cpu")
    assert error.value.exit_code == 2
    assert not (tmp_path / "run" / "weights.safetensors").exists()
    with pytest.raises(BadRun, match="no best weights"):
        lt.load(tmp_path / "run")
    _, said = listened(lt.VAE(hidden=(8,), latent=2), rows, images=128, batch=64)
    assert "128 images are 53% of one pass over the 240 training rows" in said
    assert "train longer: --images 9600" in said
    opened, score = data.open(rows), lt.VAE().score
    begun = {"split": "start", "seen": 0, "logs": {"bound": -9.0}}
    assert score == ("bound", "higher")
    ended = lambda *scores: of_table([begun, *log_of([*scores, *[scores[-1]] * 30])], lt.VAE(), opened)  # noqa: E731
    assert ended(-8.0, -10.0) == []
    assert "is -40, and was -9 before the first step; try a smaller --rate" in ended(-40.0, -60.0)[0]
    assert "was -8, and is -1e+06 at the end; try a smaller --rate" in ended(-8.0, -1e6)[0]


def test_what_still_gets_better_at_the_end_was_too_short():
    (sentence,) = ending(log_of(range(21)), ("bound", "higher"))
    assert "20% of all it gained" in sentence
    assert "--images 400" in sentence
    flat = [1 - 2.0**-place for place in range(21)]
    assert not ending(log_of(flat), ("bound", "higher"))
    assert not ending(log_of(range(5)), ("bound", "higher"))
    assert not ending(log_of(range(21)), ("bound", "lower"))
    assert ending(log_of([-each for each in range(21)]), ("bound", "lower"))


def test_linear_start_of_more_latents_than_features():
    opened = data.open(linear(100))
    front = ColumnFeatures(opened.spec)
    start = linear_start(front, opened.train.read(slice(None)).x.double(), 9, 0.1)
    assert start.weight.shape == (6, 9)
    assert start.encoder.isfinite().all()


def test_columns_that_have_nothing_in_common_are_carried_by_the_codes():
    """Factor analysis would leave them all to the noise, and training would begin collapsed."""
    weight, noise = factors(torch.eye(2).double(), 2, torch.full((2,), 0.01).double())
    torch.testing.assert_close(weight @ weight.T + noise.diag(), torch.eye(2).double())
    assert weight.square().sum(0).min() > 0.5


def test_components_begin_at_clusters_and_share_them():
    draw = np.random.default_rng(0)
    codes = torch.from_numpy(draw.normal(size=(600, 2)) * 0.1 + draw.choice([-1.0, 1.0], (600, 1), p=[0.3, 0.7]))
    within = torch.tensor([0.01, 0.01]).double()
    fit = mixture_of(codes, 2, within)
    assert sorted(fit.share.tolist()) == pytest.approx([0.3, 0.7], abs=0.05)
    assert sorted(fit.mean[:, 0].tolist()) == pytest.approx([-1, 1], abs=0.05)
    np.testing.assert_allclose(fit.variance, 0.02, atol=0.01)
    peer = pytest.importorskip("sklearn.mixture").GaussianMixture(2, covariance_type="diag", reg_covar=0.01)
    ours = fit.log_terms(codes).logsumexp(1).numpy()
    np.testing.assert_allclose(ours.mean(), peer.fit(codes.numpy()).score(codes.numpy()), atol=0.2)
    mean, scale, share = spread_over(fit, 5)
    assert share.sum().item() == pytest.approx(1)
    whole = (share[:, None] * (scale.square() + (mean - (share[:, None] * mean).sum(0)).square())).sum(0)
    np.testing.assert_allclose(whole, codes.var(0) + 0.01, rtol=0.1)
    assert len(mixture_of(codes, 0, within).share) == 1
