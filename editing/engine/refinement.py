"""Make a direction more local at the size at which it is seen, where edits are no longer linear.

A linear solution says what an infinitely small push does at one timestep. Here the whole edit is
made at its visible size, each direction of a basis is added to it a little, and what that changes
in the picture, inside and outside the region, gives the next direction: one Gauss-Newton step on
the measured ROIR. A step that measures no better is not taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from editing.engine.roir import Matched, matched

# Pushes (m, C, h, w) with strengths (m,) give pictures (m, c, h, w).
Edit = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

NUDGE = 0.3  # of the direction's own length
RIDGES = (0.03, 0.3)  # how much a step away from the direction costs, times the mean effect inside
SEARCH_ROUNDS = 3


@dataclass(frozen=True)
class Refined:
    """A direction (C, h, w) with its edit at the wished size, and ROIR before and after."""

    direction: torch.Tensor
    strength: float
    x: torch.Tensor
    size: float
    roir: float
    roir_before: float


@torch.no_grad()
def refined(
    edit: Edit,
    direction: torch.Tensor,
    basis: torch.Tensor,
    x: torch.Tensor,
    mask: torch.Tensor,
    size: float,
    *,
    strength: float = 0.1,
    rounds: int = 1,
) -> Refined:
    """The direction after a few steps on its measured ROIR.

    direction   (C, h, w), where to begin
    basis       (q, C, h, w) directions that may be added to it
    x, mask     the unedited picture (c, h, w) and the region (h, w) in 0..1
    size        root mean square of the change inside the region at which ROIR is measured
    """
    v = direction / direction.norm()
    units = basis / basis.flatten(1).norm(dim=1)[:, None, None, None]
    now = _at_size(edit, v[None], x, mask, size, strength)
    before = float(now.roir[0])
    for _ in range(rounds):
        candidates = _stepped(edit, v, units, x, mask, now)
        made = _at_size(edit, candidates, x, mask, size, float(now.strength[0]))
        # A candidate that never reached the size would look local for that reason alone.
        ratios = torch.where((made.size / size).log().abs() < 0.1, made.roir, torch.inf)
        best = int(ratios.argmin())
        if not float(ratios[best]) < float(now.roir[0]):
            break
        v = candidates[best]
        picked = slice(best, best + 1)
        now = Matched(made.strength[picked], made.x[picked], made.size[picked], made.roir[picked])
    return Refined(
        v, float(now.strength[0]), now.x[0], float(now.size[0]), float(now.roir[0]), before
    )


def _at_size(
    edit: Edit,
    v: torch.Tensor,
    x: torch.Tensor,
    mask: torch.Tensor,
    size: float,
    start: float,
) -> Matched:
    return matched(
        lambda strength, which: edit(v[which.to(v.device)], strength),
        len(v),
        x,
        mask,
        size,
        start=start,
        rounds=SEARCH_ROUNDS,
    )


def _stepped(
    edit: Edit,
    v: torch.Tensor,
    units: torch.Tensor,
    x: torch.Tensor,
    mask: torch.Tensor,
    now: Matched,
) -> torch.Tensor:
    """Unit directions (r, C, h, w): the best mixtures of v and the basis, one for each ridge."""
    nudged = v + NUDGE * units
    lengths = nudged.flatten(1).norm(dim=1)
    strength = now.strength[0] * lengths.to(now.strength)
    made = edit(nudged, strength)
    effects = torch.cat([now.x - x, (made - now.x) / NUDGE])  # of v, then of each of the basis
    inside, outside = ((effects * part).flatten(1).double() for part in (mask, 1 - mask))
    gram_in, gram_out = inside @ inside.T, outside @ outside.T
    cost = torch.full((len(gram_in),), float(gram_in.diagonal().mean())).to(gram_in)
    cost[0] = 0  # v itself may stay as it is
    mixtures = []
    for ridge in RIDGES:
        below = gram_out + (ridge * cost).diag()
        lower = torch.linalg.cholesky(
            below + 1e-9 * below.trace() * torch.eye(len(below)).to(below)
        )
        half = torch.linalg.solve_triangular(lower, gram_in, upper=False)
        whole = torch.linalg.solve_triangular(lower, half.T, upper=False)
        _, vectors = torch.linalg.eigh((whole + whole.T) / 2)
        mix = torch.linalg.solve_triangular(lower.T, vectors[:, -1:], upper=True)[:, 0]
        mix = (mix / mix.norm() * torch.where(mix[0] < 0, -1.0, 1.0)).to(v)
        found = mix[0] * v + torch.einsum("q,qchw->chw", mix[1:], units)
        mixtures.append(found / found.norm())
    return torch.stack(mixtures)
