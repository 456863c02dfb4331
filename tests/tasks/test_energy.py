"""Features as yardsticks: how far pictures lie from training pictures, as a whole and place by place."""

import numpy as np
import pytest
import torch

from latentia.core import Batch, Spec
from latentia.errors import BadData, BadField
from latentia.metrics.ranking import area_under_roc
from latentia.tasks.energy import Energy, features_for

SPEC = Spec("image", (1, 24, 24))


def waves(count, seed):
    """Stripes of any phase, with a little noise."""
    generator = torch.Generator().manual_seed(seed)
    phase = 6 * torch.rand(count, 1, 1, 1, generator=generator)
    noise = 0.02 * torch.randn(count, 1, 24, 24, generator=generator)
    return (0.5 + 0.3 * torch.sin(torch.arange(24) / 2 + phase) + noise).clamp(0, 1)


def profile(x):
    return torch.cat([x.mean(2), x.mean(3)], 1).flatten(1)


def known(yardstick, seed=0):
    return yardstick.reference(None, (Batch(x) for x in waves(120, seed).split(50)))


def test_a_small_defect_is_found_and_shown_where_it_is():
    yardstick = Energy(SPEC, features_for("patches", SPEC))
    reference = known(yardstick)
    good, bad = waves(40, 1), waves(40, 2)
    places = [(3 + 4 * (i % 4), 2 + 5 * (i % 3)) for i in range(40)]
    for i, (row, column) in enumerate(places):
        bad[i, 0, row : row + 4, column : column + 4] = bad[i, 0, row : row + 4, column : column + 4].mT.clone()
    ordinary, odd = (yardstick.scores(None, Batch(x), reference) for x in (good, bad))
    assert area_under_roc(ordinary.value, odd.value) > 0.97
    assert odd.terms.shape == (40, 576)
    assert (odd.value >= odd.terms.max(1) - 1e-9).all()  # the oddest place counts, whatever the others
    hottest = [divmod(int(each), 24) for each in odd.terms.argmax(1)]
    near = [
        abs(r - row - 1.5) < 5 and abs(c - column - 1.5) < 5
        for (r, c), (row, column) in zip(hottest, places, strict=True)
    ]
    assert np.mean(near) > 0.9
    one = yardstick.scores(None, Batch(bad[[7]]), reference)
    np.testing.assert_allclose(one.value, odd.value[[7]], rtol=1e-6)  # whatever is beside it


def test_features_of_the_whole_picture_add_up_to_the_score():
    yardstick = Energy(SPEC, profile)
    reference, x = known(yardstick), waves(30, 3)
    x[3] = x[3].mT.clone()
    told = yardstick.scores(None, Batch(x), reference)
    np.testing.assert_allclose(told.value, told.terms.sum(1))
    assert told.terms.shape == (30, 48)
    assert told.value.argmax() == 3
    rows = profile((255 * waves(120, 0)).round() / 255).double().numpy()
    apart = profile((255 * x[[3, 4]]).round() / 255).double().numpy() - rows.mean(0)
    plain = 0.5 * np.einsum("ni,ij,nj->n", apart, np.linalg.inv(np.cov(rows.T) + 1e-4 * np.eye(48)), apart)
    assert (told.value[[3, 4]] < 20 * plain).all()  # the plain covariance, a little rounded, is of the same size


def test_another_callable_of_the_same_name_is_known_to_be_another():
    one, other = Energy(SPEC, lambda x: x.mean((2, 3))), Energy(SPEC, lambda x: x.std((2, 3)))
    assert one.name == other.name
    reference = known(one)
    assert one.fits(reference)
    assert Energy(SPEC, lambda x: x.mean((2, 3))).fits(reference)
    assert not other.fits(reference)
    assert not Energy(SPEC, profile).fits(reference)
    assert not one.fits({})


@pytest.mark.parametrize(
    ("features", "told"),
    [
        (lambda x: x, None),
        (lambda x: x.mean(), r"made \(\) of 50 pictures; they must be a tensor \(N, D\)"),
        (lambda x: x.flatten(1)[:1], r"made \(1, 576\) of 50 pictures"),
        (lambda x: x.numpy(), "made ndarray of 50 pictures"),
        (lambda x: x.flatten(1) / 0, "not a finite number"),
    ],
)
def test_callables_that_make_no_features_are_refused(features, told):
    yardstick = Energy(SPEC, features)
    if told is None:
        assert yardstick.placed
        return
    with pytest.raises(BadData, match=told):
        known(yardstick)


def test_names_of_features():
    with pytest.raises(BadField, match=r"no features 'patch'; did you mean 'patches'\?, or give a callable"):
        features_for("patch", SPEC)
    with pytest.raises(BadField, match="patches: features are of pictures, and this model was trained on a table"):
        features_for("patches", Spec("table", (3,)))
    assert features_for(profile, SPEC) is profile
