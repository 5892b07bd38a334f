"""Planted joint and individual spaces are found again."""

import pytest
import torch

from editing.engine.components import jive, joint_rank_of, orthonormal_span
from editing.engine.locality import most_local, null_space
from tests.editing.engine.test_jacobian import sine

D, K = 120, 8


def planted(noise=0.0):
    """Three matrices (30, 120): two joint directions, two individual ones each."""
    draw = torch.Generator().manual_seed(0)
    basis = torch.linalg.qr(torch.randn(D, 8, generator=draw, dtype=torch.float64)).Q.T
    joint, own = basis[:2], [basis[2:4], basis[4:6], basis[6:8]]
    x = []
    for rows in own:
        shared = torch.randn(30, 2, generator=draw, dtype=torch.float64) @ joint
        alone = torch.randn(30, 2, generator=draw, dtype=torch.float64) @ rows
        x.append(shared + alone + noise * torch.randn(30, D, generator=draw, dtype=torch.float64))
    return x, joint, own


def test_planted_joint_and_individual_spaces_are_recovered():
    x, joint, own = planted()
    split = jive(x, 2, [2, 2, 2])
    assert sine(split.joint, joint) < 1e-3
    for found, rows in zip(split.individual, own, strict=True):
        assert sine(found, rows) < 1e-3


def test_the_split_in_the_common_span_is_the_split_itself():
    x, _, _ = planted(noise=0.05)
    tops = [torch.linalg.svd(rows, full_matrices=False) for rows in x]
    short = [s[:K, None] * v[:K] for _, s, v in tops]
    q = orthonormal_span([v[:K] for _, _, v in tops])
    direct = jive(short, 2, [3, 3, 3])
    compressed = jive([rows @ q.T for rows in short], 2, [3, 3, 3])
    assert sine(compressed.joint @ q, direct.joint) < 1e-6
    for small, large in zip(compressed.individual, direct.individual, strict=True):
        assert sine(small @ q, large) < 1e-6


def test_joint_rows_are_orthogonal_to_every_individual_row():
    x, _, _ = planted(noise=0.05)
    split = jive(x, 2, [3, 3, 3])
    for rows in split.individual:
        assert (rows @ split.joint.T).abs().max() < 1e-9
        assert torch.allclose(rows @ rows.T, torch.eye(3, dtype=rows.dtype), atol=1e-9)


@pytest.mark.parametrize("n_joint", [0, 1, 3])
def test_the_joint_rank_follows_from_the_angles(n_joint):
    draw = torch.Generator().manual_seed(1)
    basis = torch.linalg.qr(torch.randn(D, 20, generator=draw)).Q.T
    v = [torch.cat([basis[:n_joint], basis[5 * i + 3 : 5 * i + 7]]) for i in range(3)]
    assert joint_rank_of(v) == n_joint


def test_one_direction_at_least_is_left_to_a_region_itself():
    rows = torch.eye(4, 10)
    assert joint_rank_of([rows, rows]) == 3


@pytest.mark.parametrize(("joint", "own"), [(6, 6), (-1, 2), (2, -1)])
def test_ranks_that_do_not_fit_are_refused(joint, own):
    x = [torch.randn(10, 20), torch.randn(10, 20)]
    with pytest.raises(
        ValueError, match=f"Joint rank {joint} and individual rank {own} do not fit"
    ):
        jive(x, joint, [own, own])


def grams():
    """Effects inside and outside of a span of six: each direction's are known."""
    inside = torch.tensor([1.0, 0.9, 0.5, 0.01, 0.3, 0.2])
    outside = torch.tensor([1.0, 0.1, 0.01, 1e-4, 0.8, 0.9])
    return torch.diag(inside**2), torch.diag(outside**2)


@pytest.mark.parametrize(("regularisation", "best"), [(1e-9, 3), (1e-3, 2), (1, 1), (1e3, 0)])
def test_the_most_local_direction_is_the_weaker_the_less_it_is_regularised(regularisation, best):
    # The fourth is the most local, but does a hundredth of what the others do.
    rows = most_local(*grams(), 3, regularisation)
    assert rows[0].abs().argmax() == best
    assert torch.allclose(rows.norm(dim=1), torch.ones(3, dtype=rows.dtype))


def test_the_null_space_spares_what_changes_the_outside_most():
    gram_in, gram_out = grams()
    rows = null_space(gram_in, gram_out, 2, n_spared=3)
    assert rows[:, [0, 4, 5]].abs().max() < 1e-9
    assert rows.abs().argmax(1).tolist() == [1, 2]
    with pytest.raises(ValueError, match="7 directions were asked for in a span of 6"):
        null_space(gram_in, gram_out, 4, n_spared=3)
