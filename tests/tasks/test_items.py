import numpy as np
import pytest
import torch

from latentia.core import Spec
from latentia.errors import BadData, CannotDo
from latentia.tasks.items import ends_of, parse
from latentia.tasks.sample import draw

from .nets import Autoencoder, LinearGaussian, Rows, normal

SPEC = Spec("table", (6,))


def test_the_forms_of_an_item(tmp_path):
    file = tmp_path / "a.npy"
    file.touch()
    assert parse("seed:17") == parse("17") == parse(17) == ("seed", 17)
    assert parse("row:12") == ("row", 12)
    assert parse(str(file)) == ("file", str(file))


@pytest.mark.parametrize(
    "word", ["seed:x", "row:", "row:-1", "seed:1.5", "-3", "1.5", "label", "rows:3", "nowhere.png", ""]
)
def test_other_words_are_refused_with_the_forms_that_are_allowed(word):
    with pytest.raises(BadData, match=r"write seed:17 \(or just 17\).* row:12 .* the path of a file"):
        parse(word)


def test_a_tensor_is_no_item_and_a_number_of_any_kind_is():
    assert parse(np.int64(17)) == ("seed", 17)
    with pytest.raises(BadData, match=r"of type Tensor .* or the path of a file"):
        parse(torch.zeros(1, 28, 28))


def test_latents_of_seeds_rows_and_files(tmp_path):
    net, test = LinearGaussian(), Rows(normal(5, 6))
    file = tmp_path / "two.npy"
    file.touch()
    asked = []

    def opener(path, like):
        asked.append((path, like))
        return normal(2, 6, seed=9), ["a", "b"]

    latents = ends_of(net, SPEC, ["seed:3", 4, "row:1", str(file)], test, opener)[0]
    assert latents.shape == (5, 3)
    assert torch.equal(latents[:2], draw(net, [3, 4]))
    assert torch.allclose(latents[2], net.encode(test.x[1:2])[0].float())
    assert torch.allclose(latents[3:], net.encode(normal(2, 6, seed=9)).float())
    assert asked == [(str(file), SPEC)]


def test_the_last_row_is_there_and_the_next_is_not():
    net, test = LinearGaussian(), Rows(normal(5, 6))
    assert len(ends_of(net, SPEC, ["row:4"], test)[0]) == 1
    with pytest.raises(BadData, match="row:5: the test split has the rows 0 to 4"):
        ends_of(net, SPEC, ["row:5"], test)
    with pytest.raises(BadData, match="no test split"):
        ends_of(net, SPEC, ["row:0"])


def test_nothing_and_the_wrong_net_are_refused():
    with pytest.raises(BadData, match="no items"):
        ends_of(LinearGaussian(), SPEC, [])
    with pytest.raises(CannotDo, match="sample"):
        ends_of(Autoencoder(), SPEC, [3])
