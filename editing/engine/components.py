"""What regions share and what each has alone: JIVE of their Jacobians, in their common span.

JIVE [1] splits stacked matrices X_i with common columns into joint and individual parts,
    min sum_i ||X_i - C_i - A_i||_F^2,   rank [C_1; ..; C_N] = r_C,   rank A_i = r_A,
with the rows of C orthogonal to those of every A_i. Each X_i = S_i V_i^T is a region's truncated
Jacobian, so rows of C move all regions together, and rows of A_i what is region i's own [2].
All rows lie in the span Q of the V_i, so the split in coordinates of Q is the split itself.

[1] Lock, Hoadley, Marron, Nobel 2013, arXiv 1102.4110
[2] Kouzelis, Plitsis, Nicolaou, Panagakis 2024, arXiv 2408.16845
[3] AJIVE: Feng, Jiang, Hannig, Marron 2018, arXiv 1704.02060
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

# Joint is what lies, averaged over the regions, within 45 degrees of their row spaces. Ours: the
# bound of [3] is for noise in the entries, of which a network's Jacobian has none.
JOINT_SHARE = 0.5
ITERATIONS = 500
SETTLED = 1e-10


@dataclass(frozen=True)
class Split:
    """Orthonormal rows, the strongest first: joint (r_C, d), individual one (r_A, d) per region."""

    joint: torch.Tensor
    individual: tuple[torch.Tensor, ...]


def jive(x: Sequence[torch.Tensor], joint_rank: int, individual_ranks: Sequence[int]) -> Split:
    """The joint and individual row spaces of matrices x_i (k_i, d), each at the same weight.

    raises   ValueError for ranks below 0, or above what the matrices have together
    """
    if len(individual_ranks) != len(x):
        raise ValueError(f"{len(individual_ranks)} individual ranks for {len(x)} regions.")
    for i, (rows, rank) in enumerate(zip(x, individual_ranks, strict=True)):
        if not 0 <= joint_rank + rank <= min(rows.shape) or min(joint_rank, rank) < 0:
            raise ValueError(
                f"Joint rank {joint_rank} and individual rank {rank} do not fit region {i}, "
                f"which has rank {min(rows.shape)} in all."
            )
    # A large region would decide alone what is joint; [1] takes each at norm 1.
    x = [(rows / rows.norm()).double() for rows in x]
    individual = [torch.zeros_like(rows) for rows in x]
    before = torch.inf
    for _ in range(ITERATIONS):
        rest = torch.cat([rows - own for rows, own in zip(x, individual, strict=True)])
        joint, shared = _best(rest, joint_rank)
        parts = shared.split([len(rows) for rows in x])
        residual = 0.0
        for i, (rows, part) in enumerate(zip(x, parts, strict=True)):
            left = rows - part
            left = left - (left @ joint.T) @ joint
            _, individual[i] = _best(left, individual_ranks[i])
            residual += float((rows - part - individual[i]).square().sum())
        if before - residual <= SETTLED * len(x):
            break
        before = residual
    own_rows = [_best(own, rank)[0] for own, rank in zip(individual, individual_ranks, strict=True)]
    return Split(joint, tuple(own_rows))


def joint_rank_of(v: Sequence[torch.Tensor]) -> int:
    """How many directions the row spaces of orthonormal v_i (k_i, d) share, by principal angles.

    The squared singular values of the stacked v_i are, over N, the mean squared cosine between a
    direction and the N row spaces [3]. At least one direction of the smallest is left to itself.
    """
    shares = torch.linalg.svdvals(torch.cat(list(v)).double()) ** 2 / len(v)
    return min(int((shares >= JOINT_SHARE).sum()), min(map(len, v)) - 1)


def orthonormal_span(v: Sequence[torch.Tensor]) -> torch.Tensor:
    """Q (p, d): orthonormal rows that span those of every v_i."""
    _, s, rows = torch.linalg.svd(torch.cat(list(v)), full_matrices=False)
    return rows[s > 1e-5 * s[0]]


def _best(rows: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The strongest right-singular rows (rank, d), and the matrix that they leave of `rows`."""
    _, _, v = torch.linalg.svd(rows, full_matrices=False)
    return v[:rank], (rows @ v[:rank].T) @ v[:rank]
