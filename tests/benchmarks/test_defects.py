"""Defects change what their masks say, and the measure of maps and the peer are what they are called."""

import pytest
import torch
from benchmarks._defects import CHANGED, DEFECTS, VISIBLE, PatchPCA, damaged, overlap_area


def pictures(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 4, 4, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=(32, 32), mode="bilinear")


@pytest.mark.parametrize("kind", DEFECTS)
def test_a_defect_is_small_visible_and_where_its_mask_is(kind):
    x = pictures(6)
    made, masks = damaged(x, kind, 3)
    change = (made - x).abs().amax(1)
    torch.testing.assert_close(masks, change >= CHANGED)
    share = masks.float().mean((1, 2))
    assert (share > 0.002).all()
    assert (share < 0.2).all()
    assert (torch.stack([each[mask].mean() for each, mask in zip(change, masks, strict=True)]) > 0.5 * VISIBLE).all()
    torch.testing.assert_close(damaged(x[:2], kind, 3)[0], made[:2])
    assert not torch.equal(damaged(x, kind, 4)[0], made)


def test_the_overlap_area_of_maps():
    generator = torch.Generator().manual_seed(0)
    masks = torch.zeros(8, 32, 32, dtype=torch.bool)
    masks[:, 4:14, 6:20] = True
    good = torch.rand(8, 32, 32, generator=generator)
    perfect = torch.where(masks, 2.0, torch.rand(8, 32, 32, generator=generator))
    assert overlap_area(perfect, masks, good) == pytest.approx(1, abs=0.01)
    assert overlap_area(torch.rand(8, 32, 32, generator=generator), masks, good) == pytest.approx(0.15, abs=0.02)
    half = perfect.clone()
    half[4:] = torch.where(masks[4:], -1.0, perfect[4:])
    assert overlap_area(half, masks, good) == pytest.approx(0.5, abs=0.01)


def test_patch_pca_is_blind_to_what_it_learnt_and_sees_what_it_did_not():
    x = pictures(40)
    maps = PatchPCA(share=0.999, count=5_000).fit(x, 0)
    made, masks = damaged(pictures(8, 1), "scratch", 0)
    plain, found = maps(pictures(8, 1)), maps(made)
    assert found.shape == (8, 32, 32)
    assert (found.flatten(1).amax(1) > 3 * plain.flatten(1).amax(1)).all()
    assert overlap_area(found, masks, plain) > 0.9
