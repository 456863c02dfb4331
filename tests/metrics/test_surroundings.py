import pytest
import torch

from latentia.core import Spec
from latentia.errors import BadField
from latentia.metrics.surroundings import FILTERS, SIDE, Surroundings


def pictures(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("shape", "places"), [((3, 64, 64), 16), ((1, 28, 28), 14), ((1, 8, 8), 4), ((3, 50, 50), 13)])
def test_a_row_of_features_for_each_place(shape, places):
    before = torch.get_rng_state()
    made = Surroundings(Spec("image", shape))(pictures(2, *shape))
    assert made.shape == (2, SIDE**2 * shape[0] + FILTERS, places, places)
    assert torch.isfinite(made).all()
    torch.testing.assert_close(torch.get_rng_state(), before)
    torch.testing.assert_close(Surroundings(Spec("image", shape))(pictures(2, *shape)), made)
    assert not torch.equal(Surroundings(Spec("image", shape), seed=1)(pictures(2, *shape)), made)


def test_every_pixel_counts_at_its_own_place_and_nowhere_else():
    features, x = Surroundings(Spec("image", (1, 50, 70))), pictures(1, 1, 50, 70)
    for row, column in [(0, 0), (49, 69), (24, 3), (25, 66), (48, 1)]:
        other = x.clone()
        other[0, 0, row, column] = 1 - other[0, 0, row, column]
        changed = (features(other) != features(x)).any(1)[0].nonzero()
        assert len(changed)
        assert (changed - torch.tensor([row // 4, column // 4])).abs().max() <= 1
        assert [row // 4, column // 4] in changed.tolist()


def test_brightness_is_in_the_pixels_alone_and_roughness_in_the_filters():
    features = Surroundings(Spec("image", (3, 48, 48)))
    x = 0.5 * pictures(1, 3, 48, 48)
    brighter, smoother = features(x + 0.3), features(0.25 + 0.01 * (x - 0.25))
    pixels = 3 * SIDE**2
    torch.testing.assert_close(brighter[:, pixels:], features(x)[:, pixels:], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(brighter[:, :pixels], features(x)[:, :pixels] + 0.3)
    assert (smoother[:, pixels:] < features(x)[:, pixels:] - 1).float().mean() > 0.9


def test_what_is_too_small_or_no_picture_is_refused():
    with pytest.raises(BadField, match="pictures from 8 pixels"):
        Surroundings(Spec("image", (1, 7, 9)))
    with pytest.raises(BadField, match="pictures from 8 pixels"):
        Surroundings(Spec("table", (6,)))
