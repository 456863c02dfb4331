import pytest
import torch
from sklearn.neighbors import NearestNeighbors

from latentia.errors import BadData
from latentia.tasks.nearest import nearest

from .nets import Rows, normal


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_it_is_the_neighbour_that_scikit_learn_finds(chunk):
    items, queries = normal(50, 2, 3, 3), normal(20, 2, 3, 3, seed=1).float()
    found = nearest(queries, Rows(items), chunk)
    known = NearestNeighbors(n_neighbors=1).fit(items.flatten(1)).kneighbors(queries.flatten(1))
    assert found.row.tolist() == known[1][:, 0].tolist()
    assert torch.allclose(found.distance, torch.tensor(known[0][:, 0] ** 2), rtol=1e-5)
    assert torch.equal(found.items, items[found.row].float())


def test_a_copy_is_at_distance_nothing():
    items = normal(30, 5).float() * 1e-3 + 100  # far from 0, where products cancel
    found = nearest(items[[3, 29]], Rows(items))
    assert found.distance.max() < 1e-4
    assert nearest(torch.rand(4, 5), Rows(torch.zeros(2, 5))).row.tolist() == [0, 0, 0, 0]


def test_no_items_are_refused():
    with pytest.raises(BadData, match="no items"):
        nearest(torch.zeros(1, 2), Rows(torch.empty(0, 2)))
