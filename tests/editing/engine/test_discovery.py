"""One search, four methods: signs, localities, refusals and the key of a search."""

import pytest
import torch

from editing.engine.discovery import METHODS, REST, discover, rows_of, search, search_key, with_rest
from tests.editing.engine.trained import SIZE, noisy_picture

T, K = 400, 6


def box(top, left, bottom, right):
    mask = torch.zeros(SIZE, SIZE)
    mask[top:bottom, left:right] = 1
    return mask


MASKS = {"left": box(4, 2, 9, 8), "below": box(10, 4, 14, 12)}


@pytest.fixture(scope="module")
def span(trained):
    return search(trained, noisy_picture(trained, T), T, MASKS, K)


def test_the_complement_of_all_masks_is_a_region_of_its_own(span):
    assert list(span.masks) == ["left", "below", REST]
    assert torch.equal(sum(span.masks.values()), torch.ones(SIZE, SIZE))


@pytest.mark.parametrize("method", METHODS)
def test_each_method_gives_unit_rows_with_what_they_do(trained, span, method):
    found = rows_of(span, method, joint_rank=2)
    x_t = noisy_picture(trained, T)
    h, context = trained.encode(x_t, T)
    for name, rows in found.regions.items():
        assert len(rows.v) == K - 2
        assert torch.allclose(rows.v.flatten(1).norm(dim=1), torch.ones(K - 2), atol=1e-4)
        inside = (rows.change * span.masks[name]).flatten(1).norm(dim=1)
        outside = (rows.change * (1 - span.masks[name])).flatten(1).norm(dim=1)
        assert torch.allclose(rows.locality, inside / outside, rtol=1e-4)
        assert torch.allclose(rows.singular_value, inside, rtol=1e-4)
        # What a small step really does is what is told.
        step = 0.05
        ahead, behind = (trained.decode(h + s * step * rows.v, context) for s in (1, -1))
        moved = (ahead - behind) / (2 * step)
        assert (moved - rows.change).norm() < 0.05 * moved.norm()


@pytest.mark.parametrize("method", METHODS)
def test_a_step_along_a_row_brightens_its_region(span, method):
    for name, rows in rows_of(span, method, joint_rank=2).regions.items():
        weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
        # Noise predicted is taken off the picture.
        assert ((-rows.change * weights * span.masks[name]).sum((1, 2, 3)) >= 0).all()


def test_methods_made_for_it_are_more_local_than_the_strongest_vectors(span):
    best = {
        method: rows_of(span, method, joint_rank=2).regions["left"].locality.max()
        for method in METHODS
    }
    assert best["locality"] > best["svd"]
    assert best["null_space"] > best["svd"]


def test_ranks_left_open_fill_what_is_there(trained):
    found = discover(trained, noisy_picture(trained, T), T, MASKS, k=K)
    assert all(own == K - found.joint_rank for own in found.individual_ranks.values())
    assert len(found.spectra["left"]) == K
    assert (found.joint is None) == (found.joint_rank == 0)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"masks": {"dot": box(0, 0, 0, 0)}}, "mask of dot is empty"),
        ({"masks": {"all": torch.ones(SIZE, SIZE)}}, "mask of all is the whole face"),
        ({"masks": {"big": torch.ones(8, 8)}}, "mask of big is 8x8; expected 16x16"),
        ({"masks": {"odd": 2 * MASKS["left"]}}, "mask of odd has values from 0 to 2"),
        ({"masks": {REST: MASKS["left"]}}, "'rest' is the name of what"),
        ({"masks": {}}, "There is no region"),
        ({"k": 400}, "400 directions per region were asked for; left has 1 to 90"),
        ({"method": "magic"}, "method is 'magic'; expected one of jive"),
        ({"joint_rank": 4, "individual_rank": 3}, "Joint rank 4 and individual rank 3"),
        ({"joint_rank": K}, "Joint rank 6 and individual rank 0"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(trained, change, told):
    wanted = {"masks": MASKS, "k": K, **change}
    with pytest.raises(ValueError, match=told):
        discover(trained, noisy_picture(trained, T), T, wanted.pop("masks"), **wanted)


def test_regions_that_cover_the_face_together_have_no_rest():
    half = box(0, 0, SIZE, 8)
    assert list(with_rest({"one": half, "other": 1 - half}, (SIZE, SIZE))) == ["one", "other"]


def test_the_key_of_a_search_follows_all_that_it_depends_on():
    x_t = torch.zeros(3, SIZE, SIZE)
    key = search_key("a", x_t, T, MASKS, K)
    assert key == search_key("a", x_t.clone(), T, dict(MASKS), K)
    moved = {**MASKS, "below": box(10, 4, 14, 13)}
    others = [
        search_key("b", x_t, T, MASKS, K),
        search_key("a", x_t + 1e-9, T, MASKS, K),
        search_key("a", x_t, T + 1, MASKS, K),
        search_key("a", x_t, T, moved, K),
        search_key("a", x_t, T, MASKS, K + 1),
    ]
    assert len({key, *others}) == 6
