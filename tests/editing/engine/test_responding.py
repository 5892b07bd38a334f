"""Pixels that respond alike become regions, whatever basis they were asked in."""

import numpy as np
import pytest

from editing.engine.regions import rasterise
from editing.engine.responding import responding


def planted(seed: int = 0) -> tuple[np.ndarray, list[np.ndarray]]:
    """Changes (6, 3, 32, 32) in which two blocks answer to two directions each."""
    draw = np.random.default_rng(seed)
    blocks = [np.zeros((32, 32), bool) for _ in range(2)]
    blocks[0][4:12, 6:26] = True
    blocks[1][20:28, 10:22] = True
    change = 0.01 * draw.standard_normal((6, 3, 32, 32))
    for number, block in enumerate(blocks):
        pattern = draw.standard_normal((2, 3))
        change[2 * number : 2 * number + 2] += (3 - number) * pattern[..., None, None] * block
    return change, blocks


def masks(change: np.ndarray, n_clusters: int = 2) -> list[np.ndarray]:
    return [rasterise(one["shapes"], 32, 32) for one in responding(change, n_clusters)]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


def test_planted_parts_are_found_the_stronger_first():
    change, blocks = planted()
    found = masks(change)
    assert len(found) == 2
    for mask, block in zip(found, blocks, strict=True):
        assert overlap(mask, block) > 0.7


def test_another_basis_of_the_same_span_gives_the_same_regions():
    change, _ = planted()
    turn, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((6, 6)))
    turned = np.einsum("pq,qchw->pchw", turn, change)
    for one, other in zip(masks(change), masks(turned), strict=True):
        assert overlap(one, other) > 0.95


def test_a_network_that_does_not_answer_proposes_nothing():
    assert responding(np.zeros((3, 3, 16, 16))) == []


def test_what_is_no_change_is_refused():
    with pytest.raises(ValueError, match=r"expected finite numbers \(p, c, h, w\)"):
        responding(np.zeros((3, 16, 16)))
    with pytest.raises(ValueError, match="finite"):
        responding(np.full((1, 1, 8, 8), np.nan))
