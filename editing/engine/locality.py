"""Directions that change one region and leave the rest, straight from what each does in and out.

Two ways beside JIVE, both within the span Q of all regions' singular vectors. With a direction
v = a Q, and G_in, G_out the Gram matrices of Q's effects inside and outside the region's mask:
    the most local    max  a G_in a^T / (a G_out a^T + lambda a a^T), a generalised eigenproblem
    null space        max  a G_in a^T with a off the strongest eigenvectors of G_out, as [1] does
lambda keeps the first from weak directions, whose edits would be long and no longer linear.

[1] Chen, Zhang, Zhang et al. 2024, LOCO Edit, arXiv 2409.02374
"""

from __future__ import annotations

import torch

# Times the mean eigenvalue of G_in over the span. Ours; see docs/decisions.md.
REGULARISATION = 0.1


def most_local(
    gram_in: torch.Tensor, gram_out: torch.Tensor, rank: int, regularisation: float = REGULARISATION
) -> torch.Tensor:
    """Unit coefficients (rank, p) of the directions with the largest ratios, the best first."""
    _check(gram_in, rank)
    eye = torch.eye(len(gram_in), dtype=torch.float64, device=gram_in.device)
    mean = gram_in.double().trace() / len(gram_in)
    below = gram_out.double() + regularisation * mean * eye
    # below = L L^T turns the problem into a plain one.
    lower = torch.linalg.cholesky(below)
    half = torch.linalg.solve_triangular(lower, gram_in.double(), upper=False)
    whole = torch.linalg.solve_triangular(lower, half.T, upper=False)
    _, vectors = torch.linalg.eigh((whole + whole.T) / 2)
    best = torch.linalg.solve_triangular(lower.T, vectors[:, -rank:].flip(1), upper=True).T
    return best / best.norm(dim=1, keepdim=True)


def null_space(
    gram_in: torch.Tensor, gram_out: torch.Tensor, rank: int, n_spared: int
) -> torch.Tensor:
    """Orthonormal coefficients (rank, p) of what changes the inside most, off the outside's best.

    n_spared   how many of the outside's strongest directions may not be used
    raises     ValueError where that leaves fewer than `rank` directions
    """
    _check(gram_in, rank + n_spared)
    _, outside = torch.linalg.eigh(gram_out.double())
    free = outside[:, : len(gram_in) - n_spared].T  # (p - n_spared, p)
    _, vectors = torch.linalg.eigh(free @ gram_in.double() @ free.T)
    return vectors[:, -rank:].flip(1).T @ free


def _check(gram: torch.Tensor, rank: int) -> None:
    if not 1 <= rank <= len(gram):
        raise ValueError(f"{rank} directions were asked for in a span of {len(gram)}.")
